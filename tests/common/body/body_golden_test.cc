// Our bodies against the reference implementation's, on a small body and on one of SMPL's size.
#include <cmath>

#include <gtest/gtest.h>
#include <zlib.h>

#include "common/body/body_model.h"
#include "common/body/camera.h"
#include "tests/support/fixtures.h"
#include "worker/import/model_config.h"
#include "worker/import/npz.h"
#include "worker/import/smpl_file.h"

namespace posefleet {
namespace {

using Arrays = std::map<std::string, NdArray>;

// Promised is 1e-4; two float32 implementations of this differ by less than a tenth of that.
constexpr float kTolerance = 1e-5f;

std::filesystem::path fixture(const std::string& name) {
  return tests::require_folder(POSEFLEET_SHARED_DIR "/fixtures/hmr2_tiny") / name;
}

template <typename T>
T must(Result<T> result) {
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return std::move(result).value();
}

std::vector<float> floats(const Arrays& arrays, const std::string& name) {
  return arrays.at(name).to_floats();
}

// The fixture's gzip files are for size only.
void gunzip(const std::filesystem::path& from, const std::filesystem::path& to) {
  gzFile file = gzopen(from.c_str(), "rb");
  ASSERT_NE(file, nullptr) << from;
  std::string bytes;
  std::vector<char> buffer(1 << 20);
  int count = 0;
  while ((count = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0) {
    bytes.append(buffer.data(), static_cast<std::size_t>(count));
  }
  gzclose(file);
  ASSERT_EQ(count, 0);
  tests::write_file(to, bytes);
}

std::shared_ptr<const BodyModel> body_from(const std::filesystem::path& smpl,
                                           const std::filesystem::path& regressor,
                                           std::vector<std::int64_t> vertex_ids) {
  BodyData data = must(read_smpl_file(smpl));
  data.joint_regressor_extra = must(read_joint_regressor(regressor, data.vertex_count()));
  data.extra_vertex_ids = std::move(vertex_ids);
  return must(BodyModel::make(std::move(data)));
}

std::shared_ptr<const BodyModel> tiny_body() {
  const auto config = must(read_model_config(fixture("model_config.yaml")));
  return body_from(fixture("SMPL_NEUTRAL.pkl"), fixture("SMPL_to_J19.pkl"),
                   {config.vertex_ids->begin(), config.vertex_ids->end()});
}

// `rotations` holds 24 a case.
std::vector<BodyPose> poses_of(const std::vector<float>& betas,
                               const std::vector<float>& rotations) {
  std::vector<BodyPose> poses(betas.size() / kBetaCount);
  for (std::size_t i = 0; i < poses.size(); ++i) {
    std::copy_n(&betas[i * kBetaCount], kBetaCount, poses[i].betas.begin());
    const float* at = &rotations[i * kJointCount * 9];
    std::copy_n(at, 9, poses[i].global_orient.begin());
    for (Rotation& rotation : poses[i].body_pose) std::copy_n(at += 9, 9, rotation.begin());
  }
  return poses;
}

// The largest difference between the points of all bodies and the golden array.
template <typename Points>
float difference(const std::vector<PosedBody>& bodies, Points points,
                 const std::vector<float>& golden) {
  std::size_t at = 0;
  float largest = 0;
  for (const PosedBody& body : bodies) {
    for (const Point3& point : points(body)) {
      for (const float value : point) largest = std::max(largest, std::abs(value - golden[at++]));
    }
  }
  EXPECT_EQ(at, golden.size());
  return largest;
}

void expect_golden(const std::vector<PosedBody>& bodies, const Arrays& golden) {
  const float vertices = difference(
      bodies, [](const PosedBody& b) { return b.vertices; }, floats(golden, "vertices"));
  const float joints = difference(
      bodies, [](const PosedBody& b) { return b.joints45; }, floats(golden, "joints45"));
  const float keypoints = difference(
      bodies, [](const PosedBody& b) { return b.keypoints_3d; }, floats(golden, "keypoints_3d"));
  EXPECT_LE(vertices, kTolerance);
  EXPECT_LE(joints, kTolerance);
  EXPECT_LE(keypoints, kTolerance);
  std::printf("largest difference: vertices %.2g, joints %.2g, keypoints %.2g m\n", vertices,
              joints, keypoints);
}

TEST(BodyGolden, TinyBodyInEightPoses) {
  const Arrays golden = must(read_npz(fixture("smpl_cases.npz")));
  const auto poses = poses_of(floats(golden, "betas"), floats(golden, "rotmats"));
  ASSERT_EQ(poses.size(), 8u);
  expect_golden(tiny_body()->pose_many(poses), golden);
}

TEST(BodyGolden, PeopleOfTheReferenceNetwork) {
  const Arrays golden = must(read_npz(fixture("golden.npz")));
  const auto orient = floats(golden, "global_orient");
  const auto pose = floats(golden, "body_pose");
  std::vector<float> rotations;
  for (std::size_t i = 0; i < 7; ++i) {
    rotations.insert(rotations.end(), &orient[i * 9], &orient[i * 9] + 9);
    rotations.insert(rotations.end(), &pose[i * 207], &pose[i * 207] + 207);
  }
  const auto bodies = tiny_body()->pose_many(poses_of(floats(golden, "betas"), rotations));
  expect_golden(bodies, golden);

  const auto cams = floats(golden, "pred_cam");
  const auto centers = floats(golden, "box_center");
  const auto sides = golden.at("box_size").to_doubles();
  const auto sizes = golden.at("img_size").to_doubles();
  const auto focals = floats(golden, "full_focal_length");
  const auto translations = floats(golden, "full_cam_t");
  const auto pixels = floats(golden, "keypoints_2d_full");
  float largest = 0;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    FrameCamera camera{.frame = {.width = static_cast<std::uint32_t>(sizes[i * 2]),
                                 .height = static_cast<std::uint32_t>(sizes[i * 2 + 1])}};
    camera.focal_length = full_frame_focal_length(camera.frame, 5000);
    EXPECT_FLOAT_EQ(camera.focal_length, focals[i]);
    camera.translation = full_frame_translation(
        {cams[i * 3], cams[i * 3 + 1], cams[i * 3 + 2]},
        {.center_x = centers[i * 2], .center_y = centers[i * 2 + 1], .side = sides[i]},
        camera.frame, camera.focal_length);
    for (std::size_t k = 0; k < 3; ++k) {
      const float expected = translations[i * 3 + k];
      EXPECT_NEAR(camera.translation[k], expected, 1e-5f * std::max(1.0f, std::abs(expected)));
    }
    const auto projected = project(bodies[i].keypoints_3d, camera);
    for (std::size_t k = 0; k < projected.size(); ++k) {
      for (std::size_t d = 0; d < 2; ++d) {
        const float expected = pixels[(i * kKeypointCount + k) * 2 + d];
        largest = std::max(largest, std::abs(projected[k][d] - expected));
      }
    }
  }
  std::printf("largest difference: %.2g pixels\n", largest);
  EXPECT_LE(largest, 1e-2f);  // a hundredth of a pixel, up to 960 of them
}

TEST(BodyGolden, BodyOfFullSize) {
  const std::filesystem::path folder = fixture("smpl_full");
  const tests::TempDir unpacked;
  gunzip(folder / "SMPL_NEUTRAL.pkl.gz", unpacked / "smpl.pkl");
  gunzip(folder / "SMPL_to_J19.pkl.gz", unpacked / "j19.pkl");
  const auto model = body_from(unpacked / "smpl.pkl", unpacked / "j19.pkl",
                               {kSmplExtraVertexIds.begin(), kSmplExtraVertexIds.end()});
  EXPECT_EQ(model->vertex_count(), 6890);
  EXPECT_EQ(model->faces().size(), 13776u);
  const Arrays golden = must(read_npz(folder / "golden.npz"));
  expect_golden(model->pose_many(poses_of(floats(golden, "betas"), floats(golden, "rotmats"))),
                golden);
}

}  // namespace
}  // namespace posefleet
