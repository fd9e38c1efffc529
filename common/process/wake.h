// Wakes a loop that waits on file descriptors: an eventfd for threads, and a descriptor for SIGTERM
// and SIGINT, so that a signal is an event like any other.
#pragma once

#include "common/base/result.h"

namespace posefleet {

// Any thread may call wake(); the loop that owns it polls fd() and calls clear().
class WakeEvent final {
 public:
  WakeEvent();
  ~WakeEvent();
  WakeEvent(const WakeEvent&) = delete;
  WakeEvent& operator=(const WakeEvent&) = delete;

  int fd() const { return fd_; }
  void wake();
  void clear();

 private:
  int fd_;
};

// Turns SIGTERM, SIGINT and SIGHUP into a readable descriptor. Blocks them for the threads that are
// started after it, so it is made before our first one.
//
// Threads that are older belong to libraries (OpenBLAS starts its own before main) and do not block
// the signals; the kernel would hand one of them the signal and with it the default action, the end
// of the process. For those there is a handler that does nothing but write to a pipe.
//
// One at a time in a process: dispositions of signals belong to the process.
class StopSignal final {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // Readable when a signal has arrived, until take() has returned it.
  int fd() const { return both_; }
  // The number of a signal that arrived, 0 when there is none.
  int take();

 private:
  int blocked_ = -1;          // signalfd: what threads that block the signals are sent
  int strays_[2] = {-1, -1};  // pipe: what the handler saw
  int both_ = -1;             // epoll over the two
};

}  // namespace posefleet
