#include "training/footage/crop_source.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "training/footage/dice.h"
#include "training/footage/figure.h"
#include "training/footage/geometry.h"
#include "training/footage/painter.h"
#include "training/footage/place.h"
#include "training/footage/surface.h"
#include "training/footage/workshop.h"

namespace posefleet::training {
namespace {

constexpr float kSide = kFootageCropSide;
// The network sees these columns only (reference: hmr2.md section 3).
constexpr int kFirstColumn = 32;
constexpr int kLastColumn = 223;
// Metres from the camera; nearer, a weak perspective no longer fits.
constexpr float kNearest = 6;
constexpr float kFarthest = 60;
constexpr float kNetworkFocal = 5000 / kSide;  // crop units

// How the camera is held. World: y up, z towards the camera.
struct Shot {
  float pitch = 0;  // degrees downwards
  float roll = 0;
  Rotation to_camera{};
  Point3 up{};  // the world's, camera axes
  float distance = 10;
  float focal_length = 0;  // pixels of the crop
};

Shot random_shot(Dice& dice) {
  Shot shot;
  shot.pitch = std::clamp(dice.chance(0.8f) ? 6 + dice.normal(9) : dice.in(-20, 50), -20.0f, 50.0f);
  shot.roll = dice.normal(3);
  constexpr Rotation kFlip = {1, 0, 0, 0, -1, 0, 0, 0, -1};
  shot.to_camera = turn_z(shot.roll) * turn_x(shot.pitch) * kFlip;
  shot.up = shot.to_camera * Point3{0, 1, 0};
  shot.distance = kNearest * std::pow(kFarthest / kNearest, dice.in(0, 1));
  return shot;
}

// Where the crop is cut, in the picture of focal length 1.
struct Cut {
  float x = 0, y = 0, side = 0;
};

// A detector's box is near the body, not on it; and where something hides a part, around the rest.
Cut random_cut(Dice& dice, Bounds box, float occlusion) {
  if (dice.chance(0.09f * occlusion)) {
    const float keep = dice.in(0.45f, 0.9f);
    switch (dice.pick(std::array<float, 4>{6, 1, 1.5f, 1.5f})) {
      case 0:
        box.y1 = box.y0 + keep * box.height();
        break;
      case 1:
        box.y0 = box.y1 - keep * box.height();
        break;
      case 2:
        box.x1 = box.x0 + keep * box.width();
        break;
      default:
        box.x0 = box.x1 - keep * box.width();
        break;
    }
  }
  // The square of reference hmr2.md section 2: wide enough for 192:256.
  const float side = std::max(box.height(), box.width() * 256 / 192);
  const float jitter = 0.08f;
  return {.x = 0.5f * (box.x0 + box.x1) + dice.in(-jitter, jitter) * box.width(),
          .y = 0.5f * (box.y0 + box.y1) + dice.in(-jitter, jitter) * box.height(),
          .side = side * dice.in(0.9f, 1.25f)};
}

// The ground plane that the figure's lowest point stands `height` above; tilted on slopes.
Plane ground_below(const Figure& figure, const Point3& up, float height) {
  return {up, figure.lowest(up) - height};
}

// s, tx, ty whose projection comes nearest to where the keypoints are.
std::array<float, 3> fitted_camera(std::span<const Point3> points,
                                   std::span<const std::array<float, 2>> places) {
  double scale = 1;
  std::array<double, 2> shift{};
  // The network's camera divides by depth as well, a little: its distance follows from the scale.
  for (int round = 0; round < 3; ++round) {
    const double distance = 2 * kNetworkFocal / scale;
    double ww = 0, wx[2] = {}, xx = 0, wk[2] = {}, xk = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const double w = 1 / (1 + points[i][2] / distance);
      ww += w * w;
      for (std::size_t k = 0; k < 2; ++k) {
        const double x = w * points[i][k], at = places[i][k];
        wx[k] += w * x, xx += x * x, wk[k] += w * at, xk += x * at;
      }
    }
    // places = half * (x + w * shift), least squares in half and half * shift.
    const double free = xx - (wx[0] * wx[0] + wx[1] * wx[1]) / ww;
    const double half = (xk - (wx[0] * wk[0] + wx[1] * wk[1]) / ww) / std::max(free, 1e-9);
    for (std::size_t k = 0; k < 2; ++k) shift[k] = (wk[k] - half * wx[k]) / (ww * half);
    scale = 2 * half;
  }
  return {static_cast<float>(scale), static_cast<float>(shift[0]), static_cast<float>(shift[1])};
}

CropTruth truth_of(const Figure& figure, float focal_length) {
  CropTruth truth;
  truth.pose = figure.pose;
  std::copy_n(figure.body.joints45.begin(), kJointCount, truth.joints.begin());
  truth.keypoints_3d = figure.body.keypoints_3d;
  for (std::size_t i = 0; i < truth.keypoints_3d.size(); ++i) {
    const Point3 p = truth.keypoints_3d[i] + figure.translation;
    truth.keypoints_2d[i] = {focal_length * p[0] / p[2] / kSide,
                             focal_length * p[1] / p[2] / kSide};
  }
  truth.camera = fitted_camera(truth.keypoints_3d, truth.keypoints_2d);
  return truth;
}

// Something between the camera and the person: a pole, a tree, a wall's edge, a sign.
void draw_occluder(Dice& dice, const Picture& picture, const Textures& textures) {
  const Tone a = random_tone(dice);
  Fill fill = {.a = a,
               .b = darker(a, dice.in(0.6f, 1.4f)),
               .texture = &textures.number(dice.below(kTextureCount)),
               .texels_per_pixel = dice.in(0.2f, 1.5f),
               .shift_x = dice.in(0, 256)};
  const auto quad = [&](float x0, float y0, float x1, float y1, float lean) {
    const std::array<Point2, 4> corners = {{{x0 + lean, y0}, {x1 + lean, y0}, {x1, y1}, {x0, y1}}};
    fill_polygon(picture, corners, fill);
  };
  switch (dice.below(5)) {
    case 0: {  // upright: a pole, a trunk
      const float x = dice.in(30, 226), width = dice.in(4, 30);
      quad(x, -1, x + width, 257, dice.normal(15));
      break;
    }
    case 1: {  // level: a bar, a rope, a fence's rail
      const float y = dice.in(20, 236), height = dice.in(3, 22), slope = dice.normal(10);
      const std::array<Point2, 4> corners = {
          {{-1, y}, {257, y + slope}, {257, y + slope + height}, {-1, y + height}}};
      fill_polygon(picture, corners, fill);
      break;
    }
    case 2:  // from below: a bank of snow, a table
      quad(-1, dice.in(150, 235), 257, 257, 0);
      break;
    case 3: {  // leaves
      fill.texture = &textures.of(TextureKind::Leaves);
      const float x = dice.in(20, 236), y = dice.in(20, 236);
      for (int i = 0; i < 6; ++i) {
        fill_ellipse(picture, {x + dice.normal(14), y + dice.normal(14)},
                     {dice.in(6, 26), dice.in(6, 22)}, fill);
      }
      break;
    }
    default: {
      const float x = dice.in(20, 220), y = dice.in(10, 220);
      quad(x, y, x + dice.in(14, 70), y + dice.in(14, 70), 0);
      break;
    }
  }
}

// The frame ends inside the crop: what is beyond is black, as worker/model/crop.h cuts it.
void draw_frame_edge(Dice& dice, const Picture& picture) {
  const Fill black = {};
  const float depth = dice.in(4, 70);
  std::array<Point2, 4> corners = {{{-1, -1}, {257, -1}, {257, depth}, {-1, depth}}};
  switch (dice.below(4)) {
    case 0:
      corners = {{{-1, 256 - depth}, {257, 256 - depth}, {257, 257}, {-1, 257}}};
      break;
    case 1:
      corners = {{{-1, -1}, {depth, -1}, {depth, 257}, {-1, 257}}};
      break;
    case 2:
      corners = {{{256 - depth, -1}, {257, -1}, {257, 257}, {256 - depth, 257}}};
      break;
    default:
      break;
  }
  fill_polygon(picture, corners, black);
}

}  // namespace

