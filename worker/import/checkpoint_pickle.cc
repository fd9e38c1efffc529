#include "worker/import/checkpoint_pickle.h"

#include <optional>

#include <fmt/format.h>

namespace posefleet {
namespace {

// Far above any file, and far below where a sum of sixteen such numbers overflows.
constexpr std::int64_t kElementsMax = std::int64_t{1} << 48;

// Storages are numbered and tensors have paths of modules. Without a limit one long text, referred
// to again and again, would be copied for each tensor.
constexpr std::size_t kKeyLengthMax = 200;
constexpr std::size_t kNameLengthMax = 1000;

struct StorageType {
  std::string_view name;
  DType dtype;
};

constexpr StorageType kStorageTypes[] = {
    {"torch.FloatStorage", DType::F32}, {"torch.DoubleStorage", DType::F64},
    {"torch.HalfStorage", DType::F16},  {"torch.BFloat16Storage", DType::BF16},
    {"torch.LongStorage", DType::I64},  {"torch.IntStorage", DType::I32},
    {"torch.ByteStorage", DType::U8},   {"torch.BoolStorage", DType::Bool},
};

// ('storage', torch.FloatStorage, '17', 'cuda:0', 4096). Where the storage was does not matter.
struct Storage {
  DType dtype = DType::F32;
  std::string key;
  std::int64_t count = 0;  // elements
};

Result<Storage> storage_of(const PickleDocument& document, NodeId id) {
  const PickleNode& node = document.at(id);
  if (node.kind != PickleKind::Persistent) {
    return rejected("its storage is " + document.described(id));
  }
  const std::vector<NodeId>& fields = document.at(node.items[0]).items;
  if (fields.size() < 5 || document.text(fields[0]) != "storage") {
    return rejected("its storage is an unknown outside reference");
  }
  const std::string type = document.global_name(fields[1]);
  const auto key = document.text(fields[2]);
  const auto count = document.integer(fields[4]);
  if (!key || key->size() > kKeyLengthMax || !count || *count < 0 || *count > kElementsMax) {
    return rejected("its storage has no name or no size, or impossible ones");
  }
  for (const StorageType& known : kStorageTypes) {
    if (known.name == type) return Storage{known.dtype, std::string(*key), *count};
  }
  return rejected(fmt::format("its storage is of type '{}', which is not read", type));
}

Result<std::vector<std::int64_t>> sizes_of(const PickleDocument& document, NodeId id) {
  const PickleNode& node = document.at(id);
  std::vector<std::int64_t> sizes;
  for (const NodeId item : node.items) {
    const auto size = document.integer(item);
    if (!size || *size < 0 || *size > kElementsMax || sizes.size() >= kTensorDimensionsMax) {
      return rejected("its shape or its strides are impossible");
    }
    sizes.push_back(*size);
  }
  return sizes;
}

// No element may lie outside the storage, and a tensor may not be larger than its storage: with a
// stride of zero a few bytes could claim terabytes.
Status check_bounds(const CheckpointTensor& tensor, std::int64_t storage_count) {
  const auto count = byte_count(tensor.shape, 1);
  bool fits = count && tensor.strides.size() == tensor.shape.size() &&
              *count <= static_cast<std::uint64_t>(storage_count) && tensor.offset <= storage_count;
  std::int64_t last = tensor.offset;
  for (std::size_t d = 0; fits && *count > 0 && d < tensor.shape.size(); ++d) {
    const std::int64_t steps = tensor.shape[d] - 1;
    if (steps > 0 && tensor.strides[d] > storage_count / steps) fits = false;
    if (fits) last += steps * tensor.strides[d];
  }
  if (fits && (*count == 0 || last < storage_count)) return done();
  return rejected(
      fmt::format("shape {} with strides {} from element {} leaves its storage of {} "
                  "elements",
                  to_text(tensor.shape), to_text(tensor.strides), tensor.offset, storage_count));
}

// The tensor that a call makes; nothing for a value that is none.
Result<std::optional<CheckpointTensor>> tensor_of(const PickleDocument& document, NodeId id) {
  const PickleNode* node = &document.at(id);
  std::string name = document.class_name(id);
  if (name == "torch._utils._rebuild_parameter" && node->arguments != kNoNode) {
    // (tensor, requires_grad, hooks)
    const std::vector<NodeId>& items = document.at(node->arguments).items;
    if (items.empty()) return rejected("a parameter without a tensor");
    node = &document.at(items[0]);
    name = document.class_name(items[0]);
  }
  if (name != "torch._utils._rebuild_tensor_v2" || node->arguments == kNoNode) {
    return std::optional<CheckpointTensor>();
  }
  // (storage, offset, size, stride, requires_grad, hooks)
  const std::vector<NodeId>& items = document.at(node->arguments).items;
  if (items.size() < 4) return rejected("a tensor of an unknown form");
  POSEFLEET_TRY(const Storage storage, storage_of(document, items[0]));
  CheckpointTensor tensor{.dtype = storage.dtype, .entry = storage.key};
  const auto offset = document.integer(items[1]);
  if (!offset || *offset < 0) return rejected("its offset is impossible");
  tensor.offset = *offset;
  POSEFLEET_TRY(tensor.shape, sizes_of(document, items[2]));
  POSEFLEET_TRY(tensor.strides, sizes_of(document, items[3]));
  POSEFLEET_TRY_DO(check_bounds(tensor, storage.count));
  return std::optional<CheckpointTensor>(std::move(tensor));
}

}  // namespace

Result<std::map<std::string, CheckpointTensor>> tensors_of(const PickleDocument& document) {
  NodeId dictionary = document.find(document.root(), "state_dict");
  if (dictionary == kNoNode) dictionary = document.root();
  std::map<std::string, CheckpointTensor> tensors;
  const std::vector<NodeId>& pairs = document.at(dictionary).pairs;
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    const auto name = document.text(pairs[i]);
    if (!name) continue;
    if (name->size() > kNameLengthMax) {
      return rejected(fmt::format("it has a name of {} bytes, the longest allowed has {}",
                                  name->size(), kNameLengthMax));
    }
    auto tensor = tensor_of(document, pairs[i + 1]);
    if (!tensor) return in_context(fmt::format("tensor '{}'", *name), tensor.error());
    if (*tensor) tensors.insert_or_assign(std::string(*name), std::move(**tensor));
  }
  if (tensors.empty()) {
    return rejected("it holds no tensors; expected a checkpoint with a state_dict");
  }
  return tensors;
}

}  // namespace posefleet
