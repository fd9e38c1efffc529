#include "worker/model/hmr2.h"

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/body/body_model.h"
#include "common/body/camera.h"
#include "common/model_folder/half.h"
#include "common/model_folder/network_layout.h"
#include "common/model_folder/safetensors.h"
#include "tests/worker/model/golden.h"
#include "worker/model/bfloat16.h"
#include "worker/model/pose_estimator.h"

namespace posefleet::tests {
namespace {

// The reference ran with another library and in one batch of seven; a wrong epsilon or the wrong
// GELU is off by 6e-4 and more.
constexpr double kTolerance = 1e-4;

class Hmr2Golden : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    require_folder(golden_folder());
    parent_ = std::make_unique<TempDir>();
    folder_ = std::make_unique<ModelFolder>(golden_model(*parent_));
    golden_ = std::make_unique<Arrays>("golden.npz");
    crops_ = Arrays("crops.npz").floats("crops");
  }
  static void TearDownTestSuite() {
    golden_.reset();
    folder_.reset();
    parent_.reset();
  }

  static std::unique_ptr<Hmr2> model(const Hmr2Options& options) {
    auto loaded = Hmr2::load(*folder_, options);
    EXPECT_TRUE(loaded) << loaded.error().message;
    return *std::move(loaded);
  }
  static std::span<const float> crop(std::size_t i) {
    return std::span<const float>(crops_).subspan(i * kCropFloats, kCropFloats);
  }

  static inline std::unique_ptr<TempDir> parent_;
  static inline std::unique_ptr<ModelFolder> folder_;
  static inline std::unique_ptr<Arrays> golden_;
  static inline std::vector<float> crops_;
};

TEST_F(Hmr2Golden, AgreesWithTheReferenceAtEveryStage) {
  const auto trace = model({.threads = 2, .batch_size = 7})->trace(crops_, 7);
  ASSERT_TRUE(trace) << trace.error().message;
  const Arrays stages("stages_crop0.npz");
  const std::size_t stage_floats = 192 * 64;
  const auto crop_0 = [&](const std::vector<float>& all) {
    return std::span(all).first(stage_floats);
  };
  EXPECT_LT(largest_difference(crop_0(trace->tokens_after_pos_embed),
                               stages.floats("tokens_after_pos_embed")),
            kTolerance);
  ASSERT_EQ(trace->after_block.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_LT(largest_difference(crop_0(trace->after_block[i]),
                                 stages.floats("after_block_" + std::to_string(i))),
              kTolerance);
  }
  EXPECT_LT(largest_difference(trace->token_out, golden_->floats("token_out")), kTolerance);
  EXPECT_LT(largest_difference(trace->pose6d, golden_->floats("pose6d")), kTolerance);

  // The reference keeps its features channel first.
  const std::vector<float> expected = golden_->floats("features");
  std::vector<float> features(expected.size());
  for (std::size_t i = 0; i < features.size(); ++i) {
    const std::size_t crop_index = i / stage_floats;
    const std::size_t token = i / 64 % 192;
    const std::size_t channel = i % 64;
    features[(crop_index * 64 + channel) * 192 + token] = trace->features[i];
  }
  EXPECT_LT(largest_difference(features, expected), kTolerance);
}

TEST_F(Hmr2Golden, AgreesWithTheReferencesBodiesAndCameras) {
  const auto outputs = model({.threads = 1, .batch_size = 7})->run(crops_, 7);
  ASSERT_TRUE(outputs) << outputs.error().message;
  std::vector<float> orients, poses, betas, cams, crop_translations;
  for (const NetworkOutput& output : *outputs) {
    orients.insert(orients.end(), output.global_orient.begin(), output.global_orient.end());
    for (const Rotation& joint : output.body_pose) {
      poses.insert(poses.end(), joint.begin(), joint.end());
    }
    betas.insert(betas.end(), output.betas.begin(), output.betas.end());
    cams.insert(cams.end(), output.pred_cam.begin(), output.pred_cam.end());
    // The crop's own camera is that of a frame which the crop fills.
    const Point3 translation =
        full_frame_translation(output.pred_cam, {128, 128, 256}, {256, 256}, 5000);
    crop_translations.insert(crop_translations.end(), translation.begin(), translation.end());
  }
  EXPECT_LT(largest_difference(orients, golden_->floats("global_orient")), kTolerance);
  EXPECT_LT(largest_difference(poses, golden_->floats("body_pose")), kTolerance);
  EXPECT_LT(largest_difference(betas, golden_->floats("betas")), kTolerance);
  EXPECT_LT(largest_difference(cams, golden_->floats("pred_cam")), kTolerance);
  EXPECT_LT(largest_difference(crop_translations, golden_->floats("pred_cam_t")), kTolerance);
}

