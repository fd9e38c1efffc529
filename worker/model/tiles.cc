#include "worker/model/tiles.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <new>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <omp.h>
#include <pthread.h>

namespace posefleet {
namespace {

// A page, so that no two threads' scratch share a cache line, and the widest vector's alignment.
constexpr std::size_t kScratchAlignment = 4096;

// How often a helper looks for the next job before it sleeps, some 20 microseconds: a network's
// jobs follow each other closely, and waking a thread takes longer than most pauses between them.
constexpr int kLooksBeforeSleep = 500;

}  // namespace

// A job is known by its number. What is handed out is one atomic word, job number and next piece
// together, so that a helper that comes late cannot take a piece of a job that it has not seen.
class Tiles::Team final {
 public:
  explicit Team(Tiles& tiles) {
    for (int thread = 1; thread < tiles.threads_; ++thread) {
      helpers_.emplace_back(
          [this, &tiles, thread](const std::stop_token& stop) { help(tiles, thread, stop); });
      pthread_setname_np(helpers_.back().native_handle(),
                         ("model-" + std::to_string(thread)).c_str());
    }
  }

  ~Team() {
    for (std::jthread& helper : helpers_) helper.request_stop();
    // The helpers end before what they use: jthread's destructor joins.
    helpers_.clear();
  }

  void run(int count, const Work& work, std::byte* scratch) {
    finished_.store(0);
    failure_ = nullptr;
    const Job job = publish(count, work);
    work_on(job, scratch);
    for (int done = finished_.load(); done < count; done = finished_.load()) finished_.wait(done);
    if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  struct Job {
    std::uint32_t number = 0;
    int count = 0;
    const Work* work = nullptr;
  };

  static std::uint64_t ticket_of(std::uint32_t job, int piece) {
    return std::uint64_t{job} << 32 | static_cast<std::uint32_t>(piece);
  }

  Job publish(int count, const Work& work) {
    Job job;
    {
      const std::lock_guard lock(mutex_);
      job_ = {job_.number + 1, count, &work};
      job = job_;
      next_.store(ticket_of(job.number, 0));
      number_.store(job.number);
    }
    if (count > 1) job_is_there_.notify_all();
    return job;
  }

  // The job's next piece, or -1 when all are taken or another job has come.
  int take(const Job& job) {
    std::uint64_t ticket = next_.load();
    while (static_cast<std::uint32_t>(ticket >> 32) == job.number) {
      const auto piece = static_cast<int>(static_cast<std::uint32_t>(ticket));
      if (piece >= job.count) return -1;
      if (next_.compare_exchange_weak(ticket, ticket_of(job.number, piece + 1))) return piece;
    }
    return -1;
  }

  // Whoever holds a piece keeps the job alive: `run` returns when all pieces are finished.
  void work_on(const Job& job, std::byte* scratch) {
    for (int piece = take(job); piece >= 0; piece = take(job)) {
      try {
        (*job.work)(piece, scratch);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (failure_ == nullptr) failure_ = std::current_exception();
      }
      if (finished_.fetch_add(1) + 1 == job.count) finished_.notify_one();
    }
  }

  void help(const Tiles& tiles, int thread, const std::stop_token& stop) {
    const OneThread alone;
    std::uint32_t seen = 0;
    while (true) {
      for (int look = 0; look < kLooksBeforeSleep && number_.load() == seen; ++look) {
        __builtin_ia32_pause();
      }
      Job job;
      {
        std::unique_lock lock(mutex_);
        if (!job_is_there_.wait(lock, stop, [&] { return job_.number != seen; })) return;
        job = job_;
      }
      seen = job.number;
      work_on(job, tiles.scratch_of(thread));
    }
  }

  std::mutex mutex_;  // of job_ and failure_
  std::condition_variable_any job_is_there_;
  Job job_;
  std::exception_ptr failure_;
  std::atomic<std::uint32_t> number_{0};  // job_.number, to be looked at without the lock
  std::atomic<std::uint64_t> next_{0};
  std::atomic<int> finished_{0};
  std::vector<std::jthread> helpers_;
};

Tiles::Tiles(int threads) : threads_(threads), team_(std::make_unique<Team>(*this)) {}

Tiles::~Tiles() {
  team_.reset();
  ::operator delete (scratch_, std::align_val_t{kScratchAlignment});
}

std::byte* Tiles::scratch_of(int thread) const {
  return scratch_ + static_cast<std::size_t>(thread) * scratch_bytes_;
}

void Tiles::reserve_scratch(std::size_t bytes) {
  if (bytes <= scratch_bytes_) return;
  bytes = (bytes + kScratchAlignment - 1) / kScratchAlignment * kScratchAlignment;
  ::operator delete (scratch_, std::align_val_t{kScratchAlignment});
  scratch_ = nullptr;
  scratch_ = static_cast<std::byte*>(::operator new (bytes* static_cast<std::size_t>(threads_),
                                                     std::align_val_t{kScratchAlignment}));
  scratch_bytes_ = bytes;
}

void Tiles::run(int count, const Work& work) {
  team_->run(count, work, scratch_of(0));
}

// LibTorch sets a thread's count to its default when it is first asked; asking before setting
// leaves ours in force.
OneThread::OneThread() : before_(at::get_num_threads()) {
  omp_set_num_threads(1);
}

OneThread::~OneThread() {
  omp_set_num_threads(before_);
}

}  // namespace posefleet
