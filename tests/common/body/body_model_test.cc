#include "common/body/body_model.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/body/angles.h"
#include "common/body/camera.h"
#include "common/model_folder/safetensors.h"
#include "tests/support/fixtures.h"

namespace posefleet {
namespace {

using tests::TempDir;

constexpr Rotation kIdentity = {1, 0, 0, 0, 1, 0, 0, 0, 1};
// A quarter turn about z: x becomes y.
constexpr Rotation kQuarter = {0, -1, 0, 1, 0, 0, 0, 0, 1};

// One vertex per joint, bound to it alone, where the joint is: a stick figure. Joint j is at
// (j, 0.5 j, 0), so that lengths are easy to follow.
BodyData stick_body() {
  BodyData body;
  constexpr std::size_t kVertices = kJointCount;
  body.v_template.resize(kVertices * 3);
  body.shapedirs.resize(kVertices * 3 * kBetaCount);
  body.posedirs.resize(kPoseFeatureCount * kVertices * 3);
  body.joint_regressor.resize(kJointCount * kVertices);
  body.weights.resize(kVertices * kJointCount);
  body.joint_regressor_extra.resize(kRegressedKeypointCount * kVertices);
  for (std::size_t v = 0; v < kVertices; ++v) {
    body.v_template[v * 3] = static_cast<float>(v);
    body.v_template[v * 3 + 1] = 0.5f * static_cast<float>(v);
    body.joint_regressor[v * kVertices + v] = 1;
    body.weights[v * kJointCount + v] = 1;
  }
  for (std::size_t i = 0; i < kRegressedKeypointCount; ++i) {
    body.joint_regressor_extra[i * kVertices + i] = 1;
  }
  body.parents.assign(kJointParents.begin(), kJointParents.end());
  body.faces = {0, 1, 2, 1, 2, 3};
  for (std::int64_t i = 0; i < kExtraVertexCount; ++i) body.extra_vertex_ids.push_back(i);
  return body;
}

BodyPose rest_pose() {
  BodyPose pose{.global_orient = kIdentity};
  pose.body_pose.fill(kIdentity);
  return pose;
}

std::shared_ptr<const BodyModel> model_of(const BodyData& body) {
  auto model = BodyModel::make(body);
  EXPECT_TRUE(model) << model.error().message;
  return *model;
}

TEST(BodyModel, LeavesTheRestPoseAsItIs) {
  const BodyData body = stick_body();
  const PosedBody posed = model_of(body)->pose(rest_pose());
  ASSERT_EQ(posed.vertices.size(), 24u);
  for (std::size_t v = 0; v < 24; ++v) {
    EXPECT_EQ(posed.vertices[v], (Point3{static_cast<float>(v), 0.5f * static_cast<float>(v), 0}));
    EXPECT_EQ(posed.joints45[v], posed.vertices[v]);
  }
  EXPECT_EQ(posed.joints45[24 + 5], posed.vertices[5]);
  EXPECT_EQ(posed.keypoints_3d[0], posed.joints45[24]);      // nose
  EXPECT_EQ(posed.keypoints_3d[8], posed.joints45[0]);       // mid hip
  EXPECT_EQ(posed.keypoints_3d[25 + 7], posed.vertices[7]);  // the eighth regressed one
}

TEST(BodyModel, TurnsALimbAboutItsJointAndNothingElse) {
  BodyPose pose = rest_pose();
  pose.body_pose[4 - 1] = kQuarter;  // left knee, at (4, 2)
  const PosedBody posed = model_of(stick_body())->pose(pose);
  EXPECT_EQ(posed.vertices[4], (Point3{4, 2, 0}));
  // The ankle was at (7, 3.5), that is (3, 1.5) from the knee; a quarter turn makes (-1.5, 3).
  EXPECT_NEAR(posed.vertices[7][0], 2.5f, 1e-6f);
  EXPECT_NEAR(posed.vertices[7][1], 5.0f, 1e-6f);
  // The foot hangs from the ankle: (6, 3) from the knee.
  EXPECT_NEAR(posed.vertices[10][0], 1.0f, 1e-6f);
  EXPECT_NEAR(posed.vertices[10][1], 8.0f, 1e-6f);
  EXPECT_EQ(posed.vertices[5], (Point3{5, 2.5f, 0}));  // right knee
}

TEST(BodyModel, AddsShapeAndPoseOffsets) {
  BodyData body = stick_body();
  body.shapedirs[(6 * 3 + 2) * kBetaCount + 1] = 0.25f;  // beta 1 lifts vertex 6 in z
  // Feature 9 * 4 + 1 is element (0, 1) of R - I of joint 5, which is -1 after a quarter turn.
  body.posedirs[(9 * 4 + 1) * 24 * 3 + 9 * 3 + 2] = 0.5f;  // vertex 9 in z
  BodyPose pose = rest_pose();
  pose.betas[1] = 2;
  pose.body_pose[4] = kQuarter;
  const PosedBody posed = model_of(body)->pose(pose);
  EXPECT_NEAR(posed.vertices[6][2], 0.5f, 1e-6f);
  EXPECT_NEAR(posed.joints45[6][2], 0.5f, 1e-6f);  // joints follow the shape
  EXPECT_NEAR(posed.vertices[9][2], -0.5f, 1e-6f);
  EXPECT_EQ(posed.joints45[9][2], 0.0f);  // but not the pose offsets
}

TEST(BodyModel, GivesAPersonTheSameBytesAloneAndInABatch) {
  BodyData body = stick_body();
  Random random(7);
  for (float& value : body.shapedirs) value = static_cast<float>(random.normal());
  for (float& value : body.posedirs) value = static_cast<float>(random.normal());
  const auto model = model_of(body);
  std::vector<BodyPose> poses(5, rest_pose());
  for (BodyPose& pose : poses) {
    for (float& beta : pose.betas) beta = static_cast<float>(random.normal());
    for (Rotation& rotation : pose.body_pose) {
      for (float& value : rotation) value += static_cast<float>(0.1 * random.normal());
    }
  }
  const auto together = model->pose_many(poses);
  ASSERT_EQ(together.size(), poses.size());
  for (std::size_t i = 0; i < poses.size(); ++i) {
    const PosedBody alone = model->pose(poses[i]);
    EXPECT_EQ(alone.vertices, together[i].vertices);
    EXPECT_EQ(alone.joints45, together[i].joints45);
    EXPECT_EQ(alone.keypoints_3d, together[i].keypoints_3d);
  }
  EXPECT_TRUE(model->pose_many({}).empty());
}

TEST(BodyData, ReadsBackWhatWasWritten) {
  const TempDir folder;
  ASSERT_TRUE(write_body(folder / "body.safetensors", stick_body()));
  const auto body = read_body(folder / "body.safetensors");
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(*body, stick_body());
  const auto model = BodyModel::load(folder / "body.safetensors");
  ASSERT_TRUE(model);
  EXPECT_EQ((*model)->vertex_count(), 24);
  EXPECT_EQ((*model)->faces()[1], (std::array<std::int32_t, 3>{1, 2, 3}));
}

TEST(BodyData, SaysWhatIsWrong) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const struct {
    const char* expected;
    void (*spoil)(BodyData&);
    float value = 0;
  } cases[] = {
      {"v_template has 0 numbers", [](BodyData& b) { b.v_template.clear(); }},
      {"v_template has 71 numbers", [](BodyData& b) { b.v_template.pop_back(); }},
      {"shapedirs has 719 numbers, expected 720", [](BodyData& b) { b.shapedirs.pop_back(); }},
      {"posedirs has 0 numbers", [](BodyData& b) { b.posedirs.clear(); }},
      {"J_regressor has 577", [](BodyData& b) { b.joint_regressor.push_back(0); }},
      {"weights has 575", [](BodyData& b) { b.weights.pop_back(); }},
      {"weights of vertex 3 sum to 2", [](BodyData& b) { b.weights[3 * 24] = 1; }},
      {"parents has 23", [](BodyData& b) { b.parents.pop_back(); }},
      {"parents has 5 for joint 5; allowed: 0 to 4", [](BodyData& b) { b.parents[5] = 5; }},
      {"parents has -1 for joint 2", [](BodyData& b) { b.parents[2] = -1; }},
      {"parents has 0 for joint 0", [](BodyData& b) { b.parents[0] = 0; }},
      {"faces has 0 numbers", [](BodyData& b) { b.faces.clear(); }},
      {"faces has vertex 24 in face 1", [](BodyData& b) { b.faces[4] = 24; }},
      {"faces has vertex -1 in face 0", [](BodyData& b) { b.faces[0] = -1; }},
      {"extra_vertex_ids has 20", [](BodyData& b) { b.extra_vertex_ids.pop_back(); }},
      {"extra_vertex_ids has vertex 99", [](BodyData& b) { b.extra_vertex_ids[3] = 99; }},
      {"joint_regressor_extra has 455", [](BodyData& b) { b.joint_regressor_extra.pop_back(); }},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.expected);
    BodyData body = stick_body();
    c.spoil(body);
    const auto model = BodyModel::make(body);
    ASSERT_FALSE(model);
    EXPECT_NE(model.error().message.find(c.expected), std::string::npos) << model.error().message;
  }
  for (const auto member :
       {&BodyData::v_template, &BodyData::shapedirs, &BodyData::posedirs,
        &BodyData::joint_regressor, &BodyData::weights, &BodyData::joint_regressor_extra}) {
    BodyData body = stick_body();
    (body.*member)[1] = nan;
    const auto model = BodyModel::make(body);
    ASSERT_FALSE(model);
    EXPECT_NE(model.error().message.find("nan at element 1"), std::string::npos);
  }
}