// From frames and boxes to pixels, as a worker does it.
TEST_F(Hmr2Golden, PlacesKeypointsInTheFrameAsTheReferenceDoes) {
  const auto network = model({.threads = 1, .batch_size = 4});
  RangeEstimator estimator(*network, *estimator_settings(folder_->manifest));
  const GoldenFrames frames;
  const std::vector<GoldenPerson> people = golden_people(*golden_);
  for (std::uint32_t frame = 0; frame < 5; ++frame) {
    std::vector<PersonBox> boxes;
    for (const GoldenPerson& person : people) {
      if (person.frame == frame) boxes.push_back(person.box);
    }
    const auto added = estimator.add_frame(frame, frames.view(frame), boxes);
    ASSERT_TRUE(added) << added.error().message;
  }
  const auto range = estimator.finish();
  ASSERT_TRUE(range) << range.error().message;

  const auto body = BodyModel::load(folder_->body_path());
  ASSERT_TRUE(body) << body.error().message;
  std::vector<float> vertices, keypoints, pixels, translations, focal_lengths;
  for (const FramePoses& frame : *range) {
    const BgrView view = frames.view(frame.frame);
    const FrameSize size = {static_cast<std::uint32_t>(view.width),
                            static_cast<std::uint32_t>(view.height)};
    for (const PersonPose& person : frame.people) {
      const PosedBody posed = (*body)->pose(body_pose_of(person));
      for (const Point3& p : posed.vertices) vertices.insert(vertices.end(), p.begin(), p.end());
      for (const Point3& p : posed.keypoints_3d) {
        keypoints.insert(keypoints.end(), p.begin(), p.end());
      }
      const FrameCamera camera = {person.camera_translation, person.focal_length, size};
      for (const Point2& p : project(posed.keypoints_3d, camera)) {
        pixels.insert(pixels.end(), p.begin(), p.end());
      }
      translations.insert(translations.end(), person.camera_translation.begin(),
                          person.camera_translation.end());
      focal_lengths.push_back(person.focal_length);
    }
  }
  EXPECT_LT(largest_difference(vertices, golden_->floats("vertices")), kTolerance);
  EXPECT_LT(largest_difference(keypoints, golden_->floats("keypoints_3d")), kTolerance);
  EXPECT_LT(largest_difference(translations, golden_->floats("full_cam_t")), kTolerance);
  EXPECT_LT(largest_difference(pixels, golden_->floats("keypoints_2d_full")), kTolerance);
  EXPECT_EQ(focal_lengths, golden_->floats("full_focal_length"));
}

TEST_F(Hmr2Golden, GivesTheSameBytesForACropWhateverBatchThreadsOrNeighbours) {
  const auto alone = model({.threads = 1, .batch_size = 1})->run(crop(6), 1);
  ASSERT_TRUE(alone);
  for (const int threads : {1, 2, 3}) {
    for (const int batch_size : {2, 5}) {
      const auto network = model({.threads = threads, .batch_size = batch_size});
      for (int slot = 0; slot < batch_size; ++slot) {
        SCOPED_TRACE(testing::Message()
                     << threads << " threads, slot " << slot << " of " << batch_size);
        std::vector<float> batch;
        for (int i = 0; i < batch_size; ++i) {
          const auto source = crop(i == slot ? 6 : static_cast<std::size_t>(i));
          batch.insert(batch.end(), source.begin(), source.end());
        }
        const auto outputs = network->run(batch, batch_size);
        ASSERT_TRUE(outputs);
        EXPECT_EQ((*outputs)[static_cast<std::size_t>(slot)], alone->front());
      }
    }
  }
}

TEST_F(Hmr2Golden, LeavesACropAloneWhenItsNeighbourIsNotANumber) {
  const auto network = model({.threads = 1, .batch_size = 2});
  const auto alone = network->run(crop(0), 1);
  std::vector<float> batch(crop(0).begin(), crop(0).end());
  batch.resize(2 * kCropFloats, std::numeric_limits<float>::quiet_NaN());
  const auto outputs = network->run(batch, 2);
  ASSERT_TRUE(alone);
  ASSERT_TRUE(outputs);
  EXPECT_EQ(outputs->front(), alone->front());
  EXPECT_TRUE(std::isnan((*outputs)[1].pred_cam[0]));
}

