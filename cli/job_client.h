// Asks a coordinator on this machine: one question, one answer, asked again when none comes.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/net/socket.h"
#include "common/protocol/client.h"

namespace posefleet::cli {

// One thread.
class JobClient final {
 public:
  static Result<std::unique_ptr<JobClient>> connect(const std::string& endpoint);

  // Sends the question, again every 200 ms. Disconnected: no answer within `timeout`. Interrupted
  // by `interrupt_fd` (readable): Retry.
  Result<ClientReply> ask(const ClientRequest& request, std::chrono::milliseconds timeout,
                          int interrupt_fd);

  Result<JobId> submit(const std::string& key, const std::string& spec, int interrupt_fd);
  Result<JobStatus> status(JobId job, int interrupt_fd);
  // A part of the list, those before `first` left out.
  Result<WorkerList> workers(std::uint32_t first, int interrupt_fd);
  void cancel(JobId job);

 private:
  explicit JobClient(std::string endpoint) : endpoint_(std::move(endpoint)) {}

  std::string endpoint_;
  NetContext context_;
  std::unique_ptr<DealerSocket> socket_;
};

}  // namespace posefleet::cli
