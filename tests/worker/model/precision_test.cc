// What computing in bfloat16 changes, and what it must not.
#include "common/protocol/precision.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/body/body_model.h"
#include "tests/worker/model/golden.h"
#include "worker/model/bfloat16.h"
#include "worker/model/hmr2.h"

namespace posefleet::tests {
namespace {

class BFloat16Golden : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    require_folder(golden_folder());
    parent_ = std::make_unique<TempDir>();
    folder_ = std::make_unique<ModelFolder>(golden_model(*parent_));
    crops_ = Arrays("crops.npz").floats("crops");
  }
  static void TearDownTestSuite() {
    folder_.reset();
    parent_.reset();
  }
  void SetUp() override {
    if (const auto can = choose_precision("bfloat16"); !can) GTEST_SKIP() << can.error().message;
  }

  static std::unique_ptr<Hmr2> model(Precision precision, const Hmr2Options& options) {
    auto weights = load_weights(*folder_, precision);
    EXPECT_TRUE(weights) << weights.error().message;
    auto network = Hmr2::create(*weights, options);
    EXPECT_TRUE(network) << network.error().message;
    return *std::move(network);
  }

  static inline std::unique_ptr<TempDir> parent_;
  static inline std::unique_ptr<ModelFolder> folder_;
  static inline std::vector<float> crops_;
};

// Degrees between two rotations; by the chord, which is exact for small angles.
double degrees_between(const Rotation& a, const Rotation& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return 2 * std::asin(std::min(1.0, std::sqrt(squares / 8))) * 180 / std::numbers::pi;
}

std::vector<Rotation> rotations_of(const std::vector<NetworkOutput>& outputs) {
  std::vector<Rotation> all;
  for (const NetworkOutput& output : outputs) {
    all.push_back(output.global_orient);
    all.insert(all.end(), output.body_pose.begin(), output.body_pose.end());
  }
  return all;
}

// Metres between the vertices of two people's bodies, in rising order.
std::vector<double> vertex_distances(const BodyModel& body, const NetworkOutput& a,
                                     const NetworkOutput& b) {
  const PosedBody from = body.pose({a.betas, a.global_orient, a.body_pose});
  const PosedBody to = body.pose({b.betas, b.global_orient, b.body_pose});
  std::vector<double> distances;
  for (std::size_t v = 0; v < from.vertices.size(); ++v) {
    const Point3& p = from.vertices[v];
    const Point3& q = to.vertices[v];
    distances.push_back(std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]));
  }
  std::sort(distances.begin(), distances.end());
  return distances;
}

// Rounded operands are off by up to 2^-9 of each factor, and the layers carry that along. The
// bounds are twice what was measured over the seven crops (docs/performance.md).
TEST_F(BFloat16Golden, StaysNearFloat32) {
  const auto exact = model(Precision::Float32, {.threads = 1, .batch_size = 7});
  const auto rounded = model(Precision::BFloat16, {.threads = 1, .batch_size = 7});
  const auto body = BodyModel::load(folder_->body_path());
  ASSERT_TRUE(body) << body.error().message;
  const auto expected = exact->run(crops_, 7);
  const auto found = rounded->run(crops_, 7);
  ASSERT_TRUE(expected) << expected.error().message;
  ASSERT_TRUE(found) << found.error().message;

  const double pose6d =
      largest_difference(rounded->trace(crops_, 7)->pose6d, exact->trace(crops_, 7)->pose6d);
  const std::vector<Rotation> a = rotations_of(*found);
  const std::vector<Rotation> b = rotations_of(*expected);
  std::vector<double> degrees;
  for (std::size_t i = 0; i < a.size(); ++i) degrees.push_back(degrees_between(a[i], b[i]));
  std::sort(degrees.begin(), degrees.end());
  double betas = 0, camera = 0, metres = 0;
  for (std::size_t i = 0; i < found->size(); ++i) {
    betas = std::max(betas, largest_difference((*found)[i].betas, (*expected)[i].betas));
    camera = std::max(camera, largest_difference((*found)[i].pred_cam, (*expected)[i].pred_cam));
    const std::vector<double> distances = vertex_distances(**body, (*found)[i], (*expected)[i]);
    metres = std::max(metres, distances[distances.size() / 2]);
  }
  std::printf(
      "bfloat16: 6D pose %.4f, joints %.2f degrees (median) and %.2f (95 of 100), shape %.4f, "
      "camera %.4f, vertices %.2f mm (median of the worst crop)\n",
      pose6d, degrees[degrees.size() / 2], degrees[degrees.size() * 95 / 100], betas, camera,
      1e3 * metres);
  EXPECT_GT(pose6d, 0) << "nothing was rounded";
  EXPECT_LT(pose6d, 0.016);
  EXPECT_LT(degrees[degrees.size() / 2], 0.3);
  // Not the largest: where a network's two columns are nearly parallel, as one of these random ones
  // is, what is off in the third digit turns by degrees.
  EXPECT_LT(degrees[degrees.size() * 95 / 100], 1.5);
  EXPECT_LT(betas, 0.04);
  EXPECT_LT(camera, 0.006);
  EXPECT_LT(metres, 0.006);
}

