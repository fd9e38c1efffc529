// Answers the clients on this machine: submit, status, cancel, who works.
//
// A client asks, and gets one answer to each question; what a question changes is stored before the
// answer leaves. The desk decides nothing: it looks things up in the rules and the store, and hands
// the commands that a question causes to whoever carries commands out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/net/socket.h"
#include "common/protocol/client.h"
#include "coordinator/core/coordinator.h"
#include "coordinator/server/jobs.h"
#include "coordinator/server/postponed.h"
#include "coordinator/store/store.h"

namespace posefleet {

// Rejected: clients prove no key, so only ipc and loopback are taken.
Status check_client_endpoint(const std::string& endpoint);

// Owned by the loop and used by its thread only, as all that it refers to.
class ClientDesk final {
 public:
  // Carries out commands, in order.
  using Execute = std::function<void(core::Commands)>;

  // All references must outlive this. Beyond `jobs_max` unfinished jobs a new one is refused.
  ClientDesk(core::Coordinator& rules, Store& store, Jobs& jobs, const Postponed& postponed,
             std::uint32_t jobs_max, Execute execute);

  Status listen(NetContext& context, const std::string& endpoint);
  const std::string& endpoint() const { return socket_->endpoint(); }
  void* handle() const { return socket_->handle(); }

  // Answers those who wait, at most `questions_max` of them.
  void answer_some(int questions_max);

 private:
  ClientReply answer(const ClientRequest& request);
  ClientReply answer(const Submit& submit);
  ClientReply status_of(JobId job);

  core::Coordinator& rules_;
  Store& store_;
  Jobs& jobs_;
  const Postponed& postponed_;
  std::uint32_t jobs_max_;
  Execute execute_;
  std::unique_ptr<RouterSocket> socket_;
};

}  // namespace posefleet
