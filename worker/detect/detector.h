// Finds the people in pictures: the boxes that the pose network's crops are cut from.
//
// Around a network, which only turns a square of numbers into other numbers, stand four steps that
// decide what is found: frames (and tiles of frames) become squares, outputs become candidates,
// overlapping candidates become one, and what cannot be cropped is left out. All of them are pure
// and lie in the headers beside this one.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/protocol/detector_settings.h"
#include "common/protocol/poses.h"
#include "worker/detect/network.h"
#include "worker/model/crop.h"

namespace posefleet {

// One owner, one thread at a time.
class Detector final {
 public:
  explicit Detector(std::unique_ptr<DetectionNetwork> network) : network_(std::move(network)) {}

  std::string description() const { return network_->description(); }

  // Whether the network can do what is asked; the error says what it could do instead.
  Status check(const DetectorSettings& settings) const;

  // Called after each piece of work, between frames and within; an error ends the detection.
  using OnProgress = std::function<Status()>;

  // The people of each picture, highest score first: boxes in frame pixels, cut at the frame's
  // edges, each one that crop_geometry accepts. What is found in a picture depends on nothing but
  // the picture and the settings (a file of fixed batch: and on its neighbours in the call).
  Result<std::vector<std::vector<PersonBox>>> detect(std::span<const BgrView> pictures,
                                                     const DetectorSettings& settings,
                                                     const OnProgress& on_progress);

 private:
  std::unique_ptr<DetectionNetwork> network_;
};

}  // namespace posefleet
