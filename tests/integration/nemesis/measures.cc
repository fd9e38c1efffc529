#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "tests/integration/nemesis/audit.h"
#include "tests/integration/nemesis/store_reader.h"

namespace posefleet::nemesis {
namespace {

namespace fs = std::filesystem;

// A worker holds what it executes and what is next: two ranges, for both kinds of worker
// (worker/stages/pose_engine.h, prefetch of worker/runtime/runtime.h).
constexpr int kRangesInHand = 2;

// A line of the coordinator's log that says something of a worker.
struct Line {
  std::int64_t at_ms = 0;
  std::string text;
};

// "2026-01-31T12:00:00.123 ...", in UTC.
std::optional<std::int64_t> time_of(const std::string& line) {
  std::tm when{};
  int milliseconds = 0;
  if (std::sscanf(line.c_str(), "%d-%d-%dT%d:%d:%d.%d", &when.tm_year, &when.tm_mon, &when.tm_mday,
                  &when.tm_hour, &when.tm_min, &when.tm_sec, &milliseconds) != 7) {
    return std::nullopt;
  }
  when.tm_year -= 1900;
  when.tm_mon -= 1;
  return static_cast<std::int64_t>(timegm(&when)) * 1000 + milliseconds;
}

std::vector<Line> lines_of(const fs::path& log) {
  std::vector<Line> lines;
  std::ifstream file(log);
  for (std::string text; std::getline(file, text);) {
    if (const auto at = time_of(text)) lines.push_back({*at, text});
  }
  return lines;
}

bool is_coordinators(const Trouble& trouble) {
  return trouble.kind == FaultKind::KillCoordinator ||
         trouble.kind == FaultKind::FreezeCoordinator ||
         trouble.kind == FaultKind::FreezeCoordinatorLong;
}

bool is_cut(const Trouble& trouble) {
  return trouble.kind == FaultKind::CutLink || trouble.kind == FaultKind::CutLinkLong;
}

class Log final {
 public:
  Log(std::vector<Line> lines, const std::vector<Trouble>& troubles,
      const std::vector<std::int64_t>& starts)
      : lines_(std::move(lines)), troubles_(troubles), starts_(starts) {}

  const std::vector<Line>& lines() const { return lines_; }

  // Whether anything but `own` was wrong with the coordinator or the host in that time.
  bool is_disturbed(const Trouble& own, int host, std::int64_t from, std::int64_t to) const {
    for (const std::int64_t start : starts_) {
      if (start >= from - 1000 && start <= to) return true;
    }
    return std::any_of(troubles_.begin(), troubles_.end(), [&](const Trouble& other) {
      if (&other == &own || other.from_ms > to || other.to_ms + 1000 < from) return false;
      const bool is_of_host =
          other.host == host && (is_cut(other) || other.kind == FaultKind::SlowLink ||
                                 (other.pid != 0 && other.pid == own.pid));
      return is_coordinators(other) || is_of_host;
    });
  }

  // Whether the coordinator, just started, was frozen, without room on its disk, or out of reach.
  bool is_start_disturbed(std::int64_t from, std::int64_t to) const {
    return std::any_of(troubles_.begin(), troubles_.end(), [&](const Trouble& trouble) {
      const bool is_its_own = is_coordinators(trouble) || trouble.kind == FaultKind::FullDisk;
      const bool counts = (is_its_own && trouble.kind != FaultKind::KillCoordinator) ||
                          is_cut(trouble) || trouble.kind == FaultKind::SlowLink;
      return counts && trouble.from_ms < to && trouble.to_ms > from;
    });
  }

  // When the coordinator said that the worker is gone, first after `from`; nothing when it had not
  // joined, or was gone already.
  std::optional<std::int64_t> gone_at(const std::string& worker, std::int64_t from) const {
    bool is_there = false;
    for (const Line& line : lines_) {
      if (line.text.find(worker + " joined") != std::string::npos) {
        if (line.at_ms > from) return std::nullopt;
        is_there = true;
      }
      if (line.text.find(worker + " is gone: ") == std::string::npos) continue;
      // Its ranges say the same words: the first line counts.
      if (line.at_ms >= from) return is_there ? std::optional(line.at_ms) : std::nullopt;
      is_there = false;
    }
    return std::nullopt;
  }

