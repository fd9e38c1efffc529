// What a training says while it runs: a line for people on standard output and the same as a JSON
// object in log.jsonl, one a line, for whoever draws curves.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "training/hmr2/evaluation.h"
#include "training/hmr2/loss_parts.h"
#include "training/hmr2/schedule.h"
#include "training/hmr2/train_state.h"

namespace posefleet::training {

// Means over the last hundred steps or so, those since the last report counting most.
class RunningLoss final {
 public:
  struct Means {
    LossParts parts;
    double gradient_norm = 0;
  };

  void add(const LossParts& parts, double gradient_norm);
  const Means& means() const { return means_; }

 private:
  Means means_;
  std::uint64_t steps_ = 0;
};

// One owner, one thread.
class SessionLog final {
 public:
  explicit SessionLog(std::filesystem::path file) : path_(std::move(file)) {}

  // Appends to what runs before wrote.
  Status open();
  void say(const std::string& line);
  Status progress(const TrainState& state, const StepPlan& plan, const RunningLoss::Means& means,
                  double crops_per_second);
  // `what`: which weights or grid were evaluated.
  Status evaluation(std::string_view what, const TrainState& state, const EvaluationResult& result);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  Status append(const std::string& json);

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace posefleet::training
