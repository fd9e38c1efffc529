// Grey tiles that make plain colours look like snow, leaves, boards or stone.
//
// Computing noise for each pixel would cost more than drawing the people. So a few tiles are made
// once; pictures read them at random places, scales and between random colours.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace posefleet::training {

// 256 x 256, wraps around on all sides.
class Texture final {
 public:
  static constexpr int kSide = 256;

  explicit Texture(std::vector<std::uint8_t> grey) : grey_(std::move(grey)) {}
  std::uint8_t at(int x, int y) const {
    return grey_[static_cast<std::size_t>((y & (kSide - 1)) * kSide + (x & (kSide - 1)))];
  }

 private:
  std::vector<std::uint8_t> grey_;
};

enum class TextureKind { Clouds, Grain, Leaves, Streaks, Planks, Bricks, Blobs, Weave };
inline constexpr int kTextureCount = 8;

// Immutable; shared by threads.
class Textures final {
 public:
  static Textures make();
  const Texture& of(TextureKind kind) const { return tiles_[static_cast<std::size_t>(kind)]; }
  const Texture& number(int i) const { return tiles_[static_cast<std::size_t>(i)]; }

 private:
  explicit Textures(std::vector<Texture> tiles) : tiles_(std::move(tiles)) {}
  std::vector<Texture> tiles_;
};

}  // namespace posefleet::training
