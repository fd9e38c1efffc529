#include "worker/core/worker.h"

#include <gtest/gtest.h>

namespace posefleet::core {
namespace {

using namespace std::chrono_literals;

constexpr SessionId kSession{11};

template <typename T>
std::vector<T> all(const WorkerCommands& commands) {
  std::vector<T> found;
  for (const WorkerCommand& command : commands) {
    if (const auto* one = std::get_if<T>(&command)) found.push_back(*one);
  }
  return found;
}

template <typename T>
std::vector<T> sent(const WorkerCommands& commands) {
  std::vector<T> found;
  for (const Send& send : all<Send>(commands)) {
    if (const auto* one = std::get_if<T>(&send.message)) found.push_back(*one);
  }
  return found;
}

Welcome welcome(SessionId session = kSession, std::uint64_t epoch = 5) {
  Welcome message;
  message.session = session;
  message.epoch = epoch;
  message.heartbeat_ms = 1000;
  message.part_bytes_max = 64;
  message.result_bytes_max = 1000;
  return message;
}

Grant grant(std::uint64_t range, std::uint64_t seq, SessionId session = kSession,
            std::uint64_t epoch = 5) {
  Grant message;
  message.session = session;
  message.range = RangeId{range};
  message.token = {epoch, seq};
  message.frames = {0, 10};
  message.plan_hash = "plan-" + std::to_string(range);
  return message;
}

// A worker on a made-up clock. The functions of an executor's life are short names here.
struct Bench {
  explicit Bench(std::uint32_t executors = 1, std::uint32_t prefetch = 1)
      : worker({.executors = executors, .prefetch = prefetch}, Hello{}) {}
  explicit Bench(const Hello& hello) : worker({.executors = 1, .prefetch = 1}, hello) {}

  WorkerCommands start() { return worker.on_start(now); }
  WorkerCommands hear(const CoordinatorMessage& message) { return worker.on_message(message, now); }
  void start_and_welcome() {
    start();
    hear(welcome());
  }
  WorkerCommands finish(std::uint64_t range, std::uint64_t size = 100) {
    return worker.on_finished(RangeId{range}, size, "sha", {}, now);
  }
  WorkerCommands fail(std::uint64_t range) {
    return worker.on_failed(RangeId{range}, FailClass::Data, "bad", now);
  }
  WorkerCommands tick_after(std::chrono::milliseconds time) {
    now += time;
    return worker.on_tick(now);
  }
  WorkerCommands ack(std::uint64_t range, std::uint64_t seq) {
    return hear(ResultAck{RangeId{range}, {5, seq}});
  }

  Worker worker;
  Instant now = 100s;
};

std::uint64_t credit_in(const WorkerCommands& commands) {
  const auto beats = sent<Heartbeat>(commands);
  return beats.empty() ? 0 : beats.back().credit_total;
}

TEST(Worker, SaysHelloUntilItIsWelcome) {
  Bench bench;
  const WorkerCommands started = bench.start();
  EXPECT_EQ(all<OpenSocket>(started).size(), 1u);
  ASSERT_EQ(sent<Hello>(started).size(), 1u);
  EXPECT_EQ(sent<Hello>(started)[0].credit_total, 2u);
  EXPECT_TRUE(bench.tick_after(499ms).empty());
  EXPECT_EQ(sent<Hello>(bench.tick_after(1ms)), sent<Hello>(started));
  bench.hear(welcome());
  EXPECT_TRUE(bench.worker.has_session());
  EXPECT_TRUE(sent<Hello>(bench.tick_after(10s)).empty());
}

TEST(Worker, TriesANewSocketWhereNobodyAnswers) {
  Bench bench;
  bench.start();
  std::size_t opened = 0;
  for (int i = 0; i < 250; ++i) opened += all<OpenSocket>(bench.tick_after(100ms)).size();
  EXPECT_EQ(opened, 2u);
}

TEST(Worker, ExecutesAsManyRangesAsItHasExecutorsAndKeepsTheOthersWaiting) {
  Bench bench(2, 1);
  bench.start_and_welcome();
  std::vector<RangeId> started;
  for (std::uint64_t range = 1; range <= 4; ++range) {
    for (const auto& one : all<StartRange>(bench.hear(grant(range, range)))) {
      started.push_back(one.grant.range);
    }
  }
  EXPECT_EQ(started, (std::vector<RangeId>{RangeId{1}, RangeId{2}}));
  EXPECT_EQ(bench.worker.ranges_held(), 4u);
  const auto next = all<StartRange>(bench.finish(2));
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].grant.range, RangeId{3});
}