TEST_F(Hmr2Golden, SharesOneCopyOfTheWeightsBetweenInstances) {
  const auto weights = load_weights(*folder_);
  ASSERT_TRUE(weights) << weights.error().message;
  const auto first = Hmr2::create(*weights, {.threads = 1, .batch_size = 1});
  const auto second = Hmr2::create(*weights, {.threads = 1, .batch_size = 1});
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  EXPECT_EQ(weights->use_count(), 3);
  EXPECT_EQ(*(*first)->run(crop(2), 1), *(*second)->run(crop(2), 1));
}

// Random weights in a model folder of `sizes`, of which `change` has its way first.
template <typename Change>
ModelFolder changed_folder(const TempDir& parent, const Change& change) {
  ModelFolder folder;
  folder.path = parent.path();
  folder.manifest.network = {64, 1, 4, 64, 32, 1, 2, 16, 32};
  std::map<std::string, Shape> layout = network_layout(folder.manifest.network);
  change(folder.manifest.network, layout);
  std::vector<float> zeros(1 << 20);
  std::map<std::string, TensorView> tensors;
  for (const auto& [name, shape] : layout) {
    const auto count = static_cast<std::size_t>(element_count(shape));
    tensors[name] = {DType::F32, shape, std::as_bytes(std::span(zeros).first(count))};
  }
  const auto written = write_safetensors(folder.weights_path(), tensors, {});
  EXPECT_TRUE(written);
  return folder;
}

TEST(Hmr2, RefusesFoldersThatDoNotHoldThisNetwork) {
  using Layout = std::map<std::string, Shape>;
  const struct {
    const char* name;
    std::function<void(NetworkSizes&, Layout&)> change;
    std::vector<std::string> message;
  } cases[] = {
      {"a tensor is missing",
       [](NetworkSizes&, Layout& layout) { layout.erase("backbone.blocks.0.attn.qkv.weight"); },
       {"hmr2.safetensors", "backbone.blocks.0.attn.qkv.weight"}},
      {"a tensor has another shape",
       [](NetworkSizes&, Layout& layout) {
         layout["smpl_head.deccam.weight"] = {3, 31};
       },
       {"hmr2.safetensors", "smpl_head.deccam.weight", "(3, 32)", "(3, 31)"}},
      {"the manifest says another depth",
       [](NetworkSizes& sizes, Layout&) { sizes.backbone_depth = 2; },
       {"hmr2.safetensors", "backbone.blocks.1."}},
      {"heads do not divide the width",
       [](NetworkSizes& sizes, Layout&) { sizes.backbone_heads = 7; },
       {"backbone_heads is 7", "64"}},
      {"no layers",
       [](NetworkSizes& sizes, Layout&) { sizes.decoder_depth = 0; },
       {"decoder_depth is 0"}},
      {"absurd width",
       [](NetworkSizes& sizes, Layout&) { sizes.backbone_width = 1LL << 40; },
       {"backbone_width is 1099511627776"}},
  };
  for (const auto& [name, change, message] : cases) {
    SCOPED_TRACE(name);
    const TempDir parent;
    const auto model = Hmr2::load(changed_folder(parent, change), {});
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code, ErrorCode::Rejected);
    for (const std::string& part : message) {
      EXPECT_NE(model.error().message.find(part), std::string::npos) << model.error().message;
    }
  }
}

// The same numbers, which 16 bits of the type can hold, stored as that type and as float32.
struct SameNumbers {
  ModelFolder narrow, wide;
};

template <typename Round, typename Widen>
SameNumbers folders_in(DType type, const TempDir& narrow, const TempDir& wide, const Round& round,
                       const Widen& widened) {
  SameNumbers folders;
  std::map<std::string, TensorView> narrow_tensors, wide_tensors;
  std::map<std::string, std::vector<std::uint16_t>> halves;
  std::map<std::string, std::vector<float>> floats;
  for (ModelFolder* folder : {&folders.narrow, &folders.wide}) {
    folder->path = folder == &folders.narrow ? narrow.path() : wide.path();
    folder->manifest.network = {64, 1, 4, 64, 32, 1, 2, 16, 32};
  }
  Random random(4);
  for (const auto& [name, shape] : network_layout(folders.wide.manifest.network)) {
    for (std::int64_t i = 0; i < element_count(shape); ++i) {
      const std::uint16_t half = round(static_cast<float>(0.2 * random.normal()));
      halves[name].push_back(half);
      floats[name].push_back(widened(half));
    }
    narrow_tensors[name] = {type, shape, std::as_bytes(std::span(halves[name]))};
    wide_tensors[name] = {DType::F32, shape, std::as_bytes(std::span(floats[name]))};
  }
  EXPECT_TRUE(write_safetensors(folders.narrow.weights_path(), narrow_tensors, {}));
  EXPECT_TRUE(write_safetensors(folders.wide.weights_path(), wide_tensors, {}));
  return folders;
}

