// What a camera, a codec and the way to the screen do to a picture.
//
// A network that only saw clean drawings fails on the first real frame: so each picture is blurred,
// shrunk, moved, tinted, made noisy and cut into compression blocks, each by chance.
#pragma once

#include <vector>

#include "training/footage/dice.h"
#include "training/footage/picture.h"

namespace posefleet::training {

struct Spoil {
  float small_share = 0;  // of its size that the picture had before; 0: all
  int blur = 0;           // radius, pixels
  int motion = 0;         // pixels that things moved while the shutter was open
  float motion_turn = 0;  // degrees
  std::array<float, 3> gain = {1, 1, 1};
  float gamma = 1, offset = 0;  // offset in 0..1 of the range
  float noise = 0;              // deviation, grey levels
  float blocks = 0;             // quantiser step at the lowest frequency, grey levels; 0: none
};

// `strength` 0..1; a picture is shrunk to `small_share_min` of its size at most.
Spoil random_spoil(Dice& dice, float strength, float small_share_min);

class Sensor final {
 public:
  // Keeps its work memory; owned by one thread.
  void apply(const Picture& picture, const Spoil& spoil, std::uint64_t noise_seed);

 private:
  void shrink_and_grow(const Picture& picture, float small_share);
  void move(const Picture& picture, float pixels, float turn);
  void compress(const Picture& picture, float step);

  std::vector<std::uint8_t> scratch_;
  std::vector<float> planes_;
  std::vector<std::uint16_t> sums_;
};

}  // namespace posefleet::training
