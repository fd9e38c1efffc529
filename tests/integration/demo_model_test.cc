// The demo model on the sample clip: no worse than when it was made.
//
// models/demo/accuracy.json holds the figures that `posefleet evaluate --json` gave then. A tenth
// is the room that another processor's rounding and small changes of the program may take.
#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/fixtures.h"
#include "tests/support/programs.h"

namespace posefleet::tests {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr double kRoom = 0.1;

std::string demo(const std::string& name) {
  return (fs::path(POSEFLEET_SOURCE_DIR) / "models/demo" / name).string();
}

Json evaluated(const std::string& truth) {
  const TempDir work;
  const Ended ended =
      run("posefleet", {"evaluate", demo("sample.mp4"), "--truth", truth, "--model", demo(""),
                        "--json", "--progress", "none", "--work-dir", work.path().string()});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  return ended.exit_code == 0 ? Json::parse(ended.out) : Json();
}

// Names of figures that are worse than those that were written down, by more than the room.
std::vector<std::string> worse_figures(const Json& now, const Json& then) {
  std::vector<std::string> worse;
  for (const char* name : {"recall", "precision", "silhouette_iou", "pck_at_0.05", "pck_at_0.10"}) {
    if (now.at(name).get<double>() < then.at(name).get<double>() * (1 - kRoom)) {
      worse.emplace_back(name);
    }
  }
  for (const char* name : {"mpjpe_mm", "pa_mpjpe_mm", "mpvpe_mm"}) {
    if (now.at(name).get<double>() > then.at(name).get<double>() * (1 + kRoom)) {
      worse.emplace_back(name);
    }
  }
  return worse;
}

TEST(DemoModel, IsAsGoodOnTheSampleClipAsWhenItWasMade) {
  const Json then = Json::parse(read_file(demo("accuracy.json")));
  const Json now = evaluated(demo("sample.truth.json"));
  ASSERT_FALSE(now.is_null());
  EXPECT_EQ(now.at("model_hash"), then.at("model_hash"))
      << "the model was changed: evaluate it anew (docs/accuracy.md) and keep the new figures";
  EXPECT_EQ(worse_figures(now, then), std::vector<std::string>{}) << now.dump(2);
  // The comparison itself: figures a fifth better would have been missed.
  Json better = then;
  for (const char* name : {"recall", "mpjpe_mm"}) {
    const double now_value = now.at(name).get<double>();
    better[name] = name == std::string("recall") ? now_value * 1.2 : now_value * 0.8;
  }
  EXPECT_EQ(worse_figures(now, better), (std::vector<std::string>{"recall", "mpjpe_mm"}));
}

// Another second's truth: every figure of a model that sees what is there must fall.
TEST(DemoModel, DoesWorseOnTheTruthOfAnotherMoment) {
  Json truth = Json::parse(read_file(demo("sample.truth.json")));
  Json& frames = truth.at("frames");
  const std::size_t count = frames.size();
  ASSERT_GT(count, 100u);
  std::vector<Json> people;
  for (const Json& frame : frames) people.push_back(frame.at("people"));
  for (std::size_t i = 0; i < count; ++i) frames[i]["people"] = people[(i + count / 2) % count];
  const TempDir folder;
  write_file(folder / "later.json", truth.dump());
  const Json now = evaluated((folder / "later.json").string());
  ASSERT_FALSE(now.is_null());
  EXPECT_LT(now.at("recall").get<double>(), 0.5);
}

}  // namespace
}  // namespace posefleet::tests
