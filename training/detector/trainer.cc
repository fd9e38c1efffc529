#include "training/detector/trainer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include <fmt/format.h>
#include <torch/torch.h>

#include "common/model_folder/safetensors.h"
#include "training/detector/adam.h"
#include "training/detector/export.h"
#include "training/detector/network.h"

namespace posefleet::training::detect {
namespace {

// Of learning: at the end of the run; and rising over the first steps, while the moments mean
// nothing yet.
constexpr double kRateLow = 1.5e-5;
constexpr double kRisingSteps = 150;
constexpr double kDecay = 0.02;

// A gradient longer than this is shortened to it: one odd batch must not undo a hundred others.
constexpr double kGradientMax = 10;

// Of the smoothed weights' past that stays at each step; less in the beginning, when the past is
// noise.
constexpr double kSmoothShare = 0.998;
constexpr double kSmoothRise = 10;

// State files: what our numbers are called there.
constexpr const char* kStepsNote = "steps";

// Of the scores: none while the network learns what people look like, all for the last quarter.
constexpr double kSharpFrom = 0.5;
constexpr double kSharpTo = 0.75;

double sharpness_at(double progress) {
  return std::clamp((progress - kSharpFrom) / (kSharpTo - kSharpFrom), 0.0, 1.0);
}

double rate_at(std::uint64_t step, double progress, double high) {
  const double part = std::clamp(progress, 0.0, 1.0);
  const double fallen = kRateLow + (high - kRateLow) * (1 + std::cos(std::numbers::pi * part)) / 2;
  return fallen * std::min(1.0, static_cast<double>(step) / kRisingSteps);
}

std::span<float> values_of(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

void smooth(const NamedTensors& now, double share, NamedTensors& smoothed) {
  const auto keep = static_cast<float>(share);
  for (const auto& [name, tensor] : now) {
    const std::span<float> from = values_of(tensor);
    const std::span<float> to = values_of(smoothed.at(name));
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = keep * to[i] + (1 - keep) * from[i];
  }
}

Error torch_failed(const char* what, const std::exception& error) {
  return internal_error(fmt::format("{}: {}", what, error.what()));
}

}  // namespace

class Trainer::Impl final {
 public:
  explicit Impl(std::uint64_t seed)
      : network(detector_architecture(), seed), smoothed(detector_architecture(), seed) {
    for (auto& [name, weight] : smoothed.weights()) weight.set_requires_grad(false);
    for (const auto& [name, weight] : network.weights()) {
      first[name] = at::zeros_like(weight.detach());
      second[name] = at::zeros_like(weight.detach());
    }
  }

  StepReport learn(const Batch& batch, double progress, double rate_high);
  void descend(double rate, double gradient_scale);

  // Everything that is saved, by its name in the file.
  std::map<std::string, at::Tensor> state() const {
    std::map<std::string, at::Tensor> all;
    const auto add = [&](const char* group, const NamedTensors& tensors) {
      for (const auto& [name, tensor] : tensors) {
        all[fmt::format("{}.{}", group, name)] = tensor.detach();
      }
    };
    add("network", network.weights());
    add("network", network.averages());
    add("smoothed", smoothed.weights());
    add("smoothed", smoothed.averages());
    add("first", first);
    add("second", second);
    return all;
  }

