// `posefleet evaluate` with its real processes: what a run finds is its own truth, and changes of
// that truth give the figures that arithmetic says.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/accuracy/axis_angle.h"
#include "common/accuracy/truth.h"
#include "common/body/body_data.h"
#include "common/files/sha256.h"
#include "tests/support/fixtures.h"
#include "tests/support/programs.h"

namespace posefleet::tests {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kFrames = 30;
// Boxes of the two people of each frame.
constexpr int kLowHeight = 130;
constexpr int kHighHeight = 170;

// Made once: a model, a clip, two people's boxes, and what the model finds there as a truth file.
class Workplace final {
 public:
  static Workplace& get() {
    static Workplace place;
    return place;
  }

  std::string path(const std::string& name) const { return folder_ / name; }
  const Truth& found() const { return found_; }

  Ended evaluate(const std::string& truth, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"evaluate",  path("clip.mkv"), "--truth",
                                          path(truth), "--model",        path("model"),
                                          "--json",    "--work-dir",     path("work")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run("posefleet", arguments);
  }
  // Of the model's own answer to the boxes, with a truth that `change` was done to.
  Json evaluate_changed(const std::function<void(Truth&)>& change,
                        const std::vector<std::string>& more = {}) {
    Truth truth = found_;
    change(truth);
    const Status written = write_truth(path("changed.json"), truth);
    EXPECT_TRUE(written) << written.error().message;
    std::vector<std::string> arguments = {"--boxes", path("boxes.txt")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = evaluate("changed.json", arguments);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return ended.exit_code == 0 ? Json::parse(ended.out) : Json();
  }

 private:
  Workplace() {
    EXPECT_EQ(run("posefleet-random-model", {path("model")}).exit_code, 0);
    const Ended made =
        run("/usr/bin/ffmpeg",
            {"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-frames:v",
             std::to_string(kFrames), "-c:v", "libx264", "-y", path("clip.mkv")});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    fs::create_directories(path("work"));
    std::string boxes;
    Truth nobody{320,      180, 1000, 25, *sha256_hex_of_file(path("model/body.safetensors")),
                 "a test", {}};
    for (int frame = 0; frame < kFrames; ++frame) {
      const std::string number = std::to_string(frame);
      boxes += number + "," + std::to_string(10 + frame) + ",20,90," +
               std::to_string(20 + kLowHeight) + ",0.9\n" + number + ",180,5,260," +
               std::to_string(5 + kHighHeight) + ",0.8\n";
      nobody.frames.push_back({static_cast<std::uint32_t>(frame), {}});
    }
    write_file(path("boxes.txt"), boxes);
    EXPECT_TRUE(write_truth(path("nobody.json"), nobody));
    const Ended ended = evaluate(
        "nobody.json", {"--boxes", path("boxes.txt"), "--write-found", path("found.json")});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    auto found = read_truth(path("found.json"));
    EXPECT_TRUE(found) << found.error().message;
    if (found) found_ = *found;
  }

  TempDir folder_owner_;
  fs::path folder_ = folder_owner_.path();
  Truth found_;
};

// Errors that the decimals of the truth file leave.
void expect_perfect_bodies(const Json& report) {
  EXPECT_LT(report.at("mpjpe_mm"), 0.05);
  EXPECT_LT(report.at("pa_mpjpe_mm"), 0.05);
  EXPECT_LT(report.at("mpvpe_mm"), 0.05);
  EXPECT_GT(report.at("silhouette_iou"), 0.999);
  EXPECT_EQ(report.at("pck_at_0.05"), 1.0);
  EXPECT_EQ(report.at("pck_at_0.10"), 1.0);
}

TEST(Evaluate, WhatARunFindsIsItsOwnTruth) {
  Workplace& place = Workplace::get();
  const Json report = place.evaluate_changed([](Truth&) {});
  ASSERT_FALSE(report.is_null());
  EXPECT_EQ(report.at("total_frames"), kFrames);
  EXPECT_EQ(report.at("people_counted"), 2 * kFrames);
  EXPECT_EQ(report.at("recall"), 1.0);
  EXPECT_EQ(report.at("precision"), 1.0);
  EXPECT_EQ(report.at("boxes"), "file");
  expect_perfect_bodies(report);
  EXPECT_EQ(report.at("by_height").at("80-160").at("people"), kFrames);
  EXPECT_EQ(report.at("by_height").at("160-320").at("people"), kFrames);
}

TEST(Evaluate, NobodyAskedForMakesEverybodyWrong) {
  Workplace& place = Workplace::get();
  const Json report = place.evaluate_changed([](Truth& truth) {
    for (TruthFrame& frame : truth.frames) frame.people.clear();
  });
  ASSERT_FALSE(report.is_null());
  EXPECT_EQ(report.at("people_wrong"), 2 * kFrames);
  EXPECT_EQ(report.at("precision"), 0.0);
  EXPECT_TRUE(report.at("recall").is_null());
  EXPECT_TRUE(report.at("mpjpe_mm").is_null());
}

TEST(Evaluate, CountsPeopleWhoAreRemovedOrMoved) {
  Workplace& place = Workplace::get();
  const Json report = place.evaluate_changed([](Truth& truth) {
    // Ten fewer people are true, five are somewhere else: 50 asked for, 45 of 60 right.
    for (std::size_t i = 0; i < 10; ++i) truth.frames[i].people.pop_back();
    for (std::size_t i = 10; i < 15; ++i) {
      truth.frames[i].people[1].box = {100, 0, 170, 170, 1};
    }
  });
  ASSERT_FALSE(report.is_null());
  EXPECT_EQ(report.at("people_counted"), 50);
  EXPECT_EQ(report.at("people_matched"), 45);
  EXPECT_EQ(report.at("people_missed"), 5);
  EXPECT_EQ(report.at("people_wrong"), 15);
  EXPECT_DOUBLE_EQ(report.at("recall"), 45.0 / 50);
  EXPECT_DOUBLE_EQ(report.at("precision"), 45.0 / 60);
  expect_perfect_bodies(report);
}

TEST(Evaluate, IgnoresWhoIsTooSmallOrHidden) {
  Workplace& place = Workplace::get();
  const std::vector<std::string> options = {"--min-height", std::to_string(kLowHeight + 1)};
  const auto hide_ten = [](Truth& truth) {
    for (std::size_t i = 0; i < 10; ++i) truth.frames[i].people[1].visible = 0.29;
  };
  const Json report = place.evaluate_changed(hide_ten, options);
  ASSERT_FALSE(report.is_null());
  EXPECT_EQ(report.at("people_counted"), kFrames - 10);
  EXPECT_EQ(report.at("people_ignored"), kFrames + 10);
  EXPECT_EQ(report.at("people_neither"), kFrames + 10);
  EXPECT_EQ(report.at("recall"), 1.0);
  EXPECT_EQ(report.at("precision"), 1.0);
}

TEST(Evaluate, TellsTurnedBodiesFromBadPostures) {
  Workplace& place = Workplace::get();
  const Json report = place.evaluate_changed([](Truth& truth) {
    for (TruthFrame& frame : truth.frames) {
      // Lying before the camera, head to the right.
      for (TruePerson& person : frame.people) {
        person.pose.global_orient = rotation_of({0, 0, 1.5});
      }
    }
  });
  ASSERT_FALSE(report.is_null());
  EXPECT_EQ(report.at("recall"), 1.0);
  EXPECT_GT(report.at("mpjpe_mm"), 100);
  EXPECT_LT(report.at("pa_mpjpe_mm"), 0.05);
  EXPECT_LT(report.at("silhouette_iou"), 0.9);
  EXPECT_EQ(report.at("by_facing").at("away").at("people"), 2 * kFrames);
}

TEST(Evaluate, TrueBoxesTakeTheDetectorsPlace) {
  Workplace& place = Workplace::get();
  const Ended ended = place.evaluate(
      "found.json", {"--boxes", "truth", "--min-height", std::to_string(kLowHeight + 1)});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const Json report = Json::parse(ended.out);
  EXPECT_EQ(report.at("boxes"), "truth");
  EXPECT_EQ(report.at("people_found"), kFrames) << "those who are asked for";
  EXPECT_EQ(report.at("recall"), 1.0);
  expect_perfect_bodies(report);
}

TEST(Evaluate, SaysTheSameWithAnyNumberOfWorkers) {
  Workplace& place = Workplace::get();
  const auto nothing = [](Truth&) {};
  Json one = place.evaluate_changed(nothing, {"--pose-workers", "1"});
  Json three = place.evaluate_changed(
      nothing, {"--pose-workers", "2", "--models-per-worker", "2", "--range-frames", "7"});
  ASSERT_FALSE(one.is_null() || three.is_null());
  one.erase("processing_time_seconds");
  three.erase("processing_time_seconds");
  EXPECT_EQ(one, three);
}

TEST(Evaluate, ComparesJointsWithAnotherBody) {
  Workplace& place = Workplace::get();
  auto body = read_body(place.path("model/body.safetensors"));
  ASSERT_TRUE(body);
  for (float& number : body->v_template) number *= 1.1f;
  ASSERT_TRUE(write_body(place.path("larger.safetensors"), *body));
  Truth truth = place.found();
  truth.body_sha256 = *sha256_hex_of_file(place.path("larger.safetensors"));
  ASSERT_TRUE(write_truth(place.path("larger.json"), truth));
  const Ended refused = place.evaluate("larger.json", {"--boxes", "truth"});
  EXPECT_EQ(refused.exit_code, 2);
  for (const std::string& part :
       {truth.body_sha256, place.found().body_sha256, std::string("--truth-body")}) {
    EXPECT_NE(refused.err.find(part), std::string::npos) << refused.err;
  }
  const Ended ended = place.evaluate(
      "larger.json", {"--boxes", "truth", "--truth-body", place.path("larger.safetensors")});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const Json report = Json::parse(ended.out);
  EXPECT_TRUE(report.at("mpvpe_mm").is_null());
  EXPECT_GT(report.at("mpjpe_mm"), 10);
  EXPECT_LT(report.at("pa_mpjpe_mm"), 1) << "of another size only";
}

TEST(Evaluate, TellsWhatIsWrongBeforeAnythingStarts) {
  Workplace& place = Workplace::get();
  const auto with = [&](const std::string& name, const std::function<void(Truth&)>& change) {
    Truth truth = place.found();
    change(truth);
    EXPECT_TRUE(write_truth(place.path(name), truth));
  };
  with("wide.json", [](Truth& truth) { truth.width = 640; });
  with("short.json", [](Truth& truth) { truth.frames.pop_back(); });
  const std::string good = read_file(place.path("found.json"));
  write_file(place.path("cut.json"), good.substr(0, good.size() / 2));
  write_file(place.path("text.json"), "once upon a time\n");
  write_file(place.path("nan.json"), std::string(good).replace(good.find("6250"), 4, "NaN"));
  const struct {
    const char* name;
    std::string truth;
    std::vector<std::string> more;
    std::string expected;
  } kCases[] = {
      {"no truth", "missing.json", {}, "missing.json"},
      {"a folder", "work", {}, "work"},
      {"another size", "wide.json", {}, "320x180"},
      {"another length", "short.json", {}, "30 frames"},
      {"a cut truth", "cut.json", {}, "line"},
      {"text", "text.json", {}, "text.json"},
      {"a number that is none", "nan.json", {}, "nan.json"},
      {"a height that is none", "found.json", {"--min-height", "nan"}, "--min-height"},
      {"no boxes file", "found.json", {"--boxes", place.path("no.txt")}, "no.txt"},
      {"settings without a detector", "found.json", {"--conf", "0.5"}, "no detector"},
      {"a body that is none",
       "found.json",
       {"--truth-body", place.path("found.json")},
       "found.json"},
      {"the truth as output",
       "found.json",
       {"--write-found", place.path("found.json")},
       "is an input itself"},
      {"no folder for the output",
       "found.json",
       {"--write-found", place.path("no/where.json")},
       "no folder"},
      {"no model", "found.json", {"--model", place.path("no-model")}, "no-model"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    std::vector<std::string> arguments = {"evaluate",   place.path("clip.mkv"),
                                          "--truth",    place.path(test.truth),
                                          "--work-dir", place.path("work")};
    if (std::string(test.name) != "no model") {
      arguments.insert(arguments.end(), {"--model", place.path("model")});
    }
    arguments.insert(arguments.end(), test.more.begin(), test.more.end());
    const Ended ended = run("posefleet", arguments);
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_EQ(ended.out, "");
    EXPECT_NE(ended.err.find(test.expected), std::string::npos) << ended.err;
  }
  const Ended no_video =
      run("posefleet", {"evaluate", place.path("no.mp4"), "--truth", place.path("found.json"),
                        "--model", place.path("model")});
  EXPECT_EQ(no_video.exit_code, 2);
  EXPECT_NE(no_video.err.find("no.mp4"), std::string::npos) << no_video.err;
  EXPECT_TRUE(fs::is_empty(place.path("work")));
}

}  // namespace
}  // namespace posefleet::tests
