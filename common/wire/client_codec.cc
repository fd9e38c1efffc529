#include "common/wire/codec.h"
#include "common/wire/framing.h"
#include "common/wire/stats_codec.h"

#include "schemas/client.capnp.h"

namespace posefleet {
namespace {

using wire::text;

void put_status(schema::JobStatus::Builder out, const JobStatus& status) {
  out.setJob(number(status.job));
  out.setState(static_cast<schema::JobState>(status.state));
  out.setError(text(status.error));
  auto stages = out.initStages(status.stages.size());
  for (unsigned i = 0; i < status.stages.size(); ++i) {
    const StageProgress& progress = status.stages[i];
    stages[i].setStage(progress.stage == Stage::Pose ? schema::Stage::POSE : schema::Stage::RENDER);
    stages[i].setFramesDone(progress.frames_done);
    stages[i].setFramesTotal(progress.frames_total);
    stages[i].setWorkers(progress.workers);
    wire::put_stats(stages[i].initStats(), progress.stats);
  }
  out.setRetries(status.retries);
  auto warnings = out.initWarnings(status.warnings.size());
  for (unsigned i = 0; i < status.warnings.size(); ++i) warnings.set(i, text(status.warnings[i]));
  out.setResult(text(status.result));
  out.setTrouble(text(status.trouble));
}

Result<ClientReply> get_status(schema::JobStatus::Reader in) {
  JobStatus status;
  status.job = JobId{in.getJob()};
  const auto state = static_cast<std::uint16_t>(in.getState());
  if (state > static_cast<std::uint16_t>(JobState::Cancelled)) {
    return rejected("unknown job state " + std::to_string(state));
  }
  status.state = static_cast<JobState>(state);
  status.error = text(in.getError());
  for (const auto stage : in.getStages()) {
    if (static_cast<std::uint16_t>(stage.getStage()) > static_cast<std::uint16_t>(Stage::Render)) {
      return rejected("unknown stage " + std::to_string(static_cast<int>(stage.getStage())));
    }
    status.stages.push_back({stage.getStage() == schema::Stage::POSE ? Stage::Pose : Stage::Render,
                             stage.getFramesDone(), stage.getFramesTotal(), stage.getWorkers(),
                             wire::get_stats(stage.getStats())});
  }
  status.retries = in.getRetries();
  for (const auto warning : in.getWarnings()) status.warnings.push_back(text(warning));
  status.result = text(in.getResult());
  status.trouble = text(in.getTrouble());
  return ClientReply{std::move(status)};
}

Result<ClientRequest> get_request(schema::ClientRequest::Reader root) {
  switch (root.which()) {
    case schema::ClientRequest::SUBMIT:
      return ClientRequest{
          Submit{text(root.getSubmit().getIdempotencyKey()), text(root.getSubmit().getSpec())}};
    case schema::ClientRequest::STATUS:
      return ClientRequest{GetStatus{JobId{root.getStatus()}}};
    case schema::ClientRequest::CANCEL:
      return ClientRequest{CancelJob{JobId{root.getCancel()}}};
  }
  return rejected("unknown client request " + std::to_string(root.which()));
}

Result<ClientReply> get_reply(schema::ClientReply::Reader root) {
  switch (root.which()) {
    case schema::ClientReply::SUBMITTED:
      return ClientReply{Submitted{text(root.getSubmitted().getIdempotencyKey()),
                                   JobId{root.getSubmitted().getJob()}}};
    case schema::ClientReply::STATUS:
      return get_status(root.getStatus());
    case schema::ClientReply::ERROR:
      return ClientReply{ClientError{text(root.getError())}};
  }
  return rejected("unknown client reply " + std::to_string(root.which()));
}

}  // namespace

std::string encode(const ClientRequest& message) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::ClientRequest>();
  if (const auto* submit = std::get_if<Submit>(&message)) {
    auto out = root.initSubmit();
    out.setIdempotencyKey(text(submit->idempotency_key));
    out.setSpec(text(submit->spec));
  } else if (const auto* status = std::get_if<GetStatus>(&message)) {
    root.setStatus(number(status->job));
  } else {
    root.setCancel(number(std::get<CancelJob>(message).job));
  }
  return wire::to_bytes(builder);
}

std::string encode(const ClientReply& message) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::ClientReply>();
  if (const auto* submitted = std::get_if<Submitted>(&message)) {
    auto out = root.initSubmitted();
    out.setIdempotencyKey(text(submitted->idempotency_key));
    out.setJob(number(submitted->job));
  } else if (const auto* status = std::get_if<JobStatus>(&message)) {
    put_status(root.initStatus(), *status);
  } else {
    root.setError(text(std::get<ClientError>(message).message));
  }
  return wire::to_bytes(builder);
}

Result<ClientRequest> decode_client_request(std::string_view bytes) {
  return wire::read_message<schema::ClientRequest>("client request", bytes, get_request);
}

Result<ClientReply> decode_client_reply(std::string_view bytes) {
  return wire::read_message<schema::ClientReply>("client reply", bytes, get_reply);
}

}  // namespace posefleet
