// Found people against true ones without any process: a body of capsules in a small frame.
#include "cli/evaluation.h"

#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/evaluation_report.h"
#include "cli/session.h"
#include "cli/silhouettes.h"
#include "common/accuracy/axis_angle.h"
#include "training/capsule_body.h"

namespace posefleet::cli {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr FrameSize kFrame{320, 240};
constexpr float kFocalLength = 500;

// The frame is 4.8 m high where people stand: a person is some 85 pixels high.
constexpr float kDepth = 10;

bool always() {
  return true;
}

std::shared_ptr<const BodyModel> capsules(float scale = 1) {
  BodyData data = training::make_capsule_body();
  for (float& number : data.v_template) number *= scale;
  auto model = BodyModel::make(std::move(data));
  EXPECT_TRUE(model) << model.error().message;
  return *model;
}

// Upright, facing the camera, arms out.
BodyPose standing() {
  BodyPose pose;
  pose.global_orient = rotation_of({kPi, 0, 0});
  pose.body_pose.fill({1, 0, 0, 0, 1, 0, 0, 0, 1});
  return pose;
}

// The pixel column that they stand at.
TruePerson person_at(float column) {
  TruePerson person;
  person.id = static_cast<std::int64_t>(column);
  person.pose = standing();
  person.translation = {(column - 160) * kDepth / kFocalLength, 0, kDepth};
  person.box = {column - 45, 75, column + 45, 165};
  return person;
}

PersonPose found_of(const TruePerson& person) {
  PersonPose found;
  found.box = person.box;
  found.global_orient = person.pose.global_orient;
  found.body_pose = person.pose.body_pose;
  found.betas = person.pose.betas;
  found.camera_translation = person.translation;
  found.focal_length = kFocalLength;
  return found;
}

Truth truth_of(std::vector<std::vector<TruePerson>> people) {
  Truth truth{kFrame.width, kFrame.height, kFocalLength, 25, std::string(64, '0'), "a test", {}};
  for (auto& list : people) {
    truth.frames.push_back({static_cast<std::uint32_t>(truth.frames.size()), std::move(list)});
  }
  return truth;
}

RangePoses found_in(const Truth& truth) {
  RangePoses found;
  for (const TruthFrame& frame : truth.frames) {
    FramePoses& poses = found.emplace_back();
    poses.frame = frame.frame;
    for (const TruePerson& person : frame.people) poses.people.push_back(found_of(person));
  }
  return found;
}

TEST(Evaluation, IsPerfectForWhatIsTrue) {
  const auto body = capsules();
  const Truth truth = truth_of({{person_at(100), person_at(220)}, {}, {person_at(160)}});
  const auto report = evaluate_poses(truth, found_in(truth), {body, body}, {}, always);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->frames, 3u);
  EXPECT_EQ(report->people_counted, 3u);
  EXPECT_EQ(report->recall, 1.0);
  EXPECT_EQ(report->precision, 1.0);
  EXPECT_EQ(report->all.joint_mm, 0.0);
  EXPECT_NEAR(report->all.joint_after_alignment_mm.value_or(9), 0, 1e-3);
  EXPECT_EQ(report->all.vertex_mm, 0.0);
  EXPECT_EQ(report->all.silhouette_iou, 1.0);
  EXPECT_EQ(report->all.keypoints_within_005, 1.0);
  EXPECT_EQ(report->by_facing[0].means.people, 3u);
}

