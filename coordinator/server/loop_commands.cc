// What the rules command, done in their order.
#include <deque>
#include <iterator>
#include <utility>

#include "common/files/files.h"
#include "common/files/sha256.h"
#include "common/process/log.h"
#include "common/wire/codec.h"
#include "coordinator/server/loop.h"

namespace posefleet {
namespace {

// Whether the command may be carried out while a group waits: it changes nothing that the group's
// results and grants are about.
bool may_pass(const core::Command& command) {
  return std::holds_alternative<core::SendToWorker>(command) ||
         std::holds_alternative<core::SendGrant>(command) ||
         std::holds_alternative<core::CommitResult>(command) ||
         std::holds_alternative<core::DropSpool>(command) ||
         std::holds_alternative<core::LogLine>(command);
}

}  // namespace

void Server::Loop::execute(core::Commands commands) {
  std::deque<core::Command> queue(std::make_move_iterator(commands.begin()),
                                  std::make_move_iterator(commands.end()));
  while (!queue.empty()) {
    const core::Command command = std::move(queue.front());
    queue.pop_front();
    core::Commands more;
    if (!may_pass(command)) more = carry_out_group();
    for (core::Command& one : more) queue.push_back(std::move(one));
    more = std::visit([&](const auto& one) { return execute_one(one); }, command);
    for (core::Command& one : more) queue.push_back(std::move(one));
  }
}

core::Commands Server::Loop::carry_out_group() {
  core::Commands commands;
  if (group_.empty()) return commands;
  const auto append = [&](core::Commands more) {
    commands.insert(commands.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
  };
  const CommitGroup::Outcome outcome = group_.carry_out();
  for (const auto& [command, status] : outcome.results) {
    if (status) grow(command.job, command.result.range);
    append(status ? rules_.on_committed(command.peer, command.result, now())
                  : rules_.on_commit_failed(command.peer, command.result, status.error().message,
                                            now()));
  }
  for (const auto& [command, status] : outcome.failed_grants) {
    append(rules_.on_grant_failed(command.peer, command.grant, status.error().message, now()));
  }
  return commands;
}

void Server::Loop::grow(JobId job, RangeId range) {
  const RunningJob* running = jobs_.find(job);
  if (running == nullptr || !running->spec.live) return;
  const auto committed = running->committed.find(range);
  if (committed == running->committed.end() || committed->second.stage != Stage::Render) return;
  pipeline_.start_if_there_is_room({job, running->plan, jobs_.folder_of(job), {committed->second}});
}

// After a restart: the file of the time before is made anew.
void Server::Loop::grow_again(JobId job) {
  const RunningJob* running = jobs_.find(job);
  if (running == nullptr || !running->spec.live || running->plan == nullptr) return;
  GrowWork work{job, running->plan, jobs_.folder_of(job), {}};
  for (const auto& [range, file] : running->committed) {
    if (file.stage == Stage::Render) work.segments.push_back(file);
  }
  pipeline_.start_if_there_is_room(std::move(work));
}

Status Server::Loop::send(const core::SendToWorker& message) {
  if (const auto* welcome = std::get_if<Welcome>(&message.message)) {
    admission_->on_welcome(message.peer, welcome->session);
  }
  return workers_->send(message.peer, encode(message.message));
}

core::Commands Server::Loop::execute_one(const core::SendToWorker& command) {
  group_.add(command);
  return {};
}

core::Commands Server::Loop::execute_one(const core::SendGrant& command) {
  // Whoever computes it would see another video than the others did.
  if (const Status same = jobs_.check_source(command.job); !same) {
    return on_source_lost(command, same.error().message);
  }
  const auto failed = [&](const std::string& error) {
    return rules_.on_grant_failed(command.peer, command.grant, error, now());
  };
  LostArtifact lost;
  auto task = jobs_.encoded_task(command.job, command.grant.range, &lost);
  if (!task) {
    core::Commands commands;
    if (lost.range != RangeId{}) {
      auto opened = on_lost(lost);
      if (!opened) return failed(opened.error().message);
      commands = std::move(*opened);
    }
    core::Commands more = failed(task.error().message);
    commands.insert(commands.end(), more.begin(), more.end());
    return commands;
  }
  if (command.task_bytes_max > 0 && task->size() > command.task_bytes_max) {
    return rules_.on_grant_too_large(command.peer, command.grant, task->size(), now());
  }
  core::SendGrant grant = command;
  grant.grant.task = std::move(*task);
  group_.add(std::move(grant));
  return {};
}

// The grant is taken back first, so that its worker's credit is right.
core::Commands Server::Loop::on_source_lost(const core::SendGrant& command,
                                            const std::string& error) {
  core::Commands commands = rules_.on_grant_failed(command.peer, command.grant, error, now());
  core::Commands more = rules_.on_source_lost(command.job, error, now());
  commands.insert(commands.end(), more.begin(), more.end());
  return commands;
}

core::Commands Server::Loop::execute_one(const core::CommitResult& command) {
  group_.add(command);
  return {};
}

core::Commands Server::Loop::execute_one(const core::DropSpool& command) {
  spool_->drop(command.peer, command.range);
  return {};
}

core::Commands Server::Loop::execute_one(const core::PersistFails& command) {
  const Status stored = store_->set_fails(command.range, command.fails);
  if (!stored) log_error(stored.error().message);
  return {};
}

core::Commands Server::Loop::execute_one(const core::SplitRange& command) {
  // An earlier command may have ended the job.
  if (jobs_.find(command.job) == nullptr) return {};
  const auto parts = split(command);
  if (!parts) return rules_.on_poison_failed(command.range, parts.error().message);
  return rules_.on_split(command.range, *parts, now());
}

Result<std::vector<core::RangeRecord>> Server::Loop::split(const core::SplitRange& command) {
  const RunningJob& job = *jobs_.find(command.job);
  POSEFLEET_TRY(std::vector<core::RangeRecord> parts,
                store_->split_range(command.range, with_plan_hashes(*job.plan, command.parts)));
  jobs_.add_ranges(command.job, parts);
  return parts;
}

core::Commands Server::Loop::execute_one(const core::CommitNobody& command) {
  if (jobs_.find(command.job) == nullptr) return {};
  const Status committed = commit(command);
  if (committed) return rules_.on_quarantined(command.range, now());
  return rules_.on_poison_failed(command.range, committed.error().message);
}

Status Server::Loop::commit(const core::CommitNobody& command) {
  const core::RangeRecord& range = jobs_.find(command.job)->ranges.at(command.range);
  const std::filesystem::path path = jobs_.file_of(range);
  const std::string bytes = encode(RangePoses{{range.frames.first, {}}});
  const std::string sha256 = sha256_hex(bytes);
  POSEFLEET_TRY_DO(write_file_durably(path, bytes));
  const Artifact artifact{range.id, path.filename().string(), bytes.size(), sha256, command.stats};
  POSEFLEET_TRY_DO(store_->commit_range(artifact));
  jobs_.add_committed(command.job, artifact);
  return done();
}

core::Commands Server::Loop::execute_one(const core::PersistJob& command) {
  const Status stored = store_->update_job(command.job);
  if (stored) {
    postponed_.forget_row(command.job.id);
  } else if (!is_postponed(stored.error(), command)) {
    log_error(stored.error().message);
  }
  return {};
}

core::Commands Server::Loop::execute_one(const core::ProbeJob& command) {
  if (jobs_.find(command.job) == nullptr) return {};  // it was postponed, and its job cancelled
  pipeline_.start(
      ProbeWork{command.job, jobs_.find(command.job)->spec, jobs_.folder_of(command.job)});
  return {};
}

core::Commands Server::Loop::execute_one(const core::AssembleJob& command) {
  if (jobs_.find(command.job) == nullptr) return {};
  pipeline_.start(AssembleWork{command.job, jobs_.find(command.job)->plan,
                               jobs_.folder_of(command.job), jobs_.committed_files(command.job),
                               rules_.status(command.job)});
  return {};
}

core::Commands Server::Loop::execute_one(const core::ReleaseJob& command) {
  // After a restart a job whose end is not stored needs its results.
  if (postponed_.has_row(command.job)) {
    postponed_.add(command, now());
    return {};
  }
  group_.forget(command.job);
  const RunningJob* running = jobs_.find(command.job);
  if (running != nullptr && running->spec.live) {
    pipeline_.start({GrowWork{.job = command.job, .is_over = true}});
  }
  if (sources_ != nullptr) sources_->remove(command.job);
  jobs_.release(command.job, rules_.find_job(command.job)->state == JobState::Succeeded);
  rules_.on_released(command.job);
  return {};
}

core::Commands Server::Loop::execute_one(const core::LogLine& command) {
  if (command.is_warning) {
    log_warn(command.text);
  } else {
    log_info(command.text);
  }
  return {};
}

}  // namespace posefleet
