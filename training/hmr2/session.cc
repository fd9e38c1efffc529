#include "training/hmr2/session.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/body/body_model.h"
#include "common/files/files.h"
#include "common/process/clock.h"
#include "training/hmr2/evaluation.h"
#include "training/hmr2/first_look.h"
#include "training/hmr2/loss_plot.h"
#include "training/hmr2/model_writer.h"
#include "training/hmr2/session_log.h"

namespace posefleet::training {
namespace {

// Far from every seed that a person would choose for training.
constexpr std::uint64_t kEvaluationSeed = 0xE7A1'0000'0000'0001;
constexpr std::uint64_t kLookSeed = 0xE7A1'0000'0000'0002;
constexpr int kLookCrops = 400;
// Steps that fail one after the other, before it is no accident.
constexpr int kFailuresMax = 20;

// Seconds of training in a run before its first evaluation: soon, so that a mistake shows.
constexpr double kFirstEvaluation = 60;
// How many times its processor time a step may count for: what lies beyond is a pause, and no other
// program's share of the processor.
constexpr double kSlowdownMax = 4;

// Of all threads of this process.
double processor_seconds() {
  std::timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

constexpr const char* kNote =
    "trained on drawn people only, for trying out and testing: it follows clear poses of one body "
    "before a camera, and is no match for the published model";

class Session final {
 public:
  Session(const SessionOptions& options, const NetworkSizes& sizes, const BodyData& body,
          const DrawSeeded& draw)
      : options_(options),
        layout_(sizes),
        body_(body),
        draw_(draw),
        normalisation_(*crop_normalisation(Manifest{})),
        log_(options.state_folder / "log.jsonl") {}

  Status prepare() {
    POSEFLEET_TRY_DO(make_writable_folder(options_.state_folder));
    POSEFLEET_TRY_DO(make_writable_folder(options_.model_folder));
    POSEFLEET_TRY(const std::shared_ptr<const BodyModel> model, BodyModel::make(body_));
    POSEFLEET_TRY_DO(log_.open());
    evaluation_ = std::make_unique<Evaluation>(layout_, model, seeded(kEvaluationSeed),
                                               EvaluationOptions{.crops = options_.evaluation_crops,
                                                                 .threads = options_.threads,
                                                                 .products = options_.products,
                                                                 .normalisation = normalisation_});
    POSEFLEET_TRY_DO(load_or_begin());
    trainer_ =
        std::make_unique<Trainer>(layout_, body_, seeded(state_.seed),
                                  TrainerOptions{.threads = options_.threads,
                                                 .drawn_per_thread = options_.drawn_per_thread,
                                                 .kept_per_thread = options_.kept_per_thread,
                                                 .learned_per_thread = options_.learned_per_thread,
                                                 .products = options_.products,
                                                 .normalisation = normalisation_},
                                  state_);
    return done();
  }

  Status run(const std::function<bool()>& is_stopped) {
    Instant last = now();
    last_report_ = last_save_ = last;
    next_evaluation_ = state_.seconds + kFirstEvaluation;
    while (progress() < 1 && !is_stopped()) {
      const StepPlan plan =
          plan_step(state_.stage, progress(), state_.step - steps_before_run_ + warm_steps_,
                    options_.schedule);
      const double worked_before = processor_seconds();
      POSEFLEET_TRY_DO(step(plan));
      const Instant time = now();
      const double worked = processor_seconds() - worked_before;
      // A stopped process or a sleeping machine must not use up the schedule.
      state_.seconds += std::min(seconds(time - last),
                                 kSlowdownMax * worked / static_cast<double>(options_.threads));
      POSEFLEET_TRY_DO(tend(plan, time));
      // What was done besides steps does not count as training.
      last = now();
    }
    POSEFLEET_TRY_DO(evaluate());
    return save();
  }

 private:
  DrawCrop seeded(std::uint64_t seed) const {
    return
        [this, seed](std::uint64_t index, const Curriculum& curriculum,
                     std::span<std::uint8_t> rgb) { return draw_(seed, index, curriculum, rgb); };
  }

  std::filesystem::path state_file() const { return options_.state_folder / "state.safetensors"; }

  double progress() const { return state_.seconds / (60 * state_.minutes_budget); }

  Status load_or_begin() {
    std::error_code error;
    if (!std::filesystem::exists(state_file(), error)) return begin();
    POSEFLEET_TRY(state_, load_state(state_file(), layout_));
    if (options_.seed && *options_.seed != state_.seed) {
      return rejected(
          fmt::format("--seed is {}, but the training in {} was begun with {}; leave it "
                      "out or take another folder",
                      *options_.seed, options_.state_folder.string(), state_.seed));
    }
    if (options_.minutes != state_.minutes_budget && !options_.may_extend) {
      return rejected(
          fmt::format("--minutes is {:g}, but the training in {} was planned for {:g}; "
                      "add --extend to change the plan",
                      options_.minutes, options_.state_folder.string(), state_.minutes_budget));
    }
    // A changed plan changes the size of the steps at once: they grow again from small ones.
    if (options_.minutes == state_.minutes_budget) warm_steps_ = state_.step;
    steps_before_run_ = state_.step;
    step_at_report_ = state_.step;
    seconds_at_report_ = state_.seconds;
    state_.minutes_budget = options_.minutes;
    log_.say(fmt::format("goes on from step {}, {:.1f} of {:g} minutes", state_.step,
                         state_.seconds / 60, state_.minutes_budget));
    return done();
  }

  Status begin() {
    const FirstLook look = look_at_crops(seeded(kLookSeed), normalisation_,
                                         layout_.sizes().backbone_width, kLookCrops);
    state_ = fresh_state(layout_, look, options_.seed.value_or(1), options_.minutes);
    const EvaluationResult baseline = evaluation_->run_constant(guess_of(look.mean));
    return log_.evaluation("mean pose", state_, baseline);
  }

  Status step(const StepPlan& plan) {
    const auto parts = trainer_->step(plan);
    if (!parts) {
      log_.say(parts.error().message);
      if (++failures_ >= kFailuresMax) return parts.error();
      // The same crops would fail again.
      state_.drawn += static_cast<std::uint64_t>(options_.threads * options_.drawn_per_thread);
      return done();
    }
    failures_ = 0;
    running_.add(*parts, trainer_->gradient_norm());
    state_.stage = advanced(state_.stage, progress(), parts->root_degrees, options_.schedule);
    return done();
  }

  Status tend(const StepPlan& plan, Instant time) {
    if (seconds(time - last_report_) >= options_.report_every_s) {
      POSEFLEET_TRY_DO(report(plan));
      last_report_ = time;
    }
    if (seconds(time - last_save_) >= options_.save_every_s) POSEFLEET_TRY_DO(save());
    if (state_.seconds >= next_evaluation_) {
      POSEFLEET_TRY_DO(evaluate());
      next_evaluation_ = state_.seconds + options_.evaluate_every_s;
    }
    return done();
  }

  Status report(const StepPlan& plan) {
    const std::int64_t a_step = std::int64_t{options_.threads} *
                                (options_.kept_per_thread > 0 ? options_.learned_per_thread
                                                              : 2 * options_.drawn_per_thread);
    const auto crops =
        static_cast<double>(a_step) * static_cast<double>(state_.step - step_at_report_);
    const double rate = crops / std::max(1e-3, state_.seconds - seconds_at_report_);
    step_at_report_ = state_.step;
    seconds_at_report_ = state_.seconds;
    const RunningLoss::Means means = running_.means();
    state_.history.push_back({state_.seconds, means.parts.total, means.parts.joint_mm, 0});
    return log_.progress(state_, plan, means, rate);
  }

  Status evaluate() {
    // Before the full size's turn its answers mean little, so each is judged as it is trained; the
    // model is exported all the same, for the whole chain to be tried with.
    const Grid grid = state_.stage.is_full ? Grid::Full : Grid::Half;
    POSEFLEET_TRY(const EvaluationResult result, evaluation_->run(state_.average, grid));
    state_.history.push_back({state_.seconds, 0, 0, result.all.pa_mpjpe_mm});
    POSEFLEET_TRY_DO(log_.evaluation(grid == Grid::Full ? "full" : "half", state_, result));
    POSEFLEET_TRY_DO(export_if_better(grid, result));
    return write_file_durably(options_.state_folder / "loss.svg", plot_history(state_.history));
  }

  Status export_if_better(Grid grid, const EvaluationResult& half_or_full) {
    EvaluationResult full = half_or_full;
    if (grid == Grid::Half) {
      // What production would say.
      POSEFLEET_TRY(full, evaluation_->run(state_.average, Grid::Full));
      POSEFLEET_TRY_DO(log_.evaluation("half, run at full", state_, full));
    }
    const double score = full.all.pa_mpjpe_mm + 0.25 * full.all.mpjpe_mm;
    if (state_.best_score > 0 && score >= state_.best_score) return done();
    state_.best_score = score;
    log_.say(fmt::format("writes {}", options_.model_folder.string()));
    return write_model(options_.model_folder, layout_, state_.average, body_, kNote);
  }

  Status save() {
    last_save_ = now();
    return save_state(state_file(), state_, layout_.sizes());
  }

  SessionOptions options_;
  ParameterLayout layout_;
  const BodyData& body_;
  const DrawSeeded& draw_;
  CropNormalisation normalisation_;
  SessionLog log_;
  TrainState state_;
  std::unique_ptr<Evaluation> evaluation_;
  std::unique_ptr<Trainer> trainer_;
  RunningLoss running_;
  std::uint64_t step_at_report_ = 0;
  double seconds_at_report_ = 0;
  std::uint64_t steps_before_run_ = 0;
  std::uint64_t warm_steps_ = 0;
  Instant last_report_{};
  Instant last_save_{};
  double next_evaluation_ = 0;  // seconds of training
  int failures_ = 0;
};

}  // namespace

Status run_session(const SessionOptions& options, const NetworkSizes& sizes, const BodyData& body,
                   const DrawSeeded& draw, const std::function<bool()>& is_stopped) {
  Session session(options, sizes, body, draw);
  POSEFLEET_TRY_DO(session.prepare());
  return session.run(is_stopped);
}

}  // namespace posefleet::training