  Network network;
  Network smoothed;
  NamedTensors first;  // the optimiser's moments
  NamedTensors second;
  std::uint64_t steps = 0;
};

void Trainer::Impl::descend(double rate, double gradient_scale) {
  for (auto& [name, weight] : network.weights()) {
    const at::Tensor gradient = (weight.grad() * gradient_scale).contiguous();
    // Biases and norms are few and have no reason to be small.
    const double decay = name.ends_with(".weight") ? kDecay : 0;
    adam_step({.rate = rate, .decay = decay}, steps, values_of(gradient), values_of(first.at(name)),
              values_of(second.at(name)), values_of(weight.detach()));
  }
}

StepReport Trainer::Impl::learn(const Batch& batch, double progress, double rate_high) {
  ++steps;
  StepReport report;
  report.rate = rate_at(steps, progress, rate_high);
  const auto pictures = static_cast<std::int64_t>(batch.truth.size());
  // The numbers lie by pixel already: seen as (B, 3, H, W) that is channels last, without a copy.
  const at::Tensor input = at::from_blob(const_cast<float*>(batch.pixels.data()),
                                         {pictures, batch.height, batch.width, 3}, at::kFloat)
                               .permute({0, 3, 1, 2});
  for (auto& [name, weight] : network.weights()) weight.mutable_grad() = at::Tensor();
  const Loss loss = loss_of(network.forward(input, true), batch.width, batch.height, batch.truth,
                            sharpness_at(progress));
  loss.total.backward();
  report.score_loss = loss.score;
  report.box_loss = loss.box;
  const at::NoGradGuard no_gradients;
  double squares = 0;
  for (const auto& [name, weight] : network.weights()) {
    if (!weight.grad().defined()) weight.mutable_grad() = at::zeros_like(weight);
    squares += weight.grad().square().sum().item<double>();
  }
  report.gradient_norm = std::sqrt(squares);
  if (!std::isfinite(report.gradient_norm) || !std::isfinite(loss.score + loss.box)) {
    report.was_skipped = true;
    return report;
  }
  descend(report.rate, std::min(1.0, kGradientMax / std::max(report.gradient_norm, 1e-12)));
  const double share = std::min(kSmoothShare, (1.0 + static_cast<double>(steps)) /
                                                  (kSmoothRise + static_cast<double>(steps)));
  smooth(network.weights(), share, smoothed.weights());
  smooth(network.averages(), share, smoothed.averages());
  return report;
}

Trainer::Trainer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Trainer::~Trainer() = default;

Result<std::unique_ptr<Trainer>> Trainer::create(std::uint64_t seed, int threads) {
  if (threads < 1 || threads > 256) {
    return rejected(fmt::format("threads is {}, allowed: 1 to 256", threads));
  }
  try {
    at::set_num_threads(threads);
    return std::unique_ptr<Trainer>(new Trainer(std::make_unique<Impl>(seed)));
  } catch (const std::exception& error) {
    return torch_failed("cannot set up the network", error);
  }
}

std::uint64_t Trainer::steps() const {
  return impl_->steps;
}

Result<StepReport> Trainer::step(const Batch& batch, double progress, double rate_high) {
  try {
    return impl_->learn(batch, progress, rate_high);
  } catch (const std::exception& error) {
    return torch_failed("a training step failed", error);
  }
}

Status Trainer::save(const std::filesystem::path& path, const StateNotes& notes) const {
  StateNotes all = notes;
  all[kStepsNote] = std::to_string(impl_->steps);
  const std::map<std::string, at::Tensor> state = impl_->state();
  std::map<std::string, TensorView> views;
  for (const auto& [name, tensor] : state) {
    views[name] = {DType::F32, tensor.sizes().vec(), std::as_bytes(values_of(tensor))};
  }
  return write_safetensors(path, views, all);
}

Result<StateNotes> Trainer::load(const std::filesystem::path& path) {
  POSEFLEET_TRY(const std::unique_ptr<Safetensors> file, Safetensors::open(path));
  const std::map<std::string, at::Tensor> state = impl_->state();
  if (file->tensors().size() != state.size()) {
    return rejected(fmt::format(
        "{} has {} tensors, a training state of this program has {}; begin a new run in another "
        "--state folder",
        path.string(), file->tensors().size(), state.size()));
  }
  for (const auto& [name, tensor] : state) {
    POSEFLEET_TRY(const std::span<const float> values, file->floats(name, tensor.sizes().vec()));
    if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) {
      return rejected(
          fmt::format("{}: {} holds numbers that are not finite; the file is damaged, "
                      "begin a new run in another --state folder",
                      path.string(), name));
    }
    std::copy(values.begin(), values.end(), values_of(tensor).begin());
  }
  StateNotes notes = file->metadata();
  const std::string& text = notes[kStepsNote];
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), impl_->steps);
  if (error != std::errc() || end != text.data() + text.size()) {
    return rejected(fmt::format("{}: steps is '{}', expected a whole number", path.string(), text));
  }
  return notes;
}

Result<std::vector<RawOutput>> Trainer::look(std::span<const float> pictures, int count, int width,
                                             int height) {
  try {
    const at::NoGradGuard no_gradients;
    const at::Tensor input =
        at::from_blob(const_cast<float*>(pictures.data()), {count, 3, height, width}, at::kFloat);
    const at::Tensor numbers = impl_->smoothed.forward(input, false);
    const std::vector<GridPoint> points = grid_points(width, height);
    const auto places = static_cast<std::int64_t>(points.size());
    std::vector<RawOutput> outputs;
    for (int i = 0; i < count; ++i) {
      const float* said = numbers.data_ptr<float>() + i * places * 5;
      RawTensor raw{.name = {}, .shape = {5, places}, .values = {}};
      raw.values.resize(points.size() * 5);
      for (std::size_t k = 0; k < points.size(); ++k, said += 5) {
        const std::array<float, 4> box = decoded_box(points[k], said);
        const std::array<float, 5> column = {(box[0] + box[2]) / 2, (box[1] + box[3]) / 2,
                                             box[2] - box[0], box[3] - box[1],
                                             1.0f / (1.0f + std::exp(-said[4]))};
        for (std::size_t row = 0; row < 5; ++row) raw.values[row * points.size() + k] = column[row];
      }
      outputs.push_back({std::move(raw)});
    }
    return outputs;
  } catch (const std::exception& error) {
    return torch_failed("the network failed on a picture", error);
  }
}

Status Trainer::export_to(const std::filesystem::path& path, int side) const {
  return export_network(impl_->smoothed, side, path);
}

}  // namespace posefleet::training::detect
