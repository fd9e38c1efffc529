#include "common/process/wake.h"

#include <csignal>
#include <semaphore>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

namespace posefleet::tests {
namespace {

// Waits for the descriptor; the test's own time limit ends it if nothing comes.
int next_signal(StopSignal& stop) {
  pollfd entry = {.fd = stop.fd(), .events = POLLIN, .revents = 0};
  while (poll(&entry, 1, -1) != 1) continue;
  return stop.take();
}

TEST(StopSignal, HandsOverEachSignalOnce) {
  StopSignal stop;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    ASSERT_EQ(kill(getpid(), signal), 0);
    EXPECT_EQ(next_signal(stop), signal);
    EXPECT_EQ(stop.take(), 0);
  }
}

// As a library does whose threads are there before main: they do not block the signals.
TEST(StopSignal, SeesASignalThatAnOlderThreadOfALibraryReceives) {
  std::binary_semaphore may_end(0), is_ready(0);
  sigset_t none;
  sigemptyset(&none);
  std::jthread older([&] {
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
    is_ready.release();
    may_end.acquire();
  });
  is_ready.acquire();
  StopSignal stop;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    ASSERT_EQ(pthread_kill(older.native_handle(), signal), 0);
    EXPECT_EQ(next_signal(stop), signal);
  }
  may_end.release();
}

TEST(StopSignal, CanBeMadeAgain) {
  for (int i = 0; i < 2; ++i) {
    StopSignal stop;
    ASSERT_EQ(kill(getpid(), SIGTERM), 0);
    EXPECT_EQ(next_signal(stop), SIGTERM);
  }
}

}  // namespace
}  // namespace posefleet::tests