class CropSource::Impl final {
 public:
  explicit Impl(std::unique_ptr<const Dresser> dresser)
      : dresser_(std::move(dresser)), labels_(surface_labels(dresser_->parts())) {}

  CropTruth make(std::uint64_t seed, std::uint64_t index, const Curriculum& curriculum,
                 std::span<std::uint8_t> rgb) const;

 private:
  struct Scenery {
    const Picture& picture;
    const Shot& shot;
    const Figure& figure;
    const Plane& ground;
    const Curriculum& curriculum;
  };
  void draw_background(Dice& dice, const Scenery& scene, Workbench& bench) const;
  void draw_neighbour(Dice& dice, const Scenery& scene, Workbench& bench, bool in_front) const;

  std::unique_ptr<const Dresser> dresser_;
  const std::vector<std::uint8_t> labels_;  // of each vertex
  const Textures textures_ = Textures::make();
  mutable Workshop workshop_;
};

void CropSource::Impl::draw_background(Dice& dice, const Scenery& scene, Workbench& bench) const {
  const float clutter = scene.curriculum.clutter;
  const PlaceKind kind =
      dice.chance(0.3f + 0.7f * clutter) ? random_place_kind(dice) : PlaceKind::Abstract;
  Place place = random_place(dice, kind, clutter);
  // The plane's own tilt against the camera; the camera stands above it, if only just.
  const float pitch = std::asin(std::clamp(-scene.ground.up[2], -1.0f, 1.0f)) / kDegree;
  const GroundView view = {.focal_length = scene.shot.focal_length,
                           .centre_x = kSide / 2,
                           .centre_y = kSide / 2,
                           .pitch = pitch,
                           .height = std::max(-scene.ground.level, 0.3f),
                           .x = dice.in(0, 50),
                           .z = dice.in(0, 50)};
  if (place.wall_z > 0) place.wall_z += scene.shot.distance;
  draw_surroundings(scene.picture, view, place, textures_);
  const int things = static_cast<int>(clutter * static_cast<float>(dice.below(9)));
  if (kind == PlaceKind::Abstract) {
    draw_clutter(dice, scene.picture, textures_, 2 * things);
  } else {
    const float beyond = scene.shot.distance;
    scatter_props(dice, place, view, things, beyond + 0.8f, beyond + 30);
    draw_props(scene.picture, view, place, textures_, 1, 1e6f);
    if (dice.chance(0.3f * clutter)) draw_clutter(dice, scene.picture, textures_, dice.below(6));
  }
  // Out of focus, at times.
  const int radius = dice.chance(0.5f) ? 0 : dice.chance(0.7f) ? 1 : 2 + dice.below(5);
  blur(scene.picture, radius, bench.scratch);
}

