// Ranges that fail again and again: whose fault it is, and how the frame at fault is found.
//
// A range that failed `fails_max` times is cut into halves. We know then that a bad frame is in one
// of them, so one more failure cuts a half again: 3 + 4 failures, not 15, lead from 16 frames to
// one. Cutting costs nothing but time. Taking a frame out does cost, so that a single frame must
// fail `fails_max` times itself. See docs/decisions/0011-poison-frames-by-halving.md.
#include <algorithm>

#include "common/base/check.h"
#include "coordinator/core/coordinator.h"
#include "coordinator/core/words.h"

namespace posefleet::core {
namespace {

std::string quarantine_prefix(const RangeRecord& frame) {
  return "frame " + std::to_string(frame.frames.first) +
         (frame.stage == Stage::Pose ? " has no pose and" : "") + " keeps its original picture";
}

}  // namespace

void Coordinator::charge(Range& range, const Place& place, const std::string& reason,
                         Commands& commands) {
  ++range.record.fails;
  range.failed_at.insert(place);
  range.last_failure = reason;
  commands.push_back(PersistFails{range.record.id, range.record.fails});
}

// Where it failed, deaths that are not certain among them.
std::set<Coordinator::Place> Coordinator::places_of(const Range& range) {
  std::set<Place> places = range.failed_at;
  for (const Charge& charge : range.charges) places.insert(charge.place);
  return places;
}

// Whether somebody is there whose failure would say more than one more of those that failed it: on
// another host, or at least another process. A broken host must not take out sound frames.
bool Coordinator::has_better_place(const Range& range, Instant now) {
  std::set<std::string> hosts;
  std::set<std::uint64_t> processes;
  for (const Place& place : places_of(range)) {
    hosts.insert(place.host);
    processes.insert(place.incarnation);
  }
  if (hosts.size() >= 2) return false;
  const Pool& pool = pool_of(range.record);
  return std::any_of(pool.sessions.begin(), pool.sessions.end(), [&](const auto& entry) {
    const Session& session = *entry.second;
    if (now < session.trouble_until || session.is_leaving) return false;
    if (!hosts.contains(session.hello.host)) return true;
    return processes.size() < 2 && !processes.contains(session.hello.incarnation);
  });
}

// Nobody holds the range: it is ready again, or it had its chances. Deaths that may turn out to be
// cut connections count for a split, which is harmless, and not for taking a frame out.
void Coordinator::settle(Range& range, Instant now, Commands& commands) {
  // Its empty result was lost: nobody needs to compute it again.
  if (range.record.is_quarantined && range.record.stage == Stage::Pose) {
    range.state = RangeState::Poisoned;
    poisoned_.insert(range.record.id);
    carry_out_poison(range, now, commands);
    return;
  }
  const auto open = static_cast<std::uint32_t>(range.charges.size());
  const std::uint32_t all = range.record.fails + open;
  const bool is_single = range.record.frames.size() == 1;
  const std::uint32_t counted = is_single ? range.record.fails : all;
  // Twice as often is enough wherever it was, so that this ends with any fleet.
  const bool is_enough = counted >= settings_.fails_max &&
                         (counted >= 2 * settings_.fails_max || !has_better_place(range, now));
  if (is_enough) {
    poison(range, now, commands);
    return;
  }
  const std::uint32_t waits = all + range.troubles + range.guesses;
  Instant not_before = waits > 0 ? now + settings_.backoff * waits : Instant{};
  // One frame that may have killed its last worker waits until that is known.
  if (is_single && open > 0 && all >= settings_.fails_max) {
    for (const Charge& charge : range.charges) not_before = std::max(not_before, charge.due);
  }
  make_ready(range, not_before);
}

void Coordinator::take_charges_that_are_due(Instant now, Commands& commands) {
  const std::set<RangeId> charged = charged_;
  for (const RangeId id : charged) {
    Range& range = ranges_.at(id);
    for (auto one = range.charges.begin(); one != range.charges.end();) {
      if (one->due > now) {
        ++one;
        continue;
      }
      charge(range, one->place, one->reason, commands);
      one = range.charges.erase(one);
    }
    if (range.charges.empty()) charged_.erase(id);
    if (range.state != RangeState::Ready || range.record.fails < settings_.fails_max) continue;
    take_from_ready(range);
    settle(range, now, commands);
  }
  // What could not be stored is tried again.
  for (const RangeId id : poisoned_) {
    Range& range = ranges_.at(id);
    if (range.not_before <= now) carry_out_poison(range, now, commands);
  }
}

// The worker lives and still has the range: its connection was cut, that is all.
void Coordinator::forgive(Range& range, std::uint64_t incarnation) {
  std::erase_if(range.charges,
                [&](const Charge& charge) { return charge.place.incarnation == incarnation; });
  if (range.charges.empty()) charged_.erase(range.record.id);
}

// The least number of frames that must be bad: one in each poisoned range that holds no other.
std::uint32_t Coordinator::bad_frames(const Job& job, Stage stage) const {
  std::vector<FrameRange> poisoned;
  for (const RangeId id : job.ranges) {
    const Range& range = ranges_.at(id);
    const bool is_counted = range.record.stage == stage && !range.record.is_quarantined &&
                            (range.record.is_split || range.state == RangeState::Poisoned);
    if (is_counted) poisoned.push_back(range.record.frames);
  }
  // The one that holds others comes right before the first of them.
  std::sort(poisoned.begin(), poisoned.end(), [](const FrameRange& a, const FrameRange& b) {
    return a.first != b.first ? a.first < b.first : a.end > b.end;
  });
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < poisoned.size(); ++i) {
    const bool holds_next = i + 1 < poisoned.size() && poisoned[i + 1].first < poisoned[i].end;
    if (!holds_next) ++count;
  }
  return count;
}

