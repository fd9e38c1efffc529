// Messages that wait for room in the socket's pipe.
//
// The rules say a heartbeat every second and offer a result again every few seconds, whether or not
// anything leaves the machine. While the coordinator is away for an hour, or a link is slower than
// a result is large, that must not pile up: of what is only said again, one copy waits.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>

#include "common/protocol/messages.h"

namespace posefleet {

// One thread. At most one copy of each result that is kept, and little besides.
class Outbox final {
 public:
  // A heartbeat takes the place of the one that was said just before it.
  void add(const WorkerMessage& message);
  // The result's bytes in parts of at most `part_bytes_max`, then `done`; nothing when the last of
  // them still waits.
  void add_result(const ResultDone& done, const std::string& bytes, std::uint64_t part_bytes_max);

  bool is_empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  const std::string& front() const { return entries_.front().bytes; }
  void pop_front();
  void clear();

 private:
  struct Entry {
    std::string bytes;
    bool is_heartbeat = false;
    std::optional<RangeId> ends_result;  // the announcement, after its parts
  };

  std::deque<Entry> entries_;
  std::set<RangeId> results_;  // whose announcement waits
};

}  // namespace posefleet
