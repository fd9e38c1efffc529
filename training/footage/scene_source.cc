#include "training/footage/scene_source.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "training/footage/figure.h"
#include "training/footage/geometry.h"
#include "training/footage/painter.h"
#include "training/footage/place.h"
#include "training/footage/workshop.h"

namespace posefleet::training {
namespace {

constexpr float kBodyHeight = 1.7f;  // metres, about
constexpr float kHeightMin = 40;     // pixels of a standing body; crouched ones are less high
constexpr float kDepthMin = 2.5f;    // metres
constexpr int kSizeMin = 64, kSizeMax = 4096;
// Somebody who is alone is at times wholly hidden, which makes the share of empty frames 0.12.
constexpr float kEmptyShare = 0.1f;
// Of the people after a scene's first, who stand about somebody else; and of all people, whom a
// tree, a block or a fence right before them hides in part.
constexpr float kTogetherShare = 0.55f;
constexpr float kHiddenShare = 0.15f;

// A camera above a plane of ground, which may be a slope.
struct SceneShot {
  GroundView view;
  float slope = 0;          // degrees that the ground rises away from the camera
  Rotation to_camera{};     // from a world of y up, z towards the camera
  Point3 up{};              // of the world, camera axes
  Point3 ground_up{};       // of the plane
  float middle_depth = 10;  // where the people are, metres

  // A point of the ground in camera axes.
  Point3 on_ground(float x, float z) const {
    const float c = std::cos(view.pitch * kDegree), s = std::sin(view.pitch * kDegree);
    return {x, view.height * c - z * s, z * c + view.height * s};
  }
};

SceneShot random_scene_shot(Dice& dice, int width, int height) {
  SceneShot shot;
  const float high = static_cast<float>(height);
  const float angle = 6 * std::pow(45.0f / 6, dice.in(0, 1));  // degrees of view, upright
  const float focal = 0.5f * high / std::tan(0.5f * angle * kDegree);
  // How tall a person in the middle of things appears.
  const float smallest = 1.3f * kHeightMin;
  const float tall = smallest * std::pow(std::max(0.8f * high / smallest, 1.0f), dice.in(0, 1));
  shot.middle_depth = std::max(focal * kBodyHeight / tall, kDepthMin + 1);
  const float look_down =
      std::clamp(dice.chance(0.75f) ? 7 + dice.normal(7) : dice.in(-3, 45), -3.0f, 45.0f);
  shot.slope = std::clamp(dice.normal(6), -5.0f, 20.0f);
  const float pitch = std::max(look_down + shot.slope, 0.5f);
  shot.view = {.focal_length = focal,
               .centre_x = 0.5f * static_cast<float>(width),
               .centre_y = 0.5f * high,
               .pitch = pitch,
               .height = std::max(shot.middle_depth * std::sin(pitch * kDegree) + 0.9f, 0.4f)};
  constexpr Rotation kFlip = {1, 0, 0, 0, -1, 0, 0, 0, -1};
  shot.to_camera = turn_x(look_down) * kFlip;
  shot.up = shot.to_camera * Point3{0, 1, 0};
  shot.ground_up = turn_x(pitch) * (kFlip * Point3{0, 1, 0});
  return shot;
}

int random_people_count(Dice& dice) {
  if (dice.chance(kEmptyShare)) return 0;
  return 1 + dice.pick(std::array<float, 6>{27, 27, 20, 12, 8, 6});
}

// Where somebody stands, seen from the camera.
struct Spot {
  float depth = 0;  // metres along the axis
  float x = 0;      // to the right, metres
};

float clamped_depth(const SceneShot& shot, float depth) {
  return std::clamp(depth, kDepthMin, shot.view.focal_length * kBodyHeight / kHeightMin);
}

// Anywhere in the view; partly beyond its edges at times.
Spot random_spot(Dice& dice, const SceneShot& shot) {
  const GroundView& view = shot.view;
  const float depth = clamped_depth(shot, shot.middle_depth * std::exp(dice.normal(0.35f)));
  const float share = dice.chance(0.85f) ? dice.in(-0.85f, 0.85f) : dice.in(-1.05f, 1.05f);
  return {depth, share * view.centre_x / view.focal_length * depth};
}

// Before or behind somebody, so that one hides a part of the other, anything from a hand to all but
// the head. Spread over the view by chance alone, people hardly ever meet, and a detector that was
// shown such frames missed six in seven of those who were half behind somebody else.
Spot random_spot_near(Dice& dice, const SceneShot& shot, const Spot& other) {
  const float depth = clamped_depth(shot, other.depth * std::exp(dice.normal(0.28f)));
  const float aside = dice.normal(0.27f) * kBodyHeight;
  return {depth, (other.x / other.depth) * depth + aside};
}

struct Actor {
  Person person;
  Figure figure;
  Spot spot;
};

PersonBox frame_box(const Figure& figure, const GroundView& view) {
  const Bounds b = figure.bounds();
  const float f = view.focal_length;
  return {view.centre_x + f * b.x0, view.centre_y + f * b.y0, view.centre_x + f * b.x1,
          view.centre_y + f * b.y1};
}

}  // namespace

class SceneSource::Impl final {
 public:
  explicit Impl(std::unique_ptr<const Dresser> dresser) : dresser_(std::move(dresser)) {}

