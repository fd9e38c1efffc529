#include <cstdint>

#include "common/wire/codec.h"
#include "tests/common/wire/samples.h"
#include "tests/fuzz/corpus.h"

namespace posefleet::fuzz {
namespace {

// A message of one segment whose root has one pointer, a list of `count` elements of a size.
std::string list_of(std::uint64_t element_size, std::uint64_t count) {
  const std::uint64_t root = std::uint64_t{1} << 48;
  const std::uint64_t list = 1 | (element_size << 32) | (count << 35);
  std::string bytes("\0\0\0\0\2\0\0\0", 8);
  bytes.append(reinterpret_cast<const char*>(&root), 8);
  bytes.append(reinterpret_cast<const char*>(&list), 8);
  return bytes;
}

void add_hostile(std::vector<Seed>& corpus, const std::string& target) {
  corpus.push_back({target, "hostile-segments", std::string("\xff\xff\xff\xff\1\0\0\0", 8)});
  corpus.push_back({target, "hostile-void-list", list_of(0, 0x1fffffff)});
  corpus.push_back({target, "hostile-struct-list", list_of(7, 0x1fffffff)});
  corpus.push_back({target, "hostile-cut", std::string("\0\0\0\0\7\0\0\0", 8)});
  // A root that points at itself.
  corpus.push_back(
      {target, "hostile-circle", std::string("\0\0\0\0\1\0\0\0\xfc\xff\xff\xff\0\0\1\0", 16)});
}

template <typename Messages>
void add_all(std::vector<Seed>& corpus, const std::string& target, const std::string& name,
             const Messages& messages) {
  int number = 0;
  for (const auto& message : messages) {
    corpus.push_back({target, name + "-" + std::to_string(number++), encode(message)});
  }
}

}  // namespace

void add_messages(std::vector<Seed>& corpus) {
  Random random(7);
  add_all(corpus, "wire_control", "worker", tests::worker_messages(random));
  add_all(corpus, "wire_control", "coordinator", tests::coordinator_messages(random));
  add_all(corpus, "wire_client", "request", tests::client_requests(random));
  add_all(corpus, "wire_client", "reply", tests::client_replies(random));
  corpus.push_back({"wire_result", "pose-task", encode(tests::pose_task(random))});
  corpus.push_back({"wire_result", "render-task", encode(tests::render_task(random))});
  corpus.push_back({"wire_result", "poses", encode(tests::range_poses(random, 0, 2))});
  corpus.push_back({"wire_result", "segment", encode(tests::segment(random))});
  corpus.push_back({"wire_result", "frame-table", encode(tests::frame_table(random, 9))});
  for (const char* target : {"wire_control", "wire_client", "wire_result"})
    add_hostile(corpus, target);
}

}  // namespace posefleet::fuzz
