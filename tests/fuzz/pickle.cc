#include "worker/import/pickle.h"

#include <set>
#include <vector>

#include "tests/fuzz/arrays.h"
#include "tests/fuzz/targets.h"
#include "worker/import/pickled_arrays.h"

namespace posefleet::fuzz {
namespace {

// Enough to reach everything that a small input builds, few enough that shared parts, asked for
// again and again, do not take the time.
constexpr std::size_t kNodesMax = 2000;
constexpr std::size_t kArraysMax = 20;

void add_neighbours(const PickleNode& node, std::vector<NodeId>& waiting) {
  waiting.insert(waiting.end(), node.items.begin(), node.items.end());
  waiting.insert(waiting.end(), node.pairs.begin(), node.pairs.end());
  for (const NodeId id : {node.callable, node.arguments, node.state}) {
    if (id != kNoNode) waiting.push_back(id);
  }
}

}  // namespace

// Every node that can be reached can be asked everything.
void fuzz_pickle(std::span<const std::byte> input) {
  const auto document = PickleDocument::parse(text_of(input));
  if (!document) {
    POSEFLEET_CHECK(!document.error().message.empty());
    return;
  }
  std::set<NodeId> seen;
  std::vector<NodeId> waiting = {document->root()};
  std::size_t arrays = 0;
  while (!waiting.empty() && seen.size() < kNodesMax) {
    const NodeId id = waiting.back();
    waiting.pop_back();
    if (!seen.insert(id).second) continue;
    const PickleNode& node = document->at(id);
    POSEFLEET_CHECK(node.pairs.size() % 2 == 0);
    add_neighbours(node, waiting);
    (void)document->described(id);
    (void)document->find(id, "state_dict");
    if (node.kind != PickleKind::Object || arrays >= kArraysMax) continue;
    ++arrays;
    if (const auto array = array_of(*document, id)) check_array(*array);
  }
}

}  // namespace posefleet::fuzz
