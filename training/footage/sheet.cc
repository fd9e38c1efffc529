#include "training/footage/sheet.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "common/body/joints.h"
#include "common/media/image.h"
#include "training/footage/picture.h"

namespace posefleet::training {
namespace {

constexpr int kSceneWidth = 640;
constexpr int kSceneHeight = 360;

class Sheet final {
 public:
  Sheet(const SheetOptions& options, int width, int height)
      : options_(options), tile_width_(width), tile_height_(height) {
    image_.width = options.columns * width;
    image_.height = options.rows * height;
    image_.pixels.resize(static_cast<std::size_t>(3) * static_cast<std::size_t>(image_.width) *
                         static_cast<std::size_t>(image_.height));
  }

  void put(int number, std::span<const std::uint8_t> rgb) {
    const int x0 = number % options_.columns * tile_width_;
    const int y0 = number / options_.columns * tile_height_;
    for (int y = 0; y < tile_height_; ++y) {
      for (int x = 0; x < tile_width_; ++x) {
        const std::size_t from = static_cast<std::size_t>(3 * (y * tile_width_ + x));
        const std::size_t to = static_cast<std::size_t>(3 * ((y0 + y) * image_.width + x0 + x));
        for (std::size_t k = 0; k < 3; ++k) image_.pixels[to + k] = rgb[from + 2 - k];
      }
    }
  }

  Status write(const std::filesystem::path& path) const { return write_png(path, image_); }

 private:
  const SheetOptions options_;
  const int tile_width_, tile_height_;
  BgrImage image_;
};

void dot_at(const Picture& picture, float x, float y, const Tone& tone) {
  if (!(x >= 0 && y >= 0)) return;
  const int column = static_cast<int>(std::min(x, 1e6f)), row = static_cast<int>(std::min(y, 1e6f));
  if (column >= picture.width || row >= picture.height) return;
  std::copy(tone.begin(), tone.end(), picture.at(column, row));
}

void line(const Picture& picture, const Point2& a, const Point2& b, const Tone& tone) {
  const float size = std::max(std::fabs(b[0] - a[0]), std::fabs(b[1] - a[1]));
  const int steps = static_cast<int>(std::clamp(size, 1.0f, 4000.0f));
  for (int i = 0; i <= steps; ++i) {
    const float t = static_cast<float>(i) / static_cast<float>(steps);
    dot_at(picture, a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, tone);
  }
}

// Left limbs red, right ones green, the rest yellow.
void draw_bones(const Picture& picture, const CropTruth& truth) {
  const auto place = [&](std::int32_t k) {
    const auto& p = truth.keypoints_2d[static_cast<std::size_t>(k)];
    return Point2{(p[0] + 0.5f) * kFootageCropSide, (p[1] + 0.5f) * kFootageCropSide};
  };
  for (const Bone& bone : kBones) {
    const auto name = kKeypointNames[static_cast<std::size_t>(bone.to)];
    const Tone tone = name.starts_with("left")    ? Tone{255, 40, 40}
                      : name.starts_with("right") ? Tone{40, 220, 40}
                                                  : Tone{255, 230, 40};
    line(picture, place(bone.from), place(bone.to), tone);
  }
}

}  // namespace

Status write_crop_sheet(const std::filesystem::path& path, const CropSource& source,
                        const Curriculum& curriculum, const SheetOptions& options) {
  Sheet sheet(options, kFootageCropSide, kFootageCropSide);
  std::vector<std::uint8_t> rgb(kFootageCropBytes);
  for (int i = 0; i < options.columns * options.rows; ++i) {
    const CropTruth truth =
        source.make(options.seed, static_cast<std::uint64_t>(i), curriculum, rgb);
    if (options.with_truth) draw_bones({rgb.data(), kFootageCropSide, kFootageCropSide}, truth);
    sheet.put(i, rgb);
  }
  return sheet.write(path);
}

Status write_scene_sheet(const std::filesystem::path& path, const SceneSource& source,
                         const SheetOptions& options) {
  Sheet sheet(options, kSceneWidth, kSceneHeight);
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3) * kSceneWidth * kSceneHeight);
  for (int i = 0; i < options.columns * options.rows; ++i) {
    const SceneTruth truth =
        source.make(options.seed, static_cast<std::uint64_t>(i), kSceneWidth, kSceneHeight, rgb);
    const Picture picture = {rgb.data(), kSceneWidth, kSceneHeight};
    for (const ScenePerson& person : truth.people) {
      if (!options.with_truth) break;
      const Tone tone = person.visible > 0.5f ? Tone{255, 230, 40} : Tone{255, 60, 200};
      const Point2 a = {person.x0, person.y0}, b = {person.x1 - 1, person.y0};
      const Point2 c = {person.x1 - 1, person.y1 - 1}, d = {person.x0, person.y1 - 1};
      line(picture, a, b, tone), line(picture, b, c, tone);
      line(picture, c, d, tone), line(picture, d, a, tone);
    }
    sheet.put(i, rgb);
  }
  return sheet.write(path);
}

}  // namespace posefleet::training
