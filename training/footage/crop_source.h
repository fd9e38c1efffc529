// Drawn pictures of people, as the network gets them, with all that it is to find in them.
//
// A free model needs pictures whose truth is known and whose use nobody restricts; so we draw them.
// A crop is a person of a random build, dressed by chance, in a pose between standing and a fall,
// before a random place, seen by a random camera, partly hidden at times, and then spoilt as a
// camera and a video codec spoil pictures. What is drawn is the very body (common/body) that the
// network's answer will be drawn with, so pose, shape and keypoints are exact.
//
// Crops are made where they are used, from numbers: a data set on disk would be either small, and
// learnt by heart, or a hundred gigabytes. Everything follows from (seed, index, curriculum).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "common/base/result.h"
#include "common/body/body_data.h"
#include "common/body/body_model.h"
#include "common/body/points.h"
#include "training/footage/surface.h"

namespace posefleet::training {

// Pixels of a side of the square crop, as the network's (worker/model/crop.h).
inline constexpr int kFootageCropSide = 256;
inline constexpr std::size_t kFootageCropBytes =
    std::size_t{3} * kFootageCropSide * kFootageCropSide;

// How hard the pictures are; training begins easy and widens. Same pictures for equal values.
struct Curriculum {
  float yaw_limit = 180;  // degrees either side of facing the camera, 0..180
  float pose_range = 1;   // 0..1: how far poses go from standing upright
  float clutter = 1;      // 0..1: how lively backgrounds, and how spoilt pictures are
  float occlusion = 1;    // 0..1: how often something stands in front
};

// What is to be found in one crop. Points in camera axes (x right, y down, z away from the camera),
// metres, before any translation, as PosedBody has them.
struct CropTruth {
  BodyPose pose;
  // s, tx, ty of reference hmr2.md section 5, on the 256 square. People are drawn in perspective,
  // from 6 m away and farther, and the network's camera stands tens of metres away: this is the
  // camera of that kind that comes nearest to keypoints_2d, in the sense of least squares.
  std::array<float, 3> camera{};
  std::array<Point3, kJointCount> joints{};
  std::array<Point3, kKeypointCount> keypoints_3d{};
  // Where the keypoints are in the picture, in perspective. Crop units: 0 is the middle, +-0.5 the
  // edge of the 256 square. Differs from the projection by `camera` by at most
  // kPerspectiveErrorMax.
  std::array<std::array<float, 2>, kKeypointCount> keypoints_2d{};
  // Parts of the body that the crop shows.
  SurfaceMap surface{};
  // Share of the dressed body's silhouette that is inside the 192 columns and the frame, and behind
  // nothing. Poles, boards and packs that the person carries count as the person's.
  float visible = 1;
};

// Crop units; reached by a body that lies along the view from 6 m.
inline constexpr float kPerspectiveErrorMax = 0.06f;

// Immutable but for a store of work memory behind a lock: one object serves all threads.
class CropSource final {
 public:
  // Rejects what check_body rejects. Any body in SMPL's layout will do: clothes are cut by who
  // moves a vertex, not by vertex numbers.
  static Result<CropSource> create(BodyData body);
  CropSource(CropSource&&) noexcept;
  CropSource& operator=(CropSource&&) noexcept;
  ~CropSource();

  // Fills `rgb` (kFootageCropBytes: red, green, blue, rows from the top). Equal arguments give
  // equal bytes on one machine. Takes 3 to 5 ms of one core.
  CropTruth make(std::uint64_t seed, std::uint64_t index, const Curriculum& curriculum,
                 std::span<std::uint8_t> rgb) const;

 private:
  class Impl;
  explicit CropSource(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace posefleet::training
