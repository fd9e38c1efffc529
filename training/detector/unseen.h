// Scenes that the network never learns from, and how well it does on them.
//
// Drawn once, at the size of a film and then letterboxed as production does it; every fifth film is
// upright. They follow from the seed, and the seed is another one than that of the batches, so all
// runs with a seed are judged by the same pictures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "training/detector/quality.h"
#include "training/detector/samples.h"
#include "worker/detect/letterbox.h"

namespace posefleet::training::detect {

class Trainer;

// Lower people do not count in the figures, found or not: a tenth of the picture's height, which is
// 26 pixels of a letterbox of 416.
inline constexpr float kTallEnough = 80;  // frame pixels
inline constexpr int kFilmWidth = 1280;
inline constexpr int kFilmHeight = 720;

// A value, immutable after it was made.
struct UnseenPicture {
  InputGeometry geometry;
  std::vector<std::uint8_t> bgr;  // geometry.width x geometry.height: already resized
  std::vector<TruthBox> truth;    // pixels of the letterbox
};

// Which seeds a run uses, so that the two can never meet.
inline std::uint64_t learning_seed(std::uint64_t seed) {
  return 2 * seed;
}
inline std::uint64_t unseen_seed(std::uint64_t seed) {
  return 2 * seed + 1;
}

std::vector<UnseenPicture> make_unseen(const DrawScene& draw, std::uint64_t seed, int side,
                                       int count);

// Equal for equal pictures and truth; hexadecimal.
std::string fingerprint_of(const std::vector<UnseenPicture>& pictures);

// What the smoothed network finds in them, overlaps included.
Result<std::vector<Finding>> find_in(const std::vector<UnseenPicture>& pictures, Trainer& trainer);

}  // namespace posefleet::training::detect
