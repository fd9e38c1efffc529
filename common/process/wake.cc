#include "common/process/wake.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace posefleet {
namespace {

constexpr std::array kStopSignals = {SIGTERM, SIGINT, SIGHUP};

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kStopSignals) sigaddset(&set, signal);
  return set;
}

// Where the handler writes; -1 while there is no StopSignal.
std::atomic<int> stray_pipe = -1;
static_assert(std::atomic<int>::is_always_lock_free, "a handler must not wait for a lock");

void note_stray(int signal) {
  const int saved = errno;
  const auto number = static_cast<std::uint8_t>(signal);
  // Fails only when the pipe is full, and then the loop is awake anyway.
  [[maybe_unused]] const ssize_t count = write(stray_pipe.load(), &number, 1);
  errno = saved;
}

void set_handlers(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  for (const int signal : kStopSignals) POSEFLEET_CHECK(sigaction(signal, &action, nullptr) == 0);
}

void watch(int epoll, int fd) {
  epoll_event event = {.events = EPOLLIN, .data = {}};
  POSEFLEET_CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

}  // namespace

WakeEvent::WakeEvent() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  POSEFLEET_CHECK(fd_ >= 0);
}

WakeEvent::~WakeEvent() {
  close(fd_);
}

void WakeEvent::wake() {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the loop is awake anyway.
  [[maybe_unused]] const ssize_t count = write(fd_, &one, sizeof one);
}

void WakeEvent::clear() {
  std::uint64_t counter = 0;
  [[maybe_unused]] const ssize_t count = read(fd_, &counter, sizeof counter);
}

StopSignal::StopSignal() {
  const sigset_t set = stop_signals();
  POSEFLEET_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  blocked_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  both_ = epoll_create1(EPOLL_CLOEXEC);
  POSEFLEET_CHECK(blocked_ >= 0 && both_ >= 0);
  POSEFLEET_CHECK(pipe2(strays_, O_CLOEXEC | O_NONBLOCK) == 0);
  watch(both_, blocked_);
  watch(both_, strays_[0]);
  POSEFLEET_CHECK(stray_pipe.exchange(strays_[1]) == -1);
  set_handlers(note_stray);
}

StopSignal::~StopSignal() {
  // Ignored from here on: a signal that comes while the process ends by itself has nothing to stop.
  set_handlers(SIG_IGN);
  stray_pipe = -1;
  for (const int fd : {blocked_, strays_[0], strays_[1], both_}) close(fd);
}

int StopSignal::take() {
  signalfd_siginfo info{};
  if (read(blocked_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    return static_cast<int>(info.ssi_signo);
  }
  std::uint8_t number = 0;
  return read(strays_[0], &number, 1) == 1 ? number : 0;
}

}  // namespace posefleet
