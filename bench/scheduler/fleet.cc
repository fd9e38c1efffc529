#include "bench/scheduler/fleet.h"

#include <algorithm>

#include "bench/scheduler/coordinator_process.h"
#include "common/base/check.h"

namespace posefleet::bench {
namespace {

using namespace std::chrono_literals;

// ZeroMQ allows 1023 sockets in a context, and each connection has two.
constexpr std::uint32_t kIdlePerContext = 250;

using Workers = std::vector<std::unique_ptr<FakeWorker>>;

void add_worker(Workers& workers, NetContext& context, const std::string& endpoint,
                const WorkerOptions& options, PoseProgress& poses) {
  auto worker = FakeWorker::connect(context, endpoint, options, poses);
  POSEFLEET_CHECK(worker.has_value());
  workers.push_back(std::move(*worker));
}

std::uint32_t sessions_in(const Workers& workers) {
  return static_cast<std::uint32_t>(std::count_if(
      workers.begin(), workers.end(), [](const auto& one) { return one->has_session(); }));
}

}  // namespace

Fleet::Fleet(const FleetOptions& options)
    : options_(options), poses_(options.pose_ranges), figures_(options.threads) {
  for (std::uint32_t first = 0; first < options.idle; first += kIdlePerContext) {
    const std::uint32_t count = std::min(kIdlePerContext, options.idle - first);
    threads_.emplace_back([this, count] { run_idle(count); });
  }
  for (std::uint32_t thread = 0, first = 0; thread < options.threads; ++thread) {
    const std::uint32_t end = options.sessions * (thread + 1) / options.threads;
    threads_.emplace_back(
        [this, thread, count = end - first, first] { run(thread, count, first); });
    first = end;
  }
}

Fleet::~Fleet() {
  is_over_ = true;
}

bool Fleet::wait_for_sessions() const {
  for (int i = 0; i < 3000; ++i) {
    if (welcomed_ == options_.sessions + options_.idle) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

void Fleet::run_idle(std::uint32_t count) {
  NetContext context;
  Workers workers;
  for (std::uint32_t i = 0; i < count; ++i) {
    add_worker(workers, context, options_.endpoint,
               {.role = Stage::Pose, .model_hash = "another", .credit = options_.credit}, poses_);
  }
  std::uint32_t known = 0;
  while (!is_over_) {
    for (const auto& worker : workers) {
      worker->receive(nullptr);
      worker->tick(now());
    }
    const std::uint32_t sessions = sessions_in(workers);
    welcomed_ += sessions - known;
    known = sessions;
    std::this_thread::sleep_for(100ms);
  }
}

void Fleet::run(std::size_t thread, std::uint32_t count, std::uint32_t first) {
  NetContext context;
  Workers workers;
  std::vector<PollItem> items;
  for (std::uint32_t i = first; i < first + count; ++i) {
    const bool draws = i % 8 == 7;
    add_worker(workers, context, options_.endpoint,
               {.role = draws ? Stage::Render : Stage::Pose,
                .model_hash = kModelHash,
                .credit = options_.credit,
                .people = options_.people},
               poses_);
    items.push_back({.socket = workers.back()->handle()});
  }
  const double own_rate = options_.results_per_second / options_.threads;
  std::uint32_t known = 0;
  Instant paced_until = now();
  std::size_t next = 0;
  while (!is_over_) {
    poll_readable(items, 1ms);
    Figures* figures = is_counted_ ? &figures_[thread] : nullptr;
    for (const auto& worker : workers) worker->receive(figures);
    const Instant time = now();
    if (!is_going_) paced_until = time;
    // Drawing is never paced: what is measured there is how long a ready range waits for its grant,
    // and a worker without credit would add its own slowness.
    const std::size_t begin = next;
    for (std::size_t i = 0; is_going_ && i < workers.size(); ++i) {
      const std::size_t at = (begin + i) % workers.size();
      FakeWorker& worker = *workers[at];
      const bool is_paced = own_rate > 0 && worker.role() == Stage::Pose;
      while (worker.has_result() && (!is_paced || paced_until <= time)) {
        worker.send_result();
        if (!is_paced) continue;
        paced_until += Instant(static_cast<std::int64_t>(1e9 / own_rate));
        next = at + 1;
        break;
      }
    }
    // What could not be sent for want of grants is not made up for later.
    paced_until = std::max(paced_until, time - Instant(10ms));
    for (const auto& worker : workers) worker->tick(time);
    if (known < count) {
      const std::uint32_t sessions = sessions_in(workers);
      welcomed_ += sessions - known;
      known = sessions;
    }
  }
}

Figures Fleet::stop() {
  is_over_ = true;
  threads_.clear();
  Figures all;
  for (const Figures& one : figures_) {
    all.commits += one.commits;
    all.credit_to_grant_ms.insert(all.credit_to_grant_ms.end(), one.credit_to_grant_ms.begin(),
                                  one.credit_to_grant_ms.end());
    all.result_to_grant_ms.insert(all.result_to_grant_ms.end(), one.result_to_grant_ms.begin(),
                                  one.result_to_grant_ms.end());
    all.ready_to_grant_ms.insert(all.ready_to_grant_ms.end(), one.ready_to_grant_ms.begin(),
                                 one.ready_to_grant_ms.end());
  }
  return all;
}

}  // namespace posefleet::bench
