// The free body's surface as a formula: a function of the place that is negative inside, zero on
// the skin, positive outside.
//
// Trunk, arms, legs, neck, palm and foot are tubes along one axis each, since the rest pose has all
// limbs along axes: a cross-section (a rounded square with its own half-width to each of four
// sides) that changes along the way by a table of stations, which is how one measures a body:
// "calf: so far back, so far out". Round cones and ellipsoids add what a cross-section cannot say:
// fingers, toes, nose, ears, buttocks. A smooth minimum joins them. The obvious other, balls and
// cones alone, gives a body of sausages however many one takes.
//
// Metres, in the rest frame of skeleton.h. The body is its own mirror image; everything here is
// meant for places with x >= 0.
#pragma once

#include <array>
#include <vector>

#include "training/body/vec.h"

namespace posefleet::training {

// One cross-section. `along` is the coordinate on the tube's axis; `u` and `v` are the two others.
struct Station {
  double along;
  double u, v;                              // the middle
  double u_plus, u_minus, v_plus, v_minus;  // half-widths to each side
};

// One building block. A value; immutable once it is in the field.
struct Part {
  enum class Kind { TubeX, TubeY, TubeZ, RoundCone, Ellipsoid };
  Kind kind = Kind::Ellipsoid;
  double blend = 0.02;     // how far the smooth minimum reaches
  bool is_carved = false;  // taken away instead of added
  bool has_twin = false;   // its mirror image comes near x = 0 and is joined there, too
  double squareness = 0;   // tubes: 0 is an ellipse, 1 a squircle
  // Tubes: how far the rounded ends reach beyond the first and the last station.
  double cap_first = 0.01, cap_last = 0.01;
  std::vector<Station> stations;
  Vec from, to;  // round cone: its ends; ellipsoid: middle and half-axes
  double radius_from = 0, radius_to = 0;
  Vec box_low, box_high;  // filled in by the field
};

// Immutable; may be used by several threads.
class BodyField final {
 public:
  BodyField();

  // Roughly the distance to the skin, negative inside.
  double at(const Vec& place) const;
  // The direction in which the field grows, of length 1.
  Vec outward(const Vec& place) const;
  // The nearest place on the skin, to about 1e-6 m, for a place within a few centimetres of it. A
  // place in the plane x = 0 stays in it.
  Vec onto_skin(Vec place) const;

 private:
  Vec slope(const Vec& place) const;

  std::vector<Part> parts_;
};

}  // namespace posefleet::training
