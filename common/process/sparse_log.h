// Log lines about what others do to us, at most one a minute of each kind.
//
// Anybody who reaches a port can make us log as often as it pleases, and fill the disk. So the
// first event of a kind gets its line at once; those after it are counted, and the next line, a
// minute later, says how many there were.
//
// Pure: it makes lines, the caller writes them. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/process/clock.h"

namespace posefleet {

class SparseLog final {
 public:
  explicit SparseLog(Instant pause = std::chrono::minutes(1)) : pause_(pause) {}

  // The line to be written now; nothing when the kind's last one is too young. Kinds are few and
  // chosen by us, never by the outside.
  std::optional<std::string> add(const std::string& kind, const std::string& detail, Instant now);
  // Lines for what was counted meanwhile, whose time has come.
  std::vector<std::string> take_due(Instant now);

 private:
  struct Kind {
    Instant written_at{};
    std::uint64_t unwritten = 0;
    std::string detail;  // of the last event
  };
  std::string write(const std::string& name, Kind& kind, Instant now);

  Instant pause_;
  std::map<std::string, Kind> kinds_;
};

}  // namespace posefleet
