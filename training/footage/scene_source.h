// Drawn frames with none to several people in them, and where each of them is: what a detector
// learns from.
//
// People, clothes, places and cameras are those of CropSource; here they stand together on the
// ground before one camera, small ones far away. About one frame in eight shows nobody, since a
// detector that never saw an empty slope finds people in its trees.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/body/body_data.h"
#include "common/body/body_model.h"
#include "common/body/points.h"

namespace posefleet::training {

struct ScenePerson {
  // Frame pixels, x right, y down, clipped to the frame: the body with its clothes, hair, helmet
  // and boots. Board, skis, poles and pack are not in it, since a crop is cut for the body.
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  // Share of the dressed silhouette (with all that the person carries) that is inside the frame and
  // behind nothing.
  float visible = 1;
  float height = 0;  // of the whole box before it is clipped, pixels
  BodyPose pose;     // camera axes
  Point3 translation{};
};

struct SceneTruth {
  float focal_length = 0;  // pixels; the principal point is the middle of the frame
  // Farthest first. Only people of whom a pixel is seen; `visible` says how much.
  std::vector<ScenePerson> people;
};

// Immutable but for a store of work memory behind a lock: one object serves all threads.
class SceneSource final {
 public:
  static Result<SceneSource> create(BodyData body);
  SceneSource(SceneSource&&) noexcept;
  SceneSource& operator=(SceneSource&&) noexcept;
  ~SceneSource();

  // Fills `rgb` (3 x width x height: red, green, blue, rows from the top); 64 to 4096 pixels each
  // way. Equal arguments give equal bytes on one machine. Whole bodies are at least 40 pixels high.
  SceneTruth make(std::uint64_t seed, std::uint64_t index, int width, int height,
                  std::span<std::uint8_t> rgb) const;

 private:
  class Impl;
  explicit SceneSource(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace posefleet::training
