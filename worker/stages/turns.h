// One at a time, in the order of asking, and those who wait see that it goes on.
//
// Two ranges share a network, so that one's frames are decoded and cropped while the other's batch
// runs. A mutex does not do: the thread that gave it back gets it again before those who sleep, and
// a range that starves loses its lease. Nor may a range lose it because the other's batch takes
// long; so each step of the one who works counts as progress for those who wait. If the work hangs,
// nobody sees steps, and the leases end as they should.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

namespace posefleet {

// Any thread.
class Turns final {
 public:
  // Somebody's turn, until it is destroyed.
  class Turn final {
   public:
    ~Turn() { turns_.end(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // Tells those who wait that the work goes on.
    void step() { turns_.step(); }

   private:
    friend class Turns;
    explicit Turn(Turns& turns) : turns_(turns) {}
    Turns& turns_;
  };

  Turns() = default;
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // Waits for its turn; `on_step` (may be empty) is called for steps that others do meanwhile, on
  // this thread and with no lock held.
  Turn take(const std::function<void()>& on_step) {
    std::unique_lock lock(mutex_);
    const std::uint64_t ticket = next_++;
    std::uint64_t seen = steps_;
    while (ticket != serving_) {
      changed_.wait(lock, [&] { return ticket == serving_ || steps_ != seen; });
      if (steps_ == seen) continue;
      seen = steps_;
      lock.unlock();
      if (on_step) on_step();
      lock.lock();
    }
    return Turn(*this);
  }

 private:
  void step() {
    const std::scoped_lock lock(mutex_);
    ++steps_;
    changed_.notify_all();
  }
  void end() {
    const std::scoped_lock lock(mutex_);
    ++serving_;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t next_ = 0;     // ticket
  std::uint64_t serving_ = 0;  // ticket
  std::uint64_t steps_ = 0;
};

}  // namespace posefleet
