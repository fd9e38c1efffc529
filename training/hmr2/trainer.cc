#include "training/hmr2/trainer.h"

#include <algorithm>
#include <cmath>
#include <exception>

#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include "common/base/check.h"
#include "training/hmr2/adamw.h"
#include "training/hmr2/losses.h"
#include "training/hmr2/network.h"
#include "worker/model/tiles.h"

namespace posefleet::training {
namespace {

// Crops that pass through the network at once: their activations should stay near the processor.
constexpr std::int64_t kCropsAtOnceHalf = 16;
constexpr std::int64_t kCropsAtOnceFull = 4;
// Steps may be no longer than this gradient makes them.
constexpr double kGradientNormMax = 1.0;
// Numbers that are added up by one thread before the sums meet: a fixed number, since the order of
// a sum decides its last bits.
constexpr std::size_t kNormStretch = 1 << 16;

LossParts added(const LossParts& a, const LossParts& b, float share) {
  return {.total = a.total + share * b.total,
          .root_degrees = a.root_degrees + share * b.root_degrees,
          .joint_mm = a.joint_mm + share * b.joint_mm,
          .place_px = a.place_px + share * b.place_px,
          .betas = a.betas + share * b.betas,
          .vote_mm = a.vote_mm + share * b.vote_mm,
          .joint_maps = a.joint_maps + share * b.joint_maps};
}

// What one thread works with.
struct Replica {
  Replica(const ParameterLayout& layout, std::span<float> weights, Products products)
      : network(layout, weights, products),
        gradient(static_cast<std::size_t>(layout.trained_count())) {}

  TrainNetwork network;
  std::vector<float> gradient;  // summed over the step's portions
  std::vector<std::uint8_t> rgb = std::vector<std::uint8_t>(kCropBytes);
  std::vector<float> patches;
  std::vector<float> truths;
  LossParts parts;
};

}  // namespace

class Trainer::Team final {
 public:
  Team(const ParameterLayout& layout, const BodyData& body, DrawCrop draw,
       const TrainerOptions& options, TrainState& state)
      : layout_(layout),
        chain_(body),
        draw_(std::move(draw)),
        options_(options),
        state_(state),
        tiles_(options.threads),
        is_decayed_(static_cast<std::size_t>(layout.trained_count())) {
    POSEFLEET_CHECK(options.threads >= 1 && options.drawn_per_thread >= 1);
    POSEFLEET_CHECK(state.weights.size() == static_cast<std::size_t>(layout.count()));
    for (int i = 0; i < options.threads; ++i) {
      replicas_.push_back(std::make_unique<Replica>(layout, state.weights, options.products));
    }
    for (const ParameterEntry& entry : layout.entries()) {
      if (!entry.is_decayed) continue;
      std::ranges::fill(part_of(std::span(is_decayed_), entry), std::uint8_t{1});
    }
  }

  Result<LossParts> step(const StepPlan& plan) {
    const auto threads = static_cast<std::size_t>(options_.threads);
    tiles_.run(options_.threads, [&](int thread, std::byte*) {
      const OneThread alone;
      learn(*replicas_[static_cast<std::size_t>(thread)], thread, plan);
    });
    LossParts parts;
    for (const auto& replica : replicas_) {
      parts = added(parts, replica->parts, 1 / static_cast<float>(threads));
    }
    POSEFLEET_TRY_DO(measure_gradient());
    if (!std::isfinite(parts.total)) {
      return internal_error(fmt::format("step {}: the loss is {}", state_.step, parts.total));
    }
    move(plan);
    state_.step += 1;
    state_.drawn += threads * static_cast<std::size_t>(options_.drawn_per_thread);
    return parts;
  }

  double gradient_norm() const { return gradient_norm_; }

 private:
  // Gradients of one thread's crops, summed over portions into replica.gradient.
  void learn(Replica& replica, int thread, const StepPlan& plan) {
    draw(replica, thread, plan);
    std::fill(replica.gradient.begin(), replica.gradient.end(), 0.0f);
    replica.parts = {};
    const std::int64_t crops = 2 * options_.drawn_per_thread;
    const std::int64_t at_once =
        std::min(crops, plan.grid == Grid::Full ? kCropsAtOnceFull : kCropsAtOnceHalf);
    for (std::int64_t first = 0; first < crops; first += at_once) {
      const std::int64_t count = std::min(at_once, crops - first);
      learn_portion(replica, first, count, static_cast<double>(count) / static_cast<double>(crops),
                    plan);
    }
  }

  void draw(Replica& replica, int thread, const StepPlan& plan) {
    const auto crop_numbers = static_cast<std::size_t>(tokens_of(plan.grid) * kPatchNumbers);
    const auto drawn = static_cast<std::size_t>(options_.drawn_per_thread);
    const auto truth_count = static_cast<std::size_t>(TruthNumbers::kCount);
    replica.patches.resize(2 * drawn * crop_numbers);
    replica.truths.resize(2 * drawn * truth_count);
    const std::uint64_t first = state_.drawn + static_cast<std::uint64_t>(thread) * drawn;
    for (std::size_t i = 0; i < drawn; ++i) {
      const CropTruth truth = draw_(first + i, plan.curriculum, replica.rgb);
      for (const Side side : {Side::AsDrawn, Side::Mirrored}) {
        const std::size_t place = 2 * i + (side == Side::Mirrored ? 1 : 0);
        cut_patches(replica.rgb, side, plan.grid, options_.normalisation,
                    std::span(replica.patches).subspan(place * crop_numbers, crop_numbers));
        truth_numbers(side == Side::AsDrawn ? truth : mirrored(truth),
                      std::span(replica.truths).subspan(place * truth_count, truth_count));
      }
    }
  }

