#include "worker/runtime/runtime.h"

#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include <unistd.h>

#include "common/files/sha256.h"
#include "common/net/socket.h"
#include "common/process/bounded_queue.h"
#include "common/process/clock.h"
#include "common/process/log.h"
#include "common/process/wake.h"
#include "common/wire/codec.h"
#include "worker/core/worker.h"
#include "worker/runtime/link.h"
#include "worker/runtime/outbox.h"

namespace posefleet {
namespace {

// How often progress is read and timers are judged.
constexpr std::chrono::milliseconds kTick{50};
// While messages wait for a full pipe, it is tried again that soon.
constexpr std::chrono::milliseconds kRetrySend{5};
constexpr std::chrono::seconds kDrainMax{10};
// Of the reason for a failure, as the coordinator is told; it takes no more than four times that.
constexpr std::size_t kReasonBytesMax = 4096;

struct Job {
  Grant grant;
  std::shared_ptr<RangeProgress> progress;
};

struct Finished {
  RangeId range{};
  std::shared_ptr<RangeProgress> progress;
  Result<RangeOutput> output;
  std::string sha256;
};

// One executor and its thread.
class ExecutorThread final {
 public:
  ExecutorThread(std::unique_ptr<RangeExecutor> executor, BoundedQueue<Job>& jobs,
                 BoundedQueue<Finished>& finished, WakeEvent& wake)
      : executor_(std::move(executor)), thread_([this, &jobs, &finished, &wake] {
          while (std::optional<Job> job = jobs.pop()) {
            auto output = executor_->run(job->grant, *job->progress);
            std::string sha256 = output ? sha256_hex(output->bytes) : std::string();
            finished.push(
                {job->grant.range, std::move(job->progress), std::move(output), std::move(sha256)});
            wake.wake();
          }
        }) {}

 private:
  std::unique_ptr<RangeExecutor> executor_;
  std::jthread thread_;
};

// An executor that hangs cannot be waited for, and nothing here outlives the process: what was not
// acknowledged is done again by others.
[[noreturn]] void leave_at_once(int exit_code) {
  std::_Exit(exit_code);
}

core::WorkerSettings settings_for(const RuntimeConfig& config, std::size_t executors) {
  core::WorkerSettings settings;
  settings.executors = static_cast<std::uint32_t>(executors);
  settings.prefetch = config.prefetch;
  return settings;
}

}  // namespace

class Runtime::Loop final {
 public:
  Loop(const RuntimeConfig& config, std::vector<std::unique_ptr<RangeExecutor>> executors,
       StopSignal& stop)
      : config_(config),
        stop_(stop),
        link_(context_, config.coordinator, config.keys),
        jobs_(executors.size() * 2),
        finished_(executors.size() * 2 + 2),
        rules_(settings_for(config, executors.size()), config.hello) {
    for (auto& executor : executors) {
      threads_.push_back(
          std::make_unique<ExecutorThread>(std::move(executor), jobs_, finished_, wake_));
    }
  }

  ~Loop() {
    for (auto& [range, progress] : running_) progress->cancel();
    jobs_.close();
    finished_.close();
  }

  int run();

 private:
  void wait();
  void receive();
  void take_finished();
  void read_progress();
  void flush();
  void execute(const core::WorkerCommands& commands);
  void execute_one(const core::OpenSocket&);
  void execute_one(const core::Send& command);
  void execute_one(const core::SendResult& command);
  void execute_one(const core::StartRange& command);
  void execute_one(const core::StopRange& command);
  void execute_one(const core::ForgetResult& command);
  void execute_one(const core::Leave& command);

