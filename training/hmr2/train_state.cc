#include "training/hmr2/train_state.h"

#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <span>

#include <fmt/format.h>

#include "common/model_folder/safetensors.h"

namespace posefleet::training {
namespace {

constexpr const char* kFormat = "posefleet pose training 1";
constexpr std::int64_t kHistoryColumns = 4;
// A point every ten seconds for a month.
constexpr std::int64_t kHistoryMax = 300'000;

std::string text_of(const NetworkSizes& s) {
  return fmt::format("{} {} {} {} {} {} {} {} {}", s.backbone_width, s.backbone_depth,
                     s.backbone_heads, s.backbone_mlp, s.decoder_width, s.decoder_depth,
                     s.decoder_heads, s.decoder_head_width, s.decoder_mlp);
}

// Counters in the file's head. Numbers are written so that they read back the same.
class Notes final {
 public:
  Notes(const std::filesystem::path& file, const std::map<std::string, std::string>& notes)
      : file_(file), notes_(notes) {}

  Result<std::string> text(const std::string& key) const {
    const auto found = notes_.find(key);
    if (found != notes_.end()) return found->second;
    return rejected(fmt::format("{}: '{}' is missing; this is no state of a pose training",
                                file_.string(), key));
  }

  template <typename Number>
  Status read(const std::string& key, Number& target) const {
    POSEFLEET_TRY(const std::string value, text(key));
    const char* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, target);
    bool is_right = error == std::errc() && stop == end;
    if constexpr (std::is_floating_point_v<Number>) is_right = is_right && std::isfinite(target);
    if (is_right) return done();
    return rejected(fmt::format("{}: {} is '{}', expected a number; remove the file to start anew",
                                file_.string(), key, value));
  }

 private:
  const std::filesystem::path& file_;
  const std::map<std::string, std::string>& notes_;
};

Result<std::vector<float>> numbers_of(const Safetensors& file, const char* name,
                                      std::int64_t count) {
  POSEFLEET_TRY(const std::span<const float> values, file.floats(name, {count}));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      return rejected(fmt::format("{}: {}[{}] is {}; remove the file to start anew",
                                  file.path().string(), name, i, values[i]));
    }
  }
  return std::vector<float>(values.begin(), values.end());
}

Status read_notes(const Notes& notes, TrainState& state) {
  POSEFLEET_TRY_DO(notes.read("seed", state.seed));
  POSEFLEET_TRY_DO(notes.read("step", state.step));
  POSEFLEET_TRY_DO(notes.read("drawn", state.drawn));
  POSEFLEET_TRY_DO(notes.read("seconds", state.seconds));
  POSEFLEET_TRY_DO(notes.read("minutes_budget", state.minutes_budget));
  POSEFLEET_TRY_DO(notes.read("best_score", state.best_score));
  POSEFLEET_TRY_DO(notes.read("widening", state.stage.widening));
  POSEFLEET_TRY_DO(notes.read("widened_at", state.stage.widened_at));
  POSEFLEET_TRY_DO(notes.read("root_degrees", state.stage.root_degrees));
  int is_full = 0;
  POSEFLEET_TRY_DO(notes.read("is_full", is_full));
  state.stage.is_full = is_full != 0;
  return done();
}

Status read_history(const Safetensors& file, TrainState& state) {
  const TensorView* view = file.find("history");
  if (view == nullptr || view->dtype != DType::F64 || view->shape.size() != 2 ||
      view->shape[0] > kHistoryMax || view->shape[1] != kHistoryColumns) {
    return rejected(file.path().string() + ": 'history' is missing or of a wrong shape");
  }
  const auto* row = reinterpret_cast<const double*>(view->bytes.data());
  for (std::int64_t i = 0; i < view->shape[0]; ++i, row += kHistoryColumns) {
    state.history.push_back({row[0], row[1], row[2], row[3]});
  }
  return done();
}

}  // namespace

TrainState fresh_state(const ParameterLayout& layout, const FirstLook& look, std::uint64_t seed,
                       double minutes_budget) {
  TrainState state;
  state.weights = initial_parameters(layout, look, seed);
  state.first_moment.assign(state.weights.size(), 0.0f);
  state.second_moment.assign(state.weights.size(), 0.0f);
  state.average = state.weights;
  state.seed = seed;
  state.minutes_budget = minutes_budget;
  return state;
}

Status save_state(const std::filesystem::path& file, const TrainState& state,
                  const NetworkSizes& sizes) {
  const auto view = [](const std::vector<float>& values) {
    return TensorView{
        DType::F32, {static_cast<std::int64_t>(values.size())}, std::as_bytes(std::span(values))};
  };
  std::vector<double> history;
  for (const HistoryPoint& point : state.history) {
    history.insert(history.end(), {point.seconds, point.loss, point.joint_mm, point.unseen_pa_mm});
  }
  std::map<std::string, TensorView> tensors = {{"weights", view(state.weights)},
                                               {"first_moment", view(state.first_moment)},
                                               {"second_moment", view(state.second_moment)},
                                               {"average", view(state.average)}};
  tensors["history"] = {DType::F64,
                        {static_cast<std::int64_t>(state.history.size()), kHistoryColumns},
                        std::as_bytes(std::span(history))};
  const Stage& stage = state.stage;
  // "{}" writes the shortest text that reads back to the same number.
  return write_safetensors(file, tensors,
                           {{"format", kFormat},
                            {"sizes", text_of(sizes)},
                            {"seed", fmt::format("{}", state.seed)},
                            {"step", fmt::format("{}", state.step)},
                            {"drawn", fmt::format("{}", state.drawn)},
                            {"seconds", fmt::format("{}", state.seconds)},
                            {"minutes_budget", fmt::format("{}", state.minutes_budget)},
                            {"best_score", fmt::format("{}", state.best_score)},
                            {"widening", fmt::format("{}", stage.widening)},
                            {"widened_at", fmt::format("{}", stage.widened_at)},
                            {"root_degrees", fmt::format("{}", stage.root_degrees)},
                            {"is_full", stage.is_full ? "1" : "0"}});
}

Result<TrainState> load_state(const std::filesystem::path& path, const ParameterLayout& layout) {
  POSEFLEET_TRY(const std::unique_ptr<Safetensors> file, Safetensors::open(path));
  const Notes notes(path, file->metadata());
  POSEFLEET_TRY(const std::string format, notes.text("format"));
  if (format != kFormat) {
    return rejected(
        fmt::format("{}: format is '{}', expected '{}'", path.string(), format, kFormat));
  }
  POSEFLEET_TRY(const std::string sizes, notes.text("sizes"));
  if (sizes != text_of(layout.sizes())) {
    return rejected(fmt::format("{}: sizes are '{}', this training's are '{}'; take another folder",
                                path.string(), sizes, text_of(layout.sizes())));
  }
  TrainState state;
  POSEFLEET_TRY(state.weights, numbers_of(*file, "weights", layout.count()));
  POSEFLEET_TRY(state.first_moment, numbers_of(*file, "first_moment", layout.count()));
  POSEFLEET_TRY(state.second_moment, numbers_of(*file, "second_moment", layout.count()));
  POSEFLEET_TRY(state.average, numbers_of(*file, "average", layout.count()));
  POSEFLEET_TRY_DO(read_notes(notes, state));
  if (!is_known(state.stage)) {
    return rejected(fmt::format("{}: widening is {}, which this program does not know",
                                path.string(), state.stage.widening));
  }
  POSEFLEET_TRY_DO(read_history(*file, state));
  return state;
}

}  // namespace posefleet::training