TEST(Worker, ShowsItsProgressInHeartbeats) {
  Bench bench;
  bench.start_and_welcome();
  bench.hear(grant(1, 1));
  bench.hear(grant(2, 2));
  bench.worker.on_progress(RangeId{1}, 6);
  bench.worker.on_progress(RangeId{1}, 5);  // never back
  const auto beats = sent<Heartbeat>(bench.tick_after(1s));
  ASSERT_EQ(beats.size(), 1u);
  EXPECT_EQ(beats[0].session, kSession);
  EXPECT_EQ(beats[0].held, (std::vector<HeldLease>{{RangeId{1}, {5, 1}, 6, true},
                                                   {RangeId{2}, {5, 2}, 0, false}}));
  EXPECT_TRUE(sent<Heartbeat>(bench.tick_after(999ms)).empty());
}

TEST(Worker, GivesCreditForEveryRangeThatLeavesIt) {
  struct Case {
    const char* name;
    WorkerCommands (*end)(Bench&);
  };
  for (const Case& one : {
           Case{"acknowledged",
                [](Bench& bench) {
                  EXPECT_EQ(credit_in(bench.finish(1)), 0u);  // the result still takes room
                  return bench.ack(1, 1);
                }},
           Case{"failed", [](Bench& bench) { return bench.fail(1); }},
           Case{"cancelled",
                [](Bench& bench) {
                  return bench.hear(CancelRange{RangeId{1}, {5, 1}});
                }},
           Case{"too large", [](Bench& bench) { return bench.finish(1, 1001); }},
       }) {
    SCOPED_TRACE(one.name);
    Bench bench;
    bench.start_and_welcome();
    bench.hear(grant(1, 1));
    EXPECT_EQ(credit_in(one.end(bench)), 3u);
    EXPECT_EQ(bench.worker.ranges_held(), 0u);
  }
}

TEST(Worker, KeepsAResultAndSendsItAgainUntilItIsAcknowledged) {
  Bench bench;
  bench.start_and_welcome();
  bench.hear(grant(1, 1));
  const auto first = all<SendResult>(bench.finish(1));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].part_bytes_max, 64u);
  EXPECT_EQ(first[0].done.plan_hash, "plan-1");
  EXPECT_EQ(first[0].done.frames, 10u);
  EXPECT_TRUE(all<SendResult>(bench.tick_after(2999ms)).empty());
  EXPECT_EQ(all<SendResult>(bench.tick_after(1ms)).size(), 1u);
  EXPECT_EQ(all<SendResult>(bench.tick_after(3s)).size(), 1u);
  EXPECT_EQ(all<ForgetResult>(bench.ack(1, 1)).size(), 1u);
  EXPECT_TRUE(all<SendResult>(bench.tick_after(3s)).empty());
}

TEST(Worker, SendsAResultAgainSoonWhenItIsAskedTo) {
  Bench bench;
  bench.start_and_welcome();
  bench.hear(grant(1, 1));
  bench.finish(1);
  EXPECT_TRUE(all<SendResult>(bench.hear(ResendResult{RangeId{1}, {5, 1}})).empty());
  EXPECT_TRUE(all<SendResult>(bench.tick_after(499ms)).empty());
  EXPECT_EQ(all<SendResult>(bench.tick_after(1ms)).size(), 1u);
  EXPECT_TRUE(bench.hear(ResendResult{RangeId{9}, {5, 1}}).empty());
}

