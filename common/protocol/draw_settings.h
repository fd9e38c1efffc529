// How people are drawn; part of a render range's plan, because the bytes follow from it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posefleet {

enum class DrawStyle : std::uint8_t {
  Mesh,          // bodies over the picture
  Skeleton,      // keypoints and bones over the picture
  MeshSkeleton,  // both
  MeshOnly,      // bodies on a plain ground
  Wireframe,     // the edges of the triangles that face the camera, over the picture
  Depth,         // bodies on black, near is bright
  SideView,      // each body turned a quarter about its upright axis, on a plain ground
  TopView,       // each body seen from above, on a plain ground
  SideBySide,    // the picture, and beside it the picture with bodies
};

inline constexpr std::array<std::string_view, 9> kDrawStyleNames = {
    "mesh",  "skeleton",  "mesh-skeleton", "mesh-only",   "wireframe",
    "depth", "side-view", "top-view",      "side-by-side"};

inline std::string_view name_of(DrawStyle style) {
  return kDrawStyleNames[static_cast<std::size_t>(style)];
}
inline std::optional<DrawStyle> parse_draw_style(std::string_view name) {
  for (std::size_t i = 0; i < kDrawStyleNames.size(); ++i) {
    if (kDrawStyleNames[i] == name) return static_cast<DrawStyle>(i);
  }
  return std::nullopt;
}

// As a screen shows it: red, green, blue, 0..255.
using Rgb = std::array<std::uint8_t, 3>;

// "#rrggbb"; nothing when it is none.
std::optional<Rgb> parse_rgb(std::string_view text);
std::string to_text(const Rgb& colour);

// What can be written beside a person: the number of the track, or how far a limb is bent (the
// angles of common/body/angles.h).
inline constexpr std::array<std::string_view, 10> kLabelNames = {
    "id",         "left_knee",   "right_knee",    "left_hip",       "right_hip",
    "left_elbow", "right_elbow", "left_shoulder", "right_shoulder", "spine"};
bool is_label(std::string_view name);

inline constexpr std::uint32_t kTrailMax = 20;
inline constexpr std::uint32_t kTrailStepMax = 120;
inline constexpr std::size_t kPaletteMax = 64;

struct DrawSettings {
  DrawStyle style = DrawStyle::Mesh;
  std::uint32_t samples = 4;    // of coverage, a pixel: 1, 4, 8 or 16
  std::uint32_t opacity = 100;  // of bodies, per cent
  // Colours by track, used again from the front when there are more tracks. Empty: built in.
  std::vector<Rgb> palette;
  Rgb ground = {38, 41, 46};  // of the styles on a plain ground
  // Earlier poses of each person behind the present one, paler the older: how many, and how many
  // frames apart.
  std::uint32_t trail = 0;
  std::uint32_t trail_step = 3;
  // What is written beside each person, of kLabelNames.
  std::vector<std::string> labels;
  bool has_caption = false;  // a strip below with the time and the frame's number

  bool operator==(const DrawSettings&) const = default;
};

// How many frames before a frame its picture needs.
inline std::uint32_t trail_frames(const DrawSettings& draw) {
  return draw.trail * draw.trail_step;
}

// A film in which nobody was found may be handed on as it is.
inline bool leaves_empty_frames_alone(const DrawSettings& draw) {
  const bool is_over_source = draw.style != DrawStyle::MeshOnly && draw.style != DrawStyle::Depth &&
                              draw.style != DrawStyle::SideView &&
                              draw.style != DrawStyle::TopView &&
                              draw.style != DrawStyle::SideBySide;
  return is_over_source && !draw.has_caption;
}

// Not all styles show the source's picture.
inline bool shows_source(DrawStyle style) {
  return style != DrawStyle::MeshOnly && style != DrawStyle::Depth &&
         style != DrawStyle::SideView && style != DrawStyle::TopView;
}

}  // namespace posefleet
