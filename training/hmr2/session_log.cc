#include "training/hmr2/session_log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace posefleet::training {
namespace {

constexpr double kMemorySteps = 100;

float blended(float mean, float value, float share) {
  return mean + share * (value - mean);
}

std::string json_of(const Accuracy& accuracy) {
  return fmt::format(
      "{{\"crops\":{},\"mpjpe_mm\":{:.2f},\"pa_mpjpe_mm\":{:.2f},\"root_degrees\":{:.2f},"
      "\"place_px\":{:.2f}}}",
      accuracy.crops, accuracy.mpjpe_mm, accuracy.pa_mpjpe_mm, accuracy.root_degrees,
      accuracy.place_px);
}

std::string text_of(std::string_view name, const Accuracy& accuracy) {
  return fmt::format("{} {:.0f}/{:.0f} mm {:.0f} deg {:.0f} px", name, accuracy.pa_mpjpe_mm,
                     accuracy.mpjpe_mm, accuracy.root_degrees, accuracy.place_px);
}

}  // namespace

void RunningLoss::add(const LossParts& parts, double gradient_norm) {
  ++steps_;
  const double share = std::max(1 / static_cast<double>(steps_), 1 / kMemorySteps);
  const auto s = static_cast<float>(share);
  LossParts& mean = means_.parts;
  mean = {.total = blended(mean.total, parts.total, s),
          .root_degrees = blended(mean.root_degrees, parts.root_degrees, s),
          .joint_mm = blended(mean.joint_mm, parts.joint_mm, s),
          .place_px = blended(mean.place_px, parts.place_px, s),
          .betas = blended(mean.betas, parts.betas, s),
          .vote_mm = blended(mean.vote_mm, parts.vote_mm, s),
          .joint_maps = blended(mean.joint_maps, parts.joint_maps, s),
          .parts = blended(mean.parts, parts.parts, s)};
  means_.gradient_norm += share * (gradient_norm - means_.gradient_norm);
}

Status SessionLog::open() {
  file_.reset(std::fopen(path_.c_str(), "ae"));
  if (file_) return done();
  return rejected(fmt::format("cannot append to {}: {}", path_.string(), std::strerror(errno)));
}

void SessionLog::say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

Status SessionLog::append(const std::string& json) {
  if (std::fputs((json + "\n").c_str(), file_.get()) >= 0 && std::fflush(file_.get()) == 0) {
    return done();
  }
  return rejected(fmt::format("cannot append to {}: {}", path_.string(), std::strerror(errno)));
}

Status SessionLog::progress(const TrainState& state, const StepPlan& plan,
                            const RunningLoss::Means& means, double crops_per_second) {
  const LossParts& parts = means.parts;
  const double left = state.minutes_budget - state.seconds / 60;
  say(fmt::format(
      "step {} {:.0f} crops/s, {} yaw {:.0f}, rate {:.2g}, loss {:.3f}: root {:.1f} deg, "
      "joints {:.0f} mm (votes {:.0f}), places {:.1f} px, betas {:.2f}, maps {:.2f}, parts {:.2f}, "
      "gradient {:.2f}, {:.1f} min left",
      state.step, crops_per_second, plan.grid == Grid::Full ? "full" : "half",
      plan.curriculum.yaw_limit, plan.learning_rate, parts.total, parts.root_degrees,
      parts.joint_mm, parts.vote_mm, parts.place_px, parts.betas, parts.joint_maps, parts.parts,
      means.gradient_norm, left));
  return append(fmt::format(
      "{{\"kind\":\"progress\",\"step\":{},\"drawn\":{},\"seconds\":{:.1f},"
      "\"crops_per_second\":{:.1f},\"grid\":\"{}\",\"yaw_limit\":{:g},\"pose_range\":{:.3f},"
      "\"learning_rate\":{:.3g},\"loss\":{:.4f},\"root_degrees\":{:.2f},\"joint_mm\":{:.2f},"
      "\"vote_mm\":{:.2f},\"place_px\":{:.2f},\"betas\":{:.3f},\"joint_maps\":{:.3f},\"parts\":{:."
      "3f},"
      "\"gradient_norm\":{:.3f}}}",
      state.step, state.drawn, state.seconds, crops_per_second,
      plan.grid == Grid::Full ? "full" : "half", plan.curriculum.yaw_limit,
      plan.curriculum.pose_range, plan.learning_rate, parts.total, parts.root_degrees,
      parts.joint_mm, parts.vote_mm, parts.place_px, parts.betas, parts.joint_maps, parts.parts,
      means.gradient_norm));
}

Status SessionLog::evaluation(std::string_view what, const TrainState& state,
                              const EvaluationResult& result) {
  std::string line = fmt::format("unseen crops, {}, after {} steps (PA-MPJPE/MPJPE): {}", what,
                                 state.step, text_of("all", result.all));
  std::string json = fmt::format(
      "{{\"kind\":\"evaluation\",\"what\":\"{}\",\"step\":{},\"drawn\":{},\"seconds\":{:.1f},"
      "\"all\":{}",
      what, state.step, state.drawn, state.seconds, json_of(result.all));
  for (std::size_t i = 0; i < kQuarterNames.size(); ++i) {
    line += "; " + text_of(kQuarterNames[i], result.quarters[i]);
    json += fmt::format(",\"{}\":{}", kQuarterNames[i], json_of(result.quarters[i]));
  }
  say(line);
  return append(json + "}");
}

}  // namespace posefleet::training