TEST_F(BFloat16Golden, GivesTheSameBytesWhateverBatchOrThreads) {
  const auto together = model(Precision::BFloat16, {.threads = 1, .batch_size = 7})->run(crops_, 7);
  ASSERT_TRUE(together) << together.error().message;
  const auto network = model(Precision::BFloat16, {.threads = 3, .batch_size = 1});
  for (std::size_t i = 0; i < together->size(); ++i) {
    const auto alone = network->run(std::span(crops_).subspan(i * kCropFloats, kCropFloats), 1);
    ASSERT_TRUE(alone) << alone.error().message;
    EXPECT_EQ(alone->front(), (*together)[i]) << "crop " << i;
  }
}

TEST_F(BFloat16Golden, SaysSo) {
  EXPECT_NE(model(Precision::BFloat16, {})->description().find("bfloat16"), std::string::npos);
}

TEST(Precision, IsChosenByNameOrRefusedWithAReason) {
  EXPECT_EQ(choose_precision("auto").value(), Precision::Float32);
  EXPECT_EQ(choose_precision("float32").value(), Precision::Float32);
  const struct {
    const char* name;
    const char* message;
  } cases[] = {{"float16", "for GPUs"}, {"fp32", "'fp32'"}, {"", "''"}};
  for (const auto& [name, message] : cases) {
    SCOPED_TRACE(name);
    const auto precision = choose_precision(name);
    ASSERT_FALSE(precision);
    EXPECT_EQ(precision.error().code, ErrorCode::Rejected);
    EXPECT_NE(precision.error().message.find(message), std::string::npos)
        << precision.error().message;
    EXPECT_NE(precision.error().message.find("float32"), std::string::npos);
  }
}

TEST(Precision, KeepsNetworksApartByName) {
  EXPECT_EQ(network_id("1f3a", Precision::Float32), "1f3a");
  EXPECT_EQ(network_id("1f3a", Precision::BFloat16), "1f3a+bfloat16");
  EXPECT_EQ(model_hash_of("1f3a+bfloat16"), "1f3a");
  EXPECT_EQ(model_hash_of("1f3a"), "1f3a");
}

TEST(BFloat16, RoundsToNearestAndTiesToEven) {
  const struct {
    const char* name;
    float value;
    float expected;
  } cases[] = {
      {"exact", 1.5f, 1.5f},
      {"down", 1.0f + 0x1p-9f, 1.0f},
      {"up", 1.0f + 0x1.8p-8f, 1.0f + 0x1p-7f},
      {"tie to even, down", 1.0f + 0x1p-8f, 1.0f},
      {"tie to even, up", 1.0f + 0x1.8p-7f, 1.0f + 0x1p-6f},
      {"negative", -(1.0f + 0x1.8p-8f), -(1.0f + 0x1p-7f)},
      {"beyond the largest", 0x1.fffffep127f, HUGE_VALF},
      {"infinity", -HUGE_VALF, -HUGE_VALF},
  };
  for (const auto& [name, value, expected] : cases) {
    SCOPED_TRACE(name);
    EXPECT_EQ(from_bfloat16(to_bfloat16(value)), expected);
  }
  for (const std::uint32_t bits : {0x7f800001u, 0xffffffffu, 0x7fc00000u}) {
    EXPECT_TRUE(std::isnan(from_bfloat16(to_bfloat16(std::bit_cast<float>(bits)))));
  }
}

}  // namespace
}  // namespace posefleet::tests
