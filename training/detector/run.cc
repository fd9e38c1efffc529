#include "training/detector/run.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "common/files/files.h"
#include "common/model_folder/detector_manifest.h"
#include "common/process/bounded_queue.h"
#include "common/process/clock.h"
#include "common/process/log.h"
#include "training/detector/history.h"
#include "training/detector/model_file.h"
#include "training/detector/unseen.h"

namespace posefleet::training::detect {
namespace {

constexpr double kSaveSeconds = 60;
constexpr double kReportSeconds = 10;

// A step takes one second on a busy machine, and the judgement before it some ten.
constexpr double kStepSecondsMax = 30;

// So many steps in a row whose numbers are not finite do not come right again.
constexpr int kSkippedMax = 20;

// Batches that wait ready: enough for the drawing of a slow one, little memory.
constexpr std::size_t kBatchesAhead = 2;

// Names of what stands beside the weights in the state.
constexpr const char* kElapsedNote = "elapsed_seconds";
constexpr const char* kSeedNote = "seed";
constexpr const char* kSideNote = "side";
constexpr const char* kBatchNote = "batch";
constexpr const char* kBestNote = "best_score";
constexpr const char* kUnseenNote = "unseen";  // fingerprint of the pictures that gave the score

// Hands out the batches in order; drawn by a thread of its own when there are threads for it.
class BatchLine final {
 public:
  BatchLine(const DrawScene& draw, const BatchOptions& options, std::uint64_t first, bool is_ahead)
      : draw_(draw), options_(options), next_(first), ready_(kBatchesAhead) {
    if (!is_ahead) return;
    thread_ = std::jthread([this, first] {
      for (std::uint64_t index = first;; ++index) {
        if (!ready_.push(make_batch(draw_, options_, index))) return;
      }
    });
  }
  ~BatchLine() { ready_.close(); }
  BatchLine(const BatchLine&) = delete;
  BatchLine& operator=(const BatchLine&) = delete;

  Batch take() {
    if (!thread_.joinable()) return make_batch(draw_, options_, next_++);
    return std::move(*ready_.pop());
  }

 private:
  const DrawScene& draw_;
  BatchOptions options_;
  std::uint64_t next_;
  BoundedQueue<Batch> ready_;
  std::jthread thread_;  // last: it ends before what it uses goes
};

Result<double> number_of(const StateNotes& notes, const char* name,
                         const std::filesystem::path& path) {
  const auto note = notes.find(name);
  const std::string text = note == notes.end() ? "" : note->second;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return rejected(fmt::format(
        "{}: {} is '{}', expected a number; the file is damaged, begin a new run in another "
        "--state folder",
        path.string(), name, text));
  }
  return value;
}

// One run. Lives in run_training.
class Run final {
 public:
  Run(const DrawScene& draw, const RunOptions& options) : draw_(draw), options_(options) {}

  Status prepare();
  Status learn(const std::function<bool()>& should_stop);

 private:
  std::filesystem::path state_path() const { return options_.state / "state.safetensors"; }
  std::filesystem::path log_path() const { return options_.state / "log.jsonl"; }
  double elapsed() const { return elapsed_; }
  void count_time();
  double progress() const;
  Status take_up();
  Status save();
  Status judge();
  Status take_step(BatchLine& batches);
  void report();