TEST(BodyData, RefusesAFileWithATensorMissing) {
  const TempDir folder;
  const std::vector<float> points(9);
  ASSERT_TRUE(write_safetensors(
      folder / "a", {{"v_template", {DType::F32, {3, 3}, std::as_bytes(std::span(points))}}}, {}));
  const auto body = read_body(folder / "a");
  ASSERT_FALSE(body);
  EXPECT_NE(body.error().message.find("there is no tensor 'faces'"), std::string::npos);
}

// What a file of a body with mostly zero pose offsets holds, to be written again in parts.
std::map<std::string, TensorView> tensors_of(const Safetensors& file) {
  return {file.tensors().begin(), file.tensors().end()};
}

TEST(BodyData, ComesBackFromAFileWhetherItsPoseOffsetsAreManyOrFew) {
  for (const std::size_t step : {1u, 2u, 5u, 1000u, 1u << 30}) {
    SCOPED_TRACE(step);
    const TempDir folder;
    BodyData body = stick_body();
    body.posedirs.assign(body.posedirs.size(), 0.0f);
    for (std::size_t i = 3; i < body.posedirs.size(); i += step) body.posedirs[i] = 0.25f;
    if (step == 1u << 30) body.posedirs[3] = 0;
    ASSERT_TRUE(write_body(folder / "body", body));
    const auto read = read_body(folder / "body");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, body);
    const bool is_sparse = (*Safetensors::open(folder / "body"))->find("posedirs") == nullptr;
    EXPECT_EQ(is_sparse, step > 4);
  }
}

