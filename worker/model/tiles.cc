#include "worker/model/tiles.h"

#include <atomic>
#include <cstdint>
#include <new>

#include <ATen/Parallel.h>
#include <omp.h>

// LibTorch's parallel_for is a template: it runs on one thread, silently, where it is compiled
// without OpenMP.
#ifndef _OPENMP
#error "tiles.cc must be compiled with OpenMP"
#endif

namespace posefleet {
namespace {

// A page, so that no two threads' scratch share a cache line, and the widest vector's alignment.
constexpr std::size_t kScratchAlignment = 4096;

// While it lives, a piece's calls into oneDNN see one thread, also where LibTorch runs the pieces
// on the calling thread and in no parallel region (it does so when already inside one). Otherwise
// oneDNN would use more, choose its blocking by their number, and the last bits with it.
class OneThread final {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace

Tiles::Tiles(int threads) : threads_(threads) {}

Tiles::~Tiles() {
  ::operator delete (scratch_, std::align_val_t{kScratchAlignment});
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
  std::atomic<int> next{0};
  const auto take_pieces = [&](std::int64_t slot, std::int64_t) {
    const OneThread one;
    std::byte* scratch = scratch_ + static_cast<std::size_t>(slot) * scratch_bytes_;
    for (int piece = next.fetch_add(1); piece < count; piece = next.fetch_add(1)) {
      work(piece, scratch);
    }
  };
  at::parallel_for(0, threads_, 1, take_pieces);
}

ThreadCount::ThreadCount(int threads) : before_(at::get_num_threads()) {
  if (threads != before_) at::set_num_threads(threads);
}

ThreadCount::~ThreadCount() {
  if (at::get_num_threads() != before_) at::set_num_threads(before_);
}

}  // namespace posefleet
