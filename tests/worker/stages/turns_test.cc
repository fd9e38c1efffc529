#include "worker/stages/turns.h"

#include <latch>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

// Waits until `count` threads have asked after this one: the tickets are handed out under a lock,
// so what is asked for first comes first.
TEST(Turns, ComeInTheOrderOfAsking) {
  Turns turns;
  std::vector<int> order;
  std::vector<std::jthread> threads;
  {
    Turns::Turn first = turns.take({});
    for (int i = 0; i < 3; ++i) {
      std::latch asks(1);
      threads.emplace_back([&turns, &order, &asks, i] {
        // The first call of on_step comes when this thread waits, which is after it asked.
        bool is_waiting = false;
        Turns::Turn turn = turns.take([&] {
          if (!is_waiting) asks.count_down();
          is_waiting = true;
        });
        order.push_back(i);
      });
      while (!asks.try_wait()) first.step();
    }
  }
  threads.clear();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST(Turns, WhoGivesItBackDoesNotGetItBeforeThoseWhoWait) {
  Turns turns;
  std::vector<char> order;
  std::jthread other;
  {
    Turns::Turn mine = turns.take({});
    std::latch asks(1);
    other = std::jthread([&] {
      bool is_waiting = false;
      Turns::Turn turn = turns.take([&] {
        if (!is_waiting) asks.count_down();
        is_waiting = true;
      });
      order.push_back('b');
    });
    while (!asks.try_wait()) mine.step();
    order.push_back('a');
  }
  {
    Turns::Turn mine = turns.take({});
    order.push_back('a');
  }
  other.join();
  EXPECT_EQ(std::string(order.begin(), order.end()), "aba");
}

TEST(Turns, StepsAreSeenByThoseWhoWaitAndByNobodyWhenTheWorkHangs) {
  Turns turns;
  int steps = 0;
  std::jthread waiter;
  {
    Turns::Turn mine = turns.take({});
    std::latch three(3);
    waiter = std::jthread([&] {
      Turns::Turn turn = turns.take([&] {
        if (++steps <= 3) three.count_down();
      });
    });
    while (!three.try_wait()) mine.step();
  }
  waiter.join();
  EXPECT_GE(steps, 3);
  // Alone, nobody's steps are there to be seen.
  int own = 0;
  Turns::Turn mine = turns.take([&] { ++own; });
  mine.step();
  EXPECT_EQ(own, 0);
}

}  // namespace
}  // namespace posefleet::tests
