// Wakes a loop that waits on file descriptors: an eventfd for threads, a signalfd for SIGTERM and
// SIGINT, so that a signal is an event like any other and no handler runs anywhere.
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

// Blocks SIGTERM, SIGINT and SIGHUP for the whole process and turns them into a readable
// descriptor. Must be made before the first thread starts (threads inherit the mask).
class StopSignal final {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  int fd() const { return fd_; }
  // The number of a signal that arrived, 0 when there is none.
  int take();

 private:
  int fd_;
};

}  // namespace posefleet
