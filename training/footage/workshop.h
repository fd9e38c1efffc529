// Work memory that threads take and give back, so that a source of pictures can be shared.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "training/footage/painter.h"
#include "training/footage/sensor.h"

namespace posefleet::training {

// What drawing one picture needs; nothing of it shows in the next.
struct Workbench {
  Painter painter = Painter::create();
  Sensor sensor;
  std::vector<std::uint8_t> owner, scratch;
};

// Safe for all threads. Holds as many benches as ever worked at once.
class Workshop final {
 public:
  // A bench, back on its shelf at the end of the scope.
  class Lent final {
   public:
    Lent(Workshop& shop, std::unique_ptr<Workbench> bench)
        : shop_(shop), bench_(std::move(bench)) {}
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    ~Lent() { shop_.take_back(std::move(bench_)); }
    Workbench& operator*() const { return *bench_; }

   private:
    Workshop& shop_;
    std::unique_ptr<Workbench> bench_;
  };

  Lent lend() {
    std::unique_ptr<Workbench> bench;
    {
      const std::lock_guard lock(mutex_);
      if (!shelf_.empty()) {
        bench = std::move(shelf_.back());
        shelf_.pop_back();
      }
    }
    if (bench == nullptr) bench = std::make_unique<Workbench>();
    return {*this, std::move(bench)};
  }

 private:
  void take_back(std::unique_ptr<Workbench> bench) {
    const std::lock_guard lock(mutex_);
    shelf_.push_back(std::move(bench));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Workbench>> shelf_;
};

}  // namespace posefleet::training
