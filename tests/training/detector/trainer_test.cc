#include "training/detector/trainer.h"

#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/model_folder/safetensors.h"
#include "tests/support/fixtures.h"
#include "tests/training/detector/shapes.h"
#include "training/detector/architecture.h"
#include "worker/detect/detector.h"
#include "worker/detect/nms.h"
#include "worker/detect/torchscript_network.h"

namespace posefleet::tests {
namespace {

using training::detect::Batch;
using training::detect::make_batch;
using training::detect::StepReport;
using training::detect::Trainer;

constexpr std::array<std::array<float, 4>, 2> kRectangles = {
    {{16, 24, 48, 88}, {80, 56, 104, 104}}};

std::unique_ptr<Trainer> trainer_with(std::uint64_t seed) {
  auto trainer = Trainer::create(seed, 1);
  POSEFLEET_CHECK(trainer.has_value());
  return *std::move(trainer);
}

// Two striped rectangles in a picture of 128x128.
Batch two_rectangles() {
  Batch batch{.width = 128, .height = 128, .pixels = std::vector<float>(3 * 128 * 128, 0.4f)};
  batch.truth.emplace_back();
  for (const auto& box : kRectangles) {
    for (auto y = static_cast<std::size_t>(box[1]); y < static_cast<std::size_t>(box[3]); ++y) {
      for (auto x = static_cast<std::size_t>(box[0]); x < static_cast<std::size_t>(box[2]); ++x) {
        const std::size_t at = 3 * (y * 128 + x);
        batch.pixels[at] = 0.9f;
        batch.pixels[at + 1] = x % 16 < 8 ? 0.2f : 0.7f;
      }
    }
    batch.truth[0].push_back({box, false});
  }
  return batch;
}

// A trainer that knows the two rectangles by heart; made once.
Trainer& learned() {
  static const std::unique_ptr<Trainer> trainer = [] {
    auto made = trainer_with(1);
    const Batch batch = two_rectangles();
    constexpr int kSteps = 320;
    for (int i = 0; i < kSteps; ++i) {
      const auto step = made->step(batch, static_cast<double>(i) / kSteps);
      POSEFLEET_CHECK(step.has_value() && !step->was_skipped);
    }
    return made;
  }();
  return *trainer;
}

SharedDetectorFile exported(const Trainer& trainer, const TempDir& folder, int side) {
  const Status written = trainer.export_to(folder / kDetectorName, side);
  POSEFLEET_CHECK(written.has_value());
  auto file = load_detector_file(ModelFolder{.path = folder.path()});
  EXPECT_TRUE(file) << file.error().message;
  return *file;
}

TEST(Trainer, FindsTwoRectanglesByTheProductionPath) {
  const TempDir folder;
  Detector detector(*make_detection_network(exported(learned(), folder, 128), 1));
  EXPECT_LE(std::filesystem::file_size(folder / kDetectorName), 4u << 20);
  const Batch batch = two_rectangles();
  std::vector<std::uint8_t> bgr(batch.pixels.size());
  for (std::size_t i = 0; i < bgr.size(); ++i) {
    const std::size_t channel = i % 3;
    bgr[i] = static_cast<std::uint8_t>(batch.pixels[i - channel + 2 - channel] * 255.0f + 0.5f);
  }
  const BgrView view{bgr.data(), 128, 128, 384};
  const auto people = detector.detect({&view, 1}, {}, [] { return done(); });
  ASSERT_TRUE(people) << people.error().message;
  ASSERT_EQ((*people)[0].size(), 2u);
  for (const auto& rectangle : kRectangles) {
    float best = 0;
    for (const PersonBox& p : (*people)[0]) {
      best = std::max(best, overlap({p.x0, p.y0, p.x1, p.y1}, rectangle));
    }
    EXPECT_GT(best, 0.8f);
  }
}

TEST(Trainer, ExportsWhatItSeesItselfForAnySideAndBatch) {
  const TempDir folder;
  const auto network = *make_detection_network(exported(learned(), folder, 160), 1);
  EXPECT_TRUE(network->traits().is_dynamic);
  EXPECT_EQ(network->traits().side, 160);
  EXPECT_EQ(network->traits().stride, 32);
  const struct { int side, count; } cases[] = {{160, 1}, {160, 3}, {128, 2}, {224, 1}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.side);
    const auto size = static_cast<std::size_t>(3 * c.side * c.side);
    std::vector<float> pictures(size * static_cast<std::size_t>(c.count));
    Random random(static_cast<std::uint64_t>(c.side));
    for (float& value : pictures) value = static_cast<float>(random.unit());
    const auto file = network->run(pictures, c.count, c.side);
    const auto own = learned().look(pictures, c.count, c.side, c.side);
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE(own) << own.error().message;
    ASSERT_EQ(file->size(), static_cast<std::size_t>(c.count));
    for (std::size_t i = 0; i < file->size(); ++i) {
      const RawTensor& a = (*file)[i][0];
      const RawTensor& b = (*own)[i][0];
      EXPECT_EQ(a.shape[0], 5);
      ASSERT_EQ(a.shape, b.shape);
      for (std::size_t k = 0; k < a.values.size(); ++k) {
        // Folding rounds: of boxes far larger than the picture, more than of others.
        ASSERT_NEAR(a.values[k], b.values[k], 1e-3 + 1e-5 * std::abs(b.values[k])) << i << " " << k;
      }
    }
  }
}

TEST(Trainer, ComputesTheSameAfterItWasTakenUpAgain) {
  const TempDir folder;
  const auto steps = [](Trainer& trainer, int count) {
    std::vector<double> losses;
    for (int i = 0; i < count; ++i) {
      const Batch batch =
          make_batch(draw_shapes, {.seed = 4, .side = 128, .count = 2}, trainer.steps());
      const auto step = trainer.step(batch, static_cast<double>(trainer.steps()) / 8);
      EXPECT_TRUE(step);
      losses.push_back(step->score_loss);
      losses.push_back(step->box_loss);
    }
    return losses;
  };
  const auto whole = trainer_with(2);
  steps(*whole, 3);
  const auto expected = steps(*whole, 3);
  ASSERT_TRUE(whole->save(folder / "whole", {}));
  const auto first = trainer_with(2);
  steps(*first, 3);
  ASSERT_TRUE(first->save(folder / "state", {{"note", "7"}}));
  const auto second = trainer_with(99);
  const auto notes = second->load(folder / "state");
  ASSERT_TRUE(notes) << notes.error().message;
  EXPECT_EQ(notes->at("note"), "7");
  EXPECT_EQ(second->steps(), 3u);
  EXPECT_EQ(steps(*second, 3), expected);
  ASSERT_TRUE(second->save(folder / "again", {}));
  EXPECT_EQ(read_file(folder / "again"), read_file(folder / "whole"));
}

TEST(Trainer, RefusesStatesThatAreNoneOfItsOwn) {
  const TempDir folder;
  const auto trainer = trainer_with(1);
  ASSERT_TRUE(trainer->save(folder / "good", {}));
  const std::string good = read_file(folder / "good");
  std::string not_finite = good;
  not_finite.replace(not_finite.size() - 4, 4, std::string("\0\0\xc0\x7f", 4));
  std::string other_steps = good;
  other_steps.replace(other_steps.find("\"steps\":\"0\""), 11, "\"steps\":\"x\"");
  std::string other_name = good;
  other_name.replace(other_name.find("smoothed.l01"), 12, "smoothed.l91");
  std::vector<float> number = {1};
  ASSERT_TRUE(write_safetensors(folder / "other",
                                {{"a", {DType::F32, {1}, std::as_bytes(std::span(number))}}}, {}));
  const struct {
    const char* name;
    std::string bytes;
    const char* message;
  } cases[] = {{"empty", "", "state"},
               {"cut", good.substr(0, good.size() - 100), "state"},
               {"text", "once upon a time, long ago", "state"},
               {"another file", read_file(folder / "other"), "has 1 tensors"},
               {"another name", other_name, "l01"},
               {"not finite", not_finite, "not finite"},
               {"no steps", other_steps, "steps is 'x'"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    write_file(folder / "state", c.bytes);
    const auto loaded = trainer_with(1)->load(folder / "state");
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find(c.message), std::string::npos) << loaded.error().message;
  }
}

TEST(Trainer, SkipsAStepThatIsNotFinite) {
  const TempDir folder;
  const auto trainer = trainer_with(3);
  Batch batch = two_rectangles();
  batch.pixels[1000] = std::numeric_limits<float>::infinity();
  const auto step = trainer->step(batch, 0);
  ASSERT_TRUE(step) << step.error().message;
  EXPECT_TRUE(step->was_skipped);
  const auto next = trainer->step(two_rectangles(), 0);
  ASSERT_TRUE(next);
  EXPECT_FALSE(next->was_skipped);
}

TEST(Trainer, LearnsFromPicturesWithoutPeople) {
  const auto trainer = trainer_with(3);
  Batch batch = two_rectangles();
  batch.truth[0].clear();
  const auto step = trainer->step(batch, 0);
  ASSERT_TRUE(step) << step.error().message;
  EXPECT_FALSE(step->was_skipped);
  EXPECT_EQ(step->box_loss, 0);
  EXPECT_GT(step->score_loss, 0);
}

}  // namespace
}  // namespace posefleet::tests
