#include "worker/import/pickle.h"

#include <fmt/format.h>

#include "worker/import/unpickler.h"

namespace posefleet {

std::string_view name_of(PickleKind kind) {
  switch (kind) {
    case PickleKind::None:
      return "None";
    case PickleKind::Bool:
      return "a boolean";
    case PickleKind::Int:
    case PickleKind::BigInt:
      return "an integer";
    case PickleKind::Float:
      return "a number";
    case PickleKind::Text:
      return "a text";
    case PickleKind::Bytes:
      return "a byte string";
    case PickleKind::Tuple:
      return "a tuple";
    case PickleKind::List:
      return "a list";
    case PickleKind::Set:
      return "a set";
    case PickleKind::Dict:
      return "a dictionary";
    case PickleKind::Global:
      return "a class or function";
    case PickleKind::Object:
      return "an object";
    case PickleKind::Persistent:
      return "an outside reference";
  }
  return "unknown";
}

Result<PickleDocument> PickleDocument::parse(std::string_view bytes) {
  return Unpickler(bytes).run();
}

const PickleNode& PickleDocument::at(NodeId id) const {
  POSEFLEET_CHECK(id < nodes_.size());
  return nodes_[id];
}

NodeId PickleDocument::find(NodeId id, std::string_view key) const {
  const std::vector<NodeId>& pairs = at(id).pairs;
  for (std::size_t i = pairs.size(); i >= 2; i -= 2) {
    if (text(pairs[i - 2]) == key) return pairs[i - 1];
  }
  return kNoNode;
}

std::optional<std::string_view> PickleDocument::text(NodeId id) const {
  const PickleNode& node = at(id);
  if (node.kind != PickleKind::Text && node.kind != PickleKind::Bytes) return std::nullopt;
  return node.text;
}

std::optional<std::int64_t> PickleDocument::integer(NodeId id) const {
  const PickleNode& node = at(id);
  if (node.kind != PickleKind::Int && node.kind != PickleKind::Bool) return std::nullopt;
  return node.integer;
}

std::string PickleDocument::global_name(NodeId id) const {
  const PickleNode& node = at(id);
  if (node.kind != PickleKind::Global) return "";
  return fmt::format("{}.{}", node.text, node.name);
}

std::string PickleDocument::class_name(NodeId id) const {
  const PickleNode& node = at(id);
  if (node.kind != PickleKind::Object || node.callable == kNoNode) return "";
  const std::string called = global_name(node.callable);
  // These functions make an object of the class that is their first argument.
  for (const char* maker :
       {"copy_reg._reconstructor", "copyreg._reconstructor", "copyreg.__newobj__",
        "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"}) {
    if (called != maker || node.arguments == kNoNode) continue;
    const PickleNode& arguments = at(node.arguments);
    return arguments.items.empty() ? "" : global_name(arguments.items[0]);
  }
  return called;
}

std::string PickleDocument::described(NodeId id) const {
  if (id == kNoNode) return "nothing";
  const std::string name = class_name(id);
  if (name.empty()) return std::string(name_of(at(id).kind));
  return "an object of class " + name.substr(0, 200);
}

}  // namespace posefleet