  void learn_portion(Replica& replica, std::int64_t first, std::int64_t count, double share,
                     const StepPlan& plan) {
    const std::int64_t tokens = tokens_of(plan.grid);
    const at::Tensor patches =
        at::from_blob(replica.patches.data() + first * tokens * kPatchNumbers,
                      {count, tokens, kPatchNumbers}, at::kFloat);
    const at::Tensor truth = at::from_blob(replica.truths.data() + first * TruthNumbers::kCount,
                                           {count, TruthNumbers::kCount}, at::kFloat);
    const LossSettings settings = {.joints_of_true_shape = plan.joints_of_true_shape};
    const Loss loss =
        loss_of(replica.network.forward(patches, plan.grid), truth, plan.grid, chain_, settings);
    replica.parts = added(replica.parts, loss.parts, static_cast<float>(share));
    const auto slopes = torch::autograd::grad({loss.total * share}, replica.network.trained(), {},
                                              c10::nullopt, false, true);
    std::size_t place = 0;
    for (std::size_t i = 0; i < slopes.size(); ++i) {
      const auto numbers = static_cast<std::size_t>(replica.network.trained()[i].numel());
      if (slopes[i].defined()) {
        const at::Tensor slope = slopes[i].contiguous();
        const auto* from = slope.data_ptr<float>();
        float* to = replica.gradient.data() + place;
        for (std::size_t n = 0; n < numbers; ++n) to[n] += from[n];
      }
      place += numbers;
    }
  }

  // Adds all threads' gradients into the first one's, and measures it.
  Status measure_gradient() {
    const std::size_t count = is_decayed_.size();
    const std::size_t stretches = (count + kNormStretch - 1) / kNormStretch;
    std::vector<double> squares(stretches);
    float* sum = replicas_.front()->gradient.data();
    tiles_.run(static_cast<int>(stretches), [&](int stretch, std::byte*) {
      const std::size_t begin = static_cast<std::size_t>(stretch) * kNormStretch;
      const std::size_t end = std::min(begin + kNormStretch, count);
      for (std::size_t r = 1; r < replicas_.size(); ++r) {
        const float* more = replicas_[r]->gradient.data();
        for (std::size_t i = begin; i < end; ++i) sum[i] += more[i];
      }
      double square = 0;
      for (std::size_t i = begin; i < end; ++i) square += double{sum[i]} * sum[i];
      squares[static_cast<std::size_t>(stretch)] = square;
    });
    double square = 0;
    for (const double part : squares) square += part;
    gradient_norm_ = std::sqrt(square) / static_cast<double>(replicas_.size());
    if (std::isfinite(gradient_norm_)) return done();
    return internal_error(fmt::format("step {}: the gradient is {}", state_.step, gradient_norm_));
  }

  void move(const StepPlan& plan) {
    const double clipped = std::min(1.0, kGradientNormMax / (gradient_norm_ + 1e-6));
    const AdamWStep step = {
        .step = state_.step + 1,
        .learning_rate = plan.learning_rate,
        .gradient_scale = static_cast<float>(clipped / static_cast<double>(replicas_.size())),
        .average_decay = plan.average_decay};
    const AdamWArrays arrays = {.weights = state_.weights,
                                .first_moment = state_.first_moment,
                                .second_moment = state_.second_moment,
                                .average = state_.average,
                                .is_decayed = is_decayed_};
    const std::size_t count = is_decayed_.size();
    const std::size_t stretches = (count + kNormStretch - 1) / kNormStretch;
    tiles_.run(static_cast<int>(stretches), [&](int stretch, std::byte*) {
      const std::size_t begin = static_cast<std::size_t>(stretch) * kNormStretch;
      adamw_step(arrays, replicas_.front()->gradient, begin, std::min(begin + kNormStretch, count),
                 step, {});
    });
  }

  const ParameterLayout& layout_;
  BodyChain chain_;
  DrawCrop draw_;
  TrainerOptions options_;
  TrainState& state_;
  Tiles tiles_;
  std::vector<std::uint8_t> is_decayed_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  double gradient_norm_ = 0;
};

Trainer::Trainer(const ParameterLayout& layout, const BodyData& body, DrawCrop draw,
                 const TrainerOptions& options, TrainState& state)
    : team_(std::make_unique<Team>(layout, body, std::move(draw), options, state)) {}
Trainer::~Trainer() = default;

Result<LossParts> Trainer::step(const StepPlan& plan) {
  try {
    return team_->step(plan);
  } catch (const std::exception& error) {
    return internal_error(fmt::format("a step of training failed: {}", error.what()));
  }
}

double Trainer::gradient_norm() const {
  return team_->gradient_norm();
}

}  // namespace posefleet::training
