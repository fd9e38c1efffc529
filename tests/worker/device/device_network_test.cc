// The network for devices against the one for processors, on the processor: the arithmetic is the
// same text for both, and what CUDA adds to it is one file (worker/device/cuda_stage.cc).
#include "worker/device/device_network.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/model_folder/network_layout.h"
#include "tests/worker/model/golden.h"
#include "worker/model/hmr2.h"

namespace posefleet::tests {
namespace {

class DeviceGolden : public testing::Test {
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

  static std::unique_ptr<DeviceNetwork> network(Precision precision, int batch_size) {
    auto weights = load_device_weights(*folder_, "cpu", precision);
    EXPECT_TRUE(weights) << weights.error().message;
    auto made = DeviceNetwork::create(*weights, batch_size);
    EXPECT_TRUE(made) << made.error().message;
    return *std::move(made);
  }
  static std::vector<NetworkOutput> expected() {
    auto reference = Hmr2::load(*folder_, {.threads = 2, .batch_size = 7});
    EXPECT_TRUE(reference) << reference.error().message;
    return *(*reference)->run(crops_, 7);
  }

  static inline std::unique_ptr<TempDir> parent_;
  static inline std::unique_ptr<ModelFolder> folder_;
  static inline std::vector<float> crops_;
};

struct Differences {
  double rotations = 0, betas = 0, camera = 0;
};

Differences differences(const std::vector<NetworkOutput>& a, const std::vector<NetworkOutput>& b) {
  Differences most;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most.rotations =
        std::max(most.rotations, largest_difference(a[i].global_orient, b[i].global_orient));
    for (std::size_t joint = 0; joint < a[i].body_pose.size(); ++joint) {
      most.rotations = std::max(most.rotations,
                                largest_difference(a[i].body_pose[joint], b[i].body_pose[joint]));
    }
    most.betas = std::max(most.betas, largest_difference(a[i].betas, b[i].betas));
    most.camera = std::max(most.camera, largest_difference(a[i].pred_cam, b[i].pred_cam));
  }
  return most;
}

TEST_F(DeviceGolden, AgreesWithTheProcessorsNetworkInFloat32) {
  const auto found = network(Precision::Float32, 7)->run(crops_, 7);
  ASSERT_TRUE(found) << found.error().message;
  const Differences most = differences(*found, expected());
  EXPECT_LT(most.rotations, 1e-4);
  EXPECT_LT(most.betas, 1e-4);
  EXPECT_LT(most.camera, 1e-4);
}

// The bounds are twice what was measured; what they mean in degrees and millimetres is
// precision_test's matter.
TEST_F(DeviceGolden, StaysNearFloat32InBFloat16) {
  const auto found = network(Precision::BFloat16, 7)->run(crops_, 7);
  ASSERT_TRUE(found) << found.error().message;
  const Differences most = differences(*found, expected());
  std::printf("bfloat16: rotations %.4f, betas %.4f, camera %.4f\n", most.rotations, most.betas,
              most.camera);
  EXPECT_GT(most.betas, 0) << "nothing was rounded";
  EXPECT_LT(most.betas, 0.08);
  EXPECT_LT(most.camera, 0.005);
}

TEST_F(DeviceGolden, PadsAPartlyFilledBatch) {
  const auto made = network(Precision::Float32, 4);
  const auto full = made->run(std::span(crops_).first(4 * kCropFloats), 4);
  ASSERT_TRUE(full) << full.error().message;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto alone = made->run(std::span(crops_).subspan(i * kCropFloats, kCropFloats), 1);
    ASSERT_TRUE(alone) << alone.error().message;
    ASSERT_EQ(alone->size(), 1u);
    const Differences most = differences(*alone, {(*full)[i]});
    EXPECT_LT(std::max({most.rotations, most.betas, most.camera}), 1e-5) << "crop " << i;
  }
}

TEST_F(DeviceGolden, CountsABatchAsOneStep) {
  int steps = 0;
  ASSERT_TRUE(network(Precision::Float32, 2)->run(std::span(crops_).first(kCropFloats), 1, [&] {
    ++steps;
  }));
  EXPECT_EQ(steps, 1);
}

TEST(Device, IsChosenByNameOrRefusedWithAReason) {
  EXPECT_EQ(choose_device("cpu").value(), "cpu");
  const auto automatic = choose_device("auto");
  ASSERT_TRUE(automatic);
  EXPECT_TRUE(*automatic == "cpu" || *automatic == "cuda:0");
  for (const char* name : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:999", "CPU"}) {
    SCOPED_TRACE(name);
    const auto device = choose_device(name);
    ASSERT_FALSE(device);
    EXPECT_EQ(device.error().code, ErrorCode::Rejected);
    EXPECT_NE(device.error().message.find(name), std::string::npos);
  }
}

TEST(Device, PrefersBFloat16) {
  EXPECT_EQ(choose_device_precision("auto").value(), Precision::BFloat16);
  EXPECT_EQ(choose_device_precision("float16").value(), Precision::Float16);
  EXPECT_FALSE(choose_device_precision("int8"));
}

TEST(Device, RefusesBatchesAndSizesThatCannotBe) {
  const NetworkSizes sizes = {64, 1, 4, 64, 32, 1, 2, 16, 32};
  const auto weights = random_device_weights(sizes, 1, "cpu", Precision::Float32);
  ASSERT_TRUE(weights) << weights.error().message;
  EXPECT_FALSE(DeviceNetwork::create(*weights, 0));
  EXPECT_FALSE(DeviceNetwork::create(*weights, 257));
  NetworkSizes wrong = sizes;
  wrong.backbone_heads = 7;
  EXPECT_FALSE(random_device_weights(wrong, 1, "cpu", Precision::Float32));
}

TEST(Device, SaysWhatItIs) {
  const auto weights =
      random_device_weights({64, 1, 4, 64, 32, 1, 2, 16, 32}, 1, "cpu", Precision::Float32);
  ASSERT_TRUE(weights) << weights.error().message;
  const std::string text = (*DeviceNetwork::create(*weights, 3))->description();
  for (const char* part : {"64x1", "float32", "cpu", "LibTorch", "batch 3"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace posefleet::tests
