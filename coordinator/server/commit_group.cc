#include "coordinator/server/commit_group.h"

#include <set>

#include <unistd.h>

#include "common/files/files.h"
#include "common/process/log.h"

namespace posefleet {

CommitGroup::CommitGroup(Store& store, ResultSpool& spool, Jobs& jobs, Send send)
    : store_(store), spool_(spool), jobs_(jobs), send_(std::move(send)) {}

CommitGroup::~CommitGroup() = default;

void CommitGroup::add(const core::CommitResult& command) {
  results_.push_back({command, spool_.take(command.peer, command.result.range), {}, done()});
}

void CommitGroup::add(core::SendGrant grant) {
  messages_.push_back(std::move(grant));
}

void CommitGroup::add(core::SendToWorker message) {
  if (messages_.empty()) {
    send_now(message);
  } else {
    messages_.push_back(std::move(message));
  }
}

void CommitGroup::send_now(const core::SendToWorker& message) {
  if (const Status sent = send_(message); !sent) {
    log_debug("not sent to a worker: " + sent.error().message);
  }
}

// ---- results ------------------------------------------------------------------------------------

// Brings the bytes to where they stay. Small ones are not on disk yet.
void CommitGroup::place(Waiting& result) {
  const core::CommitResult& command = result.command;
  result.artifact = {command.result.range, "", command.result.size, command.result.sha256,
                     command.result.stats};
  result.status = result.whole.file.empty() ? append(result) : publish(result);
}

// A new one for each life of the coordinator, and after an error of the disk.
Result<Bundle*> CommitGroup::bundle_of(JobId job) {
  std::unique_ptr<Bundle>& bundle = bundles_[job];
  if (bundle == nullptr || !bundle->is_usable()) {
    const std::string name = "results-" + std::to_string(store_.epoch()) + "-" +
                             std::to_string(next_bundle_++) + kBundleSuffix;
    POSEFLEET_TRY(bundle, Bundle::create(jobs_.folder_of(job) / name));
  }
  return bundle.get();
}

Status CommitGroup::append(Waiting& result) {
  POSEFLEET_TRY(Bundle * bundle, bundle_of(result.command.job));
  POSEFLEET_TRY(result.artifact.offset, bundle->append(result.whole.bytes));
  result.artifact.file = bundle->path().filename().string();
  return done();
}

// The file is whole and on disk, under its name, before the store says that it is there.
Status CommitGroup::publish(Waiting& result) {
  const RunningJob* job = jobs_.find(result.command.job);
  const std::filesystem::path path = jobs_.file_of(job->ranges.at(result.command.result.range));
  const Status published = publish_file(result.whole.file, path);
  if (!published) unlink(result.whole.file.c_str());
  result.artifact.file = path.filename().string();
  return published;
}

void CommitGroup::sync_bundles() {
  std::set<JobId> written;
  for (const Waiting& result : results_) {
    if (result.status && result.artifact.offset) written.insert(result.command.job);
  }
  for (const JobId job : written) {
    const Status synced = bundles_.at(job)->sync();
    if (synced) continue;
    for (Waiting& result : results_) {
      const bool is_lost = result.command.job == job && result.artifact.offset && result.status;
      if (is_lost) result.status = synced;
    }
  }
}

// ---- the group ----------------------------------------------------------------------------------

// One transaction. Its error is everybody's.
Status CommitGroup::commit() {
  std::vector<Artifact> artifacts;
  std::vector<Waiting*> owners;
  for (Waiting& result : results_) {
    if (!result.status) continue;
    artifacts.push_back(result.artifact);
    owners.push_back(&result);
  }
  std::vector<Store::Attempts> attempts;
  for (const Message& message : messages_) {
    const auto* grant = std::get_if<core::SendGrant>(&message);
    if (grant != nullptr) attempts.push_back({grant->grant.range, grant->attempts});
  }
  if (artifacts.empty() && attempts.empty()) return done();
  const auto committed = store_.commit(artifacts, attempts);
  for (std::size_t i = 0; i < owners.size(); ++i) {
    owners[i]->status = committed ? (*committed)[i] : Status(committed.error());
  }
  if (!committed) return committed.error();
  return done();
}

CommitGroup::Outcome CommitGroup::carry_out() {
  for (Waiting& result : results_) place(result);
  sync_bundles();
  // The bytes of every result that is still good are on disk below this line.
  const Status committed = commit();
  // Everything in the group is durable below this line, or is not going to be.
  Outcome outcome;
  for (Waiting& result : results_) {
    if (result.status) jobs_.add_committed(result.command.job, result.artifact);
    outcome.results.emplace_back(std::move(result.command), std::move(result.status));
  }
  for (Message& message : messages_) {
    if (const auto* other = std::get_if<core::SendToWorker>(&message)) {
      send_now(*other);
      continue;
    }
    auto& grant = std::get<core::SendGrant>(message);
    Status sent = committed;
    if (sent) sent = send_({grant.peer, grant.grant});
    if (!sent) outcome.failed_grants.emplace_back(std::move(grant), std::move(sent));
  }
  results_.clear();
  messages_.clear();
  return outcome;
}

}  // namespace posefleet
