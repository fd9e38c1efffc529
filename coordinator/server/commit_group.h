// Makes many results and grants durable at once: one fsync for all small results of a job, one
// transaction for everything.
//
// A disk takes some hundred forced writes a second, whatever their size, so a result must not need
// several of its own. Whatever the rules command while the loop reads its messages waits here; then
// all of it goes to disk together. Nobody waits for a group to fill: it is carried out as soon as
// the loop has read what was there, so that alone a result is as fast as before, and under load the
// groups grow by what comes while the disk works.
//
// The promise: a message leaves only after what it relies on is on disk. So messages wait behind
// the grants of their group, in the order of their commands, and results are acknowledged by the
// rules only once they hear that they are committed. See docs/decisions/0013-group-commit.md.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "coordinator/core/commands.h"
#include "coordinator/server/jobs.h"
#include "coordinator/server/spool.h"
#include "coordinator/store/bundle.h"
#include "coordinator/store/store.h"

namespace posefleet {

// Owned by the loop and used by its thread only, as all that it refers to.
class CommitGroup final {
 public:
  using Send = std::function<Status(const core::SendToWorker&)>;

  // All references must outlive this.
  CommitGroup(Store& store, ResultSpool& spool, Jobs& jobs, Send send);
  ~CommitGroup();
  CommitGroup(const CommitGroup&) = delete;
  CommitGroup& operator=(const CommitGroup&) = delete;

  bool empty() const { return results_.empty() && messages_.empty(); }
  // Takes the result out of the spool: it must be whole there.
  void add(const core::CommitResult& command);
  // With its task.
  void add(core::SendGrant grant);
  // Sent at once when no grant waits before it. Whatever is lost comes again: results are offered
  // again, leases end.
  void add(core::SendToWorker message);

  // What the rules must be told, in the order of the commands.
  struct Outcome {
    std::vector<std::pair<core::CommitResult, Status>> results;
    std::vector<std::pair<core::SendGrant, Status>> failed_grants;
  };
  // Afterwards the group is empty.
  Outcome carry_out();

  // The job is over; its bundle goes with its results.
  void forget(JobId job) { bundles_.erase(job); }

 private:
  struct Waiting {
    core::CommitResult command;
    WholeResult whole;
    Artifact artifact;
    Status status = done();
  };
  using Message = std::variant<core::SendGrant, core::SendToWorker>;

  void place(Waiting& result);
  Result<Bundle*> bundle_of(JobId job);
  Status append(Waiting& result);
  Status publish(Waiting& result);
  void sync_bundles();
  Status commit();
  void send_now(const core::SendToWorker& message);

  Store& store_;
  ResultSpool& spool_;
  Jobs& jobs_;
  Send send_;
  std::vector<Waiting> results_;
  std::vector<Message> messages_;
  std::map<JobId, std::unique_ptr<Bundle>> bundles_;
  std::uint64_t next_bundle_ = 1;
};

}  // namespace posefleet