TEST(Evaluation, TellsErrorsApart) {
  const auto body = capsules();
  const Truth truth = truth_of({{person_at(160)}});
  const auto judge = [&](void (*change)(PersonPose&)) {
    RangePoses found = found_in(truth);
    change(found[0].people[0]);
    const auto report = evaluate_poses(truth, found, {body, body}, {}, always);
    EXPECT_TRUE(report);
    return report->all;
  };
  {
    SCOPED_TRACE("beside: 3D errors do not see it, the picture does");
    const ErrorMeans means = judge([](PersonPose& p) { p.camera_translation[0] += 0.3f; });
    EXPECT_EQ(means.joint_mm, 0.0);
    EXPECT_EQ(means.vertex_mm, 0.0);
    EXPECT_LT(means.silhouette_iou.value_or(1), 0.7);
    EXPECT_EQ(means.keypoints_within_010, 0.0) << "15 pixels of a box of 90";
  }
  {
    SCOPED_TRACE("turned: alignment takes it away");
    const ErrorMeans means = judge([](PersonPose& p) {
      p.global_orient = rotation_of({0, 0, kPi});
    });
    EXPECT_GT(means.joint_mm.value_or(0), 100);
    EXPECT_GT(means.vertex_mm.value_or(0), 100);
    EXPECT_NEAR(means.joint_after_alignment_mm.value_or(9), 0, 1e-2);
  }
  {
    SCOPED_TRACE("a bent knee: all see it");
    const ErrorMeans means = judge([](PersonPose& p) {
      p.body_pose[3] = rotation_of({kPi / 2, 0, 0});
    });
    EXPECT_GT(means.joint_mm.value_or(0), 10);
    EXPECT_GT(means.joint_after_alignment_mm.value_or(0), 5);
    EXPECT_LT(means.keypoints_within_005.value_or(1), 1);
  }
  {
    SCOPED_TRACE("twice as far with twice the focal length: nearly the same picture");
    const ErrorMeans means = judge([](PersonPose& p) {
      p.camera_translation[2] *= 2;
      p.focal_length *= 2;
    });
    EXPECT_EQ(means.joint_mm, 0.0);
    EXPECT_GT(means.silhouette_iou.value_or(0), 0.9);
    EXPECT_EQ(means.keypoints_within_005, 1.0);
  }
}

TEST(Evaluation, ComparesJointsButNoVerticesOfTwoBodies) {
  const Truth truth = truth_of({{person_at(160)}});
  const auto report =
      evaluate_poses(truth, found_in(truth), {capsules(), capsules(1.1f)}, {}, always);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(report->all.vertex_mm);
  EXPECT_GT(report->all.joint_mm.value_or(0), 10);
  EXPECT_NEAR(report->all.joint_after_alignment_mm.value_or(9), 0, 1e-2) << "of another size only";
  EXPECT_LT(report->all.silhouette_iou.value_or(1), 1);
}

TEST(Evaluation, RefusesPosesThatCannotBeJudged) {
  const auto body = capsules();
  const Truth truth = truth_of({{}, {person_at(160)}});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const struct {
    const char* name;
    std::function<void(RangePoses&)> spoil;
    const char* expected;
  } kCases[] = {
      {"a frame too few", [](RangePoses& found) { found.pop_back(); }, "1 frames"},
      {"another frame", [](RangePoses& found) { found[1].frame = 7; }, "frame 7"},
      {"a rotation", [&](RangePoses& found) { found[1].people[0].body_pose[22][8] = nan; },
       "frame 1"},
      {"a translation", [&](RangePoses& found) { found[1].people[0].camera_translation[0] = nan; },
       "not finite"},
      {"a score", [&](RangePoses& found) { found[1].people[0].box.score = nan; }, "not finite"},
      {"no focal length", [](RangePoses& found) { found[1].people[0].focal_length = 0; },
       "frame 1"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    RangePoses found = found_in(truth);
    test.spoil(found);
    const auto report = evaluate_poses(truth, found, {body, body}, {}, always);
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find(test.expected), std::string::npos)
        << report.error().message;
    EXPECT_FALSE(truth_of_found(truth, found, std::string(64, '0'), ""));
  }
}

TEST(Evaluation, StopsWhenItIsTold) {
  const auto body = capsules();
  const Truth truth = truth_of({{person_at(160)}, {person_at(160)}});
  int asked = 0;
  const auto report =
      evaluate_poses(truth, found_in(truth), {body, body}, {}, [&] { return ++asked < 2; });
  ASSERT_FALSE(report);
  EXPECT_TRUE(is_interruption(report.error()));
}

