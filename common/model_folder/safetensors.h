// The safetensors file format: a JSON head that lists tensors, then their bytes. Mapped, not read:
// two workers on one machine share the pages, and opening a 2.5 GiB file takes no time.
//
// Format (huggingface/safetensors, 2022): 8 bytes little-endian head length, the head, the data.
// Each head entry: {"dtype","shape","data_offsets":[begin,end]} relative to the end of the head;
// "__metadata__" holds string pairs. We require: head at most 16 MiB, offsets inside the file, no
// overlap, nothing behind the last tensor (a cut or grown file is noticed here), dtype size times
// element count equal to the byte range, and each tensor aligned to its dtype, so that it can be
// used in place. Little-endian machines only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/model_folder/mapped_file.h"

namespace posefleet {

enum class DType : std::uint8_t { F64, F32, F16, BF16, I64, I32, U8, Bool };

std::size_t size_of(DType type);
std::string_view name_of(DType type);  // as the format spells it: "F32", "BF16", "BOOL", ...

using Shape = std::vector<std::int64_t>;

// 1 for a scalar. The shape's sizes must not be negative and their product must fit; shapes from a
// file have been checked for that by whoever read them.
std::int64_t element_count(const Shape& shape);
std::string to_text(const Shape& shape);  // "(24, 6890)"
// Bytes of a tensor; nothing when a size is negative, or when the sizes other than 0 multiply to
// more than 2^48, which no file holds: for shapes that come from outside.
std::optional<std::uint64_t> byte_count(const Shape& shape, std::size_t element_size);

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
  ~Safetensors() = default;
  Safetensors(const Safetensors&) = delete;
  Safetensors& operator=(const Safetensors&) = delete;

  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return file_->path(); }

  // Null when there is none of that name.
  const TensorView* find(std::string_view name) const;
  // The tensor with exactly this dtype and shape, else an error that names file, tensor, the
  // expected and the found shape.
  Result<TensorView> get(std::string_view name, DType dtype, const Shape& shape) const;
  // The same, as numbers.
  Result<std::span<const float>> floats(std::string_view name, const Shape& shape) const;
  Result<std::span<const std::int64_t>> integers(std::string_view name, const Shape& shape) const;
  Result<std::span<const std::int32_t>> small_integers(std::string_view name,
                                                       const Shape& shape) const;

 private:
  explicit Safetensors(std::unique_ptr<const MappedFile> file) : file_(std::move(file)) {}

  std::unique_ptr<const MappedFile> file_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

// What a tensor is, without its bytes.
struct TensorHead {
  DType dtype = DType::F32;
  Shape shape;
};

// Writes the file durably (temporary name, fsync, rename). Tensors whose size is a multiple of 64
// bytes come first, so that each of them (all large ones are among them) starts at a multiple of
// 64; then the others, wide types first. Inside both groups by name. So there are no gaps, which
// other readers of the format refuse, and yet everything is aligned.
Status write_safetensors(const std::filesystem::path& path,
                         const std::map<std::string, TensorView>& tensors,
                         const std::map<std::string, std::string>& metadata);

// The same for tensors that do not all fit into memory: `bytes_of` is called once for each, in the
// file's order; what it returns must stay until the next call. Its error ends the writing, and no
// file is left.
using TensorBytes = std::function<Result<std::span<const std::byte>>(const std::string& name)>;
Status write_safetensors(const std::filesystem::path& path,
                         const std::map<std::string, TensorHead>& heads,
                         const std::map<std::string, std::string>& metadata,
                         const TensorBytes& bytes_of);

}  // namespace posefleet
