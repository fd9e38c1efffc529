// How wrong the network's answers are, in units that a person understands.
#pragma once

namespace posefleet::training {

// Means over the crops.
struct LossParts {
  float total = 0;
  float root_degrees = 0;  // angle of the pelvis's turn from the true one
  float joint_mm = 0;      // distance of joints, pelvis at pelvis
  float place_px = 0;      // distance in the picture, pixels of the 256 crop
  float betas = 0;         // mean absolute difference
  float vote_mm = 0;       // distance of joints as the tokens vote
  float joint_maps = 0;    // nats
  float parts = 0;         // nats a token
};

}  // namespace posefleet::training
