#include "common/wire/codec.h"
#include "common/wire/framing.h"
#include "common/wire/stats_codec.h"

#include "schemas/control.capnp.h"

namespace posefleet {
namespace {

using wire::data;
using wire::text;

template <typename Builder>
void put_token(Builder builder, const Token& token) {
  builder.setEpoch(token.epoch);
  builder.setSeq(token.seq);
}

Token get_token(schema::Token::Reader reader) {
  return {reader.getEpoch(), reader.getSeq()};
}

template <typename Message>
void put_result_id(Message builder, RangeId range, const Token& token) {
  builder.setRange(number(range));
  put_token(builder.initToken(), token);
}

template <typename List>
void put_held(List list, const std::vector<HeldLease>& held) {
  for (unsigned i = 0; i < held.size(); ++i) {
    put_result_id(list[i], held[i].range, held[i].token);
    list[i].setFramesDone(held[i].frames_done);
    list[i].setIsExecuting(held[i].is_executing);
    list[i].setSteps(held[i].steps);
  }
}

std::vector<HeldLease> get_held(capnp::List<schema::HeldLease>::Reader list) {
  std::vector<HeldLease> held;
  held.reserve(list.size());
  for (const auto lease : list) {
    held.push_back({RangeId{lease.getRange()}, get_token(lease.getToken()), lease.getFramesDone(),
                    lease.getIsExecuting(), lease.getSteps()});
  }
  return held;
}

template <typename List>
void put_result_ids(List list, const std::vector<ResultId>& ids) {
  for (unsigned i = 0; i < ids.size(); ++i) put_result_id(list[i], ids[i].range, ids[i].token);
}

std::vector<ResultId> get_result_ids(capnp::List<schema::ResultId>::Reader list) {
  std::vector<ResultId> ids;
  ids.reserve(list.size());
  for (const auto id : list) ids.push_back({RangeId{id.getRange()}, get_token(id.getToken())});
  return ids;
}

Result<Stage> get_stage(schema::Stage stage) {
  if (stage == schema::Stage::POSE) return Stage::Pose;
  if (stage == schema::Stage::RENDER) return Stage::Render;
  return rejected("unknown stage " + std::to_string(static_cast<int>(stage)));
}

schema::Stage to_schema(Stage stage) {
  return stage == Stage::Pose ? schema::Stage::POSE : schema::Stage::RENDER;
}

void put(schema::WorkerMessage::Builder root, const Hello& hello) {
  auto out = root.initHello();
  out.setProtocolVersion(hello.protocol_version);
  out.setWorker(text(hello.worker));
  out.setIncarnation(hello.incarnation);
  out.setHost(text(hello.host));
  out.setPid(hello.pid);
  out.setRole(to_schema(hello.role));
  out.setDevice(text(hello.device));
  out.setModels(hello.models);
  out.setModelHash(text(hello.model_hash));
  out.setCreditTotal(hello.credit_total);
  out.setDetectorState(static_cast<schema::DetectorState>(hello.detector_state));
  out.setDetector(text(hello.detector));
  out.setTaskBytesMax(hello.task_bytes_max);
  out.setResultBytesMax(hello.result_bytes_max);
  put_held(out.initHeld(hello.held.size()), hello.held);
  put_result_ids(out.initUnacknowledged(hello.unacknowledged.size()), hello.unacknowledged);
}

void put(schema::WorkerMessage::Builder root, const Heartbeat& beat) {
  auto out = root.initHeartbeat();
  out.setSession(number(beat.session));
  out.setCreditTotal(beat.credit_total);
  put_held(out.initHeld(beat.held.size()), beat.held);
}

void put(schema::WorkerMessage::Builder root, const ResultPart& part) {
  auto out = root.initResultPart();
  out.setSession(number(part.session));
  put_result_id(out, part.range, part.token);
  out.setOffset(part.offset);
  out.setBytes(data(part.bytes));
}

void put(schema::WorkerMessage::Builder root, const ResultDone& result) {
  auto out = root.initResultDone();
  out.setSession(number(result.session));
  put_result_id(out, result.range, result.token);
  out.setPlanHash(text(result.plan_hash));
  out.setSize(result.size);
  out.setSha256(text(result.sha256));
  out.setFrames(result.frames);
  wire::put_stats(out.initStats(), result.stats);
}

void put(schema::WorkerMessage::Builder root, const Fail& fail) {
  auto out = root.initFail();
  out.setSession(number(fail.session));
  put_result_id(out, fail.range, fail.token);
  out.setFailClass(static_cast<schema::FailClass>(fail.fail_class));
  out.setMessage(text(fail.message));
}

void put(schema::WorkerMessage::Builder root, const Bye& bye) {
  root.initBye().setSession(number(bye.session));
}

Result<WorkerMessage> get_hello(schema::Hello::Reader in) {
  Hello hello;
  hello.protocol_version = in.getProtocolVersion();
  hello.worker = text(in.getWorker());
  hello.incarnation = in.getIncarnation();
  hello.host = text(in.getHost());
  hello.pid = in.getPid();
  POSEFLEET_TRY(hello.role, get_stage(in.getRole()));
  hello.device = text(in.getDevice());
  hello.models = in.getModels();
  hello.model_hash = text(in.getModelHash());
  const auto state = static_cast<std::uint16_t>(in.getDetectorState());
  if (state > static_cast<std::uint16_t>(DetectorState::Failed)) {
    return rejected("unknown detector state " + std::to_string(state));
  }
  hello.detector_state = static_cast<DetectorState>(state);
  hello.detector = text(in.getDetector());
  hello.task_bytes_max = in.getTaskBytesMax();
  hello.result_bytes_max = in.getResultBytesMax();
  hello.credit_total = in.getCreditTotal();
  hello.held = get_held(in.getHeld());
  hello.unacknowledged = get_result_ids(in.getUnacknowledged());
  return WorkerMessage{std::move(hello)};
}

Result<WorkerMessage> get_fail(schema::Fail::Reader in) {
  const auto number_of_class = static_cast<std::uint16_t>(in.getFailClass());
  if (number_of_class > static_cast<std::uint16_t>(FailClass::Returned)) {
    return rejected("unknown fail class " + std::to_string(number_of_class));
  }
  return WorkerMessage{Fail{SessionId{in.getSession()}, RangeId{in.getRange()},
                            get_token(in.getToken()), static_cast<FailClass>(number_of_class),
                            text(in.getMessage())}};
}

Result<WorkerMessage> get_worker_message(schema::WorkerMessage::Reader root) {
  switch (root.which()) {
    case schema::WorkerMessage::HELLO:
      return get_hello(root.getHello());
    case schema::WorkerMessage::HEARTBEAT: {
      const auto in = root.getHeartbeat();
      return WorkerMessage{
          Heartbeat{SessionId{in.getSession()}, in.getCreditTotal(), get_held(in.getHeld())}};
    }
    case schema::WorkerMessage::RESULT_PART: {
      const auto in = root.getResultPart();
      return WorkerMessage{ResultPart{SessionId{in.getSession()}, RangeId{in.getRange()},
                                      get_token(in.getToken()), in.getOffset(),
                                      data(in.getBytes())}};
    }
    case schema::WorkerMessage::RESULT_DONE: {
      const auto in = root.getResultDone();
      return WorkerMessage{ResultDone{SessionId{in.getSession()}, RangeId{in.getRange()},
                                      get_token(in.getToken()), text(in.getPlanHash()),
                                      in.getSize(), text(in.getSha256()), in.getFrames(),
                                      wire::get_stats(in.getStats())}};
    }
    case schema::WorkerMessage::FAIL:
      return get_fail(root.getFail());
    case schema::WorkerMessage::BYE:
      return WorkerMessage{Bye{SessionId{root.getBye().getSession()}}};
  }
  return rejected("unknown worker message " + std::to_string(root.which()));
}

void put(schema::CoordinatorMessage::Builder root, const Welcome& welcome) {
  auto out = root.initWelcome();
  out.setSession(number(welcome.session));
  out.setEpoch(welcome.epoch);
  out.setHeartbeatMs(welcome.heartbeat_ms);
  out.setPartBytesMax(welcome.part_bytes_max);
  out.setResultBytesMax(welcome.result_bytes_max);
  put_result_ids(out.initDrop(welcome.drop.size()), welcome.drop);
}

void put(schema::CoordinatorMessage::Builder root, const Grant& grant) {
  auto out = root.initGrant();
  out.setSession(number(grant.session));
  put_result_id(out, grant.range, grant.token);
  out.setStage(to_schema(grant.stage));
  out.setFirstFrame(grant.frames.first);
  out.setEndFrame(grant.frames.end);
  out.setPlanHash(text(grant.plan_hash));
  out.setLeaseMs(grant.lease_ms);
  out.setTask(data(grant.task));
}

void put(schema::CoordinatorMessage::Builder root, const ResultAck& ack) {
  put_result_id(root.initResultAck(), ack.range, ack.token);
}
void put(schema::CoordinatorMessage::Builder root, const ResendResult& resend) {
  put_result_id(root.initResendResult(), resend.range, resend.token);
}
void put(schema::CoordinatorMessage::Builder root, const CancelRange& cancel) {
  put_result_id(root.initCancelRange(), cancel.range, cancel.token);
}
void put(schema::CoordinatorMessage::Builder root, const UnknownSession&) {
  root.setUnknownSession();
}
void put(schema::CoordinatorMessage::Builder root, const Refused& refused) {
  root.setRefused(text(refused.reason));
}

Result<CoordinatorMessage> get_welcome(schema::Welcome::Reader in) {
  Welcome welcome{SessionId{in.getSession()}, in.getEpoch(),          in.getHeartbeatMs(),
                  in.getPartBytesMax(),       in.getResultBytesMax(), get_result_ids(in.getDrop())};
  // A worker would send parts of nothing, or beat without a pause.
  if (welcome.part_bytes_max == 0) return rejected("a welcome that takes parts of 0 bytes");
  if (welcome.heartbeat_ms == 0) return rejected("a welcome that wants a heartbeat every 0 ms");
  return CoordinatorMessage{std::move(welcome)};
}

Result<CoordinatorMessage> get_grant(schema::Grant::Reader in) {
  Grant grant;
  grant.session = SessionId{in.getSession()};
  grant.range = RangeId{in.getRange()};
  grant.token = get_token(in.getToken());
  POSEFLEET_TRY(grant.stage, get_stage(in.getStage()));
  grant.frames = {in.getFirstFrame(), in.getEndFrame()};
  if (grant.frames.end <= grant.frames.first) return rejected("a grant without frames");
  grant.plan_hash = text(in.getPlanHash());
  grant.lease_ms = in.getLeaseMs();
  grant.task = data(in.getTask());
  return CoordinatorMessage{std::move(grant)};
}

template <typename Message, typename Reader>
CoordinatorMessage get_range_message(Reader in) {
  return Message{RangeId{in.getRange()}, get_token(in.getToken())};
}

Result<CoordinatorMessage> get_coordinator_message(schema::CoordinatorMessage::Reader root) {
  switch (root.which()) {
    case schema::CoordinatorMessage::WELCOME:
      return get_welcome(root.getWelcome());
    case schema::CoordinatorMessage::GRANT:
      return get_grant(root.getGrant());
    case schema::CoordinatorMessage::RESULT_ACK:
      return get_range_message<ResultAck>(root.getResultAck());
    case schema::CoordinatorMessage::RESEND_RESULT:
      return get_range_message<ResendResult>(root.getResendResult());
    case schema::CoordinatorMessage::CANCEL_RANGE:
      return get_range_message<CancelRange>(root.getCancelRange());
    case schema::CoordinatorMessage::UNKNOWN_SESSION:
      return CoordinatorMessage{UnknownSession{}};
    case schema::CoordinatorMessage::REFUSED:
      return CoordinatorMessage{Refused{text(root.getRefused())}};
  }
  return rejected("unknown coordinator message " + std::to_string(root.which()));
}

template <typename Root, typename Message>
std::string encode_union(const Message& message) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<Root>();
  std::visit([&](const auto& one) { put(root, one); }, message);
  return wire::to_bytes(builder);
}

}  // namespace

std::string encode(const WorkerMessage& message) {
  return encode_union<schema::WorkerMessage>(message);
}

std::string encode(const CoordinatorMessage& message) {
  return encode_union<schema::CoordinatorMessage>(message);
}

Result<WorkerMessage> decode_worker_message(std::string_view bytes) {
  return wire::read_message<schema::WorkerMessage>("worker message", bytes, get_worker_message);
}

Result<CoordinatorMessage> decode_coordinator_message(std::string_view bytes) {
  return wire::read_message<schema::CoordinatorMessage>("coordinator message", bytes,
                                                        get_coordinator_message);
}

}  // namespace posefleet
