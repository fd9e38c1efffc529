// Where people are: snow slopes with trees, fields, streets, courts, rooms, and mere clutter.
//
// A place is a plane of ground with things on it, seen by a pinhole; the same code draws the
// background of one crop and, frame by frame, that of a film, since the ground's texture and the
// trees have their places in the world. None of it is meant to be pretty: backgrounds are there so
// that a network does not take a tree for a leg.
#pragma once

#include <vector>

#include "training/footage/dice.h"
#include "training/footage/picture.h"
#include "training/footage/textures.h"

namespace posefleet::training {

// A camera above a plane of ground, without roll. Ground coordinates: x to the right and z ahead
// when `pan` is 0, metres.
struct GroundView {
  float focal_length = 0;            // pixels
  float centre_x = 0, centre_y = 0;  // where the axis meets the picture, pixels
  float pitch = 0;                   // degrees that the camera looks down at the plane
  float height = 0;                  // of the camera above the plane, metres; above 0
  float pan = 0;                     // degrees to the right
  float x = 0, z = 0;                // where the camera stands

  struct Projected {
    Point2 pixel{};
    float scale = 0;  // pixels per metre there; not above 0: behind the camera
    float depth = 0;  // metres along the axis
  };
  Projected project(float ground_x, float ground_z, float up) const;
  float horizon() const;  // the row; may be far outside
};

enum class PlaceKind { Snow, Field, Street, Court, Room, Abstract };
inline constexpr int kPlaceKindCount = 6;

enum class PropKind { Conifer, Bush, Pole, Gate, Block, Fence };
struct Prop {
  PropKind kind = PropKind::Pole;
  float x = 0, z = 0;      // ground, metres
  float height = 1;        // metres
  std::uint64_t seed = 0;  // of its tones and outline
};

struct Place {
  PlaceKind kind = PlaceKind::Snow;
  Tone sky_top{}, sky_low{}, ground_a{}, ground_b{}, wall_a{}, wall_b{}, line{};
  TextureKind ground_texture = TextureKind::Clouds, wall_texture = TextureKind::Clouds;
  float texels_per_metre = 20;
  float wall_z = 0;  // of a wall across the view, metres; 0: none
  float wall_height = 3;
  float hills = 0;  // height of what rises behind, share of the picture
  bool has_lines = false;
  int blur = 0;  // pixels
  std::uint64_t seed = 0;
  std::vector<Prop> props;
};

// `liveliness` 0..1.
Place random_place(Dice& dice, PlaceKind kind, float liveliness);
PlaceKind random_place_kind(Dice& dice);
// Adds things that stand between two distances before the camera, about where it looks.
void scatter_props(Dice& dice, Place& place, const GroundView& view, int count, float z_near,
                   float z_far);

// Adds one at a place of the ground, of a size that hides a person in part.
void add_prop(Dice& dice, Place& place, float x, float z);

// Sky, hills, ground, walls; not the props.
void draw_surroundings(const Picture& picture, const GroundView& view, const Place& place,
                       const Textures& textures);
// The props whose depth is in [depth_near, depth_far), farthest first.
void draw_props(const Picture& picture, const GroundView& view, const Place& place,
                const Textures& textures, float depth_near, float depth_far);
// Shapes of any kind all over: the clutter of a picture that shows nothing in particular.
void draw_clutter(Dice& dice, const Picture& picture, const Textures& textures, int count);
Tone random_tone(Dice& dice);

}  // namespace posefleet::training
