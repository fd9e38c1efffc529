#include "training/footage/outfit.h"

#include <algorithm>
#include <cmath>

#include "training/footage/geometry.h"

namespace posefleet::training {
namespace {

enum class Pattern { Plain, Across, Along, Checks, Camouflage, Yoke, Logo, SideStripe };

// Places in the palette. A garment has three colours; each limb may have its own.
enum PaintSlot : std::uint8_t {
  kSkin,
  kLips,
  kEyes,
  kHair,
  kGoggles,
  kStrap,
  kHeadgear,
  kHeadgearB,
  kGlove,
  kShoe,
  kSole,
  kTop,
  kTopB,
  kTopC,
  kBottom,
  kBottomB,
  kBottomC,
  kOddArm,
  kOddLeg,
  kSocks,
  kPaintCount
};

struct Garment {
  Pattern pattern = Pattern::Plain;
  std::uint8_t first = kTop;  // of its three colours
  float period = 0.1f;        // metres
  float shift = 0;            // metres
  float looseness = 0.01f;    // metres
};

struct Plan {
  Garment top, bottom;
  float sleeve = 2;  // in limb coordinates: 1 elbow or knee, 2 wrist or ankle
  float trousers = 2;
  float hem = 0;       // how far the top hangs over the thigh, 0..1
  float boots = 0;     // how far up the calf, 0..1
  float shoe = 0.01f;  // metres
  float glove = 0;     // 0: bare hands
  float hair = 0.012f, hair_line = 0.72f, hair_back = 0.2f;
  float headgear = 0;  // metres; 0: none
  float headgear_line = 0.7f;
  bool goggles = false;
  bool odd_left_arm = false, odd_right_arm = false, odd_left_leg = false, odd_right_leg = false;
  std::array<Point3, 3> folds{};  // directions and frequencies of the cloth's waves
  std::array<float, 3> fold_shifts{};
};

float sine(float turns) {
  // Two parabolas, off by 6 %: folds of cloth need no better.
  const float t = turns - std::floor(turns + 0.5f);
  return 8 * t * (1 - 2 * std::fabs(t));
}

Colour from_hue(float hue, float saturation, float value) {
  const auto part = [&](float n) {
    const float k = std::fmod(n + hue * 6, 6.0f);
    return value * (1 - saturation * std::clamp(std::min(k, 4 - k), 0.0f, 1.0f));
  };
  return {part(5), part(3), part(1)};
}

Colour random_skin(Dice& dice) {
  constexpr std::array<Colour, 5> kTones = {{{0.96f, 0.82f, 0.74f},
                                             {0.90f, 0.72f, 0.60f},
                                             {0.78f, 0.58f, 0.44f},
                                             {0.56f, 0.39f, 0.28f},
                                             {0.34f, 0.23f, 0.17f}}};
  const float at = dice.in(0, 3.999f);
  const Colour& a = kTones[static_cast<std::size_t>(at)];
  const Colour& b = kTones[static_cast<std::size_t>(at) + 1];
  const float t = at - std::floor(at);
  return {mix(a.r, b.r, t), mix(a.g, b.g, t), mix(a.b, b.b, t)};
}

Colour random_hair(Dice& dice) {
  constexpr std::array<Colour, 6> kTones = {{{0.08f, 0.07f, 0.07f},
                                             {0.20f, 0.13f, 0.09f},
                                             {0.38f, 0.25f, 0.15f},
                                             {0.72f, 0.56f, 0.34f},
                                             {0.58f, 0.28f, 0.14f},
                                             {0.70f, 0.70f, 0.68f}}};
  return kTones[static_cast<std::size_t>(dice.below(6))];
}

Colour scaled(const Colour& c, float by) {
  return {std::min(c.r * by, 1.0f), std::min(c.g * by, 1.0f), std::min(c.b * by, 1.0f)};
}

Garment random_garment(Dice& dice, std::uint8_t first) {
  constexpr std::array<float, 8> kShares = {34, 10, 7, 7, 9, 13, 12, 8};
  Garment garment;
  garment.pattern = static_cast<Pattern>(dice.pick(kShares));
  garment.first = first;
  garment.period = dice.in(0.05f, 0.2f);
  garment.shift = dice.in(0, 1);
  return garment;
}

Plan random_plan(Dice& dice, Dress dress) {
  Plan plan;
  plan.top = random_garment(dice, kTop);
  plan.bottom = random_garment(dice, kBottom);
  if (dress == Dress::Winter) {
    plan.top.looseness = dice.in(0.008f, 0.045f);
    plan.bottom.looseness = dice.in(0.005f, 0.04f);
    plan.hem = dice.in(0, 0.45f);
    plan.boots = dice.in(0.55f, 0.8f);
    plan.shoe = dice.in(0.014f, 0.03f);
    plan.glove = dice.chance(0.85f) ? dice.in(0.006f, 0.014f) : 0;
    plan.headgear = dice.chance(0.5f) ? dice.in(0.026f, 0.042f) : dice.in(0.008f, 0.02f);
    if (dice.chance(0.1f)) plan.headgear = 0;
    plan.headgear_line = dice.in(0.6f, 0.76f);
    plan.goggles = dice.chance(0.7f);
  } else {
    plan.top.looseness = dice.in(0.002f, 0.03f);
    plan.bottom.looseness = dice.in(0.001f, 0.028f);
    constexpr std::array<float, 4> kSleeves = {0.15f, 0.55f, 1.1f, 2.0f};
    constexpr std::array<float, 4> kTrousers = {0.35f, 0.85f, 1.5f, 2.0f};
    plan.sleeve = kSleeves[static_cast<std::size_t>(dice.pick(std::array<float, 4>{1, 4, 1, 6}))];
    plan.trousers =
        kTrousers[static_cast<std::size_t>(dice.pick(std::array<float, 4>{1, 3, 1, 8}))];
    plan.hem = dice.chance(0.6f) ? dice.in(0, 0.12f) : dice.in(0.1f, 0.6f);
    plan.boots = dice.chance(0.2f) ? dice.in(0.6f, 0.85f) : 1;
    plan.shoe = dice.in(0.004f, 0.014f);
    plan.glove = dice.chance(0.08f) ? 0.005f : 0;
    plan.headgear = dice.chance(0.22f) ? dice.in(0.006f, 0.025f) : 0;
  }
  plan.hair = dice.in(0.003f, 0.03f);
  plan.hair_line = dice.in(0.68f, 0.82f);
  plan.hair_back = dice.in(-0.2f, 0.45f);
  if (dice.chance(0.22f)) (dice.chance(0.5f) ? plan.odd_left_arm : plan.odd_right_arm) = true;
  if (dice.chance(0.18f)) (dice.chance(0.5f) ? plan.odd_left_leg : plan.odd_right_leg) = true;
  for (std::size_t i = 0; i < 3; ++i) {
    plan.folds[i] = unit({dice.normal(1), dice.normal(1), dice.normal(1)}) * dice.in(2.5f, 11);
    plan.fold_shifts[i] = dice.in(0, 1);
  }
  return plan;
}

std::vector<Colour> random_paints(Dice& dice, Outfit& outfit) {
  std::vector<Colour> paints(kPaintCount);
  const Colour skin = random_skin(dice);
  paints[kSkin] = skin;
  paints[kLips] = {skin.r * 0.8f, skin.g * 0.6f, skin.b * 0.6f};
  paints[kEyes] = scaled(skin, 0.45f);
  paints[kHair] = random_hair(dice);
  paints[kGoggles] = dice.chance(0.5f) ? Colour{0.08f, 0.08f, 0.1f}
                                       : from_hue(dice.in(0, 1), dice.in(0.2f, 0.9f), 0.8f);
  paints[kSole] = dice.chance(0.5f) ? Colour{0.85f, 0.85f, 0.82f} : Colour{0.12f, 0.12f, 0.12f};
  for (const int slot : {kStrap, kHeadgear, kHeadgearB, kGlove, kShoe, kTop, kTopB, kTopC, kBottom,
                         kBottomB, kBottomC, kOddArm, kOddLeg, kSocks}) {
    paints[static_cast<std::size_t>(slot)] = random_cloth(dice);
  }
  if (dice.chance(0.12f)) paints[kBottom] = paints[kTop];
  if (dice.chance(0.3f)) paints[kGlove] = {0.1f, 0.1f, 0.11f};
  if (dice.chance(0.3f)) paints[kShoe] = {0.12f, 0.11f, 0.11f};
  outfit.accent = paints[kTopB];
  outfit.hair = paints[kHair];
  for (Colour& paint : paints) paint = drawn_colour(paint);
  return paints;
}

// 0, 1 or 2: which of the garment's colours is at the place. `down` runs along the garment, from
// the shoulders or the waist, metres; `is_side` says that the place is on an outer seam.
std::uint8_t colour_at(const Garment& garment, const Plan& plan, const Point3& p, float down,
                       bool is_side) {
  const auto stripe = [&](float x) {
    const float t = x / garment.period + garment.shift;
    return t - std::floor(t) < 0.5f;
  };
  switch (garment.pattern) {
    case Pattern::Plain:
      return 0;
    case Pattern::Across:
      return stripe(down) ? 1 : 0;
    case Pattern::Along:
      return stripe(p[0] + p[2]) ? 1 : 0;
    case Pattern::Checks:
      return stripe(down) != stripe(p[0]) ? 1 : stripe(0.5f * down) ? 2 : 0;
    case Pattern::Camouflage: {
      float sum = 0;
      for (std::size_t i = 0; i < 3; ++i) {
        sum += sine(1.3f * dot(plan.folds[i], p) + plan.fold_shifts[i] + sum);
      }
      return sum > 0.5f ? 1 : sum < -0.6f ? 2 : 0;
    }
    case Pattern::Yoke:
      return down < 0.12f + garment.period ? 1 : down > 0.42f + garment.period ? 2 : 0;
    case Pattern::Logo: {
      const float x = (p[0] - 0.05f * (garment.shift - 0.5f)) / (0.05f + 0.5f * garment.period);
      const float y = (down - 0.22f) / (0.03f + 0.4f * garment.period);
      return std::fabs(x) < 1 && std::fabs(y) < 1 ? 1 : 0;
    }
    case Pattern::SideStripe:
      return is_side ? 1 : 0;
  }
  return 0;
}

// Where on an arm or leg: 0..1 on the first bone, 1..2 on the second, 2..3 beyond.
float limb_place(const VertexPart& part) {
  switch (part.region) {
    case BodyPart::Forearm:
    case BodyPart::Calf:
      return 1 + part.along;
    case BodyPart::Hand:
    case BodyPart::Foot:
      return 2 + part.along;
    default:
      return part.along;
  }
}

bool is_arm(BodyPart region) {
  return region == BodyPart::UpperArm || region == BodyPart::Forearm || region == BodyPart::Hand;
}

std::uint8_t paint_of_head(const VertexPart& part, const Plan& plan) {
  const bool is_face = part.front > plan.hair_back;
  if (plan.goggles && part.along > 0.5f && part.along < 0.7f) {
    return part.front > 0.35f ? kGoggles : kStrap;
  }
  if (plan.headgear > 0 && (part.along > plan.headgear_line || (!is_face && part.along > 0.35f))) {
    return part.along > 0.9f ? kHeadgearB : kHeadgear;
  }
  if (part.along > plan.hair_line || (!is_face && part.along > 0.15f)) return kHair;
  if (part.front > 0.75f && part.along > 0.22f && part.along < 0.28f) return kLips;
  if (part.front > 0.6f && std::fabs(part.rest[0]) > 0.018f && std::fabs(part.rest[0]) < 0.045f &&
      part.along > 0.54f && part.along < 0.6f) {
    return kEyes;
  }
  return kSkin;
}

std::uint8_t paint_of_top(const VertexPart& part, const Plan& plan, const BodyParts& parts) {
  const Point3& shoulder = parts.joints[16];
  float down = shoulder[1] - part.rest[1];
  if (is_arm(part.region)) {
    const bool is_odd = part.is_left ? plan.odd_left_arm : plan.odd_right_arm;
    if (is_odd) return kOddArm;
    down = 0.27f * limb_place(part);
  }
  const bool is_side = is_arm(part.region) && part.rest[2] > shoulder[2] - 0.012f &&
                       part.rest[2] < shoulder[2] + 0.012f;
  return static_cast<std::uint8_t>(plan.top.first +
                                   colour_at(plan.top, plan, part.rest, down, is_side));
}

std::uint8_t paint_of_bottom(const VertexPart& part, const Plan& plan, const BodyParts& parts) {
  if (part.region != BodyPart::Pelvis && (part.is_left ? plan.odd_left_leg : plan.odd_right_leg)) {
    return kOddLeg;
  }
  const float down = parts.joints[3][1] - part.rest[1];
  const Point3& hip = parts.joints[part.is_left ? 1 : 2];
  const bool is_side = std::fabs(part.rest[0]) > std::fabs(hip[0]) + 0.025f;
  return static_cast<std::uint8_t>(plan.bottom.first +
                                   colour_at(plan.bottom, plan, part.rest, down, is_side));
}

enum class Cover { Skin, Top, Bottom, Boot, Glove, Head, Socks };

Cover cover_of(const VertexPart& part, const Plan& plan) {
  const float place = limb_place(part);
  switch (part.region) {
    case BodyPart::Head:
      return Cover::Head;
    case BodyPart::Neck:
      return plan.top.looseness > 0.025f ? Cover::Top : Cover::Skin;
    case BodyPart::Torso:
      return Cover::Top;
    case BodyPart::UpperArm:
    case BodyPart::Forearm:
      return place <= plan.sleeve ? Cover::Top : Cover::Skin;
    case BodyPart::Hand:
      return plan.glove > 0 ? Cover::Glove : Cover::Skin;
    case BodyPart::Pelvis:
      return plan.hem > 0 ? Cover::Top : Cover::Bottom;
    case BodyPart::Thigh:
      if (place < plan.hem) return Cover::Top;
      return place <= plan.trousers ? Cover::Bottom : Cover::Skin;
    case BodyPart::Calf:
      if (part.along > plan.boots) return Cover::Boot;
      return place <= plan.trousers ? Cover::Bottom
             : part.along > 0.8f    ? Cover::Socks
                                    : Cover::Skin;
    case BodyPart::Foot:
      return Cover::Boot;
  }
  return Cover::Skin;
}

std::uint8_t paint_of(const VertexPart& part, const Plan& plan, const BodyParts& parts) {
  switch (cover_of(part, plan)) {
    case Cover::Skin:
      return kSkin;
    case Cover::Head:
      return paint_of_head(part, plan);
    case Cover::Top:
      return paint_of_top(part, plan, parts);
    case Cover::Bottom:
      return paint_of_bottom(part, plan, parts);
    case Cover::Glove:
      return kGlove;
    case Cover::Socks:
      return kSocks;
    case Cover::Boot:
      return part.region == BodyPart::Foot &&
                     part.rest[1] < parts.joints[7][1] - 0.75f * parts.sole_drop
                 ? kSole
                 : kShoe;
  }
  return kSkin;
}

float thickness_of(const VertexPart& part, const Plan& plan) {
  float folds = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    folds += sine(dot(plan.folds[i], part.rest) + plan.fold_shifts[i]);
  }
  const float wavy = 0.75f + 0.22f * folds;
  // Cloth hangs wider below a joint than at the shoulder or the waist.
  const float place = limb_place(part);
  const float hang = 0.6f + 0.5f * (place - std::floor(place));
  switch (cover_of(part, plan)) {
    case Cover::Skin:
      return 0;
    case Cover::Socks:
      return 0.003f;
    case Cover::Glove:
      return plan.glove;
    case Cover::Boot:
      return plan.shoe;
    case Cover::Top: {
      const bool hangs_free = part.region == BodyPart::Pelvis || part.region == BodyPart::Thigh;
      return 0.004f + plan.top.looseness * wavy * (hangs_free ? 1.1f : hang);
    }
    case Cover::Bottom:
      return 0.003f + plan.bottom.looseness * wavy * hang;
    case Cover::Head: {
      const std::uint8_t paint = paint_of_head(part, plan);
      if (paint == kGoggles) return 0.02f;
      if (paint == kHair) return plan.hair * wavy;
      if (paint == kHeadgear || paint == kHeadgearB) return plan.headgear;
      return paint == kStrap ? std::max(plan.headgear, 0.006f) : 0;
    }
  }
  return 0;
}

}  // namespace

