#include "worker/figures/figures.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace posefleet::figures {
namespace {

constexpr FlatColour kLeft = {0.98f, 0.55f, 0.20f};
constexpr FlatColour kRight = {0.25f, 0.65f, 0.98f};
constexpr FlatColour kRim = {0.05f, 0.05f, 0.06f};
constexpr float kBehindCamera = 0.05f;  // metres
// Of a wireframe, pixels: the lines' width, and the mean length from which on they are opaque.
constexpr float kEdgeWidth = 0.6f;
constexpr double kEdgeLength = 7;

Point3 turned(const Point3& point, View view) {
  switch (view) {
    case View::FromCamera:
      return point;
    // A quarter turn about the upright axis: what was on the person's far side comes to the right.
    case View::FromSide:
      return {point[2], point[1], -point[0]};
    // A quarter turn about the axis to the right: heads come towards the camera.
    case View::FromAbove:
      return {point[0], -point[2], point[1]};
  }
  return point;
}

Point3 placed(const Point3& point, const Point3& pivot, const Point3& translation, View view) {
  const Point3 off = {point[0] - pivot[0], point[1] - pivot[1], point[2] - pivot[2]};
  const Point3 moved = turned(off, view);
  return {moved[0] + pivot[0] + translation[0], moved[1] + pivot[1] + translation[1],
          moved[2] + pivot[2] + translation[2]};
}

// -1 left, 1 right, 0 neither.
int side_of(std::int32_t keypoint) {
  const std::string_view name = kKeypointNames[static_cast<std::size_t>(keypoint)];
  if (name.starts_with("left_")) return -1;
  return name.starts_with("right_") ? 1 : 0;
}

FlatColour with_opacity(FlatColour colour, float opacity) {
  colour.opacity = std::clamp(opacity, 0.f, 1.f);
  return colour;
}

FlatColour colour_of_side(int side, const FlatColour& middle) {
  return side < 0 ? kLeft : side > 0 ? kRight : middle;
}

}  // namespace

bool is_drawable(const PersonPose& person) {
  const auto finite = [](const auto& numbers) {
    return std::all_of(numbers.begin(), numbers.end(),
                       [](float number) { return std::isfinite(number); });
  };
  if (!finite(person.global_orient) || !finite(person.betas)) return false;
  if (!finite(person.camera_translation) || !std::isfinite(person.focal_length)) return false;
  return person.focal_length > 0 &&
         std::all_of(person.body_pose.begin(), person.body_pose.end(), finite);
}

std::vector<Figure> figures_of(const FramePoses& poses, const BodyModel& body,
                               const FrameSize& frame, View view) {
  std::vector<BodyPose> body_poses;
  for (const PersonPose& person : poses.people) body_poses.push_back(body_pose_of(person));
  const std::vector<PosedBody> bodies = body.pose_many(body_poses);
  std::vector<Figure> figures;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const PersonPose& person = poses.people[i];
    Figure& figure = figures.emplace_back();
    figure.track = person.track;
    figure.score = person.box.score;
    const Point3 pivot = bodies[i].joints45[0];
    const Point3& translation = person.camera_translation;
    figure.vertices.reserve(3 * bodies[i].vertices.size());
    for (const Point3& vertex : bodies[i].vertices) {
      for (const float part : placed(vertex, pivot, translation, view)) {
        figure.vertices.push_back(part);
      }
    }
    std::vector<Point3> keypoints;
    for (const Point3& point : bodies[i].keypoints_3d) {
      keypoints.push_back(placed(point, pivot, translation, view));
    }
    figure.keypoints = project(keypoints, {{}, person.focal_length, frame});
    figure.joints.assign(bodies[i].joints45.begin(), bodies[i].joints45.end());
    figure.pelvis = placed(pivot, pivot, translation, view);
  }
  return figures;
}

Colour body_colour(const DrawSettings& settings, std::uint32_t track, std::size_t index) {
  const std::size_t number = track > 0 ? track - 1 : index;
  if (settings.palette.empty()) return person_colour(number);
  const Rgb& chosen = settings.palette[number % settings.palette.size()];
  const auto linear = [](std::uint8_t part) {
    return static_cast<float>(std::pow(part / 255.0, 2.2));
  };
  return {linear(chosen[0]), linear(chosen[1]), linear(chosen[2])};
}

FlatColour flat_colour(const DrawSettings& settings, std::uint32_t track, std::size_t index) {
  const Colour linear = body_colour(settings, track, index);
  const auto shown = [](float part) { return static_cast<float>(std::pow(part, 1 / 2.2)); };
  return {shown(linear.r), shown(linear.g), shown(linear.b), 1};
}