void CropSource::Impl::draw_neighbour(Dice& dice, const Scenery& scene, Workbench& bench,
                                      bool in_front) const {
  const RandomStance chosen = random_stance(dice, 1);
  Stance stance = chosen.stance;
  stance.heading += dice.in(-180, 180);
  const Person person = dresser_->random_person(dice, chosen.motion);
  const float depth = scene.shot.distance + (in_front ? -dice.in(0.4f, 1.5f) : dice.in(0.4f, 5));
  const float half_width = 0.5f * kSide / scene.shot.focal_length * depth;
  const float side = dice.chance(0.5f) ? 1.0f : -1.0f;
  const float across = side * (in_front ? dice.in(0.4f, 1.1f) : dice.in(0.1f, 1)) * half_width;
  Figure figure =
      dresser_->figure(person, dresser_->poser().pose(stance, scene.shot.to_camera),
                       {scene.figure.translation[0] + across, scene.figure.translation[1], depth});
  // Onto the same ground.
  const Plane own = ground_below(figure, scene.ground.up, stance.height);
  Dresser::move(figure, scene.ground.up * (scene.ground.level - own.level));
  if (!in_front) {
    bench.painter.draw_shadow(scene.picture, *dresser_, figure, scene.shot.focal_length,
                              scene.ground);
  }
  bench.painter.draw(scene.picture, *dresser_, figure, scene.shot.focal_length, 0);
}

