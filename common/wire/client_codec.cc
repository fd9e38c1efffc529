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

void put_worker(schema::WorkerInfo::Builder out, const WorkerInfo& worker) {
  out.setSession(number(worker.session));
  out.setWorker(text(worker.worker));
  out.setHost(text(worker.host));
  out.setPid(worker.pid);
  out.setRole(worker.role == Stage::Pose ? schema::Stage::POSE : schema::Stage::RENDER);
  out.setDevice(text(worker.device));
  out.setModels(worker.models);
  out.setModelHash(text(worker.model_hash));
  out.setKeyName(text(worker.key_name));
  out.setState(static_cast<schema::WorkerState>(worker.state));
  out.setFramesPerSecond(worker.frames_per_second);
  out.setRangesHeld(worker.ranges_held);
  out.setJob(number(worker.job));
  out.setFirstFrame(worker.frames.first);
  out.setEndFrame(worker.frames.end);
  out.setFramesDone(worker.frames_done);
}

void put_workers(schema::ClientReply::Workers::Builder out, const WorkerList& workers) {
  out.setFirst(workers.first);
  out.setTotal(workers.total);
  auto list = out.initList(static_cast<unsigned>(workers.workers.size()));
  for (unsigned i = 0; i < workers.workers.size(); ++i) put_worker(list[i], workers.workers[i]);
}

Result<WorkerInfo> get_worker(schema::WorkerInfo::Reader in) {
  const auto state = static_cast<std::uint16_t>(in.getState());
  if (state > static_cast<std::uint16_t>(WorkerState::Draining)) {
    return rejected("unknown worker state " + std::to_string(state));
  }
  if (static_cast<std::uint16_t>(in.getRole()) > static_cast<std::uint16_t>(Stage::Render)) {
    return rejected("unknown stage " + std::to_string(static_cast<int>(in.getRole())));
  }
  WorkerInfo worker;
  worker.session = SessionId{in.getSession()};
  worker.worker = text(in.getWorker());
  worker.host = text(in.getHost());
  worker.pid = in.getPid();
  worker.role = in.getRole() == schema::Stage::POSE ? Stage::Pose : Stage::Render;
  worker.device = text(in.getDevice());
  worker.models = in.getModels();
  worker.model_hash = text(in.getModelHash());
  worker.key_name = text(in.getKeyName());
  worker.state = static_cast<WorkerState>(state);
  worker.frames_per_second = in.getFramesPerSecond();
  worker.ranges_held = in.getRangesHeld();
  worker.job = JobId{in.getJob()};
  worker.frames = {in.getFirstFrame(), in.getEndFrame()};
  worker.frames_done = in.getFramesDone();
  return worker;
}

Result<ClientReply> get_workers(schema::ClientReply::Workers::Reader in) {
  WorkerList list{in.getFirst(), in.getTotal(), {}};
  for (const auto worker : in.getList()) {
    POSEFLEET_TRY(WorkerInfo info, get_worker(worker));
    list.workers.push_back(std::move(info));
  }
  return ClientReply{std::move(list)};
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
    case schema::ClientRequest::WORKERS:
      return ClientRequest{ListWorkers{root.getWorkers()}};
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
    case schema::ClientReply::WORKERS:
      return get_workers(root.getWorkers());
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
  } else if (const auto* cancel = std::get_if<CancelJob>(&message)) {
    root.setCancel(number(cancel->job));
  } else {
    root.setWorkers(std::get<ListWorkers>(message).first);
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
  } else if (const auto* workers = std::get_if<WorkerList>(&message)) {
    put_workers(root.initWorkers(), *workers);
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
