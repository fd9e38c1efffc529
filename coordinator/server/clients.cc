#include "coordinator/server/clients.h"

#include "common/process/clock.h"
#include "common/process/log.h"
#include "common/wire/codec.h"

namespace posefleet {
namespace {

// A client's spec holds at most some hundred thousand boxes.
constexpr std::uint64_t kClientMessageBytesMax = 128ULL << 20;

}  // namespace

Status check_client_endpoint(const std::string& endpoint) {
  if (is_local_endpoint(endpoint)) return done();
  return rejected("clients.listen is " + endpoint +
                  ": only ipc:// and loopback addresses (tcp://127.0.0.1:PORT) are taken");
}

ClientDesk::ClientDesk(core::Coordinator& rules, Store& store, Jobs& jobs,
                       const Postponed& postponed, std::uint32_t jobs_max, Execute execute)
    : rules_(rules),
      store_(store),
      jobs_(jobs),
      postponed_(postponed),
      jobs_max_(jobs_max),
      execute_(std::move(execute)) {}

Status ClientDesk::listen(NetContext& context, const std::string& endpoint) {
  POSEFLEET_TRY(socket_, RouterSocket::bind(context, endpoint, kClientMessageBytesMax));
  return done();
}

void ClientDesk::answer_some(int questions_max) {
  // Nobody acts on them, but they must be taken: where some two thousand wait, the library's thread
  // stops until there is room for one more, and with it every socket of the process.
  socket_->take_events();
  for (int i = 0; i < questions_max; ++i) {
    const std::optional<PeerMessage> message = socket_->receive();
    if (!message) return;
    auto request = decode_client_request(message->bytes);
    const ClientReply reply =
        request ? answer(*request) : ClientReply{ClientError{request.error().message}};
    // A client that is gone by now asks again when it is back.
    if (const Status sent = socket_->send(message->peer, encode(reply)); !sent) {
      log_debug("no answer to a client: " + sent.error().message);
    }
  }
}

ClientReply ClientDesk::answer(const ClientRequest& request) {
  if (const auto* submit = std::get_if<Submit>(&request)) return answer(*submit);
  if (const auto* status = std::get_if<GetStatus>(&request)) return status_of(status->job);
  if (const auto* list = std::get_if<ListWorkers>(&request)) {
    return rules_.workers(list->first, now());
  }
  const JobId job = std::get<CancelJob>(request).job;
  if (rules_.find_job(job) != nullptr) execute_(rules_.on_cancel(job, now()));
  return status_of(job);
}

ClientReply ClientDesk::status_of(JobId job) {
  if (rules_.find_job(job) == nullptr) {
    return ClientError{"there is no job " + std::to_string(number(job))};
  }
  JobStatus status = rules_.status(job);
  // An end that is not stored may be forgotten: nobody is told of it yet. A job that was released
  // has its end in the store; what waits then is a warning.
  const bool is_released = jobs_.find(job) == nullptr;
  if (is_final(status.state) && !is_released && postponed_.has_row(job)) {
    const bool is_done = status.state == JobState::Succeeded;
    status.state = is_done ? JobState::Assembling : JobState::Running;
    status.result.clear();
    status.error.clear();
  }
  return status;
}

ClientReply ClientDesk::answer(const Submit& submit) {
  auto spec = parse_job_spec(submit.spec);
  if (!spec) return ClientError{spec.error().message};
  auto added = store_.add_job(submit.idempotency_key, submit.spec, network_id(*spec), jobs_max_);
  if (!added) return ClientError{added.error().message};
  if (added->is_new) {
    core::JobRecord record;
    record.id = added->id;
    read_spec(*spec, record);
    jobs_.add(added->id, *spec);
    log_info("job " + std::to_string(number(added->id)) + ": " + spec->source_path);
    execute_(rules_.on_job_submitted(record, now()));
  }
  return Submitted{submit.idempotency_key, added->id};
}

}  // namespace posefleet
