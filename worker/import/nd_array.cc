#include "worker/import/nd_array.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace posefleet {
namespace {

struct TypeRow {
  NumberType type;
  std::string_view name;
  std::size_t size;
};

constexpr TypeRow kTypes[] = {
    {NumberType::F4, "f4", 4}, {NumberType::F8, "f8", 8}, {NumberType::I1, "i1", 1},
    {NumberType::I2, "i2", 2}, {NumberType::I4, "i4", 4}, {NumberType::I8, "i8", 8},
    {NumberType::U1, "u1", 1}, {NumberType::U2, "u2", 2}, {NumberType::U4, "u4", 4},
    {NumberType::U8, "u8", 8}, {NumberType::B1, "b1", 1},
};

const TypeRow& row_of(NumberType type) {
  const auto row = std::find_if(std::begin(kTypes), std::end(kTypes),
                                [type](const TypeRow& r) { return r.type == type; });
  POSEFLEET_CHECK(row != std::end(kTypes));
  return *row;
}

template <typename From, typename To>
void convert(const NdArray& array, std::vector<To>& target) {
  const auto* source = reinterpret_cast<const From*>(array.bytes.data());
  for (std::size_t i = 0; i < target.size(); ++i) target[i] = static_cast<To>(source[i]);
}

template <typename To>
std::vector<To> converted(const NdArray& array) {
  std::vector<To> target(array.bytes.size() / size_of(array.type));
  switch (array.type) {
    case NumberType::F4:
      convert<float>(array, target);
      break;
    case NumberType::F8:
      convert<double>(array, target);
      break;
    case NumberType::I1:
      convert<std::int8_t>(array, target);
      break;
    case NumberType::I2:
      convert<std::int16_t>(array, target);
      break;
    case NumberType::I4:
      convert<std::int32_t>(array, target);
      break;
    case NumberType::I8:
      convert<std::int64_t>(array, target);
      break;
    case NumberType::U1:
    case NumberType::B1:
      convert<std::uint8_t>(array, target);
      break;
    case NumberType::U2:
      convert<std::uint16_t>(array, target);
      break;
    case NumberType::U4:
      convert<std::uint32_t>(array, target);
      break;
    case NumberType::U8:
      convert<std::uint64_t>(array, target);
      break;
  }
  return target;
}

// In Fortran order the first index runs fastest. Walks the source in its own order and counts the
// indices up, so that each element is moved once.
std::vector<std::byte> to_row_major(std::string_view data, const Shape& shape, std::size_t size) {
  std::vector<std::byte> target(data.size());
  Shape steps(shape.size(), 1);
  for (std::size_t d = shape.size(); d-- > 1;) steps[d - 1] = steps[d] * shape[d];
  Shape index(shape.size(), 0);
  std::int64_t place = 0;
  for (std::size_t i = 0; i < data.size(); i += size) {
    std::memcpy(target.data() + static_cast<std::size_t>(place) * size, data.data() + i, size);
    for (std::size_t d = 0; d < shape.size(); ++d) {
      place += steps[d];
      if (++index[d] < shape[d]) break;
      place -= steps[d] * shape[d];
      index[d] = 0;
    }
  }
  return target;
}

}  // namespace

std::size_t size_of(NumberType type) {
  return row_of(type).size;
}
std::string_view name_of(NumberType type) {
  return row_of(type).name;
}

Result<NumberType> number_type_of(std::string_view dtype) {
  std::string_view name = dtype;
  if (!name.empty() && std::string_view("<=|").find(name.front()) != std::string_view::npos) {
    name.remove_prefix(1);
  }
  const auto row = std::find_if(std::begin(kTypes), std::end(kTypes),
                                [&](const TypeRow& r) { return r.name == name; });
  if (row == std::end(kTypes)) {
    return rejected(
        fmt::format("array of type '{}', which is not read (known: f4, f8, i1 to i8, u1 to u8, b1, "
                    "little-endian)",
                    dtype.substr(0, 40)));
  }
  return row->type;
}

std::vector<float> NdArray::to_floats() const {
  return converted<float>(*this);
}
std::vector<double> NdArray::to_doubles() const {
  return converted<double>(*this);
}

Result<std::vector<std::int64_t>> NdArray::to_integers() const {
  if (type == NumberType::F4 || type == NumberType::F8) {
    return rejected(fmt::format("the array holds {}, not whole numbers", name_of(type)));
  }
  return converted<std::int64_t>(*this);
}

Result<NdArray> make_array(NumberType type, Shape shape, bool is_fortran_order,
                           std::string_view data) {
  const std::size_t size = size_of(type);
  const auto expected = byte_count(shape, size);
  if (!expected || *expected != data.size()) {
    return rejected(fmt::format("array of shape {} and type {} in {} bytes", to_text(shape),
                                name_of(type), data.size()));
  }
  NdArray array{.type = type, .shape = std::move(shape)};
  if (is_fortran_order && array.shape.size() > 1) {
    array.bytes = to_row_major(data, array.shape, size);
  } else {
    array.bytes.resize(data.size());
    // memcpy must not be given the null pointer of an empty array.
    if (!data.empty()) std::memcpy(array.bytes.data(), data.data(), data.size());
  }
  return array;
}

}  // namespace posefleet
