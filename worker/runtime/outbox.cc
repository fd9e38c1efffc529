#include "worker/runtime/outbox.h"

#include "common/wire/codec.h"

namespace posefleet {

void Outbox::add(const WorkerMessage& message) {
  const bool is_heartbeat = std::holds_alternative<Heartbeat>(message);
  if (is_heartbeat && !entries_.empty() && entries_.back().is_heartbeat) entries_.pop_back();
  entries_.push_back({encode(message), is_heartbeat, std::nullopt});
}

void Outbox::add_result(const ResultDone& done, const std::string& bytes,
                        std::uint64_t part_bytes_max) {
  if (!results_.insert(done.range).second) return;
  for (std::uint64_t offset = 0; offset < bytes.size(); offset += part_bytes_max) {
    const ResultPart part{done.session, done.range, done.token, offset,
                          bytes.substr(offset, part_bytes_max)};
    entries_.push_back({encode(WorkerMessage{part}), false, std::nullopt});
  }
  entries_.push_back({encode(WorkerMessage{done}), false, done.range});
}

void Outbox::pop_front() {
  if (entries_.front().ends_result) results_.erase(*entries_.front().ends_result);
  entries_.pop_front();
}

void Outbox::clear() {
  entries_.clear();
  results_.clear();
}

}  // namespace posefleet
