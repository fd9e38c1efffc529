#include "training/detector/run.h"

#include <cmath>

#include <gtest/gtest.h>

#include "common/model_folder/manifest.h"
#include "common/model_folder/safetensors.h"
#include "tests/support/fixtures.h"
#include "tests/training/detector/shapes.h"
#include "training/detector/history.h"

namespace posefleet::tests {
namespace {

using namespace posefleet::training::detect;

// Four small steps.
RunOptions options_in(const TempDir& folder) {
  return {.state = folder / "state",
          .out = folder / "model",
          .seed = 3,
          .steps = 4,
          .side = 128,
          .batch = 2,
          .unseen = 2,
          .judge_seconds = 1e6};
}

const auto kNever = [] { return false; };

// Says stop when it is asked for the n-th time.
std::function<bool()> stop_at(int n) {
  return [n, asked = 0]() mutable { return ++asked >= n; };
}

// All tensors of a state, one after the other.
std::string tensors_of(const std::filesystem::path& path) {
  const auto file = Safetensors::open(path);
  EXPECT_TRUE(file) << file.error().message;
  std::string all;
  for (const auto& [name, tensor] : (*file)->tensors()) {
    all += name;
    all.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  }
  return all;
}

TEST(Run, GivesTheSameWeightsWhetherOrNotItWasStopped) {
  const TempDir whole, pieces, ahead;
  const Status ended = run_training(draw_shapes, options_in(whole), kNever);
  ASSERT_TRUE(ended) << ended.error().message;
  for (const int asked : {2, 3}) {
    ASSERT_TRUE(run_training(draw_shapes, options_in(pieces), stop_at(asked)));
    EXPECT_FALSE(std::filesystem::exists(pieces / "model" / kDetectorName));
  }
  ASSERT_TRUE(run_training(draw_shapes, options_in(pieces), kNever));
  RunOptions two_threads = options_in(ahead);
  two_threads.threads = 2;
  ASSERT_TRUE(run_training(draw_shapes, two_threads, kNever));
  const std::string expected = tensors_of(whole / "state" / "state.safetensors");
  EXPECT_TRUE(tensors_of(pieces / "state" / "state.safetensors") == expected);
  EXPECT_TRUE(tensors_of(ahead / "state" / "state.safetensors") == expected);
  EXPECT_EQ(read_history(whole / "state" / "log.jsonl")->back().step, 4u);
  EXPECT_NE(read_file(whole / "state" / "progress.svg").find("recall"), std::string::npos);
}

// As if the network had been judged so once.
void set_best_score(const std::filesystem::path& path, const std::string& score) {
  const auto file = Safetensors::open(path);
  ASSERT_TRUE(file) << file.error().message;
  std::map<std::string, std::string> notes = (*file)->metadata();
  notes["best_score"] = score;
  const std::map<std::string, TensorView> tensors = (*file)->tensors();
  const auto copy = path.string() + ".new";
  ASSERT_TRUE(write_safetensors(copy, tensors, notes));
  std::filesystem::rename(copy, path);
}

TEST(Run, ComparesOnlyScoresThatTheSamePicturesGave) {
  for (const auto& [unseen, expected] : {std::pair<int, bool>{2, false}, {3, true}}) {
    SCOPED_TRACE(unseen);
    const TempDir folder;
    RunOptions options = options_in(folder);
    ASSERT_TRUE(run_training(draw_shapes, options, kNever));
    set_best_score(options.state / "state.safetensors", "2");  // nothing gets more than 1
    write_file(options.out / kDetectorName, "an older one");
    options.steps = 5;
    options.unseen = unseen;
    const Status ended = run_training(draw_shapes, options, kNever);
    ASSERT_TRUE(ended) << ended.error().message;
    EXPECT_EQ(read_file(options.out / kDetectorName) != "an older one", expected);
  }
}

TEST(Run, AddsItsDetectorToWhatAModelFolderHolds) {
  const TempDir folder;
  std::filesystem::create_directories(folder / "model");
  write_file(folder / "model" / "hmr2.safetensors", "weights");
  Manifest before;
  before.name = "somebody's";
  before.network.backbone_depth = 3;
  before.licence = "theirs";
  ASSERT_TRUE(write_manifest(folder / "model", before, {"hmr2.safetensors"}));
  const Status ended = run_training(draw_shapes, options_in(folder), kNever);
  ASSERT_TRUE(ended) << ended.error().message;
  const auto after = read_manifest(folder / "model" / kManifestName);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->name, "somebody's");
  EXPECT_EQ(after->licence, "theirs");
  EXPECT_EQ(after->network, before.network);
  EXPECT_EQ(after->files.size(), 2u);
  ASSERT_TRUE(after->detector);
  EXPECT_EQ(after->detector->imgsz, 128);
  EXPECT_EQ(after->detector->decoder, DetectorDecoder::YoloRaw);
  EXPECT_EQ(after->file_sizes.at(kDetectorName),
            std::filesystem::file_size(folder / "model" / kDetectorName));
}

TEST(Run, SaysWhatItWillNotDo) {
  const TempDir begun;
  ASSERT_TRUE(run_training(draw_shapes, options_in(begun), stop_at(1)));
  const struct {
    const char* name;
    std::function<void(RunOptions&)> change;
    const char* message;
  } cases[] = {
      {"no time", [](RunOptions& o) { o.minutes = 0; }, "minutes is 0"},
      {"time that is no number", [](RunOptions& o) { o.minutes = std::nan(""); }, "minutes"},
      {"nothing to learn by", [](RunOptions& o) { o.rate = 0; }, "learning-rate is 0"},
      {"a rate that is no number", [](RunOptions& o) { o.rate = std::nan(""); }, "learning-rate"},
      {"no threads", [](RunOptions& o) { o.threads = 0; }, "threads is 0"},
      {"no pictures", [](RunOptions& o) { o.batch = 0; }, "batch is 0"},
      {"odd side", [](RunOptions& o) { o.side = 130; }, "side is 130"},
      {"large side", [](RunOptions& o) { o.side = 1 << 20; }, "side is 1048576"},
      {"nothing unseen", [](RunOptions& o) { o.unseen = 0; }, "unseen is 0"},
      {"large seed", [](RunOptions& o) { o.seed = std::uint64_t{1} << 40; }, "seed is"},
      {"another side than it was begun with", [](RunOptions& o) { o.side = 160; },
       "was begun with --side 128"},
      {"another seed", [](RunOptions& o) { o.seed = 9; }, "was begun with --seed 3"},
      {"a state that is a file", [](RunOptions& o) { o.state /= "state.safetensors"; },
       "state.safetensors"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    RunOptions options = options_in(begun);
    c.change(options);
    const Status ran = run_training(draw_shapes, options, kNever);
    ASSERT_FALSE(ran);
    EXPECT_NE(ran.error().message.find(c.message), std::string::npos) << ran.error().message;
  }
}

}  // namespace
}  // namespace posefleet::tests
