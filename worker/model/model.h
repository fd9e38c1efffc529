// What a pose network is to the rest of the worker: crops in, body parameters out.
//
// An interface because there are two: Hmr2 (LibTorch), and FakeModel, which lets schedulers,
// batches and whole clusters be tested without weights.
#pragma once

#include <array>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/poses.h"

namespace posefleet {

// What the network says about one crop.
struct NetworkOutput {
  // Camera axes: x right, y down, z away from the camera.
  Rotation global_orient{};
  std::array<Rotation, kBodyJointCount> body_pose{};
  std::array<float, kBetaCount> betas{};
  std::array<float, 3> pred_cam{};  // weak perspective of the 256-pixel crop: s, tx, ty

  bool operator==(const NetworkOutput&) const = default;
};

// Called after each part of a long piece of work, on the thread that does it. Who promised progress
// to somebody passes it on; a batch of the full network takes a minute on one slow core.
using OnStep = std::function<void()>;

// One owner, one thread at a time. The output for a crop depends on that crop's numbers alone, not
// on its place in the batch nor on its neighbours: a range's bytes must not depend on how its
// people fell into batches.
class PoseModel {
 public:
  virtual ~PoseModel() = default;

  // How many crops one call of `run` may hold.
  virtual int batch_size() const = 0;

  // For logs: which network, with which library, on how many threads.
  virtual std::string description() const = 0;

  // `crops` holds `count` crops of kCropFloats (crop.h) one after the other, 1 <= count <=
  // batch_size(). As many outputs, in order. They may be non-finite when weights or crops are; the
  // caller, who knows frame and person, says so.
  // Overloaded: there is not enough memory for so many at once.
  virtual Result<std::vector<NetworkOutput>> run(std::span<const float> crops, int count,
                                                 const OnStep& on_step = {}) = 0;
};

}  // namespace posefleet