Colour drawn_colour(const Colour& shown) {
  const auto part = [](float x) { return std::pow(std::clamp(x, 0.0f, 1.0f), 2.2f); };
  return {part(shown.b), part(shown.g), part(shown.r)};
}

Colour random_cloth(Dice& dice) {
  switch (dice.pick(std::array<float, 5>{28, 12, 16, 22, 22})) {
    case 0:  // nearly black
      return from_hue(dice.in(0, 1), dice.in(0, 0.5f), dice.in(0.06f, 0.22f));
    case 1:  // white and light grey
      return from_hue(dice.in(0, 1), dice.in(0, 0.1f), dice.in(0.72f, 0.97f));
    case 2:  // grey
      return from_hue(dice.in(0, 1), dice.in(0, 0.15f), dice.in(0.25f, 0.7f));
    case 3:  // bright
      return from_hue(dice.in(0, 1), dice.in(0.6f, 0.98f), dice.in(0.55f, 0.95f));
    default:  // muted
      return from_hue(dice.in(0, 1), dice.in(0.2f, 0.6f), dice.in(0.25f, 0.75f));
  }
}

Outfit random_outfit(Dice& dice, const BodyParts& parts, Dress dress) {
  Outfit outfit;
  const Plan plan = random_plan(dice, dress);
  outfit.paints = random_paints(dice, outfit);
  outfit.has_headgear = plan.headgear > 0;
  std::vector<std::uint8_t> vertex_paints(parts.vertices.size());
  outfit.thickness.resize(parts.vertices.size());
  for (std::size_t v = 0; v < parts.vertices.size(); ++v) {
    vertex_paints[v] = paint_of(parts.vertices[v], plan, parts);
    outfit.thickness[v] = thickness_of(parts.vertices[v], plan);
  }
  outfit.face_paints.reserve(parts.faces.size());
  for (const auto& face : parts.faces) outfit.face_paints.push_back(vertex_paints[face[0]]);
  return outfit;
}

}  // namespace posefleet::training