TEST(Hmr2, TakesWeightsOfSixteenBitsAsTheNumbersThatTheyAre) {
  std::vector<float> crop(kCropFloats);
  for (std::size_t i = 0; i < crop.size(); ++i) crop[i] = static_cast<float>(i % 41) / 20 - 1;
  const TempDir a, b, c, d;
  for (const SameNumbers& folders :
       {folders_in(DType::F16, a, b, half_from_float, float_from_half),
        folders_in(DType::BF16, c, d, to_bfloat16, float_from_bfloat16)}) {
    const auto narrow = Hmr2::load(folders.narrow, {.batch_size = 1});
    const auto wide = Hmr2::load(folders.wide, {.batch_size = 1});
    ASSERT_TRUE(narrow) << narrow.error().message;
    ASSERT_TRUE(wide) << wide.error().message;
    const auto found = (*narrow)->run(crop, 1);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(*found, *(*wide)->run(crop, 1));
    EXPECT_TRUE(std::isfinite((*found)[0].pred_cam[0]));
  }
}

TEST(Hmr2, RefusesWeightsThatAreNoFloats) {
  const TempDir parent;
  ModelFolder folder = changed_folder(parent, [](NetworkSizes&, std::map<std::string, Shape>&) {});
  const std::vector<std::int32_t> integers(32 * 3);
  std::map<std::string, TensorView> tensors;
  {
    const auto before = Safetensors::open(folder.weights_path());
    ASSERT_TRUE(before);
    tensors = (*before)->tensors();
    tensors["smpl_head.deccam.weight"] = {DType::I32, {3, 32}, std::as_bytes(std::span(integers))};
    ASSERT_TRUE(write_safetensors(folder.weights_path(), tensors, {}));
  }
  const auto model = Hmr2::load(folder, {});
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("smpl_head.deccam.weight' is I32"), std::string::npos)
      << model.error().message;
}

TEST(Hmr2, RefusesAFolderWithoutWeights) {
  const TempDir parent;
  ModelFolder folder;
  folder.path = parent.path();
  const auto model = Hmr2::load(folder, {});
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("hmr2.safetensors"), std::string::npos);
}

TEST(Hmr2, RefusesOptionsThatCannotBe) {
  const auto weights = random_weights({64, 1, 4, 64, 32, 1, 2, 16, 32}, 1);
  ASSERT_TRUE(weights);
  for (const Hmr2Options options :
       {Hmr2Options{0, 1}, Hmr2Options{1, 0}, Hmr2Options{257, 1}, Hmr2Options{1, 257}}) {
    EXPECT_FALSE(Hmr2::create(*weights, options));
  }
}

// Widths that no tile, lane or vector divides.
TEST(Hmr2, RunsNetworksOfAnyWidth) {
  const auto weights = random_weights({330, 2, 3, 650, 70, 2, 3, 7, 90}, 1);
  ASSERT_TRUE(weights);
  std::vector<float> crops(2 * kCropFloats);
  for (std::size_t i = 0; i < crops.size(); ++i) crops[i] = static_cast<float>(i % 37) / 18 - 1;
  const auto one = Hmr2::create(*weights, {.threads = 1, .batch_size = 2});
  const auto two = Hmr2::create(*weights, {.threads = 2, .batch_size = 2});
  ASSERT_TRUE(one) << one.error().message;
  ASSERT_TRUE(two) << two.error().message;
  const auto from_one = (*one)->run(crops, 2);
  const auto from_two = (*two)->run(crops, 2);
  ASSERT_TRUE(from_one) << from_one.error().message;
  ASSERT_TRUE(from_two) << from_two.error().message;
  EXPECT_EQ(*from_one, *from_two);
  EXPECT_TRUE(std::isfinite(from_one->front().pred_cam[0]));
}

TEST(Hmr2, SaysWhatItIs) {
  const auto weights = random_weights({64, 1, 4, 64, 32, 1, 2, 16, 32}, 1);
  ASSERT_TRUE(weights);
  const std::string text =
      (*Hmr2::create(*weights, {.threads = 2, .batch_size = 3}))->description();
  for (const char* part : {"64x1", "float32", "oneDNN", "LibTorch", "2 threads", "batch 3"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace posefleet::tests