TEST(Worker, AnOldAcknowledgementDoesNotCostANewResult) {
  Bench bench;
  bench.start_and_welcome();
  bench.hear(grant(1, 8));
  bench.finish(1);
  EXPECT_TRUE(all<ForgetResult>(bench.ack(1, 1)).empty());
  EXPECT_EQ(all<SendResult>(bench.tick_after(3s)).size(), 1u);
}

TEST(Worker, UnknownSessionOpensANewSocketThatListsAllItHolds) {
  Bench bench(1, 2);
  bench.start_and_welcome();
  for (std::uint64_t range = 1; range <= 3; ++range) bench.hear(grant(range, range));
  bench.finish(1);
  bench.worker.on_progress(RangeId{2}, 4);
  const WorkerCommands commands = bench.hear(UnknownSession{});
  EXPECT_EQ(all<OpenSocket>(commands).size(), 1u);
  ASSERT_EQ(sent<Hello>(commands).size(), 1u);
  const Hello hello = sent<Hello>(commands)[0];
  EXPECT_EQ(hello.held, (std::vector<HeldLease>{{RangeId{2}, {5, 2}, 4, true},
                                                {RangeId{3}, {5, 3}, 0, false}}));
  EXPECT_EQ(hello.unacknowledged, (std::vector<ResultId>{{RangeId{1}, {5, 1}}}));
  EXPECT_EQ(hello.credit_total, 3u);
  // Each of our messages may be answered so; the others that come must not close the new socket.
  EXPECT_TRUE(bench.hear(UnknownSession{}).empty());
  // In the new session the result is offered again, under its number.
  const auto results = all<SendResult>(bench.hear(welcome(SessionId{22}, 6)));
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].done.session, SessionId{22});
  EXPECT_EQ(results[0].done.token, (Token{5, 1}));
}

TEST(Worker, WhoIsShutOutOpensANewSocketOnceAndKeepsWhatItHolds) {
  Bench bench;
  bench.start_and_welcome();
  bench.hear(grant(1, 1));
  const WorkerCommands commands = bench.worker.on_shut_out(bench.now);
  EXPECT_EQ(all<OpenSocket>(commands).size(), 1u);
  EXPECT_EQ(sent<Hello>(commands).at(0).held.size(), 1u);
  EXPECT_TRUE(all<StopRange>(commands).empty());
  EXPECT_FALSE(bench.worker.has_session());
  EXPECT_TRUE(bench.worker.on_shut_out(bench.now).empty());
}

TEST(Worker, EveryHelloOfASocketIsTheSame) {
  Bench bench(1, 1);
  bench.start_and_welcome();
  bench.hear(grant(1, 1));
  const auto first = sent<Hello>(bench.hear(UnknownSession{}));
  bench.finish(1);
  EXPECT_EQ(sent<Hello>(bench.tick_after(500ms)), first);
}

TEST(Worker, DropsWhatItsWelcomeSays) {
  Bench bench(1, 1);
  bench.start_and_welcome();
  bench.hear(grant(1, 1));
  bench.hear(grant(2, 2));
  bench.hear(UnknownSession{});
  Welcome message = welcome(SessionId{22}, 6);
  message.drop = {{RangeId{1}, {5, 1}}, {RangeId{2}, {5, 99}}};
  const WorkerCommands commands = bench.hear(message);
  EXPECT_EQ(all<StopRange>(commands).size(), 1u);
  // Another token is another promise.
  EXPECT_EQ(bench.worker.ranges_held(), 1u);
  EXPECT_EQ(credit_in(commands), 3u);
}

TEST(Worker, AnOlderEpochIsIgnored) {
  Bench bench;
  bench.start_and_welcome();
  bench.hear(UnknownSession{});
  EXPECT_TRUE(bench.hear(welcome(SessionId{22}, 4)).empty());
  EXPECT_FALSE(bench.worker.has_session());
  bench.hear(welcome(SessionId{23}, 6));
  EXPECT_TRUE(bench.worker.has_session());
  EXPECT_TRUE(bench.hear(grant(1, 1, SessionId{23}, 5)).empty());
  EXPECT_EQ(bench.worker.ranges_held(), 0u);
}