float stroke_width(const Figure& figure, const FrameSize& frame) {
  float top = INFINITY, bottom = -INFINITY;
  for (const Point2& point : figure.keypoints) {
    if (!std::isfinite(point[1])) continue;
    top = std::min(top, point[1]);
    bottom = std::max(bottom, point[1]);
  }
  const float height = bottom > top ? bottom - top : 0;
  return std::clamp(height / 90, 1.5f, static_cast<float>(frame.height) / 60);
}

void add_skeleton(const Figure& figure, const FlatColour& colour, float strength,
                  const FrameSize& frame, FlatLayer& layer) {
  const float width = stroke_width(figure, frame);
  const float opacity = strength * std::clamp(0.35f + 0.65f * figure.score, 0.35f, 1.f);
  const auto at = [&](std::int32_t keypoint) {
    const Point2& point = figure.keypoints[static_cast<std::size_t>(keypoint)];
    return PixelPoint{point[0], point[1]};
  };
  for (const bool is_rim : {true, false}) {
    for (const Bone& bone : kBones) {
      const int side = side_of(bone.to) != 0 ? side_of(bone.to) : side_of(bone.from);
      const FlatColour& inside = colour_of_side(side, colour);
      layer.add_line(at(bone.from), at(bone.to), is_rim ? width + 2 : width,
                     with_opacity(is_rim ? kRim : inside, is_rim ? 0.6f * opacity : opacity));
    }
  }
  for (std::int32_t i = 0; i < kKeypointCount; ++i) {
    const bool is_main = i < kMappedKeypointCount;
    const FlatColour& inside = colour_of_side(side_of(i), colour);
    const float radius = is_main ? 0.85f * width : 0.45f * width;
    layer.add_disc(at(i), radius + (is_main ? 0.8f : 0.4f), with_opacity(kRim, 0.6f * opacity));
    layer.add_disc(at(i), radius, with_opacity(is_main ? inside : FlatColour{}, opacity));
  }
}

EdgeList::EdgeList(std::span<const std::array<std::int32_t, 3>> faces)
    : faces_(faces.begin(), faces.end()) {
  std::map<std::array<std::int32_t, 2>, std::size_t> known;
  for (std::size_t i = 0; i < faces_.size(); ++i) {
    for (std::size_t k = 0; k < 3; ++k) {
      const auto [low, high] = std::minmax(faces_[i][k], faces_[i][(k + 1) % 3]);
      const auto [at, is_new] = known.insert({{low, high}, edges_.size()});
      if (is_new) edges_.push_back({{low, high}, {static_cast<std::int32_t>(i), -1}});
      if (!is_new) edges_[at->second].faces[1] = static_cast<std::int32_t>(i);
    }
  }
}

void EdgeList::add(const Figure& figure, float focal_length, const FrameSize& frame,
                   const FlatColour& colour, FlatLayer& layer) {
  const std::size_t count = figure.vertices.size() / 3;
  points_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const float* vertex = &figure.vertices[3 * i];
    const float scale = vertex[2] > kBehindCamera ? focal_length / vertex[2] : NAN;
    points_[i] = {vertex[0] * scale + 0.5f * static_cast<float>(frame.width),
                  vertex[1] * scale + 0.5f * static_cast<float>(frame.height)};
  }
  faces_camera_.resize(faces_.size());
  for (std::size_t i = 0; i < faces_.size(); ++i) {
    const auto at = [&](std::size_t k) { return points_[static_cast<std::size_t>(faces_[i][k])]; };
    const PixelPoint a = at(0), b = at(1), c = at(2);
    // Counter-clockwise from outside, y down on the screen: a negative area faces the camera.
    faces_camera_[i] = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x) < 0;
  }
  const auto is_seen = [&](std::int32_t face) {
    return face >= 0 && faces_camera_[static_cast<std::size_t>(face)] != 0;
  };
  // Of somebody far away the edges lie closer than pixels, and would fill the body; so they get
  // paler, the shorter they are.
  seen_.clear();
  double length = 0;
  for (const Edge& edge : edges_) {
    if (!is_seen(edge.faces[0]) && !is_seen(edge.faces[1])) continue;
    const PixelPoint& from = points_[static_cast<std::size_t>(edge.ends[0])];
    const PixelPoint& to = points_[static_cast<std::size_t>(edge.ends[1])];
    length += std::hypot(double{to.x} - double{from.x}, double{to.y} - double{from.y});
    seen_.push_back({from, to});
  }
  const double mean = seen_.empty() ? 0 : length / static_cast<double>(seen_.size());
  const FlatColour ink = with_opacity(colour, static_cast<float>(mean / kEdgeLength));
  for (const auto& [from, to] : seen_) layer.add_line(from, to, kEdgeWidth, ink);
}

}  // namespace posefleet::figures
