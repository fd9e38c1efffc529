#include "training/footage/painter.h"

#include <algorithm>
#include <cmath>

#include "training/footage/geometry.h"

namespace posefleet::training {
namespace {

// Shadows are soft; a picture of a quarter of the size is fine enough for them.
constexpr int kShadowScale = 4;
// The sun's height above the ground, as a sine, below which shadows would run to the horizon.
constexpr float kSunMin = 0.22f;

Rasteriser make_rasteriser(int samples) {
  // The options are ours and right, so this cannot fail.
  return *Rasteriser::create({.samples = samples});
}

// The figure's points moved along the light into the plane.
std::vector<float> flattened(const std::vector<float>& vertices, const Plane& ground,
                             const Point3& to_sun) {
  const float sine = std::max(dot(to_sun, ground.up), kSunMin);
  std::vector<float> flat(vertices.size());
  for (std::size_t i = 0; i < vertices.size(); i += 3) {
    const Point3 p = {vertices[i], vertices[i + 1], vertices[i + 2]};
    const Point3 q = p - to_sun * ((dot(p, ground.up) - ground.level) / sine);
    std::copy(q.begin(), q.end(), flat.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return flat;
}

}  // namespace

Light random_light(Dice& dice, const Point3& up) {
  Light light;
  // From any side, most often from above.
  const Point3 side = unit({dice.normal(1), dice.normal(1), dice.normal(1)});
  light.to_sun = unit(side + up * dice.in(0.3f, 1.8f));
  const bool is_sunny = dice.chance(0.6f);
  light.sun = is_sunny ? dice.in(1.6f, 4.2f) : dice.in(0.2f, 1.6f);
  light.sky = dice.in(0.3f, 1.4f);
  light.fill = dice.in(0.1f, 1.2f);
  light.ambient = dice.in(0.12f, 0.5f);
  light.shadow = dot(light.to_sun, up) < kSunMin ? 0.0f
                 : is_sunny                      ? dice.in(0.2f, 0.65f)
                                                 : dice.in(0, 0.25f);
  return light;
}

Painter Painter::create() {
  return Painter(make_rasteriser(4), make_rasteriser(1));
}

Painter::Painter(Rasteriser fine, Rasteriser coarse)
    : fine_(std::move(fine)), coarse_(std::move(coarse)) {}

void Painter::set_light(const Light& light, const Point3& up) {
  light_ = light;
  Look look;
  look.lights = {{{light.to_sun, light.sun},
                  {up, light.sky},
                  {{0, 0, -1}, light.fill},
                  {unit({-light.to_sun[0], 0.1f, -0.4f}), 0.4f * light.fill}}};
  look.ambient = light.ambient;
  look.metallic = 0;
  look.roughness = 0.75f;
  POSEFLEET_CHECK(fine_.set_look(look).has_value());
}

void Painter::draw_shadow(const Picture& picture, const Dresser& dresser, const Figure& figure,
                          float focal_length, const Plane& ground) {
  if (light_.shadow < 0.08f) return;
  const int w = std::max(picture.width / kShadowScale, 2);
  const int h = std::max(picture.height / kShadowScale, 2);
  const auto pixels = static_cast<std::size_t>(w) * static_cast<std::size_t>(h);
  small_.assign(3 * pixels, 0);
  coverage_.assign(pixels, 0);
  std::vector<Mesh> meshes = dresser.meshes(figure);
  std::vector<std::vector<float>> flat;
  flat.reserve(meshes.size());
  for (Mesh& mesh : meshes) {
    flat.push_back(flattened({mesh.vertices.begin(), mesh.vertices.end()}, ground, light_.to_sun));
    mesh.vertices = flat.back();
  }
  const BgrPicture target = {.data = small_.data(),
                             .stride = 3 * w,
                             .width = w,
                             .height = h,
                             .coverage = coverage_.data()};
  const float scale = static_cast<float>(w) / static_cast<float>(picture.width);
  if (!coarse_.draw(meshes, {focal_length * scale}, target)) return;
  for (std::size_t i = 0; i < pixels; ++i) {
    for (std::size_t k = 0; k < 3; ++k) small_[3 * i + k] = coverage_[i];
  }
  const Picture shade = {small_.data(), w, h};
  blur(shade, 1, scratch_);
  const int strength = static_cast<int>(256 * light_.shadow);
  for (int y = 0; y < picture.height; ++y) {
    const int v = std::clamp((2 * y + 1) * h * 128 / picture.height - 128, 0, (h - 1) * 256 - 1);
    for (int x = 0; x < picture.width; ++x) {
      const int u = std::clamp((2 * x + 1) * w * 128 / picture.width - 128, 0, (w - 1) * 256 - 1);
      const std::uint8_t* p = shade.at(u >> 8, v >> 8);
      const int s = u & 255, t = v & 255;
      const int top = p[0] * (256 - s) + p[3] * s;
      const int low = p[3 * w] * (256 - s) + p[3 * w + 3] * s;
      const int dark = (top * (256 - t) + low * t) >> 16;
      if (dark == 0) continue;
      std::uint8_t* to = picture.at(x, y);
      const int keep = 65536 - dark * strength;
      for (int k = 0; k < 3; ++k) to[k] = static_cast<std::uint8_t>(to[k] * keep >> 16);
    }
  }
}

int Painter::draw(const Picture& picture, const Dresser& dresser, const Figure& figure,
                  float focal_length, std::uint8_t owner) {
  const auto pixels =
      static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height);
  coverage_.assign(pixels, 0);
  const BgrPicture target = {.data = picture.rgb,
                             .stride = 3 * picture.width,
                             .width = picture.width,
                             .height = picture.height,
                             .coverage = coverage_.data()};
  // Fails for a picture or a camera that makes no sense alone; both are ours.
  POSEFLEET_CHECK(fine_.draw(dresser.meshes(figure), {focal_length}, target).has_value());
  int count = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    if (coverage_[i] < 128) continue;
    ++count;
    if (picture.owner != nullptr) picture.owner[i] = owner;
  }
  return count;
}

}  // namespace posefleet::training
