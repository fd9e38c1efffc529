// An array of numbers as NumPy writes it, from an .npy entry or a pickle: row-major (a
// Fortran-order array is turned round when it is read), of one of the number types that our inputs
// use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/model_folder/safetensors.h"

namespace posefleet {

enum class NumberType : std::uint8_t { F4, F8, I1, I2, I4, I8, U1, U2, U4, U8, B1 };

std::size_t size_of(NumberType type);
std::string_view name_of(NumberType type);  // "f4", "i8", ...

// NumPy's spelling: "<f8", "|u1", "f4", "=i8". Big-endian and other types are refused by name.
Result<NumberType> number_type_of(std::string_view dtype);

template <typename T>
constexpr NumberType number_type_for();
template <>
constexpr NumberType number_type_for<float>() {
  return NumberType::F4;
}
template <>
constexpr NumberType number_type_for<double>() {
  return NumberType::F8;
}
template <>
constexpr NumberType number_type_for<std::int64_t>() {
  return NumberType::I8;
}
template <>
constexpr NumberType number_type_for<std::int32_t>() {
  return NumberType::I4;
}
template <>
constexpr NumberType number_type_for<std::uint8_t>() {
  return NumberType::U1;
}
template <>
constexpr NumberType number_type_for<std::uint32_t>() {
  return NumberType::U4;
}

// A value: owns its bytes, copied when it is copied.
struct NdArray {
  NumberType type = NumberType::F8;
  Shape shape;
  std::vector<std::byte> bytes;  // element_count(shape) * size_of(type)

  // The numbers as they are stored; an error when they are of another type.
  template <typename T>
  Result<std::span<const T>> as() const {
    if (type != number_type_for<T>()) {
      return rejected("the array holds " + std::string(name_of(type)) + ", not " +
                      std::string(name_of(number_type_for<T>())));
    }
    return std::span<const T>(reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T));
  }

  // The numbers converted. float32 from float64 is rounded to nearest, as NumPy does.
  std::vector<float> to_floats() const;
  std::vector<double> to_doubles() const;
  // Refuses floating-point arrays: an index that was written as 3.7 is an error somewhere. Unsigned
  // 64-bit values above the range wrap to negative ones.
  Result<std::vector<std::int64_t>> to_integers() const;
};

// `data` in the order given by `is_fortran_order` becomes an array; an error when the byte count
// does not fit the shape.
Result<NdArray> make_array(NumberType type, Shape shape, bool is_fortran_order,
                           std::string_view data);

}  // namespace posefleet