TEST(Worker, AGrantOfAnotherSessionIsIgnored) {
  Bench bench;
  EXPECT_TRUE(bench.start().size() == 2u && bench.hear(grant(1, 1)).empty());
  bench.hear(welcome());
  EXPECT_TRUE(bench.hear(grant(1, 1, SessionId{12})).empty());
}

TEST(Worker, AGrantThatComesTwiceIsOneRange) {
  Bench bench;
  bench.start_and_welcome();
  EXPECT_EQ(all<StartRange>(bench.hear(grant(1, 1))).size(), 1u);
  EXPECT_TRUE(bench.hear(grant(1, 1)).empty());
  bench.finish(1);
  EXPECT_TRUE(bench.hear(grant(1, 1)).empty());
  bench.ack(1, 1);
  EXPECT_TRUE(bench.hear(grant(1, 1)).empty());
  EXPECT_EQ(bench.worker.ranges_held(), 0u);
}

TEST(Worker, ARangeGrantedAgainGoesOnUnderTheNewToken) {
  Bench bench;
  bench.start_and_welcome();
  bench.hear(grant(1, 1));
  const WorkerCommands again = bench.hear(grant(1, 7));
  EXPECT_TRUE(all<StartRange>(again).empty());
  EXPECT_EQ(credit_in(again), 3u);
  EXPECT_EQ(all<SendResult>(bench.finish(1)).at(0).done.token, (Token{5, 7}));
}

TEST(Worker, AResultIsOfferedAtOnceForANewGrantOfItsRange) {
  Bench bench;
  bench.start_and_welcome();
  bench.hear(grant(1, 1));
  bench.finish(1);
  const WorkerCommands again = bench.hear(grant(1, 7));
  ASSERT_EQ(all<SendResult>(again).size(), 1u);
  EXPECT_EQ(all<SendResult>(again)[0].done.token, (Token{5, 7}));
  EXPECT_TRUE(all<StartRange>(again).empty());
  EXPECT_EQ(credit_in(again), 3u);
}

TEST(Worker, ACancelStopsWhatRunsAndStartsWhatWaits) {
  Bench bench;
  bench.start_and_welcome();
  bench.hear(grant(1, 1));
  bench.hear(grant(2, 2));
  EXPECT_TRUE(bench.hear(CancelRange{RangeId{1}, {5, 99}}).empty());
  const WorkerCommands cancelled = bench.hear(CancelRange{RangeId{1}, {5, 1}});
  ASSERT_EQ(all<StopRange>(cancelled).size(), 1u);
  ASSERT_EQ(all<StartRange>(cancelled).size(), 1u);
  EXPECT_EQ(all<StartRange>(cancelled)[0].grant.range, RangeId{2});
  // Its executor may have been faster than the word to stop.
  EXPECT_EQ(all<ForgetResult>(bench.finish(1)).size(), 1u);
  EXPECT_TRUE(bench.fail(1).empty());
}

TEST(Worker, ACancelForgetsAKeptResult) {
  Bench bench;
  bench.start_and_welcome();
  bench.hear(grant(1, 1));
  bench.finish(1);
  EXPECT_EQ(all<ForgetResult>(bench.hear(CancelRange{RangeId{1}, {5, 1}})).size(), 1u);
  EXPECT_TRUE(all<SendResult>(bench.tick_after(3s)).empty());
}

TEST(Worker, AResultThatNobodyTakesFailsItsRange) {
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1001}}) {
    SCOPED_TRACE(size);
    Bench bench;
    bench.start_and_welcome();
    bench.hear(grant(1, 1));
    const WorkerCommands commands = bench.finish(1, size);
    EXPECT_TRUE(all<SendResult>(commands).empty());
    EXPECT_EQ(all<ForgetResult>(commands).size(), 1u);
    ASSERT_EQ(sent<Fail>(commands).size(), 1u);
    EXPECT_EQ(sent<Fail>(commands)[0].message,
              "the result has " + std::to_string(size) +
                  " bytes, the coordinator and this worker take 1 to 1000");
  }
}