TEST(BodyData, RefusesPlacesThatDoNotRise) {
  const TempDir folder;
  BodyData body = stick_body();
  body.posedirs.assign(body.posedirs.size(), 0.0f);
  body.posedirs[7] = body.posedirs[9] = 1;
  ASSERT_TRUE(write_body(folder / "good", body));
  const auto file = Safetensors::open(folder / "good");
  ASSERT_TRUE(file);
  const auto count = static_cast<std::int32_t>(body.posedirs.size());
  const std::vector<std::vector<std::int32_t>> cases = {{9, 7}, {7, 7}, {-1, 7}, {7, count}, {7}};
  for (const std::vector<std::int32_t>& places : cases) {
    SCOPED_TRACE(places.front());
    auto tensors = tensors_of(**file);
    tensors["posedirs.places"] = {
        DType::I32, {static_cast<std::int64_t>(places.size())}, std::as_bytes(std::span(places))};
    ASSERT_TRUE(write_safetensors(folder / "bad", tensors, {}));
    const auto read = read_body(folder / "bad");
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find("posedirs."), std::string::npos) << read.error().message;
  }
}

TEST(Angles, MeasuresTheBendAtTheMiddleJoint) {
  const double third = std::sqrt(3.0) / 2;
  const struct {
    const char* name;
    Point3 ankle;  // the hip is at (0, 1, 0), the knee at the origin
    float degrees;
  } cases[] = {
      {"straight", {0, -1, 0}, 180},
      {"right angle", {2, 0, 0}, 90},
      {"folded", {0, 3, 0}, 0},
      {"obtuse", {0, -0.5f, static_cast<float>(third)}, 120},
      {"acute", {0, 0.5f, static_cast<float>(third)}, 60},
      {"nearly straight", {1e-4f, -1, 0}, 180 - 1e-4f * 57.29578f},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::array<Point3, kJointCount> joints{};
    joints[1] = {0, 1, 0};
    joints[7] = c.ankle;
    EXPECT_NEAR(joint_angles_deg(joints)[0], c.degrees, 1e-5f);
  }
}

