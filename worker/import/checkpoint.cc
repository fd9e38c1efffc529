#include "worker/import/checkpoint.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "common/model_folder/half.h"
#include "worker/import/checkpoint_pickle.h"
#include "worker/import/pickle.h"

namespace posefleet {
namespace {

// The released checkpoint's pickle has some 300 kB.
constexpr std::uint64_t kPickleSizeMax = 256u << 20;
constexpr std::string_view kPickleSuffix = "/data.pkl";

template <typename T>
T load(const char* at) {
  T value{};
  std::memcpy(&value, at, sizeof(T));
  return value;
}

float load_float(DType dtype, const char* at) {
  switch (dtype) {
    case DType::F64:
      return static_cast<float>(load<double>(at));
    case DType::F16:
      return float_from_half(load<std::uint16_t>(at));
    case DType::BF16:
      return float_from_bfloat16(load<std::uint16_t>(at));
    default:
      return load<float>(at);
  }
}

std::int64_t load_integer(DType dtype, const char* at) {
  switch (dtype) {
    case DType::I64:
      return load<std::int64_t>(at);
    case DType::I32:
      return load<std::int32_t>(at);
    default:
      return load<std::uint8_t>(at);
  }
}

bool is_float(DType dtype) {
  return dtype == DType::F64 || dtype == DType::F32 || dtype == DType::F16 || dtype == DType::BF16;
}

// Row-major without gaps: the storage's own order.
bool is_contiguous(const CheckpointTensor& tensor) {
  std::int64_t expected = 1;
  for (std::size_t d = tensor.shape.size(); d-- > 0;) {
    // The stride of a dimension of one element is never used, and writers put anything there.
    if (tensor.shape[d] != 1 && tensor.strides[d] != expected) return false;
    expected *= tensor.shape[d];
  }
  return true;
}

// Calls `use` with the bytes of each element, in row-major order.
template <typename Use>
void for_each_element(const CheckpointTensor& tensor, std::string_view storage, const Use& use) {
  const std::size_t size = size_of(tensor.dtype);
  const std::int64_t count = element_count(tensor.shape);
  std::array<std::int64_t, kTensorDimensionsMax> index{};
  std::int64_t place = tensor.offset;
  for (std::int64_t i = 0; i < count; ++i) {
    use(storage.data() + static_cast<std::size_t>(place) * size);
    for (std::size_t d = tensor.shape.size(); d-- > 0;) {
      place += tensor.strides[d];
      if (++index[d] < tensor.shape[d]) break;
      place -= tensor.strides[d] * tensor.shape[d];
      index[d] = 0;
    }
  }
}

// Whatever is not a zip archive; the usual other thing is PyTorch's form before 1.6.
Error not_a_checkpoint(const Error& error) {
  return rejected(fmt::format(
      "{}; expected a PyTorch checkpoint in the zip form that 1.6 and later write", error.message));
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> Checkpoint::open(const std::filesystem::path& path) {
  auto archive = ZipArchive::open(path);
  if (!archive) return not_a_checkpoint(archive.error());
  std::unique_ptr<Checkpoint> checkpoint(new Checkpoint(std::move(*archive)));
  if (Status status = checkpoint->read_tensors(); !status) {
    return in_context(path.string(), status.error());
  }
  return checkpoint;
}

Status Checkpoint::read_tensors() {
  std::string folder;
  for (const auto& [name, entry] : archive_->entries()) {
    // `archive/data.pkl`, or the file's own stem when it was saved by name.
    if (name.ends_with(kPickleSuffix) && name.find('/') == name.size() - kPickleSuffix.size()) {
      folder = name.substr(0, name.size() - kPickleSuffix.size());
    }
  }
  if (folder.empty()) {
    return rejected("there is no data.pkl in it; expected a PyTorch checkpoint");
  }
  if (archive_->contains(folder + "/byteorder")) {
    POSEFLEET_TRY(const std::string order, archive_->read(folder + "/byteorder", 64));
    if (order.starts_with("big")) return rejected("its numbers are big-endian");
  }
  // The document points into these bytes; both end here, the tensors hold copies.
  POSEFLEET_TRY(const std::string bytes,
                archive_->read(folder + std::string(kPickleSuffix), kPickleSizeMax));
  POSEFLEET_TRY(const PickleDocument document, PickleDocument::parse(bytes));
  POSEFLEET_TRY(tensors_, tensors_of(document));
  for (auto& [name, tensor] : tensors_) {
    tensor.entry = fmt::format("{}/data/{}", folder, tensor.entry);
  }
  return done();
}

const CheckpointTensor* Checkpoint::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

Result<std::string_view> Checkpoint::storage(const CheckpointTensor& tensor) {
  auto known = verified_.find(tensor.entry);
  if (known == verified_.end()) {
    POSEFLEET_TRY(const std::string_view bytes, archive_->stored(tensor.entry));
    known = verified_.emplace(tensor.entry, bytes).first;
  }
  // The pickle's element count bounded the tensor; now the file must really have that many bytes. A
  // stride of zero lets few of them stand for a tensor of any size, so its size counts as well.
  const std::int64_t count = element_count(tensor.shape);
  std::int64_t end = count == 0 ? 0 : tensor.offset + 1;
  for (std::size_t d = 0; end > 0 && d < tensor.shape.size(); ++d) {
    end += (tensor.shape[d] - 1) * tensor.strides[d];
  }
  const std::int64_t needed = std::max(end, count);
  if (static_cast<std::uint64_t>(needed) > known->second.size() / size_of(tensor.dtype)) {
    return rejected(fmt::format("{}: entry '{}' has {} bytes, {} elements of {} are needed",
                                path().string(), tensor.entry, known->second.size(), needed,
                                name_of(tensor.dtype)));
  }
  return known->second;
}

Result<std::span<const std::byte>> Checkpoint::float_bytes(const std::string& name,
                                                           std::vector<float>& buffer) {
  const CheckpointTensor* tensor = find(name);
  POSEFLEET_CHECK(tensor != nullptr);
  if (!is_float(tensor->dtype)) {
    return rejected(fmt::format("{}: tensor '{}' is {}, expected floating-point numbers",
                                path().string(), name, name_of(tensor->dtype)));
  }
  POSEFLEET_TRY(const std::string_view bytes, storage(*tensor));
  bool is_finite = true;
  const auto count = static_cast<std::size_t>(element_count(tensor->shape));
  // Nothing of an empty tensor was looked at, not even where it begins.
  if (count == 0) return std::span<const std::byte>();
  if (tensor->dtype == DType::F32 && is_contiguous(*tensor)) {
    const std::string_view own = bytes.substr(
        static_cast<std::size_t>(tensor->offset) * sizeof(float), count * sizeof(float));
    for (std::size_t i = 0; i < own.size(); i += sizeof(float)) {
      is_finite &= std::isfinite(load<float>(own.data() + i));
    }
    if (is_finite) return std::as_bytes(std::span(own));
  } else {
    buffer.clear();
    buffer.reserve(count);
    for_each_element(*tensor, bytes, [&](const char* at) {
      buffer.push_back(load_float(tensor->dtype, at));
      is_finite &= std::isfinite(buffer.back());
    });
    if (is_finite) return std::as_bytes(std::span(buffer));
  }
  return rejected(
      fmt::format("{}: tensor '{}' holds numbers that are not finite; the file is "
                  "damaged or its training failed",
                  path().string(), name));
}

Result<std::vector<float>> Checkpoint::floats(const std::string& name) {
  std::vector<float> buffer;
  POSEFLEET_TRY(const auto bytes, float_bytes(name, buffer));
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

Result<std::vector<std::int64_t>> Checkpoint::integers(const std::string& name) {
  const CheckpointTensor* tensor = find(name);
  POSEFLEET_CHECK(tensor != nullptr);
  if (is_float(tensor->dtype)) {
    return rejected(fmt::format("{}: tensor '{}' is {}, expected whole numbers", path().string(),
                                name, name_of(tensor->dtype)));
  }
  POSEFLEET_TRY(const std::string_view bytes, storage(*tensor));
  std::vector<std::int64_t> values;
  for_each_element(*tensor, bytes,
                   [&](const char* at) { values.push_back(load_integer(tensor->dtype, at)); });
  return values;
}

}  // namespace posefleet
