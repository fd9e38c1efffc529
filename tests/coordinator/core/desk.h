// The coordinator's rules on a made-up clock, with an edge that always succeeds, for tests.
//
// Each function says one thing to the rules and returns what they command. A test that is about a
// failing edge calls `rules` itself.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/core/coordinator.h"

namespace posefleet::tests {

using namespace std::chrono_literals;

inline constexpr JobId kJob{1};
inline constexpr const char* kModel = "model-hash";

template <typename T>
std::vector<T> all(const core::Commands& commands) {
  std::vector<T> found;
  for (const core::Command& command : commands) {
    if (const auto* one = std::get_if<T>(&command)) found.push_back(*one);
  }
  return found;
}

// The messages of one kind to one peer.
template <typename T>
std::vector<T> sent(const core::Commands& commands, const std::string& peer) {
  std::vector<T> found;
  for (const auto& send : all<core::SendToWorker>(commands)) {
    const auto* one = std::get_if<T>(&send.message);
    if (one != nullptr && send.peer == peer) found.push_back(*one);
  }
  return found;
}

inline std::vector<Grant> grants(const core::Commands& commands, const std::string& peer) {
  std::vector<Grant> found;
  for (const auto& grant : all<core::SendGrant>(commands)) {
    if (grant.peer == peer) found.push_back(grant.grant);
  }
  return found;
}

inline core::RangeRecord range(std::uint64_t id, Stage stage, std::uint32_t first,
                               std::uint32_t end, JobId job = kJob) {
  core::RangeRecord record;
  record.id = RangeId{id};
  record.job = job;
  record.stage = stage;
  record.frames = {first, end};
  record.plan_hash = "plan-" + std::to_string(id);
  return record;
}

// `count` pose ranges of ten frames, numbered from 1.
inline std::vector<core::RangeRecord> pose_ranges(std::uint32_t count) {
  std::vector<core::RangeRecord> ranges;
  for (std::uint32_t i = 0; i < count; ++i) {
    ranges.push_back(range(i + 1, Stage::Pose, 10 * i, 10 * (i + 1)));
  }
  return ranges;
}

inline core::JobRecord job_record(JobId id = kJob, JobState state = JobState::Submitted) {
  core::JobRecord record;
  record.id = id;
  record.state = state;
  record.model_hash = kModel;
  return record;
}

inline Hello hello_of(const std::string& peer, std::uint64_t credit = 2) {
  Hello hello;
  hello.worker = peer;
  hello.incarnation = std::hash<std::string>{}(peer);
  hello.model_hash = kModel;
  hello.credit_total = credit;
  return hello;
}

class Desk final {
 public:
  explicit Desk(core::Settings settings = {}, std::uint64_t epoch = 7)
      : rules(settings, epoch, 1) {}

  core::Commands add_job(const std::vector<core::RangeRecord>& ranges, JobId job = kJob) {
    rules.on_job_submitted(job_record(job), now);
    return rules.on_probed(job, ranges, {}, now);
  }
  core::Commands say(const std::string& peer, const WorkerMessage& message) {
    return rules.on_worker_message(peer, message, true, now);
  }
  core::Commands join(const std::string& peer, std::uint64_t credit = 2) {
    return say(peer, hello_of(peer, credit));
  }
  core::Commands tick_after(std::chrono::milliseconds time) {
    now += time;
    return rules.on_tick(now);
  }
  // Beats every second until `time` is over, showing `held`; then ticks.
  core::Commands beat_for(std::chrono::milliseconds time, const std::string& peer,
                          SessionId session, std::uint64_t credit,
                          const std::vector<HeldLease>& held) {
    core::Commands commands;
    for (auto passed = 0ms; passed < time; passed += 1000ms) {
      now += 1000ms;
      for (auto& one : say(peer, Heartbeat{session, credit, held})) commands.push_back(one);
      for (auto& one : rules.on_tick(now)) commands.push_back(one);
    }
    return commands;
  }
  // The result of a grant, complete, from whoever got it.
  core::Commands finish(const std::string& peer, SessionId session, const Grant& grant) {
    return say(peer, result_of(session, grant));
  }
  // The same, and the edge commits it at once.
  core::Commands commit(const std::string& peer, SessionId session, const Grant& grant) {
    finish(peer, session, grant);
    return rules.on_committed(peer, result_of(session, grant), now);
  }
  // Carries out what the commands ask about poisoned ranges, as an edge that always succeeds.
  // Returns all commands, those that follow from it too.
  core::Commands follow(core::Commands commands) {
    for (std::size_t i = 0; i < commands.size(); ++i) {
      const core::Command command = commands[i];
      core::Commands more;
      if (const auto* split = std::get_if<core::SplitRange>(&command)) {
        auto parts = split->parts;
        for (core::RangeRecord& part : parts) {
          part.id = RangeId{next_part++};
          part.plan_hash = "part-" + std::to_string(number(part.id));
        }
        more = rules.on_split(split->range, parts, now);
      } else if (const auto* nobody = std::get_if<core::CommitNobody>(&command)) {
        more = rules.on_quarantined(nobody->range, now);
      }
      commands.insert(commands.end(), more.begin(), more.end());
    }
    return commands;
  }
  static ResultDone result_of(SessionId session, const Grant& grant) {
    return {session, grant.range, grant.token,         grant.plan_hash,
            100,     "sha",       grant.frames.size(), {}};
  }

  std::uint64_t next_part = 1000;
  core::Coordinator rules;
  core::Instant now = 100s;
};

inline SessionId session_in(const core::Commands& commands, const std::string& peer) {
  const auto welcomes = sent<Welcome>(commands, peer);
  return welcomes.empty() ? SessionId{} : welcomes.back().session;
}

inline HeldLease executing(const Grant& grant, std::uint32_t frames_done) {
  return {grant.range, grant.token, frames_done, true};
}
inline HeldLease waiting(const Grant& grant) {
  return {grant.range, grant.token, 0, false};
}

}  // namespace posefleet::tests