  const DrawScene& draw_;
  RunOptions options_;
  std::unique_ptr<Trainer> trainer_;
  std::vector<UnseenPicture> unseen_;
  std::string unseen_fingerprint_;
  std::vector<HistoryEntry> history_;
  Instant counted_to_{};
  double elapsed_ = 0;  // seconds of learning, earlier runs too
  double best_ = -1;    // Quality::score of what was exported
  int skipped_ = 0;     // in a row
  // Sums since the last report, and since the last judgement.
  struct Sums {
    double score_loss = 0, box_loss = 0;
    int steps = 0;
  } since_report_, since_judgement_;
  double reported_at_ = 0;
  double last_rate_ = 0;
};

double Run::progress() const {
  if (options_.steps > 0) {
    return static_cast<double>(trainer_->steps()) / static_cast<double>(options_.steps);
  }
  return elapsed() / (60 * options_.minutes);
}

// Called once a step. A long gap was none of learning's: the process was stopped, or the machine
// slept, and the rate of learning must not fall for that.
void Run::count_time() {
  const Instant time = now();
  elapsed_ += std::min(seconds(time - counted_to_), kStepSecondsMax);
  counted_to_ = time;
}

// Goes on where an earlier run was left, if there was one.
Status Run::take_up() {
  std::error_code ignored;
  if (!std::filesystem::exists(state_path(), ignored)) return done();
  POSEFLEET_TRY(const StateNotes notes, trainer_->load(state_path()));
  POSEFLEET_TRY(elapsed_, number_of(notes, kElapsedNote, state_path()));
  // Scores of other pictures cannot be compared: an older program may have drawn easier ones.
  const auto judged = notes.find(kUnseenNote);
  if (judged != notes.end() && judged->second == unseen_fingerprint_) {
    POSEFLEET_TRY(best_, number_of(notes, kBestNote, state_path()));
  }
  for (const auto& [name, own] : {std::pair<const char*, double>{kSideNote, options_.side},
                                  {kBatchNote, options_.batch},
                                  {kSeedNote, static_cast<double>(options_.seed)}}) {
    POSEFLEET_TRY(const double saved, number_of(notes, name, state_path()));
    if (saved != own) {
      return rejected(
          fmt::format("{} was begun with --{} {}, now it is {}; use the same, or another --state "
                      "folder",
                      state_path().string(), name, saved, own));
    }
  }
  log_info(fmt::format("goes on at step {}, {:.1f} min", trainer_->steps(), elapsed_ / 60));
  return done();
}

Status Run::prepare() {
  POSEFLEET_TRY_DO(make_writable_folder(options_.state));
  POSEFLEET_TRY_DO(make_writable_folder(options_.out));
  // One thread draws when there are several; LibTorch takes the others.
  POSEFLEET_TRY(trainer_, Trainer::create(options_.seed, std::max(1, options_.threads - 1)));
  unseen_ = make_unseen(draw_, unseen_seed(options_.seed), options_.side, options_.unseen);
  unseen_fingerprint_ = fingerprint_of(unseen_);
  POSEFLEET_TRY_DO(take_up());
  POSEFLEET_TRY(history_, read_history(log_path()));
  return done();
}

Status Run::save() {
  return trainer_->save(state_path(), {{kElapsedNote, fmt::format("{:.3f}", elapsed())},
                                       {kSeedNote, std::to_string(options_.seed)},
                                       {kSideNote, std::to_string(options_.side)},
                                       {kBatchNote, std::to_string(options_.batch)},
                                       {kBestNote, fmt::format("{}", best_)},
                                       {kUnseenNote, unseen_fingerprint_}});
}

Status Run::judge() {
  POSEFLEET_TRY(const std::vector<Finding> findings, find_in(unseen_, *trainer_));
  HistoryEntry entry{
      .step = trainer_->steps(), .elapsed_seconds = elapsed(), .quality = best_measured(findings)};
  const double steps = std::max(1, since_judgement_.steps);
  entry.score_loss = since_judgement_.score_loss / steps;
  entry.box_loss = since_judgement_.box_loss / steps;
  since_judgement_ = {};
  POSEFLEET_TRY_DO(append_history(log_path(), entry));
  history_.push_back(entry);
  POSEFLEET_TRY_DO(write_file_durably(options_.state / "progress.svg", history_plot(history_)));
  const Quality& q = entry.quality;
  std::error_code ignored;
  const bool is_better =
      q.score() > best_ || !std::filesystem::exists(options_.out / kDetectorName, ignored);
  log_info(fmt::format(
      "judged at step {}: recall {:.3f}, precision {:.3f} (conf {:.2f}, iou {:.2f}), overlap "
      "{:.3f}, AP50 {:.3f}, AP75 {:.3f}, {} people{}",
      entry.step, q.recall, q.precision, q.conf, q.iou, q.overlap, q.ap50, q.ap75, q.people,
      is_better ? "; exported" : ""));
  if (!is_better) return done();
  best_ = std::max(best_, q.score());
  return publish_detector(*trainer_, options_.out,
                          {.side = options_.side, .conf = q.conf, .iou = q.iou});
}

Status Run::take_step(BatchLine& batches) {
  const Batch batch = batches.take();
  POSEFLEET_TRY(const StepReport step, trainer_->step(batch, progress(), options_.rate));
  count_time();
  skipped_ = step.was_skipped ? skipped_ + 1 : 0;
  if (skipped_ >= kSkippedMax) {
    return internal_error(fmt::format(
        "{} steps in a row gave numbers that are not finite; begin again with another --seed",
        skipped_));
  }
  last_rate_ = step.rate;
  if (step.was_skipped) return done();
  for (Sums* sums : {&since_report_, &since_judgement_}) {
    sums->score_loss += step.score_loss;
    sums->box_loss += step.box_loss;
    ++sums->steps;
  }
  return done();
}

void Run::report() {
  const double steps = std::max(1, since_report_.steps);
  const double span = std::max(1e-9, elapsed() - reported_at_);
  log_info(fmt::format(
      "step {}, {:.1f} of {:.0f} min, {:.1f} pictures/s, score loss {:.3f}, box loss {:.3f}, rate "
      "{:.5f}",
      trainer_->steps(), elapsed() / 60, options_.minutes,
      since_report_.steps * options_.batch / span, since_report_.score_loss / steps,
      since_report_.box_loss / steps, last_rate_));
  since_report_ = {};
  reported_at_ = elapsed();
}

Status Run::learn(const std::function<bool()>& should_stop) {
  counted_to_ = now();
  reported_at_ = elapsed();
  double saved_at = elapsed();
  double judged_at = elapsed();
  BatchLine batches(
      draw_, {.seed = learning_seed(options_.seed), .side = options_.side, .count = options_.batch},
      trainer_->steps(), options_.threads > 1);
  while (progress() < 1) {
    if (should_stop()) {
      log_info(fmt::format("told to stop at step {}", trainer_->steps()));
      return save();
    }
    POSEFLEET_TRY_DO(take_step(batches));
    if (elapsed() - reported_at_ >= kReportSeconds) report();
    if (elapsed() - judged_at >= options_.judge_seconds) {
      POSEFLEET_TRY_DO(judge());
      judged_at = elapsed();
    }
    if (elapsed() - saved_at >= kSaveSeconds) {
      POSEFLEET_TRY_DO(save());
      saved_at = elapsed();
    }
  }
  POSEFLEET_TRY_DO(judge());
  return save();
}

Status check(const RunOptions& options) {
  const auto outside = [](const char* name, double value, double low, double high) {
    return rejected(fmt::format("{} is {}, allowed: {} to {}", name, value, low, high));
  };
  if (!(options.minutes > 0 && options.minutes <= 1e5)) {
    return outside("minutes", options.minutes, 0.01, 1e5);
  }
  if (!(options.rate > 0 && options.rate <= 0.1)) {
    return outside("learning-rate", options.rate, 1e-9, 0.1);
  }
  if (options.threads < 1 || options.threads > 64)
    return outside("threads", options.threads, 1, 64);
  if (options.batch < 1 || options.batch > 256) return outside("batch", options.batch, 1, 256);
  if (options.unseen < 1 || options.unseen > 10'000) {
    return outside("unseen", options.unseen, 1, 10'000);
  }
  // Seeds are doubled, and stand as decimal numbers in the state.
  if (options.seed > 1u << 31)
    return outside("seed", static_cast<double>(options.seed), 0, 1u << 31);
  if (options.side < 128 || options.side > 1280 || options.side % kSideStep != 0) {
    return rejected(fmt::format("side is {}, allowed: multiples of {} from 128 to 1280",
                                options.side, kSideStep));
  }
  return done();
}

}  // namespace

Status run_training(const DrawScene& draw, const RunOptions& options,
                    const std::function<bool()>& should_stop) {
  POSEFLEET_TRY_DO(check(options));
  Run run(draw, options);
  POSEFLEET_TRY_DO(run.prepare());
  return run.learn(should_stop);
}

}  // namespace posefleet::training::detect
