// The safetensors file format: a JSON head that lists tensors, then their bytes. Mapped, not read:
// two workers on one machine share the pages, and opening a 2.5 GiB file takes no time.
//
// Format (huggingface/safetensors, 2022): 8 bytes little-endian head length, the head, the data.
// Each head entry: {"dtype","shape","data_offsets":[begin,end]} relative to the end of the head;
// "__metadata__" holds string pairs. We require: head at most 16 MiB, offsets inside the file, no
// overlap, dtype size times element count equal to the byte range. Little-endian machines only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace posefleet {

enum class DType : std::uint8_t { F64, F32, F16, BF16, I64, I32, U8, Bool };

std::size_t size_of(DType type);
std::string_view name_of(DType type);  // as the format spells it: "F32", "BF16", "BOOL", ...

using Shape = std::vector<std::int64_t>;

std::int64_t element_count(const Shape& shape);
std::string to_text(const Shape& shape);  // "(24, 6890)"

// A tensor's place in somebody else's memory: row-major, no gaps.
struct TensorView {
  DType dtype = DType::F32;
  Shape shape;
  std::span<const std::byte> bytes;
};

// A mapped file. Views point into it and must not outlive it. Reading from several threads is fine.
class Safetensors final {
 public:
  static Result<std::unique_ptr<Safetensors>> open(const std::filesystem::path& path);
  ~Safetensors();
  Safetensors(const Safetensors&) = delete;
  Safetensors& operator=(const Safetensors&) = delete;

  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return path_; }

  // Null when there is none of that name.
  const TensorView* find(std::string_view name) const;
  // The tensor with exactly this dtype and shape, else an error that names file, tensor, the
  // expected and the found shape.
  Result<TensorView> get(std::string_view name, DType dtype, const Shape& shape) const;
  // The same, for float32 only, as numbers.
  Result<std::span<const float>> floats(std::string_view name, const Shape& shape) const;

 private:
  Safetensors() = default;
  std::filesystem::path path_;
  void* mapping_ = nullptr;
  std::size_t mapping_size_ = 0;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

// Writes the file durably (temporary name, fsync, rename), tensors in name order, each aligned to
// 64 bytes, streaming: never more than one tensor's bytes in memory beyond what the views hold.
Status write_safetensors(const std::filesystem::path& path,
                         const std::map<std::string, TensorView>& tensors,
                         const std::map<std::string, std::string>& metadata);

}  // namespace posefleet
