#include "training/hmr2/trainer.h"

#include <algorithm>
#include <cmath>
#include <exception>

#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include "common/base/check.h"
#include "common/base/random.h"
#include "training/hmr2/adamw.h"
#include "training/hmr2/crop_store.h"
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
// A store filled to less than one in so many is young.
constexpr std::size_t kYoungShare = 8;

LossParts added(const LossParts& a, const LossParts& b, float share) {
  return {.total = a.total + share * b.total,
          .root_degrees = a.root_degrees + share * b.root_degrees,
          .joint_mm = a.joint_mm + share * b.joint_mm,
          .place_px = a.place_px + share * b.place_px,
          .betas = a.betas + share * b.betas,
          .vote_mm = a.vote_mm + share * b.vote_mm,
          .joint_maps = a.joint_maps + share * b.joint_maps,
          .parts = a.parts + share * b.parts};
}

// What one thread works with.
struct Replica {
  Replica(const ParameterLayout& layout, std::span<float> weights, const TrainerOptions& options)
      : network(layout, weights, options.products),
        store(
            static_cast<std::size_t>(std::max(options.kept_per_thread, options.drawn_per_thread))),
        gradient(static_cast<std::size_t>(layout.trained_count())) {}

  TrainNetwork network;
  CropStore store;
  std::vector<float> gradient;  // summed over the step's portions
  // Of the crops that this step learns from.
  std::vector<float> patches;
  std::vector<float> truths;
  std::vector<float> shares;
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
      replicas_.push_back(std::make_unique<Replica>(layout, state.weights, options));
    }
    for (const ParameterEntry& entry : layout.entries()) {
      if (!entry.is_decayed) continue;
      std::ranges::fill(part_of(std::span(is_decayed_), entry), std::uint8_t{1});
    }
  }

  Result<LossParts> step(const StepPlan& plan) {
    const auto threads = static_cast<std::size_t>(options_.threads);
    const int drawn = drawn_now();
    tiles_.run(options_.threads, [&](int thread, std::byte*) {
      const OneThread alone;
      learn(*replicas_[static_cast<std::size_t>(thread)], thread, drawn, plan);
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
    state_.drawn += threads * static_cast<std::size_t>(drawn);
    return parts;
  }

  double gradient_norm() const { return gradient_norm_; }

 private:
  // How many crops each thread draws in this step: more while the store is nearly empty, or the
  // first steps would all learn from the same few.
  int drawn_now() const {
    const std::size_t kept = replicas_.front()->store.size();
    const bool is_young = kept * kYoungShare < static_cast<std::size_t>(options_.kept_per_thread);
    return is_young ? std::max(options_.drawn_per_thread, options_.learned_per_thread / 2)
                    : options_.drawn_per_thread;
  }

  std::int64_t learned_per_thread() const {
    return options_.kept_per_thread > 0 ? options_.learned_per_thread
                                        : 2 * options_.drawn_per_thread;
  }

  // Gradients of one thread's crops, summed over portions into replica.gradient.
  void learn(Replica& replica, int thread, int drawn, const StepPlan& plan) {
    draw(replica, thread, drawn, plan);
    choose(replica, thread, plan.grid);
    std::fill(replica.gradient.begin(), replica.gradient.end(), 0.0f);
    replica.parts = {};
    const std::int64_t crops = learned_per_thread();
    const std::int64_t at_once =
        std::min(crops, plan.grid == Grid::Full ? kCropsAtOnceFull : kCropsAtOnceHalf);
    for (std::int64_t first = 0; first < crops; first += at_once) {
      const std::int64_t count = std::min(at_once, crops - first);
      learn_portion(replica, first, count, static_cast<double>(count) / static_cast<double>(crops),
                    plan);
    }
  }

  void draw(Replica& replica, int thread, int drawn, const StepPlan& plan) {
    const std::uint64_t first =
        state_.drawn + static_cast<std::uint64_t>(thread) * static_cast<std::uint64_t>(drawn);
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(drawn); ++i) {
      StoredCrop& crop = replica.store.renew();
      crop.truth = draw_(first + i, plan.curriculum, crop.rgb);
    }
  }

  // Cuts the crops that this step learns from.
  void choose(Replica& replica, int thread, Grid grid) {
    const auto patch_count = static_cast<std::size_t>(tokens_of(grid) * kPatchNumbers);
    const auto share_count = static_cast<std::size_t>(tokens_of(grid) * kSurfaceLabelCount);
    const auto truth_count = static_cast<std::size_t>(TruthNumbers::kCount);
    const auto crops = static_cast<std::size_t>(learned_per_thread());
    replica.patches.resize(crops * patch_count);
    replica.truths.resize(crops * truth_count);
    replica.shares.resize(crops * share_count);
    Random random(Random(state_.seed ^ state_.step).next() + static_cast<std::uint64_t>(thread));
    for (std::size_t i = 0; i < crops; ++i) {
      // Without a store, the step's own crops in turn.
      const std::size_t at =
          options_.kept_per_thread > 0 ? random.below(replica.store.size()) : i / 2;
      const Side side = i % 2 == 0 ? Side::AsDrawn : Side::Mirrored;
      const StoredCrop& crop = replica.store[at];
      const CropTruth truth = side == Side::AsDrawn ? crop.truth : mirrored(crop.truth);
      cut_patches(crop.rgb, side, grid, options_.normalisation,
                  std::span(replica.patches).subspan(i * patch_count, patch_count));
      truth_numbers(truth, std::span(replica.truths).subspan(i * truth_count, truth_count));
      part_shares(truth, grid, std::span(replica.shares).subspan(i * share_count, share_count));
    }
  }

  void learn_portion(Replica& replica, std::int64_t first, std::int64_t count, double share,
                     const StepPlan& plan) {
    const std::int64_t tokens = tokens_of(plan.grid);
    const at::Tensor patches =
        at::from_blob(replica.patches.data() + first * tokens * kPatchNumbers,
                      {count, tokens, kPatchNumbers}, at::kFloat);
    const BatchTruth truth = {
        .numbers = at::from_blob(replica.truths.data() + first * TruthNumbers::kCount,
                                 {count, TruthNumbers::kCount}, at::kFloat),
        .parts = at::from_blob(replica.shares.data() + first * tokens * kSurfaceLabelCount,
                               {count, tokens, kSurfaceLabelCount}, at::kFloat)};
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
