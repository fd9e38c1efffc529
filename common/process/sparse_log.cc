#include "common/process/sparse_log.h"

#include <utility>

namespace posefleet {

std::optional<std::string> SparseLog::add(const std::string& kind, const std::string& detail,
                                          Instant now) {
  const auto [found, is_new] = kinds_.try_emplace(kind);
  Kind& known = found->second;
  known.detail = detail;
  ++known.unwritten;
  if (!is_new && now - known.written_at < pause_) return std::nullopt;
  return write(kind, known, now);
}

std::vector<std::string> SparseLog::take_due(Instant now) {
  std::vector<std::string> lines;
  for (auto& [name, kind] : kinds_) {
    if (kind.unwritten > 0 && now - kind.written_at >= pause_) {
      lines.push_back(write(name, kind, now));
    }
  }
  return lines;
}

std::string SparseLog::write(const std::string& name, Kind& kind, Instant now) {
  kind.written_at = now;
  const std::uint64_t count = std::exchange(kind.unwritten, 0);
  std::string line = name;
  if (!kind.detail.empty()) line += ": " + kind.detail;
  if (count > 1) line += " (" + std::to_string(count) + " times since the last such line)";
  return line;
}

}  // namespace posefleet