  // Workers that were there at that time: "host-1/pose/123".
  std::set<std::string> there_at(std::int64_t at) const {
    std::set<std::string> there;
    for (const Line& line : lines_) {
      if (line.at_ms > at) break;
      if (line.text.find("listening for workers") != std::string::npos) there.clear();
      const std::size_t begin = line.text.find(" worker ");
      if (begin == std::string::npos) continue;
      const std::string name =
          line.text.substr(begin + 8, line.text.find(' ', begin + 8) - begin - 8);
      if (line.text.find(name + " joined") != std::string::npos) there.insert(name);
      if (line.text.find(name + " is gone: ") != std::string::npos) there.erase(name);
    }
    return there;
  }

 private:
  std::vector<Line> lines_;
  const std::vector<Trouble>& troubles_;
  const std::vector<std::int64_t>& starts_;
};

double seconds_between(std::int64_t from_ms, std::int64_t to_ms) {
  return static_cast<double>(to_ms - from_ms) / 1000.0;
}

void measure_seen(const Log& log, const std::vector<Trouble>& troubles, Measures& measures) {
  for (const Trouble& trouble : troubles) {
    const std::int64_t from = trouble.from_ms;
    const auto add = [&](const std::string& worker, Spread& spread, std::int64_t limit) {
      const auto gone = log.gone_at(worker, from);
      if (!gone || *gone > from + limit) return;
      if (!log.is_disturbed(trouble, trouble.host, from, *gone)) {
        spread.add(seconds_between(from, *gone));
      }
    };
    const std::string end = "/" + std::to_string(trouble.pid);
    if (trouble.kind == FaultKind::KillWorker) add(end, measures.kill_seen, 30'000);
    if (trouble.kind == FaultKind::FreezeWorkerLong) add(end, measures.freeze_seen, 30'000);
    if (trouble.kind != FaultKind::CutLinkLong) continue;
    for (const std::string& worker : log.there_at(from)) {
      if (worker.starts_with(fmt::format("host-{}/", trouble.host + 1))) {
        add(worker, measures.cut_seen, 30'000);
      }
    }
  }
}

void measure_restarts(const Log& log, const fs::path& data, const std::vector<std::int64_t>& starts,
                      Measures& measures) {
  StoreReader reader(data);
  const auto grants =
      reader.rows("SELECT at_ms FROM history WHERE what = 'granted' ORDER BY at_ms");
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::int64_t end = i + 1 < starts.size() ? starts[i + 1] : INT64_MAX;
    for (const Line& line : log.lines()) {
      if (line.at_ms < starts[i] || line.text.find(" joined (") == std::string::npos) continue;
      if (line.at_ms < end && !log.is_start_disturbed(starts[i], line.at_ms)) {
        measures.restart_to_worker.add(seconds_between(starts[i], line.at_ms));
      }
      break;
    }
    for (const auto& grant : grants) {
      const std::int64_t at = std::stoll(grant[0]);
      if (at < starts[i]) continue;
      if (at < end && !log.is_start_disturbed(starts[i], at)) {
        measures.restart_to_grant.add(seconds_between(starts[i], at));
      }
      break;
    }
  }
}

// The lines after "worker W is gone: R" name the ranges that go back with the same words.
void count_redone(const Log& log, Measures& measures) {
  const std::vector<Line>& lines = log.lines();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t at = lines[i].text.find(" worker ");
    const std::size_t gone = lines[i].text.find(" is gone: ");
    if (at == std::string::npos || gone == std::string::npos) continue;
    if (lines[i].text.find(" goes back: ") != std::string::npos) continue;
    const std::string words = " goes back: " + lines[i].text.substr(at + 8);
    int count = 0;
    for (std::size_t k = i + 1; k < lines.size() && k < i + 50; ++k) {
      if (lines[k].at_ms > lines[i].at_ms + 100) break;
      if (lines[k].text.find(words) != std::string::npos) ++count;
    }
    ++measures.redone[count];
    if (count > kRangesInHand) {
      measures.faults.push_back(
          fmt::format("{} ranges went back at once: {}", count, lines[i].text));
    }
  }
}

}  // namespace

std::string Spread::text() const {
  if (seconds.empty()) return "not seen undisturbed";
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  return fmt::format("{} times, median {:.2f} s, most {:.2f} s", sorted.size(),
                     sorted[sorted.size() / 2], sorted.back());
}

Measures measure(const fs::path& log_file, const fs::path& data,
                 const std::vector<Trouble>& troubles, const std::vector<std::int64_t>& starts) {
  Measures measures;
  const Log log(lines_of(log_file), troubles, starts);
  measure_seen(log, troubles, measures);
  measure_restarts(log, data, starts, measures);
  count_redone(log, measures);
  return measures;
}

}  // namespace posefleet::nemesis
