#include "worker/runtime/outbox.h"

#include <gtest/gtest.h>

#include "common/wire/codec.h"

namespace posefleet::tests {
namespace {

ResultDone result_of(std::uint64_t range) {
  ResultDone done;
  done.session = SessionId{1};
  done.range = RangeId{range};
  done.token = {2, 3};
  return done;
}

std::vector<WorkerMessage> drain(Outbox& outbox) {
  std::vector<WorkerMessage> messages;
  while (!outbox.is_empty()) {
    messages.push_back(*decode_worker_message(outbox.front()));
    outbox.pop_front();
  }
  return messages;
}

TEST(Outbox, AResultLeavesInPartsAndThenItsAnnouncement) {
  Outbox outbox;
  outbox.add_result(result_of(5), "abcdefg", 3);
  const auto part = [](std::uint64_t offset, const char* bytes) {
    return WorkerMessage{ResultPart{SessionId{1}, RangeId{5}, {2, 3}, offset, bytes}};
  };
  EXPECT_EQ(drain(outbox), (std::vector<WorkerMessage>{part(0, "abc"), part(3, "def"), part(6, "g"),
                                                       result_of(5)}));
}

TEST(Outbox, OneCopyOfAResultWaits) {
  Outbox outbox;
  for (int i = 0; i < 100; ++i) {
    outbox.add_result(result_of(5), "abcdef", 3);
    outbox.add_result(result_of(6), "abc", 3);
  }
  EXPECT_EQ(outbox.size(), 3u + 2u);
  // While its last word has not left, it waits; then it may be said again.
  outbox.pop_front();
  outbox.pop_front();
  outbox.add_result(result_of(5), "abcdef", 3);
  EXPECT_EQ(outbox.size(), 1u + 2u);
  outbox.pop_front();
  outbox.add_result(result_of(5), "abcdef", 3);
  EXPECT_EQ(outbox.size(), 2u + 3u);
}

TEST(Outbox, TheLastHeartbeatStandsForThoseBeforeIt) {
  Outbox outbox;
  outbox.add(Bye{SessionId{1}});
  for (std::uint64_t credit = 1; credit <= 1000; ++credit) {
    outbox.add(Heartbeat{SessionId{1}, credit, {}});
  }
  EXPECT_EQ(drain(outbox),
            (std::vector<WorkerMessage>{Bye{SessionId{1}}, Heartbeat{SessionId{1}, 1000, {}}}));
}

TEST(Outbox, OrderIsKeptBetweenOtherMessages) {
  Outbox outbox;
  const std::vector<WorkerMessage> messages = {Heartbeat{SessionId{1}, 1, {}}, Fail{SessionId{1}},
                                               Heartbeat{SessionId{1}, 2, {}}, Fail{SessionId{2}}};
  for (const WorkerMessage& message : messages) outbox.add(message);
  EXPECT_EQ(drain(outbox), messages);
}

TEST(Outbox, ANewSocketBeginsEmpty) {
  Outbox outbox;
  outbox.add_result(result_of(5), "abcdef", 3);
  outbox.clear();
  EXPECT_TRUE(outbox.is_empty());
  outbox.add_result(result_of(5), "abcdef", 3);
  EXPECT_EQ(outbox.size(), 3u);
}

}  // namespace
}  // namespace posefleet::tests
