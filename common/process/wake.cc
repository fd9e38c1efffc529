#include "common/process/wake.h"

#include <csignal>
#include <cstdint>

#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace posefleet {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
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
  fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  POSEFLEET_CHECK(fd_ >= 0);
}

StopSignal::~StopSignal() {
  close(fd_);
}

int StopSignal::take() {
  signalfd_siginfo info{};
  if (read(fd_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return 0;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace posefleet
