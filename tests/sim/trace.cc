#include "tests/sim/trace.h"

namespace posefleet::sim {
namespace {

std::string text(RangeId range, const Token& token) {
  return " " + std::to_string(number(range)) + "@" + std::to_string(token.epoch) + "." +
         std::to_string(token.seq);
}

std::string held_text(std::uint64_t credit, const std::vector<HeldLease>& held) {
  std::string words = " credit " + std::to_string(credit);
  for (const HeldLease& one : held) {
    words += text(one.range, one.token) +
             (one.is_executing ? " at " + std::to_string(one.frames_done) : " waits");
  }
  return words;
}

struct Words {
  std::string operator()(const Hello& hello) const {
    std::string words = "hello" + held_text(hello.credit_total, hello.held);
    for (const ResultId& one : hello.unacknowledged) words += text(one.range, one.token) + " kept";
    return words;
  }
  std::string operator()(const Heartbeat& beat) const {
    return "beat" + held_text(beat.credit_total, beat.held);
  }
  std::string operator()(const ResultPart& part) const {
    return "part of" + text(part.range, part.token) + " from " + std::to_string(part.offset);
  }
  std::string operator()(const ResultDone& done) const {
    return "result" + text(done.range, done.token);
  }
  std::string operator()(const Fail& fail) const {
    return "fail" + text(fail.range, fail.token) + " " + fail.message;
  }
  std::string operator()(const Bye&) const { return "bye"; }
  std::string operator()(const Welcome& welcome) const {
    std::string words = "welcome, epoch " + std::to_string(welcome.epoch) + ", drop";
    for (const ResultId& one : welcome.drop) words += text(one.range, one.token);
    return words;
  }
  std::string operator()(const Grant& grant) const {
    return "grant" + text(grant.range, grant.token);
  }
  std::string operator()(const ResultAck& ack) const { return "ack" + text(ack.range, ack.token); }
  std::string operator()(const ResendResult& one) const {
    return "resend" + text(one.range, one.token);
  }
  std::string operator()(const CancelRange& one) const {
    return "cancel" + text(one.range, one.token);
  }
  std::string operator()(const UnknownSession&) const { return "unknown session"; }
  std::string operator()(const Refused& refused) const { return "refused: " + refused.reason; }
};

}  // namespace

std::string in_words(const WorkerMessage& message) {
  return std::visit(Words{}, message);
}

std::string in_words(const CoordinatorMessage& message) {
  return std::visit(Words{}, message);
}

}  // namespace posefleet::sim
