// The people of a frame as things to draw: bodies' vertices, keypoints in the picture, colours.
//
// Private to worker/figures.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/body/body_model.h"
#include "common/body/camera.h"
#include "common/protocol/draw_settings.h"
#include "common/protocol/poses.h"
#include "worker/render/flat_layer.h"
#include "worker/render/styles.h"

namespace posefleet::figures {

// Camera axes, metres; three numbers a vertex.
using Vertices = std::vector<float>;

struct Figure {
  std::uint32_t track = 0;
  float score = 1;
  Vertices vertices;
  std::vector<Point2> keypoints;  // frame pixels; not a number behind the camera
  std::vector<Point3> joints;     // joints45, for angles
  Point3 pelvis{};                // camera axes, with the translation
};

// How bodies are turned before they are placed.
enum class View : std::uint8_t { FromCamera, FromSide, FromAbove };

// Turned about the pelvis, so that everybody stays where they are in the picture.
std::vector<Figure> figures_of(const FramePoses& poses, const BodyModel& body,
                               const FrameSize& frame, View view);

// False when a number of the person is not finite: nothing can be drawn of them.
bool is_drawable(const PersonPose& person);

// Of a track; `index` in the frame where there is none.
Colour body_colour(const DrawSettings& settings, std::uint32_t track, std::size_t index);
// The same as a screen shows it.
FlatColour flat_colour(const DrawSettings& settings, std::uint32_t track, std::size_t index);

// A skeleton's strokes are so wide, pixels: a hundredth of the person's height.
float stroke_width(const Figure& figure, const FrameSize& frame);

// Bones of the left side warm, of the right side cool, the trunk in the person's colour; `strength`
// scales the opacity, which is also the person's score.
void add_skeleton(const Figure& figure, const FlatColour& colour, float strength,
                  const FrameSize& frame, FlatLayer& layer);

// The edges of the triangles that face the camera, each once.
class EdgeList final {
 public:
  explicit EdgeList(std::span<const std::array<std::int32_t, 3>> faces);
  void add(const Figure& figure, float focal_length, const FrameSize& frame,
           const FlatColour& colour, FlatLayer& layer);

 private:
  struct Edge {
    std::array<std::int32_t, 2> ends;
    std::array<std::int32_t, 2> faces;  // on both sides; -1: none
  };
  std::vector<std::array<std::int32_t, 3>> faces_;
  std::vector<Edge> edges_;
  std::vector<PixelPoint> points_;
  std::vector<std::uint8_t> faces_camera_;
  std::vector<std::array<PixelPoint, 2>> seen_;
};

}  // namespace posefleet::figures