  SceneTruth make(std::uint64_t seed, std::uint64_t index, int width, int height,
                  std::span<std::uint8_t> rgb) const;

 private:
  std::vector<std::unique_ptr<Actor>> random_actors(Dice& dice, const SceneShot& shot) const;
  std::unique_ptr<Actor> random_actor(Dice& dice, const SceneShot& shot, const Spot& spot) const;
  Place random_scenery(Dice& dice, const SceneShot& shot,
                       const std::vector<std::unique_ptr<Actor>>& actors) const;

  std::unique_ptr<const Dresser> dresser_;
  const Textures textures_ = Textures::make();
  mutable Workshop workshop_;
};

std::unique_ptr<Actor> SceneSource::Impl::random_actor(Dice& dice, const SceneShot& shot,
                                                       const Spot& spot) const {
  auto actor = std::make_unique<Actor>();
  actor->spot = spot;
  const RandomStance chosen = random_stance(dice, 1);
  Stance stance = chosen.stance;
  stance.heading += dice.in(-180, 180);
  actor->person = dresser_->random_person(dice, chosen.motion);
  const GroundView& view = shot.view;
  const float c = std::cos(view.pitch * kDegree), s = std::sin(view.pitch * kDegree);
  const Point3 feet = shot.on_ground(spot.x, (spot.depth - view.height * s) / c);
  actor->figure =
      dresser_->figure(actor->person, dresser_->poser().pose(stance, shot.to_camera), feet);
  const float level = dot(shot.ground_up, feet) + stance.height;
  Dresser::move(actor->figure, shot.ground_up * (level - actor->figure.lowest(shot.ground_up)));
  return actor;
}

// Farthest first.
std::vector<std::unique_ptr<Actor>> SceneSource::Impl::random_actors(Dice& dice,
                                                                     const SceneShot& shot) const {
  std::vector<std::unique_ptr<Actor>> actors;
  const int count = random_people_count(dice);
  for (int i = 0; i < count; ++i) {
    const bool is_alone = actors.empty() || dice.chance(1 - kTogetherShare);
    const Spot spot =
        is_alone ? random_spot(dice, shot)
                 : random_spot_near(
                       dice, shot,
                       actors[static_cast<std::size_t>(dice.below(static_cast<int>(actors.size())))]
                           ->spot);
    actors.push_back(random_actor(dice, shot, spot));
  }
  // Too near: the body would reach behind the camera.
  std::erase_if(actors, [](const auto& a) { return a->figure.translation[2] < 0.8f * kDepthMin; });
  std::stable_sort(actors.begin(), actors.end(), [](const auto& a, const auto& b) {
    return a->figure.translation[2] > b->figure.translation[2];
  });
  return actors;
}

Place SceneSource::Impl::random_scenery(Dice& dice, const SceneShot& shot,
                                        const std::vector<std::unique_ptr<Actor>>& actors) const {
  Place place = random_place(dice, random_place_kind(dice), 1);
  if (place.wall_z > 0) place.wall_z += 1.4f * shot.middle_depth;
  const float c = std::cos(shot.view.pitch * kDegree), s = std::sin(shot.view.pitch * kDegree);
  const float middle = (shot.middle_depth - shot.view.height * s) / c;
  scatter_props(dice, place, shot.view, dice.below(22), 1.25f * middle,
                middle + 4 * shot.middle_depth);
  // A few between the people and before them.
  if (dice.chance(0.4f)) {
    scatter_props(dice, place, shot.view, 1 + dice.below(3), 0.6f * middle, 1.3f * middle);
  }
  // And one right before somebody: of those above, few ever hide a person in part.
  for (const auto& actor : actors) {
    if (!dice.chance(kHiddenShare)) continue;
    const float depth = actor->spot.depth * dice.in(0.78f, 0.96f);
    const float x = (actor->spot.x / actor->spot.depth) * depth + dice.normal(0.3f) * kBodyHeight;
    add_prop(dice, place, x, (depth - shot.view.height * s) / c);
  }
  return place;
}

SceneTruth SceneSource::Impl::make(std::uint64_t seed, std::uint64_t index, int width, int height,
                                   std::span<std::uint8_t> rgb) const {
  POSEFLEET_CHECK(width >= kSizeMin && width <= kSizeMax && height >= kSizeMin &&
                  height <= kSizeMax);
  const auto pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  POSEFLEET_CHECK(rgb.size() == 3 * pixels);
  Dice dice(seed, index, 3), place_dice(seed, index, 4);
  const Workshop::Lent lent = workshop_.lend();
  Workbench& bench = *lent;
  bench.owner.assign(pixels, 0);
  const Picture picture = {rgb.data(), width, height, bench.owner.data()};

  const SceneShot shot = random_scene_shot(dice, width, height);
  const std::vector<std::unique_ptr<Actor>> actors = random_actors(dice, shot);
  const Place place = random_scenery(place_dice, shot, actors);
  bench.painter.set_light(random_light(place_dice, shot.up), shot.up);
  draw_surroundings(picture, shot.view, place, textures_);
  if (place_dice.chance(0.3f) || place.kind == PlaceKind::Abstract) {
    draw_clutter(place_dice, picture, textures_, place_dice.below(14));
  }
  const Plane ground = {shot.ground_up, dot(shot.ground_up, shot.on_ground(0, 0))};
  std::vector<int> whole;
  float drawn_to = 1e6f;
  for (std::size_t i = 0; i < actors.size(); ++i) {
    const Figure& figure = actors[i]->figure;
    draw_props(picture, shot.view, place, textures_, figure.translation[2], drawn_to);
    drawn_to = figure.translation[2];
    bench.painter.draw_shadow(picture, *dresser_, figure, shot.view.focal_length, ground);
    whole.push_back(bench.painter.draw(picture, *dresser_, figure, shot.view.focal_length,
                                       static_cast<std::uint8_t>(i + 1)));
  }
  draw_props(picture, shot.view, place, textures_, 1, drawn_to);

  SceneTruth truth;
  truth.focal_length = shot.view.focal_length;
  const float w = static_cast<float>(width), h = static_cast<float>(height);
  for (std::size_t i = 0; i < actors.size(); ++i) {
    const Figure& figure = actors[i]->figure;
    const auto seen = std::count(bench.owner.begin(), bench.owner.end(), i + 1);
    if (seen == 0) continue;
    const PersonBox box = frame_box(figure, shot.view);
    ScenePerson person = {.x0 = std::clamp(box.x0, 0.0f, w),
                          .y0 = std::clamp(box.y0, 0.0f, h),
                          .x1 = std::clamp(box.x1, 0.0f, w),
                          .y1 = std::clamp(box.y1, 0.0f, h)};
    person.visible = figure.share_inside(shot.view.focal_length, w, h) * static_cast<float>(seen) /
                     static_cast<float>(std::max(whole[i], 1));
    person.height = box.y1 - box.y0;
    person.pose = figure.pose;
    person.translation = figure.translation;
    truth.people.push_back(person);
  }
  const Spoil spoil = random_spoil(place_dice, 0.8f, 0.6f);
  bench.sensor.apply(picture, spoil, place_dice.bits());
  return truth;
}

SceneSource::SceneSource(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
SceneSource::SceneSource(SceneSource&&) noexcept = default;
SceneSource& SceneSource::operator=(SceneSource&&) noexcept = default;
SceneSource::~SceneSource() = default;

Result<SceneSource> SceneSource::create(BodyData body) {
  POSEFLEET_TRY(std::unique_ptr<const Dresser> dresser, Dresser::create(std::move(body)));
  return SceneSource(std::make_unique<const Impl>(std::move(dresser)));
}

SceneTruth SceneSource::make(std::uint64_t seed, std::uint64_t index, int width, int height,
                             std::span<std::uint8_t> rgb) const {
  return impl_->make(seed, index, width, height, rgb);
}

}  // namespace posefleet::training
