// Who does what in the films, where, and before which camera.
#include <algorithm>
#include <cmath>

#include "training/footage/film.h"
#include "training/footage/geometry.h"

namespace posefleet::training {
namespace {

constexpr Manner kAverage = {0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f};

// Times are written for a film of ten seconds and stretched to its length.
void stretch(Role& role, float by) {
  for (Knot& knot : role.path) knot.seconds *= by;
  for (Interlude& interlude : role.interludes) interlude.from *= by, interlude.to *= by;
}

Role rider(bool left_first, float depth) {
  Role role;
  role.motion = Motion::Ride;
  role.manner = kAverage;
  role.manner[0] = depth;
  role.manner[1] = left_first ? 0.9f : 0.1f;
  role.manner[2] = 0.55f;
  role.rate = 0.36f;
  // Who rides with the other foot first faces the other way, so leans the other way in a turn.
  role.phase = left_first ? 0.0f : 0.5f;
  role.goes_sideways = true;
  role.goes_left_first = left_first;
  return role;
}

Prop tree(float x, float z, float height, std::uint64_t seed) {
  return {.kind = PropKind::Conifer, .x = x, .z = z, .height = height, .seed = seed};
}

// A slope with trees. One rider comes down towards the camera and jumps on the way, one crosses,
// leaves and comes back, a walker passes behind trees.
void snow(const FilmOptions& options, Take& take) {
  Dice dice(options.seed, 1, 11);
  take.place = random_place(dice, PlaceKind::Snow, 1);
  take.place.ground_a = {196, 206, 224};
  take.place.ground_b = {244, 247, 252};
  take.place.ground_texture = TextureKind::Clouds;
  take.place.texels_per_metre = 9;
  take.place.sky_low = {205, 219, 238};
  take.place.sky_top = {104, 150, 214};
  take.place.hills = 0.16f;
  take.view.pitch = 5.6f;
  take.view.height = 2.3f;
  take.pan_swing = 3.2f;
  take.pan_rate = 0.055f;

  Role first = rider(true, 0.45f);
  first.path = {{0, -3.6f, 30}, {3.5f, 0.6f, 23}, {7, -0.4f, 16.5f}, {10, 1.1f, 11.6f}};
  first.sway = 0.7f;
  first.interludes = {{.motion = Motion::Jump,
                       .manner = {0.35f, 0.5f, 0.5f, 0.5f, 0.5f, 0.2f, 0.8f, 0.6f, 0.5f, 0.8f},
                       .from = 4.6f,
                       .to = 5.7f}};
  Role second = rider(false, 0.3f);
  second.manner[4] = 0.8f;
  second.path = {{0, 0.8f, 15},       {2.2f, 3.0f, 14},    {4, 5.2f, 14},
                 {5.3f, 5.8f, 15.5f}, {7.6f, 3.0f, 15.2f}, {10, 0.2f, 17.5f}};
  second.sway = 0.2f;
  Role third;
  third.motion = Motion::Walk;
  third.manner = kAverage;
  third.manner[9] = 0.1f;
  third.rate = 0.82f;
  third.path = {{0, 4.4f, 21}, {10, -4.6f, 19.6f}};
  take.roles = {first, second, third};

  take.place.props = {tree(1.7f, 18.4f, 4.4f, dice.bits()), tree(-1.9f, 18.0f, 3.5f, dice.bits())};
  for (int i = 0; i < 34; ++i) {
    take.place.props.push_back(
        tree(dice.in(-14, 14), dice.in(27, 62), dice.in(3.5f, 9), dice.bits()));
  }
  take.place.props.push_back(
      {.kind = PropKind::Gate, .x = -2.6f, .z = 13.5f, .height = 1.5f, .seed = dice.bits()});
}

// A hall: one crosses it running, one squats, one works with the arms; a block hides legs.
void court(const FilmOptions& options, Take& take) {
  Dice dice(options.seed, 1, 12);
  take.place = random_place(dice, PlaceKind::Court, 1);
  take.place.wall_z = 19;
  take.place.wall_height = 5;
  take.view.pitch = 5;
  take.view.height = 2.1f;
  Role runner;
  runner.motion = Motion::Run;
  runner.manner = kAverage;
  runner.rate = 1.25f;
  runner.path = {{0, -4.8f, 15}, {3, 0, 14}, {5.5f, 6, 14.5f}, {6.5f, 6, 16}, {10, -3.5f, 16.5f}};
  Role squatter;
  squatter.motion = Motion::Squat;
  squatter.manner = kAverage;
  squatter.manner[2] = 0.9f;
  squatter.rate = 0.32f;
  squatter.path = {{0, -1.3f, 12.2f}};
  squatter.heading = 35;
  Role thrower;
  thrower.motion = Motion::Reach;
  thrower.manner = kAverage;
  thrower.manner[4] = 0.9f;
  thrower.rate = 0.4f;
  thrower.path = {{0, 1.6f, 13}};
  thrower.heading = -25;
  take.roles = {runner, squatter, thrower};
  take.place.props = {
      {.kind = PropKind::Block, .x = 2.6f, .z = 12.6f, .height = 0.8f, .seed = dice.bits()}};
}

// Anything: for tests of the whole program with other films than the two above.
void any(const FilmOptions& options, Take& take) {
  Dice dice(options.seed, 1, 13);
  take.place = random_place(dice, random_place_kind(dice), 1);
  if (take.place.wall_z > 0) take.place.wall_z += 18;
  take.view.pitch = dice.in(4, 12);
  take.view.height = 15 * std::sin(take.view.pitch * kDegree) + 1;
  take.pan_swing = dice.in(0, 3);
  take.pan_rate = 0.05f;
  const int count = 1 + dice.below(4);
  for (int i = 0; i < count; ++i) {
    Role role;
    const bool moves = dice.chance(0.6f);
    role.motion = moves ? (dice.chance(0.6f) ? Motion::Walk : Motion::Run)
                        : static_cast<Motion>(dice.pick(
                              std::array<float, kMotionCount>{3, 0, 0, 3, 2, 0, 0, 1, 3, 0, 0}));
    role.manner = random_manner(dice);
    role.rate = moves ? (role.motion == Motion::Walk ? 0.85f : 1.25f) : 0.35f;
    role.phase = dice.in(0, 1);
    const float z = dice.in(11, 22), x = dice.in(-0.17f, 0.17f) * z;
    role.path = {{0, x, z}};
    if (moves) role.path.push_back({10, -x + dice.in(-2, 2), dice.in(11, 22)});
    role.heading = dice.in(-180, 180);
    take.roles.push_back(role);
  }
  scatter_props(dice, take.place, take.view, 12, 24, 60);
}

float faded(const Interlude& interlude, float seconds) {
  const float edge = 0.3f * (interlude.to - interlude.from);
  return smooth_step(interlude.from, interlude.from + edge, seconds) *
         (1 - smooth_step(interlude.to - edge, interlude.to, seconds));
}

// Between the knots by cubics that share their slopes (Catmull and Rom), so that nobody jerks.
Knot along(const std::vector<Knot>& path, float seconds) {
  if (path.size() == 1 || seconds <= path.front().seconds) return path.front();
  if (seconds >= path.back().seconds) return path.back();
  std::size_t i = 0;
  while (path[i + 1].seconds <= seconds) ++i;
  const Knot& a = path[i];
  const Knot& b = path[i + 1];
  const float span = b.seconds - a.seconds;
  const float t = (seconds - a.seconds) / span;
  const auto slope = [&](std::size_t k, float Knot::*value) {
    const Knot& before = path[k == 0 ? 0 : k - 1];
    const Knot& after = path[std::min(k + 1, path.size() - 1)];
    return (after.*value - before.*value) / std::max(after.seconds - before.seconds, 1e-3f);
  };
  const auto value_at = [&](float Knot::*value) {
    const float t2 = t * t, t3 = t2 * t;
    return (2 * t3 - 3 * t2 + 1) * (a.*value) + (t3 - 2 * t2 + t) * span * slope(i, value) +
           (-2 * t3 + 3 * t2) * (b.*value) + (t3 - t2) * span * slope(i + 1, value);
  };
  return {seconds, value_at(&Knot::x), value_at(&Knot::z)};
}

}  // namespace

std::optional<Script> script_of(std::string_view name) {
  if (name == "snow") return Script::Snow;
  if (name == "court") return Script::Court;
  if (name == "random") return Script::Random;
  return std::nullopt;
}

Take take_for(const FilmOptions& options) {
  Take take;
  // 25 degrees of view across.
  take.view.focal_length = static_cast<float>(options.width) * 0.5f / std::tan(12.5f * kDegree);
  take.view.centre_x = 0.5f * static_cast<float>(options.width);
  take.view.centre_y = 0.5f * static_cast<float>(options.height);
  switch (options.script) {
    case Script::Snow:
      snow(options, take);
      break;
    case Script::Court:
      court(options, take);
      break;
    case Script::Random:
      any(options, take);
      break;
  }
  for (Role& role : take.roles) stretch(role, static_cast<float>(options.seconds / 10));
  return take;
}

Knot place_of(const Role& role, float seconds) {
  Knot at = along(role.path, seconds);
  at.x += role.sway * std::sin(2 * std::numbers::pi_v<float> * (role.rate * seconds));
  return at;
}

Stance stance_at(const Role& role, float seconds) {
  Stance stance = stance_of(role.motion, role.manner, role.phase + role.rate * seconds);
  for (const Interlude& interlude : role.interludes) {
    const float share = faded(interlude, seconds);
    if (share <= 0) continue;
    // The half of the phase that is in the air.
    const float t = (seconds - interlude.from) / (interlude.to - interlude.from);
    Stance other = stance_of(interlude.motion, interlude.manner, 0.5f * t);
    stance = mixed(stance, other, share * 0.8f);
  }
  // Where the next and the last moment are, is where one is heading.
  constexpr float kStep = 0.15f;
  const Knot before = place_of(role, seconds - kStep), after = place_of(role, seconds + kStep);
  const float vx = after.x - before.x, vz = after.z - before.z;
  stance.heading = role.heading;
  if (std::hypot(vx, vz) > 1e-3f) {
    const float sign = role.goes_left_first ? 1.0f : -1.0f;
    stance.heading =
        (role.goes_sideways ? std::atan2(sign * vz, sign * vx) : std::atan2(vx, -vz)) / kDegree;
  }
  return stance;
}

}  // namespace posefleet::training
