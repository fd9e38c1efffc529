// What a person wears: a colour for each face of the body, and how far cloth stands off the skin.
//
// Clothes are painted and padded on, not sewn: at the sizes that a network sees, what matters is
// that their outline is wider than the body's, their patterns cross it, and that none of it tells
// left from right. So sides are coloured apart by chance only, either way round.
#pragma once

#include <cstdint>
#include <vector>

#include "training/footage/body_parts.h"
#include "training/footage/dice.h"
#include "worker/render/styles.h"

namespace posefleet::training {

struct Outfit {
  std::vector<Colour> paints;             // drawn_colour() of each
  std::vector<std::uint8_t> face_paints;  // a paint a face
  std::vector<float> thickness;           // metres that each vertex moves out along its normal
  Colour accent, hair;                    // as shown; for hoods and tails of hair
  bool has_headgear = false;
};

enum class Dress {
  Casual,  // shirts, shorts, coats; bare heads mostly
  Winter,  // padded, gloves, boots, helmets or beanies, goggles
};

Outfit random_outfit(Dice& dice, const BodyParts& parts, Dress dress);

// From a colour as a picture shows it (0..1 each) to what the rasteriser is handed: linear light,
// and red and blue swapped, since pictures in this folder have red first and the rasteriser's blue.
Colour drawn_colour(const Colour& shown);
// Colours that cloth has: many dark and grey ones, some bright.
Colour random_cloth(Dice& dice);

}  // namespace posefleet::training
