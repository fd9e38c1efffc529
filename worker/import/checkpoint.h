// A PyTorch checkpoint: the tensors of its state dictionary, read without PyTorch.
//
// The file is a zip archive: `<stem>/data.pkl` is a pickle of the dictionaries, in which each
// tensor is a call that names a storage, an offset and strides; `<stem>/data/<key>` are the
// storages, not compressed. The archive is mapped and a tensor's bytes are touched when they are
// asked for: a checkpoint of 2.5 GiB, or one with an optimizer twice that, takes a few megabytes of
// our own memory. The mapped pages are the kernel's, which takes them back when others need them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/model_folder/safetensors.h"
#include "worker/import/zip.h"

namespace posefleet {

// The network's tensors have at most four.
inline constexpr std::size_t kTensorDimensionsMax = 16;

// Where a tensor lies. Element (i, j, ...) is at offset + i * strides[0] + j * strides[1] + ...,
// which has been checked to lie inside the storage.
struct CheckpointTensor {
  DType dtype = DType::F32;
  Shape shape;
  std::vector<std::int64_t> strides;  // elements
  std::int64_t offset = 0;            // elements
  std::string entry;                  // the archive's name for the storage; may be shared
};

// One thread at a time: it remembers which storages' checksums have been verified.
class Checkpoint final {
 public:
  // The tensors of `state_dict`, or of the outer dictionary when a file holds nothing else. Values
  // that are no tensors are left out.
  static Result<std::unique_ptr<Checkpoint>> open(const std::filesystem::path& path);
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  const std::filesystem::path& path() const { return archive_->path(); }
  const std::map<std::string, CheckpointTensor>& tensors() const { return tensors_; }
  const CheckpointTensor* find(const std::string& name) const;

  // Row-major float32 bytes. Points into the mapped file when they lie there as they are, else into
  // `buffer`, which gets the converted numbers (float16, bfloat16 and float64 are converted). The
  // name must be a tensor's; whole numbers and not finite ones are refused.
  Result<std::span<const std::byte>> float_bytes(const std::string& name,
                                                 std::vector<float>& buffer);
  Result<std::vector<float>> floats(const std::string& name);
  // Of an int64, int32, uint8 or bool tensor.
  Result<std::vector<std::int64_t>> integers(const std::string& name);

 private:
  explicit Checkpoint(std::unique_ptr<const ZipArchive> archive) : archive_(std::move(archive)) {}

  Status read_tensors();
  Result<std::string_view> storage(const CheckpointTensor& tensor);

  std::unique_ptr<const ZipArchive> archive_;
  std::map<std::string, CheckpointTensor> tensors_;
  std::map<std::string, std::string_view> verified_;  // storage bytes whose checksum is right
};

}  // namespace posefleet