TEST(Evaluation, WhatWasFoundBecomesATruthThatItAgreesWith) {
  const auto body = capsules();
  const Truth truth = truth_of({{person_at(100), person_at(220)}, {}});
  RangePoses found = found_in(truth);
  found[0].people[1].camera_translation[1] = 0.5f;
  const auto written = truth_of_found(truth, found, std::string(64, '1'), "a run");
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->body_sha256, std::string(64, '1'));
  EXPECT_EQ(written->focal_length, kFocalLength);
  const auto report = evaluate_poses(*written, found, {body, body}, {}, always);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->recall, 1.0);
  EXPECT_EQ(report->all.vertex_mm, 0.0);
  EXPECT_EQ(report->all.silhouette_iou, 1.0);
}

// Two triangles that face the camera at z = 1, `x` to `x` + 0.2 and 0 to 0.2.
std::vector<Point3> square_at(float x) {
  return {{x, 0, 1}, {x + 0.2f, 0, 1}, {x + 0.2f, 0.2f, 1}, {x, 0.2f, 1}};
}

TEST(Silhouettes, CoverEachOtherAsArithmeticSays) {
  // 100 pixels a metre: squares of 20 by 20 pixels from the middle of the frame on.
  const FrameSize frame{100, 80};
  const std::vector<std::uint32_t> faces = {0, 2, 1, 0, 3, 2};
  const auto topology = MeshTopology::create(faces, 4);
  ASSERT_TRUE(topology);
  auto drawer = SilhouetteDrawer::create(frame);
  ASSERT_TRUE(drawer);
  EXPECT_FALSE(drawer->overlap()) << "nothing was drawn yet";
  const struct {
    const char* name;
    float first, second;
    std::optional<double> expected;
  } kCases[] = {
      {"the same", 0, 0, 1},
      {"half beside", 0, 0.1f, 1.0 / 3},
      {"apart", 0, 0.25f, 0},
      {"half of one outside the frame", 0.3f, 0.4f, 0.5},
      {"one outside the frame", 0, 3, 0},
      {"both outside the frame", 3, 3, std::nullopt},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    const FrameCamera camera{{0, 0, 0}, 100, frame};
    // A picture of the call before must not show through.
    ASSERT_TRUE(drawer->draw(0, *topology, square_at(test.first), camera));
    ASSERT_TRUE(drawer->draw(1, *topology, square_at(0), {{test.second, 0, 0}, 100, frame}));
    EXPECT_EQ(drawer->overlap(), test.expected);
  }
  EXPECT_FALSE(drawer->draw(0, *topology, square_at(0), {{0, 0, 0}, -1, frame}));
}

TEST(EvaluationReport, SaysWhatWasNotMeasured) {
  const AccuracyReport report = Tally().report();
  EvaluationSubject subject;
  subject.video = "bad \xff name";
  subject.boxes = "detector";
  const auto json = nlohmann::json::parse(report_json(subject, report));
  for (const char* key : {"recall", "precision", "mpjpe_mm", "pa_mpjpe_mm", "mpvpe_mm",
                          "silhouette_iou", "pck_at_0.05", "pck_at_0.10"}) {
    SCOPED_TRACE(key);
    EXPECT_TRUE(json.at(key).is_null());
  }
  EXPECT_EQ(json.at("by_facing").size(), 4u);
  EXPECT_EQ(json.at("by_height").size(), 4u);
  const std::string table = report_table(subject, report);
  EXPECT_NE(table.find("recall -, precision -"), std::string::npos) << table;
  EXPECT_EQ(table.find("facing"), std::string::npos) << "classes without people are left out";
  EXPECT_EQ(table.find(" \n"), std::string::npos) << "spaces at a line's end";
}

}  // namespace
}  // namespace posefleet::cli