void Coordinator::poison(Range& range, Instant now, Commands& commands) {
  Job& job = jobs_.at(range.record.job);
  range.state = RangeState::Poisoned;
  const std::string failures = describe(range.record) + " failed " +
                               std::to_string(range.record.fails + range.charges.size()) +
                               " times, last: " + range.last_failure;
  const auto fail = [&](const std::string& why) {
    finish_job(job, JobState::Failed, failures + why, commands);
  };
  if (range.record.is_quarantined) return fail("; not even its own picture can be put out");
  std::uint32_t frames = 0;
  for (const RangeId id : job.ranges) {
    const RangeRecord& record = ranges_.at(id).record;
    if (record.stage == range.record.stage && !record.is_split) frames += record.frames.size();
  }
  const std::uint32_t allowed = std::min(settings_.quarantine_max, frames / 8);
  if (const std::uint32_t bad = bad_frames(job, range.record.stage); bad > allowed) {
    return fail("; " + std::to_string(bad) + " frames or more cannot be computed, " +
                std::to_string(allowed) + " of " + std::to_string(frames) + " are allowed");
  }
  const bool is_single = range.record.frames.size() == 1;
  if (is_single && job.record.fails_on_quarantine) return fail("; the job asks to fail then");
  commands.push_back(LogLine{true, failures + (is_single ? "; it is taken out" : "; it is cut")});
  poisoned_.insert(range.record.id);
  carry_out_poison(range, now, commands);
}

void Coordinator::carry_out_poison(Range& range, Instant now, Commands& commands) {
  // The edge answers at once; if it could not store it, this is the time of the next attempt.
  range.not_before = now + settings_.lease;
  const RangeRecord& whole = range.record;
  if (whole.is_quarantined) {
    RangeStats stats;
    stats.frames_kept_original = 1;
    commands.push_back(CommitNobody{whole.job, whole.id, stats});
    return;
  }
  RangeRecord part;
  part.job = whole.job;
  part.stage = whole.stage;
  part.frames = whole.frames;
  if (whole.frames.size() == 1) {
    part.is_quarantined = true;
    commands.push_back(SplitRange{whole.job, whole.id, {part}});
    return;
  }
  const std::uint32_t middle = whole.frames.first + whole.frames.size() / 2;
  std::vector<RangeRecord> parts;
  for (const FrameRange& frames :
       {FrameRange{whole.frames.first, middle}, FrameRange{middle, whole.frames.end}}) {
    part.frames = frames;
    part.fails = frames.size() > 1 ? settings_.fails_max - 1 : 0;
    parts.push_back(part);
  }
  commands.push_back(SplitRange{whole.job, whole.id, std::move(parts)});
}

Commands Coordinator::on_split(RangeId id, const std::vector<RangeRecord>& parts, Instant now) {
  Commands commands;
  const auto found = ranges_.find(id);
  if (found == ranges_.end() || found->second.state != RangeState::Poisoned) return commands;
  Range& whole = found->second;
  Job& job = jobs_.at(whole.record.job);
  // It ended meanwhile, and its ranges are about to go.
  if (is_final(job.record.state)) return commands;
  whole.state = RangeState::Split;
  whole.record.is_split = true;
  const std::set<Place> failed_at = places_of(whole);
  whole.charges.clear();
  charged_.erase(id);
  poisoned_.erase(id);
  --job.open_ranges;
  std::vector<RangeId> ids;
  for (const RangeRecord& record : parts) {
    Range& part = ranges_[record.id];
    part.record = record;
    part.last_failure = whole.last_failure;
    if (record.fails > 0) part.failed_at = failed_at;
    job.ranges.push_back(record.id);
    ++job.open_ranges;
    ids.push_back(record.id);
    if (record.is_quarantined) warn_of_quarantine(job, record, whole.last_failure);
  }
  if (whole.record.stage == Stage::Pose) {
    job.poses.remove(whole.record.frames);
    for (const RangeRecord& record : parts) job.poses.add(record.frames, false);
  }
  for (const RangeId part_id : ids) {
    Range& part = ranges_.at(part_id);
    if (part.record.is_quarantined) commands.push_back(PersistJob{job.record});
    if (part.record.is_quarantined && part.record.stage == Stage::Pose) {
      part.state = RangeState::Poisoned;
      poisoned_.insert(part_id);
      carry_out_poison(part, now, commands);
    } else {
      make_ready(part, Instant{});
    }
  }
  grant_ranges(now, commands);
  return commands;
}

Commands Coordinator::on_quarantined(RangeId id, Instant now) {
  Commands commands;
  const auto found = ranges_.find(id);
  if (found == ranges_.end() || found->second.state != RangeState::Poisoned) return commands;
  RangeStats stats;
  stats.frames_kept_original = 1;
  close_range(found->second, stats, commands);
  grant_ranges(now, commands);
  return commands;
}

Commands Coordinator::on_poison_failed(RangeId id, const std::string& error) {
  const auto found = ranges_.find(id);
  if (found == ranges_.end() || found->second.state != RangeState::Poisoned) return {};
  trouble_ = error;
  return {LogLine{true, describe(found->second.record) + " could not be taken out: " + error}};
}

void Coordinator::warn_of_quarantine(Job& job, const RangeRecord& frame,
                                     const std::string& reason) {
  const std::string prefix = quarantine_prefix(frame);
  for (const std::string& warning : job.record.warnings) {
    if (warning.starts_with(prefix + ":")) return;
  }
  job.record.warnings.push_back(prefix + ": the " + name_of(frame.stage) +
                                " stage failed on it again and again" +
                                (reason.empty() ? "" : ", last: " + reason));
}

}  // namespace posefleet::core
