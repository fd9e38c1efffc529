// Many fake workers on a few threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "bench/scheduler/fake_worker.h"

namespace posefleet::bench {

struct FleetOptions {
  std::string endpoint;
  std::uint32_t sessions = 64;  // every eighth of them draws, when there are 8 or more
  std::uint32_t idle = 0;       // beside them, with credit, but of a model that no job wants
  std::uint32_t credit = 4;
  std::uint32_t people = 0;
  std::uint32_t threads = 2;
  double results_per_second = 0;  // of poses, at most; 0: each grant is answered at once
  std::size_t pose_ranges = 0;
};

// Owned by main, used by its thread; each worker belongs to one of the threads that are owned here.
class Fleet final {
 public:
  explicit Fleet(const FleetOptions& options);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // Waits until every session is welcomed; false when that takes longer than 30 s.
  bool wait_for_sessions() const;
  // From now on grants are answered.
  void go() { is_going_ = true; }
  // What happens from now on is counted.
  void begin_counting() { is_counted_ = true; }
  // Ends all threads; what they counted, together.
  Figures stop();

 private:
  void run(std::size_t thread, std::uint32_t workers, std::uint32_t first);
  void run_idle(std::uint32_t workers);

  FleetOptions options_;
  PoseProgress poses_;
  std::atomic<bool> is_going_ = false;
  std::atomic<bool> is_counted_ = false;
  std::atomic<bool> is_over_ = false;
  std::atomic<std::uint32_t> welcomed_ = 0;
  std::vector<Figures> figures_;  // by thread, read after it ended
  std::vector<std::jthread> threads_;
};

}  // namespace posefleet::bench
