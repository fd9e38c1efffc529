#include "training/body/field.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "training/body/anatomy.h"

namespace posefleet::training {
namespace {

// A place seen along a tube's axis.
struct InTube {
  double along, u, v;
};

InTube in_tube(Part::Kind kind, const Vec& place) {
  if (kind == Part::Kind::TubeX) return {place.x, place.z, place.y};
  if (kind == Part::Kind::TubeY) return {place.y, place.x, place.z};
  return {place.z, place.x, place.y};
}

Vec from_tube(Part::Kind kind, double along, double u, double v) {
  if (kind == Part::Kind::TubeX) return {along, v, u};
  if (kind == Part::Kind::TubeY) return {u, along, v};
  return {u, v, along};
}

// The smaller of both, rounded off where they differ by less than `reach`. The third power makes
// the curvature continuous, which shading would show otherwise.
double smooth_min(double a, double b, double reach) {
  const double near = std::max(reach - std::abs(a - b), 0.0) / reach;
  return std::min(a, b) - near * near * near * reach / 6;
}

// One number of the stations, along a curve through them whose slope at each is that of the line
// between its neighbours.
double through(const std::vector<Station>& stations, std::size_t i, double t,
               double Station::*member) {
  const auto slope = [&](std::size_t k) {
    const Station& before = stations[k == 0 ? 0 : k - 1];
    const Station& after = stations[std::min(k + 1, stations.size() - 1)];
    return (after.*member - before.*member) / (after.along - before.along);
  };
  const Station& a = stations[i];
  const Station& b = stations[i + 1];
  const double step = b.along - a.along;
  const double t2 = t * t, t3 = t2 * t;
  return (2 * t3 - 3 * t2 + 1) * (a.*member) + (t3 - 2 * t2 + t) * step * slope(i) +
         (3 * t2 - 2 * t3) * (b.*member) + (t3 - t2) * step * slope(i + 1);
}

double tube_at(const Part& part, const Vec& place) {
  const std::vector<Station>& stations = part.stations;
  const InTube q = in_tube(part.kind, place);
  // Tables run upwards or downwards.
  const double sign = stations.back().along > stations.front().along ? 1 : -1;
  const double first = sign * stations.front().along, last = sign * stations.back().along;
  const double along = std::clamp(sign * q.along, first, last);
  std::size_t i = 0;
  while (i + 2 < stations.size() && sign * stations[i + 1].along <= along) ++i;
  const double t =
      (along - sign * stations[i].along) / (sign * (stations[i + 1].along - stations[i].along));
  const double du = q.u - through(stations, i, t, &Station::u);
  const double dv = q.v - through(stations, i, t, &Station::v);
  const double half_u = through(stations, i, t, du > 0 ? &Station::u_plus : &Station::u_minus);
  const double half_v = through(stations, i, t, dv > 0 ? &Station::v_plus : &Station::v_minus);
  // In units of the half-widths; 1 is on the skin.
  const double u = du / half_u, v = dv / half_v;
  const double u2 = u * u, v2 = v * v;
  const double round = std::sqrt(u2 + v2);
  const double square = std::sqrt(std::sqrt(u2 * u2 + v2 * v2));
  const double across = round + (square - round) * part.squareness;
  const double cap = sign * q.along < first ? part.cap_first : part.cap_last;
  const double beyond = (sign * q.along - along) / cap;
  const double size = std::sqrt(across * across + beyond * beyond);
  // What one unit is in metres in this direction.
  const double metres = std::sqrt(du * du + dv * dv + beyond * beyond * cap * cap);
  constexpr double kMiddle = 1e-9;
  if (size < kMiddle) return -std::min(half_u, half_v);
  return metres * (1 - 1 / size);
}

double cone_at(const Part& part, const Vec& place) {
  const Vec axis = part.to - part.from;
  const double t = std::clamp(dot(place - part.from, axis) / dot(axis, axis), 0.0, 1.0);
  return length(place - (part.from + axis * t)) -
         (part.radius_from + t * (part.radius_to - part.radius_from));
}

double ellipsoid_at(const Part& part, const Vec& place) {
  const Vec d = place - part.from;
  const Vec a = {d.x / part.to.x, d.y / part.to.y, d.z / part.to.z};
  const Vec b = {a.x / part.to.x, a.y / part.to.y, a.z / part.to.z};
  const double size = length(a);
  const double slope = length(b);
  constexpr double kMiddle = 1e-9;
  if (slope < kMiddle) return -std::min({part.to.x, part.to.y, part.to.z});
  return size * (size - 1) / slope;
}

double part_at(const Part& part, const Vec& place) {
  switch (part.kind) {
    case Part::Kind::RoundCone:
      return cone_at(part, place);
    case Part::Kind::Ellipsoid:
      return ellipsoid_at(part, place);
    case Part::Kind::TubeX:
    case Part::Kind::TubeY:
    case Part::Kind::TubeZ:
      return tube_at(part, place);
  }
  return std::numeric_limits<double>::max();
}

void find_box(Part& part) {
  constexpr double kFar = std::numeric_limits<double>::max();
  Vec low = {kFar, kFar, kFar}, high = {-kFar, -kFar, -kFar};
  const auto hold = [&](const Vec& a, const Vec& b) {
    low = {std::min({low.x, a.x, b.x}), std::min({low.y, a.y, b.y}), std::min({low.z, a.z, b.z})};
    high = {std::max({high.x, a.x, b.x}), std::max({high.y, a.y, b.y}),
            std::max({high.z, a.z, b.z})};
  };
  if (part.kind == Part::Kind::Ellipsoid) {
    hold(part.from - part.to, part.from + part.to);
  } else if (part.kind == Part::Kind::RoundCone) {
    const double radius = std::max(part.radius_from, part.radius_to);
    const Vec around = {radius, radius, radius};
    hold(part.from - around, part.from + around);
    hold(part.to - around, part.to + around);
  }
  // The curve through the stations overshoots them by less than this.
  constexpr double kOvershoot = 0.01;
  const double cap = std::max(part.cap_first, part.cap_last);
  for (const Station& station : part.stations) {
    hold(from_tube(part.kind, station.along - cap, station.u - station.u_minus - kOvershoot,
                   station.v - station.v_minus - kOvershoot),
         from_tube(part.kind, station.along + cap, station.u + station.u_plus + kOvershoot,
                   station.v + station.v_plus + kOvershoot));
  }
  part.box_low = low;
  part.box_high = high;
}

double distance_to_box(const Part& part, const Vec& place) {
  const Vec outside = {std::max({part.box_low.x - place.x, place.x - part.box_high.x, 0.0}),
                       std::max({part.box_low.y - place.y, place.y - part.box_high.y, 0.0}),
                       std::max({part.box_low.z - place.z, place.z - part.box_high.z, 0.0})};
  return length(outside);
}

void join(double& field, const Part& part, const Vec& place) {
  const double far = distance_to_box(part, place);
  // Too far away to matter.
  if (part.is_carved ? far > part.blend - field : far > field + part.blend) return;
  const double here = part_at(part, place);
  field =
      part.is_carved ? -smooth_min(-field, here, part.blend) : smooth_min(field, here, part.blend);
}

}  // namespace

BodyField::BodyField() : parts_(body_parts()) {
  for (Part& part : parts_) find_box(part);
}

double BodyField::at(const Vec& place) const {
  double field = 1;  // a metre: farther than anything is asked for
  for (const Part& part : parts_) {
    join(field, part, place);
    if (part.has_twin) join(field, part, mirrored(place));
  }
  return field;
}

Vec BodyField::slope(const Vec& place) const {
  constexpr double kStep = 1e-4;  // far below any feature, far above rounding
  const auto along = [&](const Vec& step) {
    return (at(place + step) - at(place - step)) / (2 * kStep);
  };
  return {along({kStep, 0, 0}), along({0, kStep, 0}), along({0, 0, kStep})};
}

Vec BodyField::outward(const Vec& place) const {
  return unit(slope(place));
}

Vec BodyField::onto_skin(Vec place) const {
  const bool in_middle = place.x == 0;
  constexpr int kStepsMax = 8;
  constexpr double kCloseEnough = 1e-6;
  // A step may not jump to another limb.
  constexpr double kStepMax = 0.02;
  for (int step = 0; step < kStepsMax; ++step) {
    const double field = at(place);
    if (std::abs(field) < kCloseEnough) break;
    Vec direction = slope(place);
    if (in_middle) direction.x = 0;
    const double size2 = dot(direction, direction);
    if (size2 < 1e-6) break;
    Vec move = direction * (-field / size2);
    const double far = length(move);
    if (far > kStepMax) move = move * (kStepMax / far);
    place = place + move;
    if (in_middle) place.x = 0;
  }
  return place;
}

}  // namespace posefleet::training
