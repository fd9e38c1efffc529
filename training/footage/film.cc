#include "training/footage/film.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "training/footage/figure.h"
#include "training/footage/geometry.h"
#include "training/footage/painter.h"
#include "training/footage/sensor.h"

namespace posefleet::training {
namespace {

// Drawn at twice the size and averaged, since edges of trees that crawl as the camera turns would
// cost more bits than the people.
constexpr int kFiner = 2;

Status check_options(const FilmOptions& o) {
  const auto is_side = [](int side) { return side >= 64 && side <= 1920 && side % 2 == 0; };
  if (!is_side(o.width) || !is_side(o.height)) {
    return rejected("film of " + std::to_string(o.width) + "x" + std::to_string(o.height) +
                    " pixels, allowed even sides of 64 to 1920");
  }
  if (!(o.frames_per_second >= 1 && o.frames_per_second <= 120)) {
    return rejected("film of " + std::to_string(o.frames_per_second) +
                    " frames a second, allowed 1 to 120");
  }
  if (!(o.seconds > 0 && o.seconds <= 60)) {
    return rejected("film of " + std::to_string(o.seconds) + " seconds, allowed above 0 to 60");
  }
  return done();
}

struct Player {
  std::int64_t id = 0;
  Role role;
  Person person;
};

struct Seen {
  const Player* player;
  Figure figure;
  int whole = 0;  // pixels of the silhouette inside the frame
};

void halve(const Picture& fine, std::span<std::uint8_t> rgb, int width, int height) {
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const std::uint8_t* a = fine.at(kFiner * x, kFiner * y);
      const std::uint8_t* b = fine.at(kFiner * x, kFiner * y + 1);
      std::uint8_t* to = rgb.data() + 3 * (static_cast<std::ptrdiff_t>(y) * width + x);
      for (int k = 0; k < 3; ++k) {
        to[k] = static_cast<std::uint8_t>((a[k] + a[k + 3] + b[k] + b[k + 3] + 2) / 4);
      }
    }
  }
}

}  // namespace

class Film::Impl final {
 public:
  Impl(std::unique_ptr<const Dresser> dresser, const FilmOptions& options);

  std::uint32_t frame_count() const {
    return static_cast<std::uint32_t>(
        std::max(std::lround(options_.seconds * options_.frames_per_second), 1L));
  }
  float focal_length() const { return take_.view.focal_length; }
  TruthFrame draw(std::uint32_t frame, std::span<std::uint8_t> rgb);

 private:
  GroundView view_at(float seconds) const;
  std::vector<Seen> figures_at(float seconds, const GroundView& view, const Point3& up) const;
  void draw_all(const Picture& picture, const GroundView& view, const Point3& up,
                std::vector<Seen>& seen);
  TruthFrame truth_of(std::uint32_t frame, const std::vector<Seen>& seen) const;

  const FilmOptions options_;
  std::unique_ptr<const Dresser> dresser_;
  const Textures textures_ = Textures::make();
  Take take_;
  std::vector<Player> players_;
  Painter painter_ = Painter::create();
  Point3 to_sun_;  // ground axes: x right, y up, z towards the first camera
  std::vector<std::uint8_t> fine_, owner_;
};

Film::Impl::Impl(std::unique_ptr<const Dresser> dresser, const FilmOptions& options)
    : options_(options), dresser_(std::move(dresser)), take_(take_for(options)) {
  Dice dice(options.seed, 2, 14);
  for (std::size_t i = 0; i < take_.roles.size(); ++i) {
    const Role& role = take_.roles[i];
    players_.push_back(
        {static_cast<std::int64_t>(i + 1), role, dresser_->random_person(dice, role.motion)});
  }
  to_sun_ = unit({-0.6f, 1.1f, 0.7f});
  const auto pixels = static_cast<std::size_t>(kFiner * options.width) *
                      static_cast<std::size_t>(kFiner * options.height);
  fine_.resize(3 * pixels);
  owner_.resize(pixels);
}

GroundView Film::Impl::view_at(float seconds) const {
  GroundView view = take_.view;
  view.pan +=
      take_.pan_swing * std::sin(2 * std::numbers::pi_v<float> * take_.pan_rate * seconds - 0.8f);
  return view;
}

std::vector<Seen> Film::Impl::figures_at(float seconds, const GroundView& view,
                                         const Point3& up) const {
  constexpr Rotation kFlip = {1, 0, 0, 0, -1, 0, 0, 0, -1};
  const Rotation to_camera = turn_x(view.pitch) * kFlip * turn_y(view.pan);
  std::vector<Seen> seen;
  for (const Player& player : players_) {
    const Knot knot = place_of(player.role, seconds);
    const auto at = view.project(knot.x, knot.z, 0);
    if (at.depth < 3) continue;
    const Stance stance = stance_at(player.role, seconds);
    const Point3 feet = {(at.pixel[0] - view.centre_x) / at.scale,
                         (at.pixel[1] - view.centre_y) / at.scale, at.depth};
    Seen one = {&player,
                dresser_->figure(player.person, dresser_->poser().pose(stance, to_camera), feet)};
    const float level = dot(up, feet) + stance.height;
    Dresser::move(one.figure, up * (level - one.figure.lowest(up)));
    seen.push_back(std::move(one));
  }
  std::stable_sort(seen.begin(), seen.end(), [](const Seen& a, const Seen& b) {
    return a.figure.translation[2] > b.figure.translation[2];
  });
  return seen;
}

