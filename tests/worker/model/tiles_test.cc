#include "worker/model/tiles.h"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstdint>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

TEST(Tiles, DoEachPieceOnce) {
  for (const int threads : {1, 2, 5}) {
    Tiles tiles(threads);
    for (const int pieces : {0, 1, 3, 100}) {
      std::vector<std::atomic<int>> done(100);
      tiles.run(pieces, [&](int piece, std::byte*) { ++done[static_cast<std::size_t>(piece)]; });
      for (int i = 0; i < 100; ++i)
        EXPECT_EQ(done[static_cast<std::size_t>(i)], i < pieces ? 1 : 0);
    }
  }
}

// Each of two pieces waits for the other: on one thread this would never end.
TEST(Tiles, WorkSideBySide) {
  Tiles tiles(2);
  std::barrier<> both(2);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  tiles.run(2, [&](int, std::byte*) {
    both.arrive_and_wait();
    const std::scoped_lock lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(threads.size(), 2u);
}

TEST(Tiles, GiveEachThreadItsOwnAlignedScratch) {
  Tiles tiles(2);
  tiles.reserve_scratch(100);
  tiles.reserve_scratch(10000);
  tiles.reserve_scratch(50);
  std::barrier<> both(2);
  std::mutex mutex;
  std::set<std::byte*> scratches;
  tiles.run(2, [&](int piece, std::byte* scratch) {
    std::fill_n(scratch, 10000, static_cast<std::byte>(piece));
    both.arrive_and_wait();
    for (int i = 0; i < 10000; ++i) ASSERT_EQ(scratch[i], static_cast<std::byte>(piece));
    const std::scoped_lock lock(mutex);
    scratches.insert(scratch);
  });
  EXPECT_EQ(scratches.size(), 2u);
  for (std::byte* scratch : scratches)
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(scratch) % 64, 0u);
}

TEST(Tiles, PassOnWhatAPieceThrows) {
  Tiles tiles(2);
  const auto run = [&] {
    tiles.run(4, [](int piece, std::byte*) {
      if (piece == 2) throw std::runtime_error("piece 2");
    });
  };
  EXPECT_THROW(run(), std::runtime_error);
  // And are ready for the next job.
  std::atomic<int> done = 0;
  tiles.run(7, [&](int, std::byte*) { ++done; });
  EXPECT_EQ(done, 7);
}

// Jobs that are over before the helpers have looked at them: a late helper must not touch the next.
TEST(Tiles, KeepManyShortJobsApart) {
  Tiles tiles(4);
  for (int job = 0; job < 20000; ++job) {
    std::atomic<int> sum = 0;
    tiles.run(3, [&](int piece, std::byte*) { sum += piece + job; });
    ASSERT_EQ(sum, 3 + 3 * job);
  }
}

}  // namespace
}  // namespace posefleet::tests
