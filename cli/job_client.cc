#include "cli/job_client.h"

#include "common/wire/codec.h"

namespace posefleet::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kAskAgain{200};
// Short, so that the caller can look after the processes in between.
constexpr milliseconds kAnswerTimeout{1000};

}  // namespace

Result<std::unique_ptr<JobClient>> JobClient::connect(const std::string& endpoint) {
  std::unique_ptr<JobClient> client(new JobClient(endpoint));
  POSEFLEET_TRY(client->socket_, DealerSocket::connect(client->context_, endpoint));
  return client;
}

Result<ClientReply> JobClient::ask(const ClientRequest& request, milliseconds timeout,
                                   int interrupt_fd) {
  // Answers to earlier questions that were asked twice.
  while (socket_->receive()) {
  }
  const std::string bytes = encode(request);
  const auto deadline = Clock::now() + timeout;
  auto ask_at = Clock::now();
  while (Clock::now() < deadline) {
    if (Clock::now() >= ask_at) {
      ask_at = Clock::now() + kAskAgain;
      // Not connected yet: the next turn tries again.
      if (!socket_->send(bytes)) ask_at = Clock::now() + milliseconds(10);
    }
    std::vector<PollItem> items = {{.socket = socket_->handle()}, {.fd = interrupt_fd}};
    if (interrupt_fd < 0) items.pop_back();
    poll_readable(items, milliseconds(10));
    if (interrupt_fd >= 0 && items[1].is_readable) return retry("interrupted");
    if (const std::optional<std::string> reply = socket_->receive()) {
      return decode_client_reply(*reply);
    }
  }
  return Error{ErrorCode::Disconnected, "the coordinator at " + endpoint_ + " does not answer"};
}

Result<JobId> JobClient::submit(const std::string& key, const std::string& spec, int interrupt_fd) {
  POSEFLEET_TRY(const ClientReply reply, ask(Submit{key, spec}, kAnswerTimeout, interrupt_fd));
  if (const auto* submitted = std::get_if<Submitted>(&reply)) return submitted->job;
  if (const auto* error = std::get_if<ClientError>(&reply)) return rejected(error->message);
  return internal_error("the coordinator answered something else");
}

Result<JobStatus> JobClient::status(JobId job, int interrupt_fd) {
  POSEFLEET_TRY(const ClientReply reply, ask(GetStatus{job}, kAnswerTimeout, interrupt_fd));
  const auto* status = std::get_if<JobStatus>(&reply);
  if (status != nullptr && status->job == job) return *status;
  if (const auto* error = std::get_if<ClientError>(&reply)) return rejected(error->message);
  // A late answer about another job; the caller asks again.
  return retry("the coordinator answered something else");
}

Result<WorkerList> JobClient::workers(std::uint32_t first, int interrupt_fd) {
  // Nobody looks after other things meanwhile: a busy coordinator may take its time.
  constexpr milliseconds kPatience{5000};
  const auto deadline = Clock::now() + kPatience;
  while (true) {
    POSEFLEET_TRY(const ClientReply reply, ask(ListWorkers{first}, kPatience, interrupt_fd));
    const auto* list = std::get_if<WorkerList>(&reply);
    if (list != nullptr && list->first == first) return *list;
    if (const auto* error = std::get_if<ClientError>(&reply)) return rejected(error->message);
    // A late answer to the question before.
    if (Clock::now() > deadline) return internal_error("the coordinator answered something else");
  }
}

void JobClient::cancel(JobId job) {
  // Best effort: the coordinator is about to be stopped anyway.
  [[maybe_unused]] const auto reply = ask(CancelJob{job}, milliseconds(500), -1);
}

}  // namespace posefleet::cli
