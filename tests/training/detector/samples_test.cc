#include "training/detector/samples.h"

#include <gtest/gtest.h>

#include "tests/training/detector/shapes.h"
#include "training/detector/picture.h"
#include "worker/detect/nms.h"

namespace posefleet::tests {
namespace {

using namespace posefleet::training::detect;

// Black, with one white rectangle that is the person.
std::vector<DrawnPerson> draw_white(std::uint64_t, std::uint64_t index, int width, int height,
                                    std::span<std::uint8_t> rgb) {
  const int x0 = width / 4, x1 = width / 2;
  const int y0 = height / 8 + static_cast<int>(index % 3), y1 = height * 3 / 4;
  for (int y = y0; y < y1; ++y) {
    std::fill_n(rgb.begin() + 3 * (std::ptrdiff_t{y} * width + x0), 3 * (x1 - x0), 255);
  }
  return {{{static_cast<float>(x0), static_cast<float>(y0), static_cast<float>(x1),
            static_cast<float>(y1)},
           0.9f}};
}

// The box around all pixels that are more than half white.
std::array<float, 4> bright_box(const Picture& picture) {
  std::array<float, 4> box = {1e9f, 1e9f, -1, -1};
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      if (picture.rgb[static_cast<std::size_t>(3 * (y * picture.width + x))] < 128) continue;
      box = {std::min(box[0], static_cast<float>(x)), std::min(box[1], static_cast<float>(y)),
             std::max(box[2], static_cast<float>(x + 1)),
             std::max(box[3], static_cast<float>(y + 1))};
    }
  }
  return box;
}

TEST(Picture, KeepsItsPeopleWhereTheyAreSeen) {
  const Picture drawn = draw_picture(draw_white, 1, 0, 320, 200);
  ASSERT_EQ(drawn.people[0].box, bright_box(drawn));
  Picture mirrored = drawn;
  mirror(mirrored);
  Picture pasted{400, 300, std::vector<std::uint8_t>(3 * 400 * 300), {}};
  paste(drawn, 70, 90, pasted);
  const struct {
    const char* name;
    Picture picture;
    float tolerance;
  } cases[] = {{"mirrored", mirrored, 0},
               {"pasted", pasted, 0},
               {"window", window_of(drawn, 30, 20, 200, 160), 0},
               {"window that cuts", window_of(drawn, 100, 60, 100, 60), 0},
               {"smaller", resized_picture(drawn, 150, 110), 1},
               {"larger", resized_picture(drawn, 500, 333), 1.5f}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    ASSERT_EQ(c.picture.people.size(), 1u);
    const auto seen = bright_box(c.picture);
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(c.picture.people[0].box[i], seen[i], c.tolerance) << i;
    }
  }
}

TEST(Picture, KnowsHowMuchOfAPersonAWindowLeaves) {
  const Picture drawn = draw_picture(draw_white, 1, 0, 320, 200);  // box 80,25 to 160,150
  EXPECT_FLOAT_EQ(window_of(drawn, 0, 0, 320, 200).people[0].visible, 0.9f);
  EXPECT_FLOAT_EQ(window_of(drawn, 120, 0, 100, 200).people[0].visible, 0.45f);
  EXPECT_TRUE(window_of(drawn, 160, 0, 100, 200).people.empty());
}

TEST(Samples, FollowFromTheirIndexAlone) {
  const BatchOptions options{.seed = 5, .side = 128, .count = 3};
  const Batch first = make_batch(draw_shapes, options, 7);
  const Batch other = make_batch(draw_shapes, options, 8);
  const Batch again = make_batch(draw_shapes, options, 7);
  EXPECT_EQ(first.pixels, again.pixels);
  EXPECT_EQ(first.truth, again.truth);
  EXPECT_NE(first.pixels, other.pixels);
  EXPECT_NE(first.pixels, make_batch(draw_shapes, {.seed = 6, .side = 128, .count = 3}, 7).pixels);
}

TEST(Samples, ComeInAllShapesWithPeopleOfAllKinds) {
  int upright = 0, wide = 0, square = 0, ignored = 0, people = 0, empty = 0;
  for (std::uint64_t index = 0; index < 60; ++index) {
    const Batch batch = make_batch(draw_shapes, {.seed = 1, .side = 160, .count = 4}, index);
    ASSERT_EQ(batch.width % 32, 0);
    ASSERT_EQ(batch.height % 32, 0);
    ASSERT_LE(std::max(batch.width, batch.height), 160);
    ASSERT_EQ(batch.pixels.size(), static_cast<std::size_t>(4 * 3 * batch.width * batch.height));
    upright += batch.height > batch.width ? 1 : 0;
    wide += batch.width > batch.height ? 1 : 0;
    square += batch.width == batch.height ? 1 : 0;
    for (const float value : batch.pixels) ASSERT_TRUE(value >= 0 && value <= 1);
    for (const auto& truth : batch.truth) {
      empty += truth.empty() ? 1 : 0;
      for (const TruthBox& person : truth) {
        ++people;
        ignored += person.is_ignored ? 1 : 0;
        const bool is_inside = person.box[0] >= 0 && person.box[1] >= 0 &&
                               person.box[2] <= static_cast<float>(batch.width) + 0.01f &&
                               person.box[3] <= static_cast<float>(batch.height) + 0.01f;
        EXPECT_TRUE(is_inside);
        if (person.box[3] - person.box[1] < kHeightMin) {
          EXPECT_TRUE(person.is_ignored);
        }
      }
    }
  }
  EXPECT_GT(upright, 5);
  EXPECT_GT(wide, 10);
  EXPECT_GT(square, 5);
  EXPECT_GT(people, 200);
  EXPECT_GT(ignored, 0);
  EXPECT_LT(ignored, people / 4);
  EXPECT_GT(empty, 5);
}

// Red of the rectangle stays redder than the ground whatever the light.
TEST(Samples, SayWhereTheRectanglesAre) {
  int checked = 0;
  for (std::uint64_t index = 0; index < 12; ++index) {
    const Batch batch = make_batch(draw_shapes, {.seed = 3, .side = 256, .count = 4}, index);
    const std::size_t size = static_cast<std::size_t>(3 * batch.width * batch.height);
    for (std::size_t i = 0; i < batch.truth.size(); ++i) {
      for (const TruthBox& person : batch.truth[i]) {
        if (person.is_ignored || person.box[3] - person.box[1] < 40) continue;
        // Below the yellow head, in the middle.
        const auto x = static_cast<std::size_t>((person.box[0] + person.box[2]) / 2);
        const auto y = static_cast<std::size_t>(0.2f * person.box[1] + 0.8f * person.box[3]);
        const float* pixel =
            &batch.pixels[i * size + 3 * (y * static_cast<std::size_t>(batch.width) + x)];
        if (pixel[0] == pixel[1]) continue;  // a grey picture
        EXPECT_GT(pixel[0], pixel[1]) << index << " " << i;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 30);
}

}  // namespace
}  // namespace posefleet::tests
