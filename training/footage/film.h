// A short film of several people who move on through time, with the truth of every frame.
//
// For showing and measuring the whole program on a video that everybody may have: it contains what
// videos of people contain. They come nearer and go away, leave and return, pass behind each other
// and behind trees, and the camera turns. Roles are written down in film_roles.cc; chance (the
// seed) only dresses them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/accuracy/truth.h"
#include "common/base/result.h"
#include "common/body/body_data.h"
#include "training/footage/motion.h"
#include "training/footage/place.h"

namespace posefleet::training {

enum class Script { Snow, Court, Random };
std::optional<Script> script_of(std::string_view name);

struct FilmOptions {
  std::uint64_t seed = 1;
  Script script = Script::Snow;
  int width = 1280, height = 720;  // pixels, even, 64 to 1920
  double frames_per_second = 30;
  double seconds = 10;
};

// Where somebody is at a moment: ground coordinates of GroundView, metres.
struct Knot {
  float seconds = 0, x = 0, z = 0;
};

// A spell of another motion, faded in and out.
struct Interlude {
  Motion motion = Motion::Jump;
  Manner manner{};
  float from = 0, to = 0;  // seconds
};

// What one person does in the film.
struct Role {
  Motion motion = Motion::Walk;
  Manner manner{};
  float rate = 1;              // phases a second
  float phase = 0;             // at the start
  std::vector<Knot> path;      // times ascending; joined smoothly
  float sway = 0;              // metres to the sides, once a phase: a rider's turns
  bool goes_sideways = false;  // boards travel along the body's left or right
  bool goes_left_first = true;
  float heading = 0;  // degrees; for those who stay where they are
  std::vector<Interlude> interludes;
};

// The camera: where it stands, and its turns.
struct Take {
  Place place;
  GroundView view;                    // pixels of the film; the pan at the start
  float pan_swing = 0, pan_rate = 0;  // degrees, and phases a second
  std::vector<Role> roles;
};
Take take_for(const FilmOptions& options);

// Where the role is at a time; and its stance, heading included.
Knot place_of(const Role& role, float seconds);
Stance stance_at(const Role& role, float seconds);

// One owner, one thread.
class Film final {
 public:
  // Rejects a body that check_body rejects, and sizes, rates and lengths (above 0 to 60 seconds)
  // that make no sense.
  static Result<Film> create(BodyData body, const FilmOptions& options);
  Film(Film&&) noexcept;
  Film& operator=(Film&&) noexcept;
  ~Film();

  std::uint32_t frame_count() const;
  float focal_length() const;  // pixels; the principal point is the frame's middle
  // Fills 3 x width x height bytes: red, green, blue. People outside the frame are not in the
  // truth; those who are hidden in it are, with `visible` 0.
  TruthFrame draw(std::uint32_t frame, std::span<std::uint8_t> rgb);

 private:
  class Impl;
  explicit Film(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace posefleet::training