  RuntimeConfig config_;
  StopSignal& stop_;
  NetContext context_;
  Link link_;
  WakeEvent wake_;
  BoundedQueue<Job> jobs_;
  BoundedQueue<Finished> finished_;
  core::Worker rules_;
  std::map<RangeId, std::shared_ptr<RangeProgress>> running_;
  std::map<RangeId, std::string> results_;  // bytes until they are acknowledged
  Outbox outbox_;
  bool stop_requested_ = false;
  std::optional<int> exit_code_;
  // Last: its threads use the queues above.
  std::vector<std::unique_ptr<ExecutorThread>> threads_;
};

int Runtime::Loop::run() {
  execute(rules_.on_start(now()));
  Instant drain_until{};
  while (!exit_code_) {
    wait();
    if (stop_requested_) {
      stop_requested_ = false;
      if (drain_until != Instant{}) leave_at_once(130);
      drain_until = now() + kDrainMax;
      execute(rules_.on_drain(now()));
    }
    if (drain_until != Instant{} && now() > drain_until) {
      log_warn("left with unfinished ranges; the coordinator gives them to others");
      leave_at_once(0);
    }
    if (link_.look(now())) execute(rules_.on_shut_out(now()));
    receive();
    take_finished();
    read_progress();
    execute(rules_.on_tick(now()));
    flush();
  }
  return *exit_code_;
}

void Runtime::Loop::wait() {
  std::vector<PollItem> items = {{.fd = wake_.fd()}, {.fd = stop_.fd()}};
  link_.add_to(items);
  poll_readable(items, outbox_.is_empty() ? kTick : kRetrySend);
  if (items[0].is_readable) wake_.clear();
  if (items[1].is_readable) stop_requested_ = stop_.take() != 0;
}

void Runtime::Loop::receive() {
  while (const std::optional<std::string> bytes = link_.receive()) {
    auto message = decode_coordinator_message(*bytes);
    if (!message) {
      log_warn("dropped: " + message.error().message);
      continue;
    }
    execute(rules_.on_message(*message, now()));
  }
}

void Runtime::Loop::take_finished() {
  while (std::optional<Finished> finished = finished_.try_pop()) {
    const auto running = running_.find(finished->range);
    // A cancelled range may be granted again while its old run ends.
    if (running == running_.end() || running->second != finished->progress) continue;
    running_.erase(running);
    if (finished->output) {
      const std::uint64_t size = finished->output->bytes.size();
      results_[finished->range] = std::move(finished->output->bytes);
      execute(rules_.on_finished(finished->range, size, finished->sha256, finished->output->stats,
                                 now()));
      continue;
    }
    const Error& error = finished->output.error();
    log_warn("range " + std::to_string(number(finished->range)) + " failed: " + error.message);
    const FailClass fail_class =
        error.code == ErrorCode::Rejected ? FailClass::Data : FailClass::Worker;
    execute(rules_.on_failed(finished->range, fail_class, error.message.substr(0, kReasonBytesMax),
                             now()));
  }
}

void Runtime::Loop::read_progress() {
  for (const auto& [range, progress] : running_) {
    rules_.on_progress(range, progress->frames_done(), progress->steps());
  }
}

void Runtime::Loop::flush() {
  while (!outbox_.is_empty()) {
    if (!link_.send(outbox_.front())) return;
    outbox_.pop_front();
  }
}

void Runtime::Loop::execute(const core::WorkerCommands& commands) {
  for (const core::WorkerCommand& command : commands) {
    std::visit([&](const auto& one) { execute_one(one); }, command);
  }
  flush();
}

void Runtime::Loop::execute_one(const core::OpenSocket&) {
  outbox_.clear();
  link_.open(now());
}

void Runtime::Loop::execute_one(const core::Send& command) {
  outbox_.add(command.message);
}

void Runtime::Loop::execute_one(const core::SendResult& command) {
  outbox_.add_result(command.done, results_.at(command.done.range), command.part_bytes_max);
}

void Runtime::Loop::execute_one(const core::StartRange& command) {
  auto progress = std::make_shared<RangeProgress>();
  running_[command.grant.range] = progress;
  // There is room for one more than each executor runs: one that was stopped may still be in its
  // last frame. Beyond that an executor hangs, and only a new process brings it back.
  if (jobs_.try_push({command.grant, std::move(progress)})) return;
  log_error("an executor does not stop; leaving, to be started again");
  leave_at_once(1);
}

void Runtime::Loop::execute_one(const core::StopRange& command) {
  const auto running = running_.find(command.range);
  if (running == running_.end()) return;
  running->second->cancel();
  running_.erase(running);
}

void Runtime::Loop::execute_one(const core::ForgetResult& command) {
  results_.erase(command.range);
}

void Runtime::Loop::execute_one(const core::Leave& command) {
  if (command.exit_code == 0) {
    log_info("leaving: " + command.reason);
  } else {
    log_error(command.reason);
  }
  exit_code_ = command.exit_code;
}

Runtime::Runtime(const RuntimeConfig& config, std::vector<std::unique_ptr<RangeExecutor>> executors,
                 StopSignal& stop)
    : loop_(std::make_unique<Loop>(config, std::move(executors), stop)) {}

Runtime::~Runtime() = default;

int Runtime::run() {
  return loop_->run();
}

Hello describe_process(Stage role) {
  char host[256] = "localhost";
  gethostname(host, sizeof host - 1);
  std::random_device device;
  Hello hello;
  hello.role = role;
  hello.host = host;
  hello.pid = static_cast<std::uint64_t>(getpid());
  hello.incarnation = (std::uint64_t{device()} << 32) | device();
  hello.worker = hello.host + "/" + name_of(role) + "/" + std::to_string(hello.pid);
  return hello;
}

}  // namespace posefleet