CropTruth CropSource::Impl::make(std::uint64_t seed, std::uint64_t index,
                                 const Curriculum& curriculum, std::span<std::uint8_t> rgb) const {
  POSEFLEET_CHECK(rgb.size() == kFootageCropBytes);
  // One stream for the person, one for the surroundings: what changes in a place's code does not
  // change who is in it.
  Dice dice(seed, index, 1), place_dice(seed, index, 2);
  const Workshop::Lent lent = workshop_.lend();
  Workbench& bench = *lent;
  bench.owner.assign(static_cast<std::size_t>(kFootageCropSide) * kFootageCropSide, 0);
  const Picture picture = {rgb.data(), kFootageCropSide, kFootageCropSide, bench.owner.data()};

  Shot shot = random_shot(dice);
  const RandomStance chosen = random_stance(dice, curriculum.pose_range);
  Stance stance = chosen.stance;
  stance.heading += dice.in(-curriculum.yaw_limit, curriculum.yaw_limit);
  const Person person = dresser_->random_person(dice, chosen.motion);
  Figure figure = dresser_->figure(person, dresser_->poser().pose(stance, shot.to_camera),
                                   {0, 0, shot.distance});
  const Cut cut = random_cut(dice, figure.bounds(), curriculum.occlusion);
  Dresser::move(figure, {-cut.x * shot.distance, -cut.y * shot.distance, 0});
  shot.focal_length = kSide / cut.side;

  // A slope tilts the ground against the upright person.
  const Rotation slope = turn_x(std::clamp(place_dice.normal(7), -12.0f, 25.0f));
  const Plane ground = ground_below(figure, slope * shot.up, stance.height);
  const Light light = random_light(place_dice, shot.up);
  bench.painter.set_light(light, shot.up);
  const Scenery scene = {picture, shot, figure, ground, curriculum};
  draw_background(place_dice, scene, bench);
  if (place_dice.chance(0.16f * curriculum.clutter)) {
    draw_neighbour(place_dice, scene, bench, false);
  }
  bench.painter.draw_shadow(picture, *dresser_, figure, shot.focal_length, ground);
  const int whole = bench.painter.draw(picture, *dresser_, figure, shot.focal_length, 1);
  if (place_dice.chance(0.1f * curriculum.occlusion))
    draw_neighbour(place_dice, scene, bench, true);
  if (place_dice.chance(0.3f * curriculum.occlusion)) draw_occluder(place_dice, picture, textures_);
  if (place_dice.chance(0.07f * curriculum.occlusion)) draw_frame_edge(place_dice, picture);

  CropTruth truth = truth_of(figure, shot.focal_length);
  truth.surface = surface_of(figure, labels_, shot.focal_length, picture, 1);
  int seen = 0;
  for (int y = 0; y < kFootageCropSide; ++y) {
    const std::uint8_t* row =
        bench.owner.data() + static_cast<std::ptrdiff_t>(y) * kFootageCropSide;
    seen += static_cast<int>(std::count(row + kFirstColumn, row + kLastColumn + 1, 1));
  }
  truth.visible = figure.share_inside(shot.focal_length, kSide, kSide) * static_cast<float>(seen) /
                  static_cast<float>(std::max(whole, 1));
  const Spoil spoil = random_spoil(place_dice, curriculum.clutter, 0.22f);
  bench.sensor.apply(picture, spoil, place_dice.bits());
  return truth;
}

CropSource::CropSource(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
CropSource::CropSource(CropSource&&) noexcept = default;
CropSource& CropSource::operator=(CropSource&&) noexcept = default;
CropSource::~CropSource() = default;

Result<CropSource> CropSource::create(BodyData body) {
  POSEFLEET_TRY(std::unique_ptr<const Dresser> dresser, Dresser::create(std::move(body)));
  return CropSource(std::make_unique<const Impl>(std::move(dresser)));
}

CropTruth CropSource::make(std::uint64_t seed, std::uint64_t index, const Curriculum& curriculum,
                           std::span<std::uint8_t> rgb) const {
  return impl_->make(seed, index, curriculum, rgb);
}

}  // namespace posefleet::training
