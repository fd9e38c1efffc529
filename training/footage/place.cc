#include "training/footage/place.h"

#include <algorithm>
#include <cmath>

#include "training/footage/geometry.h"

namespace posefleet::training {
namespace {

Tone tone(float r, float g, float b) {
  const auto part = [](float x) {
    return static_cast<std::uint8_t>(std::clamp(x, 0.0f, 1.0f) * 255 + 0.5f);
  };
  return {part(r), part(g), part(b)};
}

// A tone somewhere between two, a little off.
Tone near_tones(Dice& dice, const Tone& a, const Tone& b, float deviation) {
  const Tone between = mixed(a, b, dice.in(0, 1));
  const float off = dice.normal(deviation);
  return tone(between[0] / 255.0f + off + dice.normal(0.3f * deviation),
              between[1] / 255.0f + off + dice.normal(0.3f * deviation),
              between[2] / 255.0f + off + dice.normal(0.3f * deviation));
}

void choose_snow(Dice& dice, Place& place) {
  place.ground_a = near_tones(dice, tone(0.66f, 0.71f, 0.80f), tone(0.86f, 0.88f, 0.92f), 0.03f);
  place.ground_b = near_tones(dice, tone(0.88f, 0.90f, 0.94f), tone(1, 1, 1), 0.02f);
  place.ground_texture = dice.chance(0.5f) ? TextureKind::Clouds : TextureKind::Streaks;
  place.texels_per_metre = dice.in(4, 40);
  place.hills = dice.in(0, 0.35f);
}

void choose_field(Dice& dice, Place& place) {
  const bool is_sand = dice.chance(0.25f);
  const Tone low = is_sand ? tone(0.55f, 0.45f, 0.32f) : tone(0.14f, 0.26f, 0.08f);
  const Tone high = is_sand ? tone(0.85f, 0.76f, 0.58f) : tone(0.50f, 0.66f, 0.28f);
  place.ground_a = near_tones(dice, low, high, 0.05f);
  place.ground_b = near_tones(dice, low, high, 0.05f);
  place.ground_texture = dice.chance(0.5f) ? TextureKind::Grain : TextureKind::Leaves;
  place.texels_per_metre = dice.in(20, 120);
  place.hills = dice.in(0, 0.3f);
}

void choose_street(Dice& dice, Place& place) {
  place.ground_a = near_tones(dice, tone(0.25f, 0.25f, 0.26f), tone(0.6f, 0.59f, 0.57f), 0.04f);
  place.ground_b = near_tones(dice, tone(0.25f, 0.25f, 0.26f), tone(0.7f, 0.69f, 0.66f), 0.04f);
  place.ground_texture = dice.chance(0.5f) ? TextureKind::Grain : TextureKind::Bricks;
  place.texels_per_metre = dice.in(20, 100);
  place.wall_texture = dice.chance(0.6f) ? TextureKind::Bricks : TextureKind::Weave;
  place.wall_z = dice.chance(0.7f) ? dice.in(3, 25) : 0;
  place.wall_height = dice.in(2, 14);
}

void choose_court(Dice& dice, Place& place) {
  place.ground_a = dice.chance(0.5f) ? near_tones(dice, tone(0.62f, 0.42f, 0.24f),
                                                  tone(0.85f, 0.65f, 0.42f), 0.03f)
                                     : random_tone(dice);
  place.ground_b = darker(place.ground_a, dice.in(0.85f, 1.2f));
  place.ground_texture = TextureKind::Planks;
  place.texels_per_metre = dice.in(40, 140);
  place.has_lines = true;
  place.wall_z = dice.in(4, 20);
  place.wall_height = dice.in(3, 9);
  place.wall_texture = dice.chance(0.5f) ? TextureKind::Planks : TextureKind::Weave;
}

void choose_room(Dice& dice, Place& place) {
  place.ground_a = near_tones(dice, tone(0.3f, 0.2f, 0.12f), tone(0.75f, 0.7f, 0.65f), 0.06f);
  place.ground_b = darker(place.ground_a, dice.in(0.8f, 1.2f));
  place.ground_texture = dice.chance(0.6f) ? TextureKind::Planks : TextureKind::Bricks;
  place.texels_per_metre = dice.in(60, 200);
  place.wall_z = dice.in(0.6f, 6);
  place.wall_height = dice.in(2.4f, 4);
  place.wall_texture = static_cast<TextureKind>(dice.below(kTextureCount));
}

// Of one row of ground: where it lies, per pixel.
struct GroundRow {
  float x, z, step_x, step_z;  // metres
  float pixel_size;            // metres across the view
  float haze;                  // 0 near to 1 at the horizon
};

void draw_ground_row(const Picture& picture, int y, const GroundRow& row, const Place& place,
                     const Texture& texture) {
  // Where a pixel holds several texels, the tile would only flicker: it fades into its mean.
  const auto weight = [&](float texels_per_metre) {
    return static_cast<int>(256 * std::clamp(1.6f - row.pixel_size * texels_per_metre, 0.0f, 1.0f));
  };
  const int fine = weight(place.texels_per_metre), coarse = weight(0.11f * place.texels_per_metre);
  const Tone haze = place.sky_low;
  const int haze_weight = static_cast<int>(256 * row.haze);
  std::uint8_t* to = picture.at(0, y);
  // Texels, with 12 bits below; wide enough for kilometres.
  const float scale = 4096 * place.texels_per_metre;
  const auto fixed = [&](float metres) {
    return static_cast<std::int64_t>(std::clamp(metres * scale, -1e15f, 1e15f));
  };
  std::int64_t u = fixed(row.x), v = fixed(row.z);
  const std::int64_t du = fixed(row.step_x), dv = fixed(row.step_z);
  for (int x = 0; x < picture.width; ++x, to += 3, u += du, v += dv) {
    const int near = texture.at(static_cast<int>(u >> 12), static_cast<int>(v >> 12)) - 128;
    const int far =
        texture.at(static_cast<int>(u / 9 >> 12) + 77, static_cast<int>(v / 9 >> 12)) - 128;
    const int t = std::clamp(128 + (near * fine + far * coarse) / 400, 0, 255);
    for (std::size_t k = 0; k < 3; ++k) {
      const int ground = place.ground_a[k] + ((place.ground_b[k] - place.ground_a[k]) * t >> 8);
      to[k] = static_cast<std::uint8_t>(ground + ((haze[k] - ground) * haze_weight >> 8));
    }
  }
}

void draw_ground(const Picture& picture, const GroundView& view, const Place& place,
                 const Textures& textures) {
  const float c = std::cos(view.pitch * kDegree), s = std::sin(view.pitch * kDegree);
  const float pan_c = std::cos(view.pan * kDegree), pan_s = std::sin(view.pan * kDegree);
  const Texture& texture = textures.of(place.ground_texture);
  for (int y = 0; y < picture.height; ++y) {
    const float slope = (static_cast<float>(y) + 0.5f - view.centre_y) / view.focal_length;
    const float down = slope * c + s;
    if (down < 1e-4f) continue;
    const float reach = view.height / down;  // along the axis
    const float ahead = reach * (c - slope * s);
    const float per_pixel = reach / view.focal_length;
    const float left = (0.5f - view.centre_x) * per_pixel;
    draw_ground_row(picture, y,
                    {.x = view.x + left * pan_c + ahead * pan_s,
                     .z = view.z - left * pan_s + ahead * pan_c,
                     .step_x = per_pixel * pan_c,
                     .step_z = -per_pixel * pan_s,
                     .pixel_size = per_pixel,
                     .haze = 0.6f * std::clamp(reach / 400, 0.0f, 1.0f)},
                    place, texture);
  }
}

// A ridge of hills or woods above the horizon, moving with the pan.
void draw_hills(const Picture& picture, const GroundView& view, const Place& place,
                const Textures& textures) {
  const float horizon = view.horizon();
  if (place.hills <= 0 || horizon < 0) return;
  const Texture& outline = textures.of(TextureKind::Clouds);
  const float per_degree = view.focal_length * kDegree;
  for (int layer = 0; layer < 2; ++layer) {
    const float size = place.hills * static_cast<float>(picture.height) * (layer == 0 ? 1 : 0.4f);
    const Tone tone_a = layer == 0 ? mixed(place.ground_a, place.sky_low, 0.55f)
                                   : mixed({38, 56, 48}, place.sky_low, 0.25f);
    const Fill fill = {.a = tone_a,
                       .b = darker(tone_a, 1.25f),
                       .texture = &textures.of(TextureKind::Leaves),
                       .texels_per_pixel = 0.7f,
                       .shift_x = view.pan * per_degree * 0.7f};
    const float frequency = layer == 0 ? 0.25f : 1.6f;
    for (int x = 0; x < picture.width; ++x) {
      const float along = static_cast<float>(x) + view.pan * per_degree;
      const int row = static_cast<int>(place.seed >> (8 * layer) & 255);
      const float t = outline.at(static_cast<int>(along * frequency), row) / 255.0f;
      const int y0 = static_cast<int>(std::clamp(horizon - size * t, 0.0f, 1e4f));
      const int y1 = std::min(static_cast<int>(std::min(horizon + 2, 1e5f)), picture.height - 1);
      for (int y = y0; y <= y1; ++y) fill_span(picture, y, x, x, fill);
    }
  }
}

void draw_wall(const Picture& picture, const GroundView& view, const Place& place,
               const Textures& textures) {
  if (place.wall_z <= 0) return;
  const auto base = view.project(view.x, view.z + place.wall_z, 0);
  if (base.scale <= 0) return;
  const float bottom = base.pixel[1];
  const float top = bottom - place.wall_height * base.scale;
  const float right = static_cast<float>(picture.width);
  const float per_pixel = std::clamp(60 / base.scale, 0.1f, 4.0f);
  const float along = view.pan * kDegree * view.focal_length;  // what the pan moves it by, pixels
  const Fill wall = {.a = place.wall_a,
                     .b = place.wall_b,
                     .texture = &textures.of(place.wall_texture),
                     .texels_per_pixel = per_pixel,
                     .shift_x = static_cast<float>(place.seed & 255) + along * per_pixel};
  const std::array<Point2, 4> all = {{{0, top}, {right, top}, {right, bottom}, {0, bottom}}};
  fill_polygon(picture, all, wall);
  // Windows, doors, pictures, shelves: upright rectangles.
  Dice dice(place.seed, 3);
  const int count = dice.below(7);
  for (int i = 0; i < count; ++i) {
    const float w = dice.in(0.3f, 2.2f) * base.scale, h = dice.in(0.3f, 2.4f) * base.scale;
    const float x = dice.in(-w, right) - along, y = dice.in(top, bottom - 0.5f * h);
    const Tone a = random_tone(dice);
    const Fill frame = {.a = darker(a, 0.6f)};
    const Fill inside = {
        .a = a, .b = darker(a, 0.8f), .texture = &textures.number(dice.below(kTextureCount))};
    const auto rectangle = [&](float inset) {
      return std::array<Point2, 4>{{{x + inset, y + inset},
                                    {x + w - inset, y + inset},
                                    {x + w - inset, y + h - inset},
                                    {x + inset, y + h - inset}}};
    };
    fill_polygon(picture, rectangle(0), frame);
    fill_polygon(picture, rectangle(0.05f * base.scale), inside);
  }
}

void draw_lines(const Picture& picture, const GroundView& view, const Place& place) {
  Dice dice(place.seed, 4);
  for (int i = 0; i < 7; ++i) {
    const bool across = dice.chance(0.5f);
    const float at = dice.in(-5, 5), ahead = dice.in(1, 30), width = dice.in(0.04f, 0.12f);
    const auto corner = [&](float x, float z) { return view.project(view.x + x, view.z + z, 0); };
    const auto a = across ? corner(-20, ahead) : corner(at, 1.5f);
    const auto b = across ? corner(20, ahead) : corner(at, 40);
    const auto c = across ? corner(20, ahead + width * 2) : corner(at + width, 40);
    const auto d = across ? corner(-20, ahead + width * 2) : corner(at + width, 1.5f);
    if (std::min({a.scale, b.scale, c.scale, d.scale}) <= 0) continue;
    const std::array<Point2, 4> corners = {a.pixel, b.pixel, c.pixel, d.pixel};
    fill_polygon(picture, corners, {.a = place.line, .opacity = 0.85f});
  }
}

void draw_conifer(const Picture& picture, const Point2& base, float size, Dice& dice,
                  const Textures& textures, bool has_snow) {
  const Tone green = near_tones(dice, tone(0.05f, 0.13f, 0.09f), tone(0.20f, 0.30f, 0.16f), 0.02f);
  const Texture& leaves = textures.of(TextureKind::Leaves);
  const float texels = std::clamp(260 / size, 0.4f, 4.0f);
  const float trunk = 0.018f * size;
  const std::array<Point2, 4> stem = {{{base[0] - trunk, base[1]},
                                       {base[0] - 0.5f * trunk, base[1] - 0.5f * size},
                                       {base[0] + 0.5f * trunk, base[1] - 0.5f * size},
                                       {base[0] + trunk, base[1]}}};
  fill_polygon(picture, stem, {.a = tone(0.2f, 0.14f, 0.1f)});
  const int layers = 5 + dice.below(5);
  const float wide = size * dice.in(0.14f, 0.24f);
  for (int i = 0; i < layers; ++i) {
    const float t = static_cast<float>(i) / static_cast<float>(layers);
    const float low = base[1] - size * (0.08f + 0.86f * t);
    const float high = base[1] - size * std::min(0.08f + 0.86f * t + 0.3f, 1.0f);
    const float half = wide * (1 - t) * dice.in(0.75f, 1.15f) + 0.01f * size;
    const float lean = dice.normal(0.1f) * half;
    const std::array<Point2, 5> skirt = {{{base[0] - half, low + dice.in(-0.02f, 0.03f) * size},
                                          {base[0] - 0.3f * half, low + 0.02f * size},
                                          {base[0] + half, low + dice.in(-0.02f, 0.03f) * size},
                                          {base[0] + 0.12f * half, high},
                                          {base[0] - 0.12f * half + lean, high}}};
    const Tone dark = darker(green, dice.in(0.5f, 0.8f));
    const Tone light = has_snow && dice.chance(0.6f)
                           ? mixed(green, {235, 240, 248}, dice.in(0.4f, 1))
                           : darker(green, dice.in(1.2f, 2.0f));
    fill_polygon(picture, skirt,
                 {.a = dark,
                  .b = light,
                  .texture = &leaves,
                  .texels_per_pixel = texels,
                  .shift_x = dice.in(0, 256) - base[0] * texels,
                  .shift_y = dice.in(0, 256) - base[1] * texels});
  }
}

void draw_bush(const Picture& picture, const Point2& base, float size, Dice& dice,
               const Textures& textures) {
  const Tone a = near_tones(dice, tone(0.1f, 0.17f, 0.06f), tone(0.35f, 0.4f, 0.18f), 0.04f);
  const float texels = std::clamp(200 / size, 0.4f, 4.0f);
  const int count = 4 + dice.below(6);
  for (int i = 0; i < count; ++i) {
    const Point2 centre = {base[0] + dice.normal(0.35f) * size,
                           base[1] - dice.in(0.2f, 0.75f) * size};
    const Fill fill = {.a = darker(a, 0.6f),
                       .b = darker(a, dice.in(1.2f, 2.2f)),
                       .texture = &textures.of(TextureKind::Leaves),
                       .texels_per_pixel = texels,
                       .shift_x = dice.in(0, 256) - base[0] * texels};
    fill_ellipse(picture, centre, {dice.in(0.2f, 0.45f) * size, dice.in(0.2f, 0.4f) * size}, fill);
  }
}

void fill_upright(const Picture& picture, float x, float bottom, float width, float height,
                  const Fill& fill) {
  const std::array<Point2, 4> corners = {
      {{x, bottom - height}, {x + width, bottom - height}, {x + width, bottom}, {x, bottom}}};
  fill_polygon(picture, corners, fill);
}

void draw_prop(const Picture& picture, const Prop& prop, const GroundView::Projected& at,
               const Place& place, const Textures& textures) {
  Dice dice(prop.seed, 1);
  const float size = prop.height * at.scale;
  const Point2 base = at.pixel;
  const Tone a = random_tone(dice);
  switch (prop.kind) {
    case PropKind::Conifer:
      draw_conifer(picture, base, size, dice, textures, place.kind == PlaceKind::Snow);
      break;
    case PropKind::Bush:
      draw_bush(picture, base, size, dice, textures);
      break;
    case PropKind::Pole: {
      const float width = dice.in(0.05f, 0.3f) * at.scale;
      fill_upright(picture, base[0] - width, base[1], width, size, {.a = a});
      fill_upright(picture, base[0], base[1], 0.6f * width, size, {.a = darker(a, 0.7f)});
      break;
    }
    case PropKind::Gate: {
      const float width = 0.04f * at.scale, panel = dice.in(0.3f, 0.8f) * at.scale;
      fill_upright(picture, base[0], base[1] - 0.4f * size, panel, 0.5f * size, {.a = a});
      fill_upright(picture, base[0], base[1], width, size, {.a = darker(a, 0.8f)});
      fill_upright(picture, base[0] + panel, base[1], width, size, {.a = darker(a, 0.8f)});
      break;
    }
    case PropKind::Block: {
      const float width = dice.in(0.5f, 2.5f) * size;
      const Fill fill = {.a = a,
                         .b = darker(a, dice.in(0.7f, 1.3f)),
                         .texture = &textures.number(dice.below(kTextureCount))};
      fill_upright(picture, base[0] - 0.5f * width, base[1], width, size, fill);
      fill_upright(picture, base[0] + 0.5f * width, base[1] - 0.06f * size, 0.2f * width, size,
                   {.a = darker(a, 0.6f)});
      break;
    }
    case PropKind::Fence: {
      const float step = dice.in(0.12f, 0.5f) * at.scale, width = dice.in(0.15f, 0.5f) * step;
      for (int i = -12; i < 12; ++i) {
        fill_upright(picture, base[0] + static_cast<float>(i) * step, base[1], width, size,
                     {.a = a});
      }
      fill_upright(picture, base[0] - 12 * step, base[1] - 0.75f * size, 24 * step, 0.08f * size,
                   {.a = darker(a, 0.85f)});
      break;
    }
  }
}

PropKind random_prop_kind(Dice& dice, PlaceKind place) {
  // Conifer, bush, pole, gate, block, fence.
  constexpr std::array<std::array<float, 6>, kPlaceKindCount> kShares = {{
      {12, 1, 2, 2, 1, 1},  // snow
      {6, 8, 2, 0, 2, 2},   // field
      {1, 2, 6, 0, 8, 3},   // street
      {0, 0, 2, 1, 5, 1},   // court
      {0, 1, 1, 0, 9, 0},   // room
      {2, 2, 2, 1, 4, 1},   // abstract
  }};
  return static_cast<PropKind>(dice.pick(kShares[static_cast<std::size_t>(place)]));
}

// Metres.
float random_prop_height(Dice& dice, PropKind kind) {
  if (kind == PropKind::Conifer) return dice.in(2, 14);
  return kind == PropKind::Pole ? dice.in(1.5f, 9) : dice.in(0.4f, 2);
}

}  // namespace

GroundView::Projected GroundView::project(float ground_x, float ground_z, float up) const {
  const float dx = ground_x - x, dz = ground_z - z;
  const float pan_c = std::cos(pan * kDegree), pan_s = std::sin(pan * kDegree);
  const float right = dx * pan_c - dz * pan_s;
  const float ahead = dx * pan_s + dz * pan_c;
  const float c = std::cos(pitch * kDegree), s = std::sin(pitch * kDegree);
  const float below = height - up;
  const float depth = ahead * c + below * s;
  if (depth < 0.1f) return {};
  const float scale = focal_length / depth;
  return {{centre_x + right * scale, centre_y + (below * c - ahead * s) * scale}, scale, depth};
}

float GroundView::horizon() const {
  const float slope = std::tan(std::clamp(pitch, -80.0f, 80.0f) * kDegree);
  return centre_y - focal_length * slope;
}

Tone random_tone(Dice& dice) {
  const float grey = dice.in(0, 1);
  return tone(grey + dice.normal(0.18f), grey + dice.normal(0.18f), grey + dice.normal(0.18f));
}

PlaceKind random_place_kind(Dice& dice) {
  return static_cast<PlaceKind>(
      dice.pick(std::array<float, kPlaceKindCount>{36, 14, 12, 13, 9, 16}));
}

Place random_place(Dice& dice, PlaceKind kind, float liveliness) {
  Place place;
  place.kind = kind;
  place.seed = dice.bits();
  // Blue, grey, or evening skies.
  place.sky_low = near_tones(dice, tone(0.62f, 0.74f, 0.9f), tone(0.86f, 0.86f, 0.85f), 0.05f);
  place.sky_top = near_tones(dice, tone(0.2f, 0.42f, 0.78f), tone(0.78f, 0.8f, 0.84f), 0.06f);
  if (dice.chance(0.08f)) place.sky_low = tone(0.95f, 0.7f, 0.45f);
  place.wall_a = random_tone(dice);
  place.wall_b = mixed(place.wall_a, random_tone(dice), dice.in(0, 0.6f * liveliness));
  place.line = dice.chance(0.7f) ? tone(0.95f, 0.95f, 0.93f) : random_tone(dice);
  switch (kind) {
    case PlaceKind::Snow:
      choose_snow(dice, place);
      break;
    case PlaceKind::Field:
      choose_field(dice, place);
      break;
    case PlaceKind::Street:
      choose_street(dice, place);
      break;
    case PlaceKind::Court:
      choose_court(dice, place);
      break;
    case PlaceKind::Room:
      choose_room(dice, place);
      break;
    case PlaceKind::Abstract:
      place.sky_top = random_tone(dice);
      place.sky_low = random_tone(dice);
      place.ground_a = random_tone(dice);
      place.ground_b = random_tone(dice);
      break;
  }
  return place;
}

void add_prop(Dice& dice, Place& place, float x, float z) {
  Prop prop = {.kind = random_prop_kind(dice, place.kind), .x = x, .z = z};
  // A large conifer would hide everybody.
  prop.height =
      prop.kind == PropKind::Conifer ? dice.in(1, 6) : random_prop_height(dice, prop.kind);
  prop.seed = dice.bits();
  place.props.push_back(prop);
}

void scatter_props(Dice& dice, Place& place, const GroundView& view, int count, float z_near,
                   float z_far) {
  const float pan_c = std::cos(view.pan * kDegree), pan_s = std::sin(view.pan * kDegree);
  for (int i = 0; i < count; ++i) {
    Prop prop;
    prop.kind = random_prop_kind(dice, place.kind);
    // More of them far away, since there is more room.
    const float t = dice.in(0, 1);
    const float ahead = mix(z_near, z_far, t * t);
    const float half = ahead * view.centre_x / view.focal_length;
    const float right = dice.in(-1.15f, 1.15f) * half;
    prop.x = view.x + right * pan_c + ahead * pan_s;
    prop.z = view.z - right * pan_s + ahead * pan_c;
    prop.height = random_prop_height(dice, prop.kind);
    prop.seed = dice.bits();
    place.props.push_back(prop);
  }
}

void draw_surroundings(const Picture& picture, const GroundView& view, const Place& place,
                       const Textures& textures) {
  if (place.kind == PlaceKind::Abstract) {
    const float slant = 2 * static_cast<float>(place.seed % 1000) / 1000 - 1;
    fill_gradient(picture, place.sky_top, place.ground_a, slant);
    return;
  }
  // All ground: the sky would only be painted over.
  if (view.horizon() > 0) fill_gradient(picture, place.sky_top, place.sky_low, 0);
  draw_hills(picture, view, place, textures);
  draw_ground(picture, view, place, textures);
  if (place.has_lines) draw_lines(picture, view, place);
  draw_wall(picture, view, place, textures);
}

void draw_props(const Picture& picture, const GroundView& view, const Place& place,
                const Textures& textures, float depth_near, float depth_far) {
  struct Seen {
    const Prop* prop;
    GroundView::Projected at;
  };
  std::vector<Seen> seen;
  for (const Prop& prop : place.props) {
    const auto at = view.project(prop.x, prop.z, 0);
    if (at.scale <= 0 || at.depth < depth_near || at.depth >= depth_far) continue;
    seen.push_back({&prop, at});
  }
  std::stable_sort(seen.begin(), seen.end(),
                   [](const Seen& a, const Seen& b) { return a.at.depth > b.at.depth; });
  for (const Seen& s : seen) draw_prop(picture, *s.prop, s.at, place, textures);
}

void draw_clutter(Dice& dice, const Picture& picture, const Textures& textures, int count) {
  const float w = static_cast<float>(picture.width), h = static_cast<float>(picture.height);
  for (int i = 0; i < count; ++i) {
    const Tone a = random_tone(dice);
    Fill fill = {.a = a,
                 .b = dice.chance(0.5f) ? darker(a, dice.in(0.6f, 1.4f)) : random_tone(dice)};
    if (dice.chance(0.6f)) fill.texture = &textures.number(dice.below(kTextureCount));
    fill.texels_per_pixel = dice.in(0.2f, 2);
    fill.shift_x = dice.in(0, 256), fill.shift_y = dice.in(0, 256);
    fill.opacity = dice.chance(0.8f) ? 1 : dice.in(0.3f, 0.9f);
    const Point2 centre = {dice.in(-0.1f, 1.1f) * w, dice.in(-0.1f, 1.1f) * h};
    const float size = (dice.chance(0.7f) ? dice.in(0.02f, 0.16f) : dice.in(0.1f, 0.4f)) * h;
    const Point2 radii = {size, size * dice.in(0.2f, 1.6f)};
    if (dice.chance(0.4f)) {
      fill_ellipse(picture, centre, radii, fill);
      continue;
    }
    const float turn = dice.chance(0.6f) ? dice.normal(6) : dice.in(0, 180);
    const float c = std::cos(turn * kDegree), s = std::sin(turn * kDegree);
    std::array<Point2, 4> corners{};
    for (std::size_t k = 0; k < 4; ++k) {
      const float x = (k == 0 || k == 3 ? -1.0f : 1.0f) * radii[0];
      const float y = (k < 2 ? -1.0f : 1.0f) * radii[1];
      corners[k] = {centre[0] + c * x - s * y, centre[1] + s * x + c * y};
    }
    const std::size_t corner_count = dice.chance(0.2f) ? 3 : 4;
    fill_polygon(picture, std::span(corners).first(corner_count), fill);
  }
}

}  // namespace posefleet::training
