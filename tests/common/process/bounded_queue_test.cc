#include "common/process/bounded_queue.h"

#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

TEST(BoundedQueue, GivesItemsInTheirOrder) {
  BoundedQueue<std::unique_ptr<int>> queue(3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue.push(std::make_unique<int>(i)));
  EXPECT_EQ(queue.depth(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(**queue.pop(), i);
  EXPECT_FALSE(queue.try_pop());
}

TEST(BoundedQueue, AClosedQueueGivesOutWhatItHoldsAndThenNothing) {
  BoundedQueue<int> queue(3);
  queue.push(1);
  queue.push(2);
  queue.close();
  EXPECT_FALSE(queue.push(3));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_EQ(queue.pop(), std::nullopt);
  EXPECT_EQ(queue.try_pop(), std::nullopt);
}

TEST(BoundedQueue, NeverHoldsMoreThanItsCapacity) {
  BoundedQueue<int> queue(2);
  std::size_t deepest = 0;
  std::jthread producer([&] {
    for (int i = 0; i < 10'000; ++i) queue.push(i);
    queue.close();
  });
  int expected = 0;
  while (const auto item = queue.pop()) {
    EXPECT_EQ(*item, expected++);
    deepest = std::max(deepest, queue.depth());
  }
  EXPECT_EQ(expected, 10'000);
  EXPECT_LE(deepest, 2u);
}

TEST(BoundedQueue, ClosingWakesProducersAndConsumersThatWait) {
  BoundedQueue<int> full(1);
  BoundedQueue<int> empty(1);
  full.push(0);
  bool was_pushed = true;
  std::optional<int> popped = 7;
  {
    std::jthread producer([&] { was_pushed = full.push(1); });
    std::jthread consumer([&] { popped = empty.pop(); });
    full.close();
    empty.close();
  }
  EXPECT_FALSE(was_pushed);
  EXPECT_EQ(popped, std::nullopt);
}

TEST(BoundedQueue, ManyProducersAndConsumersLoseNothing) {
  BoundedQueue<int> queue(4);
  std::vector<long> sums(4, 0);
  {
    std::vector<std::jthread> consumers;
    for (long& sum : sums) {
      consumers.emplace_back([&queue, &sum] {
        while (const auto item = queue.pop()) sum += *item;
      });
    }
    {
      std::vector<std::jthread> producers;
      for (int p = 0; p < 4; ++p) {
        producers.emplace_back([&queue] {
          for (int i = 1; i <= 1000; ++i) queue.push(i);
        });
      }
    }
    queue.close();
  }
  EXPECT_EQ(sums[0] + sums[1] + sums[2] + sums[3], 4 * 500'500L);
}

}  // namespace
}  // namespace posefleet::tests
