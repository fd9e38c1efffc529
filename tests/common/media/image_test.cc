#include "common/media/image.h"

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/common/media/clips.h"

namespace posefleet {
namespace {

using tests::make_clip;
using tests::TempDir;

// Every pixel differs from its neighbours, in all channels.
BgrImage gradient(int width, int height) {
  BgrImage image{.width = width, .height = height};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.pixels.push_back(static_cast<std::uint8_t>(x * 3));
      image.pixels.push_back(static_cast<std::uint8_t>(y * 5));
      image.pixels.push_back(static_cast<std::uint8_t>((x + y) * 7));
    }
  }
  return image;
}

TEST(Image, ComesBackFromAPngAsItWas) {
  const TempDir folder;
  for (const auto& [width, height] : std::vector<std::pair<int, int>>{{1, 1}, {37, 23}, {64, 48}}) {
    const BgrImage image = gradient(width, height);
    const auto path = folder / "picture.png";
    ASSERT_TRUE(write_png(path, image));
    const auto read = read_image(path);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, image);
    const std::string bytes = tests::read_file(path);
    ASSERT_TRUE(write_png(path, image));
    EXPECT_EQ(tests::read_file(path), bytes);
  }
}

TEST(Image, ReadsTheUsualKindsByContent) {
  const TempDir folder;
  const auto source = folder / "source.png";
  ASSERT_TRUE(write_png(source, gradient(64, 48)));
  const struct {
    const char* name;
    const char* arguments;
    int tolerance;  // mean difference: JPEG and GIF lose something
  } cases[] = {
      {"a.jpg", "-pix_fmt yuvj444p -q:v 1", 3},
      {"a.bmp", "", 0},
      {"a.tiff", "", 0},
      {"a.gif", "", 20},
      {"a.webp", "-lossless 1", 0},
      {"misnamed.png", "-c:v bmp -f image2", 0},
      {"deep.png", "-pix_fmt rgb48be", 0},
      {"alpha.png", "-pix_fmt rgba", 0},
  };
  const BgrImage expected = gradient(64, 48);
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    const auto path =
        make_clip(folder, test.name, "-i '" + source.string() + "' -frames:v 1 " + test.arguments);
    const auto image = read_image(path);
    ASSERT_TRUE(image) << image.error().message;
    ASSERT_EQ(image->pixels.size(), expected.pixels.size());
    std::int64_t difference = 0;
    for (std::size_t i = 0; i < expected.pixels.size(); ++i) {
      difference += std::abs(int{image->pixels[i]} - int{expected.pixels[i]});
    }
    EXPECT_LE(difference, test.tolerance * static_cast<std::int64_t>(expected.pixels.size()));
  }
}

TEST(Image, RefusesBadFilesAndSaysWhich) {
  const TempDir folder;
  const auto png = folder / "whole.png";
  ASSERT_TRUE(write_png(png, gradient(200, 150)));
  const auto jpeg = make_clip(folder, "whole.jpg", "-i '" + png.string() + "' -q:v 2");
  const std::string png_bytes = tests::read_file(png);
  const std::string jpeg_bytes = tests::read_file(jpeg);
  std::string huge = png_bytes;  // claims 0x70000000 columns
  huge[16] = '\x70';
  const struct {
    const char* name;
    std::string bytes;
  } cases[] = {
      {"empty.png", ""},
      {"text.png", "this is no picture"},
      {"magic-only.png", png_bytes.substr(0, 8)},
      {"header-only.png", png_bytes.substr(0, 40)},
      {"half.png", png_bytes.substr(0, png_bytes.size() / 2)},
      {"huge.png", huge},
      {"magic-only.jpg", jpeg_bytes.substr(0, 3)},
      {"half.jpg", jpeg_bytes.substr(0, jpeg_bytes.size() / 2)},
      {"zeros.jpg", std::string(1000, '\0')},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    const auto path = folder / test.name;
    tests::write_file(path, test.bytes);
    const auto image = read_image(path);
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, ErrorCode::Rejected);
    EXPECT_NE(image.error().message.find(path.string()), std::string::npos)
        << image.error().message;
  }
  EXPECT_FALSE(read_image(folder / "missing.png"));
  EXPECT_FALSE(read_image(folder.path()));
}

TEST(Image, RefusesPicturesAboveTheLimits) {
  const TempDir folder;
  const auto path = folder / "picture.png";
  ASSERT_TRUE(write_png(path, gradient(40, 30)));
  EXPECT_TRUE(read_image(path, {.side_max = 40}));
  EXPECT_FALSE(read_image(path, {.side_max = 39}));
  EXPECT_FALSE(read_image(path, {.pixels_max = 1199}));
  EXPECT_FALSE(read_image(path, {.file_bytes_max = 50}));
}

TEST(Image, SurvivesFlippedBytes) {
  const TempDir folder;
  const auto png = folder / "whole.png";
  ASSERT_TRUE(write_png(png, gradient(60, 40)));
  const auto jpeg = make_clip(folder, "whole.jpg", "-i '" + png.string() + "' -q:v 2");
  std::mt19937 random(7);
  for (const auto& source : {png, jpeg}) {
    const std::string whole = tests::read_file(source);
    for (int variant = 0; variant < 40; ++variant) {
      std::string bytes = whole;
      for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] ^= static_cast<char>(random());
      const auto path = folder / "flipped";
      tests::write_file(path, bytes);
      const auto image = read_image(path);
      if (!image) continue;
      EXPECT_EQ(image->pixels.size(), static_cast<std::size_t>(image->width) * image->height * 3);
    }
  }
}

}  // namespace
}  // namespace posefleet
