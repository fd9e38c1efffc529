#include "training/detector/trainer.h"

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"
#include "tests/training/detector/shapes.h"
#include "worker/detect/detector.h"
#include "worker/detect/torchscript_network.h"

namespace posefleet::tests {
namespace {

using training::Batch;
using training::StepReport;
using training::Trainer;

std::unique_ptr<Trainer> trainer_with(std::uint64_t seed) {
  auto trainer = Trainer::create(seed, 1);
  POSEFLEET_CHECK(trainer.has_value());
  return *std::move(trainer);
}

// Two rectangles, 64 and 48 pixels high, in a picture of 128x128.
Batch two_rectangles() {
  Batch batch{.width = 128, .height = 128, .pixels = std::vector<float>(3 * 128 * 128, 0.4f)};
  const std::array<std::array<int, 4>, 2> boxes = {{{16, 24, 48, 88}, {80, 56, 104, 104}}};
  batch.truth.emplace_back();
  for (const auto& box : boxes) {
    for (int y = box[1]; y < box[3]; ++y) {
      for (int x = box[0]; x < box[2]; ++x) {
        const std::size_t at = 3 * (static_cast<std::size_t>(y) * 128 + static_cast<std::size_t>(x));
        batch.pixels[at] = 0.9f;
        batch.pixels[at + 1] = x % 16 < 8 ? 0.2f : 0.7f;
      }
    }
    batch.truth[0].push_back({{static_cast<float>(box[0]), static_cast<float>(box[1]),
                               static_cast<float>(box[2]), static_cast<float>(box[3])},
                              false});
  }
  return batch;
}

TEST(Trainer, FindsTwoRectanglesThatItLookedAtLongEnough) {
  const auto trainer = trainer_with(1);
  const Batch batch = two_rectangles();
  for (int i = 0; i < 400; ++i) {
    const auto report = trainer->step(batch, i / 400.0);
    ASSERT_TRUE(report) << report.error().message;
    if (i % 50 == 0) {
      std::printf("%d %f %f %f\n", i, report->score_loss, report->box_loss, report->gradient_norm);
    }
  }
  const TempDir folder;
  const Status exported = trainer->export_to(folder / kDetectorName, 128);
  ASSERT_TRUE(exported) << exported.error().message;
  EXPECT_LE(std::filesystem::file_size(folder / kDetectorName), 4u << 20);
  const auto file = load_detector_file(ModelFolder{.path = folder.path()});
  ASSERT_TRUE(file) << file.error().message;
  Detector detector(*make_detection_network(*file, 1));
  std::vector<std::uint8_t> bgr(batch.pixels.size());
  for (std::size_t i = 0; i < bgr.size(); i += 3) {
    for (std::size_t c = 0; c < 3; ++c) {
      bgr[i + c] = static_cast<std::uint8_t>(batch.pixels[i + 2 - c] * 255.0f + 0.5f);
    }
  }
  const BgrView view{bgr.data(), 128, 128, 384};
  const auto people = detector.detect({&view, 1}, {}, [] { return done(); });
  ASSERT_TRUE(people) << people.error().message;
  ASSERT_EQ((*people)[0].size(), 2u);
  for (const PersonBox& p : (*people)[0]) std::printf("%f %f %f %f %f\n", p.x0, p.y0, p.x1, p.y1, p.score);
}

}  // namespace
}  // namespace posefleet::tests