TEST(Worker, AResultThatItCannotKeepFailsItsRangeWithOrWithoutASession) {
  for (const bool has_session : {true, false}) {
    SCOPED_TRACE(has_session);
    Hello hello;
    hello.result_bytes_max = 500;
    Bench bench(hello);
    EXPECT_EQ(sent<Hello>(bench.start()).at(0).result_bytes_max, 500u);
    bench.hear(welcome());
    bench.hear(grant(1, 1));
    if (!has_session) bench.hear(UnknownSession{});
    EXPECT_EQ(all<ForgetResult>(bench.finish(1, 501)).size(), 1u);
    EXPECT_EQ(bench.worker.ranges_held(), 0u);
  }
}

TEST(Worker, ATaskThatItDoesNotTakeFailsItsRangeAndTakesNoRoom) {
  Hello hello;
  hello.task_bytes_max = 10;
  Bench bench(hello);
  bench.start_and_welcome();
  Grant large = grant(1, 1);
  large.task = std::string(11, 't');
  const WorkerCommands commands = bench.hear(large);
  EXPECT_TRUE(all<StartRange>(commands).empty());
  ASSERT_EQ(sent<Fail>(commands).size(), 1u);
  EXPECT_EQ(sent<Fail>(commands)[0].message, "its task has 11 bytes, this worker takes at most 10");
  EXPECT_EQ(credit_in(commands), 3u);
  large = grant(2, 2);
  large.task = std::string(10, 't');
  EXPECT_EQ(all<StartRange>(bench.hear(large)).size(), 1u);
}

TEST(Worker, DrainGivesBackWhatHasNotStartedAndLeavesWhenAllIsAcknowledged) {
  Bench bench;
  bench.start_and_welcome();
  bench.hear(grant(1, 1));
  bench.hear(grant(2, 2));
  const WorkerCommands drained = bench.worker.on_drain(bench.now);
  ASSERT_EQ(sent<Fail>(drained).size(), 1u);
  EXPECT_EQ(sent<Fail>(drained)[0].range, RangeId{2});
  EXPECT_EQ(sent<Fail>(drained)[0].fail_class, FailClass::Returned);
  EXPECT_TRUE(all<Leave>(drained).empty());
  // A grant that was under way goes back too.
  EXPECT_EQ(sent<Fail>(bench.hear(grant(3, 3))).size(), 1u);
  EXPECT_TRUE(all<Leave>(bench.finish(1)).empty());
  const WorkerCommands acknowledged = bench.ack(1, 1);
  EXPECT_EQ(sent<Bye>(acknowledged).size(), 1u);
  ASSERT_EQ(all<Leave>(acknowledged).size(), 1u);
  EXPECT_EQ(all<Leave>(acknowledged)[0].exit_code, 0);
  EXPECT_TRUE(bench.tick_after(10s).empty());
}

TEST(Worker, DrainLeavesAtOnceWhenNothingIsHeld) {
  Bench bench;
  bench.start();
  EXPECT_EQ(all<Leave>(bench.worker.on_drain(bench.now)).size(), 1u);
}

TEST(Worker, ADrainingWorkerAsksANewSessionForNothing) {
  Bench bench;
  bench.start_and_welcome();
  bench.hear(grant(1, 1));
  bench.worker.on_drain(bench.now);
  const auto hello = sent<Hello>(bench.hear(UnknownSession{}));
  ASSERT_EQ(hello.size(), 1u);
  EXPECT_EQ(hello[0].credit_total, hello[0].held.size());
}

TEST(Worker, LeavesWithCode3WhenItIsRefused) {
  Bench bench;
  bench.start();
  const auto leave = all<Leave>(bench.hear(Refused{"another version"}));
  ASSERT_EQ(leave.size(), 1u);
  EXPECT_EQ(leave[0].exit_code, 3);
  EXPECT_EQ(leave[0].reason, "the coordinator refuses this worker: another version");
}

}  // namespace
}  // namespace posefleet::core