TEST(Angles, AgreesWithTheArcCosine) {
  Random random(3);
  for (int i = 0; i < 200; ++i) {
    std::array<Point3, kJointCount> joints{};
    for (Point3& joint : joints) {
      for (float& value : joint) value = static_cast<float>(random.normal());
    }
    double dot = 0;
    double first = 0;
    double last = 0;
    for (std::size_t k = 0; k < 3; ++k) {  // spine: pelvis, spine2, neck
      const double a = double{joints[0][k]} - joints[6][k];
      const double b = double{joints[12][k]} - joints[6][k];
      dot += a * b;
      first += a * a;
      last += b * b;
    }
    const double expected = std::acos(dot / std::sqrt(first * last)) * 180 / M_PI;
    EXPECT_NEAR(joint_angles_deg(joints)[8], expected, 1e-4);
  }
}

TEST(Angles, IsNoNumberWhereJointsCoincide) {
  const std::array<Point3, kJointCount> joints{};
  for (const float angle : joint_angles_deg(joints)) EXPECT_TRUE(std::isnan(angle));
}

TEST(Camera, ProjectsThroughTheMiddleOfTheFrame) {
  const FrameCamera camera{
      .translation = {0, 0, 10}, .focal_length = 100, .frame = {.width = 640, .height = 480}};
  const std::array<Point3, 3> points = {{{0, 0, 0}, {1, -2, 0}, {1, 1, -5}}};
  const auto pixels = project(points, camera);
  EXPECT_EQ(pixels[0], (Point2{320, 240}));
  EXPECT_EQ(pixels[1], (Point2{330, 220}));
  EXPECT_EQ(pixels[2], (Point2{340, 260}));
}

TEST(Camera, HasNoPixelForWhatIsBehindIt) {
  const FrameCamera camera{.translation = {0, 0, 1}, .focal_length = 100};
  const std::array<Point3, 2> points = {{{0, 0, -1}, {0, 0, -2}}};
  for (const Point2& pixel : project(points, camera)) {
    EXPECT_TRUE(std::isnan(pixel[0]) && std::isnan(pixel[1]));
  }
}

}  // namespace
}  // namespace posefleet