void Film::Impl::draw_all(const Picture& picture, const GroundView& view, const Point3& up,
                          std::vector<Seen>& seen) {
  GroundView fine = view;
  fine.focal_length *= kFiner, fine.centre_x *= kFiner, fine.centre_y *= kFiner;
  draw_surroundings(picture, fine, take_.place, textures_);
  const Plane ground = {up, -view.height};
  float drawn_to = 1e6f;
  for (Seen& one : seen) {
    const float depth = one.figure.translation[2];
    draw_props(picture, fine, take_.place, textures_, depth, drawn_to);
    drawn_to = depth;
    painter_.draw_shadow(picture, *dresser_, one.figure, fine.focal_length, ground);
    one.whole = painter_.draw(picture, *dresser_, one.figure, fine.focal_length,
                              static_cast<std::uint8_t>(one.player->id));
  }
  draw_props(picture, fine, take_.place, textures_, 1, drawn_to);
}

TruthFrame Film::Impl::truth_of(std::uint32_t frame, const std::vector<Seen>& seen) const {
  TruthFrame truth = {.frame = frame, .people = {}};
  const GroundView& view = take_.view;
  const float w = static_cast<float>(options_.width), h = static_cast<float>(options_.height);
  for (const Seen& one : seen) {
    const Bounds b = one.figure.bounds();
    const float f = view.focal_length;
    const PersonBox box = {view.centre_x + f * b.x0, view.centre_y + f * b.y0,
                           view.centre_x + f * b.x1, view.centre_y + f * b.y1};
    if (box.x1 <= 0 || box.y1 <= 0 || box.x0 >= w || box.y0 >= h) continue;
    const auto visible = std::count(owner_.begin(), owner_.end(), one.player->id);
    const float share = one.figure.share_inside(f, w, h) * static_cast<float>(visible) /
                        static_cast<float>(std::max(one.whole, 1));
    truth.people.push_back({.id = one.player->id,
                            .box = box,
                            .visible = std::clamp(share, 0.0f, 1.0f),
                            .pose = one.figure.pose,
                            .translation = one.figure.translation});
  }
  std::sort(truth.people.begin(), truth.people.end(),
            [](const TruePerson& a, const TruePerson& b) { return a.id < b.id; });
  return truth;
}

TruthFrame Film::Impl::draw(std::uint32_t frame, std::span<std::uint8_t> rgb) {
  POSEFLEET_CHECK(rgb.size() == static_cast<std::size_t>(3) *
                                    static_cast<std::size_t>(options_.width) *
                                    static_cast<std::size_t>(options_.height));
  const float seconds = static_cast<float>(frame / options_.frames_per_second);
  const GroundView view = view_at(seconds);
  constexpr Rotation kFlip = {1, 0, 0, 0, -1, 0, 0, 0, -1};
  const Rotation to_camera = turn_x(view.pitch) * kFlip * turn_y(view.pan);
  const Point3 up = to_camera * Point3{0, 1, 0};
  painter_.set_light({.to_sun = to_camera * to_sun_,
                      .sun = 2.6f,
                      .sky = 0.9f,
                      .fill = 0.6f,
                      .ambient = 0.28f,
                      .shadow = 0.4f},
                     up);
  std::fill(owner_.begin(), owner_.end(), 0);
  const Picture fine = {fine_.data(), kFiner * options_.width, kFiner * options_.height,
                        owner_.data()};
  std::vector<Seen> seen = figures_at(seconds, view, up);
  draw_all(fine, view, up, seen);
  halve(fine, rgb, options_.width, options_.height);
  return truth_of(frame, seen);
}

Film::Film(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Film::Film(Film&&) noexcept = default;
Film& Film::operator=(Film&&) noexcept = default;
Film::~Film() = default;

Result<Film> Film::create(BodyData body, const FilmOptions& options) {
  POSEFLEET_TRY_DO(check_options(options));
  POSEFLEET_TRY(std::unique_ptr<const Dresser> dresser, Dresser::create(std::move(body)));
  return Film(std::make_unique<Impl>(std::move(dresser), options));
}

std::uint32_t Film::frame_count() const {
  return impl_->frame_count();
}
float Film::focal_length() const {
  return impl_->focal_length();
}
TruthFrame Film::draw(std::uint32_t frame, std::span<std::uint8_t> rgb) {
  return impl_->draw(frame, rgb);
}

}  // namespace posefleet::training
