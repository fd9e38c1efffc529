#include "worker/model/crop.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/worker/model/golden.h"
#include "worker/model/blur.h"

namespace posefleet::tests {
namespace {

class CropGolden : public testing::Test {
 protected:
  static void SetUpTestSuite() { require_folder(golden_folder()); }
};

TEST_F(CropGolden, MakesTheReferencesCropsBitForBit) {
  const Arrays golden("golden.npz");
  const std::vector<float> expected = Arrays("crops.npz").floats("crops");
  const GoldenFrames frames;
  const CropNormalisation normalisation = *crop_normalisation(Manifest{});
  std::vector<float> crop(kCropFloats);
  const std::vector<GoldenPerson> people = golden_people(golden);
  for (std::size_t i = 0; i < people.size(); ++i) {
    SCOPED_TRACE("crop " + std::to_string(i));
    const BgrView frame = frames.view(people[i].frame);
    const auto geometry = crop_geometry(people[i].box, frame.width, frame.height);
    ASSERT_TRUE(geometry) << geometry.error().message;
    make_crop(frame, *geometry, normalisation, crop);
    const float* wanted = expected.data() + i * kCropFloats;
    EXPECT_TRUE(std::equal(crop.begin(), crop.end(), wanted));
  }
}

TEST_F(CropGolden, FindsTheReferencesSquaresBitForBit) {
  const Arrays golden("golden.npz");
  const std::vector<float> centers = golden.floats("box_center");
  const std::vector<double> sizes = golden.doubles("box_size");
  const std::vector<double> affines = golden.doubles("affine");
  const std::vector<double> sigmas = golden.doubles("blur_sigma");
  const std::vector<double> frame_sizes = golden.doubles("img_size");
  const std::vector<GoldenPerson> people = golden_people(golden);
  for (std::size_t i = 0; i < people.size(); ++i) {
    SCOPED_TRACE("crop " + std::to_string(i));
    const auto geometry = crop_geometry(people[i].box, static_cast<int>(frame_sizes[2 * i]),
                                        static_cast<int>(frame_sizes[2 * i + 1]));
    ASSERT_TRUE(geometry) << geometry.error().message;
    EXPECT_EQ(geometry->center[0], centers[2 * i]);
    EXPECT_EQ(geometry->center[1], centers[2 * i + 1]);
    EXPECT_EQ(geometry->size, sizes[i]);
    for (std::size_t k = 0; k < 6; ++k) EXPECT_EQ(geometry->affine[k], affines[6 * i + k]) << k;
    EXPECT_EQ(blur_sigma(*geometry), sigmas[i]);
  }
}

TEST_F(CropGolden, WidensBoxesAsTheReferenceDoes) {
  const Arrays cases("unit_cases.npz");
  const std::vector<float> in = cases.floats("expand_in");
  const std::vector<double> out = cases.doubles("expand_out");
  for (std::size_t i = 0; i < in.size(); i += 2) {
    const auto widened = widened_to_crop(in[i], in[i + 1]);
    EXPECT_EQ(widened[0], out[i]) << in[i] << "x" << in[i + 1];
    EXPECT_EQ(widened[1], out[i + 1]) << in[i] << "x" << in[i + 1];
  }
}

// Within the last places of a double: NumPy's exp is not the same on all processors.
TEST_F(CropGolden, BlursAsTheReferenceDoes) {
  const Arrays cases("unit_cases.npz");
  const NdArray& image = cases["blur_image"];
  const auto pixels = *image.as<std::uint8_t>();
  const int height = static_cast<int>(image.shape[0]);
  const int width = static_cast<int>(image.shape[1]);
  const BgrView view = {pixels.data(), width, height, std::ptrdiff_t{3} * width};
  std::vector<int> rows(static_cast<std::size_t>(height));
  std::vector<int> columns(static_cast<std::size_t>(width));
  std::iota(rows.begin(), rows.end(), 0);
  std::iota(columns.begin(), columns.end(), 0);
  const std::vector<double> sigmas = cases.doubles("blur_sigma");
  const std::vector<double> expected = cases.doubles("blur_out");
  for (std::size_t i = 0; i < sigmas.size(); ++i) {
    SCOPED_TRACE("sigma " + std::to_string(sigmas[i]));
    const std::vector<double> found = blurred_samples(view, sigmas[i], rows, columns);
    ASSERT_EQ(found.size(), pixels.size());
    for (std::size_t k = 0; k < found.size(); ++k) {
      ASSERT_NEAR(found[k], expected[i * found.size() + k], 1e-13) << k;
    }
  }
}

// A picture without symmetry.
std::vector<std::uint8_t> noise_picture(int width, int height) {
  std::vector<std::uint8_t> bgr(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                                3);
  std::uint32_t state = 1;
  for (std::uint8_t& value : bgr) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<std::uint8_t>(state >> 24);
  }
  return bgr;
}

TEST(Blur, GivesTheSameSamplesWhicheverAreAskedFor) {
  const std::vector<std::uint8_t> picture = noise_picture(40, 30);
  const BgrView view = {picture.data(), 40, 30, 120};
  std::vector<int> all_rows(30);
  std::vector<int> all_columns(40);
  std::iota(all_rows.begin(), all_rows.end(), 0);
  std::iota(all_columns.begin(), all_columns.end(), 0);
  const std::vector<double> whole = blurred_samples(view, 1.7, all_rows, all_columns);
  const std::vector<int> rows = {0, 7, 8, 29};
  const std::vector<int> columns = {3, 20, 39};
  const std::vector<double> some = blurred_samples(view, 1.7, rows, columns);
  ASSERT_EQ(some.size(), rows.size() * columns.size() * 3);
  std::size_t next = 0;
  for (const int y : rows) {
    for (const int x : columns) {
      for (int c = 0; c < 3; ++c) {
        EXPECT_EQ(some[next++], whole[static_cast<std::size_t>((y * 40 + x) * 3 + c)]);
      }
    }
  }
}

TEST(Blur, KeepsAnEvenPictureEven) {
  const std::vector<std::uint8_t> picture(20 * 10 * 3, 77);
  const std::vector<int> rows = {0, 5, 9};
  const std::vector<int> columns = {0, 10, 19};
  // A radius that reaches far beyond the picture.
  for (const double value : blurred_samples({picture.data(), 20, 10, 60}, 9.0, rows, columns)) {
    EXPECT_NEAR(value, 77, 1e-10);
  }
}

TEST(Crop, ReadsOnlyThePixelsOfEachRowWhateverTheStride) {
  const std::vector<std::uint8_t> packed = noise_picture(50, 40);
  std::vector<std::uint8_t> padded(40 * 200, 0xee);
  for (std::ptrdiff_t y = 0; y < 40; ++y) {
    std::copy_n(packed.begin() + y * 150, 150, padded.begin() + y * 200);
  }
  const CropGeometry geometry = *crop_geometry({-5, 3, 60, 35}, 50, 40);
  const CropNormalisation normalisation = *crop_normalisation(Manifest{});
  std::vector<float> from_packed(kCropFloats);
  std::vector<float> from_padded(kCropFloats);
  make_crop({packed.data(), 50, 40, 150}, geometry, normalisation, from_packed);
  make_crop({padded.data(), 50, 40, 200}, geometry, normalisation, from_padded);
  EXPECT_EQ(from_packed, from_padded);
}

TEST(Crop, IsBlackBeyondTheFrame) {
  const std::vector<std::uint8_t> white(20 * 20 * 3, 255);
  const CropNormalisation plain = {{0, 0, 0}, {1, 1, 1}};
  std::vector<float> crop(kCropFloats);
  // A square of 80 pixels around a frame of 20.
  make_crop({white.data(), 20, 20, 60}, *crop_geometry({-20, -30, 40, 50}, 20, 20), plain, crop);
  EXPECT_EQ(crop[0], 0);
  EXPECT_EQ(crop[128 * 256 + 128], 255);
  EXPECT_EQ(crop[kCropFloats - 1], 0);
}

TEST(Crop, RefusesBoxesThatHoldNobody) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const struct {
    const char* name;
    PersonBox box;
    const char* message;
  } cases[] = {
      {"not a number", {nan, 0, 10, 10}, "finite"},
      {"infinite", {0, 0, infinity, 10}, "finite"},
      {"huge coordinate", {0, 0, 3e6f, 10}, "finite"},
      {"left and right swapped", {50, 0, 10, 90}, "one pixel"},
      {"no height", {0, 20, 10, 20}, "one pixel"},
      {"right of the frame", {640, 0, 700, 90}, "outside the frame of 640x480"},
      {"above the frame", {0, -90, 60, 0}, "outside the frame of 640x480"},
      {"far larger than the frame", {-9000, -9000, 9000, 9000}, "8 times the frame"},
  };
  for (const auto& [name, box, message] : cases) {
    SCOPED_TRACE(name);
    const auto geometry = crop_geometry(box, 640, 480);
    ASSERT_FALSE(geometry);
    EXPECT_NE(geometry.error().message.find(message), std::string::npos)
        << geometry.error().message;
    EXPECT_EQ(geometry.error().code, ErrorCode::Rejected);
  }
}

TEST(Crop, NormalisesWithTheReferencesConstants) {
  const CropNormalisation normalisation = *crop_normalisation(Manifest{});
  EXPECT_EQ(normalisation.offset, (std::array<float, 3>{123.675f, 116.28f, 103.53f}));
  EXPECT_EQ(normalisation.scale, (std::array<float, 3>{58.395f, 57.12f, 57.375f}));
}

TEST(Crop, RefusesAManifestWithoutThreeUsableChannels) {
  Manifest two_means;
  two_means.image_mean = {0.5f, 0.5f};
  Manifest no_deviation;
  no_deviation.image_std[1] = 0;
  for (const Manifest& manifest : {two_means, no_deviation}) {
    const auto result = crop_normalisation(manifest);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find("image_"), std::string::npos);
  }
}

}  // namespace
}  // namespace posefleet::tests
