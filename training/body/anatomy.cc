#include "training/body/anatomy.h"

#include <algorithm>
#include <array>
#include <utility>

namespace posefleet::training {
namespace {

struct Cone {
  Vec from, to;
  double radius_from, radius_to;
};

// Palms face down, thumbs forward. Knuckles on an arc, tips spread enough that the gaps between the
// fingers are wider than the mesh.
constexpr std::array<Cone, kFingerCount> kFingers = {{
    {{0.722, 0.211, 0.008}, {0.775, 0.205, 0.062}, 0.0145, 0.0095},
    {{0.782, 0.217, 0.012}, {0.866, 0.215, 0.025}, 0.0105, 0.0082},
    {{0.788, 0.219, -0.009}, {0.878, 0.217, -0.009}, 0.0108, 0.0084},
    {{0.784, 0.218, -0.03}, {0.868, 0.216, -0.041}, 0.0103, 0.008},
    {{0.776, 0.216, -0.049}, {0.842, 0.214, -0.069}, 0.0094, 0.0074},
}};

constexpr std::array<Cone, 5> kToes = {{
    {{0.086, -1.137, 0.145}, {0.086, -1.141, 0.176}, 0.0155, 0.013},
    {{0.107, -1.138, 0.145}, {0.108, -1.144, 0.175}, 0.0115, 0.0095},
    {{0.122, -1.139, 0.14}, {0.124, -1.145, 0.167}, 0.011, 0.0092},
    {{0.136, -1.139, 0.132}, {0.139, -1.145, 0.156}, 0.0107, 0.009},
    {{0.148, -1.14, 0.12}, {0.152, -1.145, 0.142}, 0.0105, 0.009},
}};

Part tube(Part::Kind kind, double blend, double squareness, double cap,
          std::vector<Station> stations) {
  Part part;
  part.kind = kind;
  part.blend = blend;
  part.squareness = squareness;
  part.cap_first = cap;
  part.cap_last = cap;
  part.stations = std::move(stations);
  return part;
}

Part cone(double blend, const Cone& shape) {
  Part part;
  part.kind = Part::Kind::RoundCone;
  part.blend = blend;
  part.from = shape.from;
  part.to = shape.to;
  part.radius_from = shape.radius_from;
  part.radius_to = shape.radius_to;
  return part;
}

Part ellipsoid(double blend, const Vec& middle, const Vec& half_axes) {
  Part part;
  part.kind = Part::Kind::Ellipsoid;
  part.blend = blend;
  part.from = middle;
  part.to = half_axes;
  return part;
}

Part twin(Part part) {
  part.has_twin = true;
  return part;
}

Part carved(Part part) {
  part.is_carved = true;
  return part;
}

void add_trunk(std::vector<Part>& parts) {
  // y; middle x, z; left, right, front, back.
  parts.push_back(tube(Part::Kind::TubeY, 0.03, 0.2, 0.04,
                       {{-0.33, 0, -0.005, 0.150, 0.150, 0.086, 0.090},
                        {-0.28, 0, -0.005, 0.168, 0.168, 0.098, 0.104},
                        {-0.21, 0, -0.005, 0.167, 0.167, 0.102, 0.100},
                        {-0.13, 0, -0.004, 0.152, 0.152, 0.101, 0.079},
                        {-0.05, 0, 0.000, 0.140, 0.140, 0.097, 0.073},
                        {0.04, 0, -0.002, 0.148, 0.148, 0.103, 0.086},
                        {0.12, 0, -0.006, 0.162, 0.162, 0.109, 0.103},
                        {0.18, 0, -0.012, 0.163, 0.163, 0.100, 0.104},
                        {0.225, 0, -0.018, 0.135, 0.135, 0.074, 0.088},
                        {0.255, 0, -0.022, 0.090, 0.090, 0.052, 0.064}}));
  // Chest, buttocks, and the slope from the neck to the shoulder.
  parts.push_back(twin(ellipsoid(0.04, {0.072, 0.128, 0.066}, {0.068, 0.050, 0.038})));
  parts.push_back(twin(ellipsoid(0.045, {0.074, -0.315, -0.055}, {0.078, 0.080, 0.062})));
  parts.push_back(twin(cone(0.05, {{0.035, 0.287, -0.035}, {0.165, 0.240, -0.025}, 0.041, 0.039})));
}

void add_leg(std::vector<Part>& parts) {
  // y; middle x, z; out, in, front, back.
  Part leg = tube(Part::Kind::TubeY, 0.035, 0.1, 0.03,
                  {{-0.28, 0.088, 0.000, 0.079, 0.070, 0.082, 0.085},
                   {-0.36, 0.092, 0.000, 0.084, 0.080, 0.088, 0.088},
                   {-0.45, 0.095, 0.002, 0.077, 0.078, 0.084, 0.078},
                   {-0.54, 0.097, 0.002, 0.067, 0.067, 0.075, 0.068},
                   {-0.62, 0.099, 0.000, 0.057, 0.058, 0.064, 0.059},
                   {-0.69, 0.100, 0.000, 0.051, 0.053, 0.058, 0.052},
                   {-0.74, 0.100, -0.004, 0.049, 0.052, 0.050, 0.054},
                   {-0.81, 0.099, -0.010, 0.053, 0.055, 0.046, 0.062},
                   {-0.88, 0.098, -0.014, 0.049, 0.050, 0.043, 0.057},
                   {-0.97, 0.096, -0.018, 0.037, 0.038, 0.037, 0.041},
                   {-1.04, 0.095, -0.020, 0.031, 0.032, 0.034, 0.034},
                   {-1.09, 0.095, -0.020, 0.033, 0.034, 0.036, 0.036}});
  // The thigh runs out into the hip without a ledge.
  leg.cap_first = 0.09;
  parts.push_back(twin(leg));
}

void add_foot(std::vector<Part>& parts) {
  // z; middle x, y; out, in, up, down.
  parts.push_back(tube(Part::Kind::TubeZ, 0.03, 0.6, 0.022,
                       {{-0.060, 0.094, -1.112, 0.031, 0.031, 0.036, 0.043},
                        {-0.020, 0.095, -1.112, 0.033, 0.032, 0.044, 0.043},
                        {0.030, 0.099, -1.112, 0.035, 0.033, 0.043, 0.041},
                        {0.080, 0.108, -1.122, 0.041, 0.038, 0.028, 0.033},
                        {0.115, 0.113, -1.130, 0.045, 0.040, 0.020, 0.025},
                        {0.145, 0.114, -1.136, 0.040, 0.039, 0.014, 0.018}}));
  for (const Cone& toe : kToes) parts.push_back(cone(0.008, toe));
  parts.push_back(ellipsoid(0.015, {0.124, -1.080, -0.024}, {0.009, 0.012, 0.011}));
  parts.push_back(ellipsoid(0.015, {0.066, -1.075, -0.018}, {0.009, 0.012, 0.011}));
}

void add_arm(std::vector<Part>& parts) {
  // x; middle z, y; front, back, up, down.
  parts.push_back(tube(Part::Kind::TubeX, 0.045, 0.1, 0.03,
                       {{0.130, -0.016, 0.213, 0.059, 0.059, 0.047, 0.062},
                        {0.185, -0.018, 0.218, 0.058, 0.057, 0.054, 0.061},
                        {0.240, -0.020, 0.220, 0.053, 0.052, 0.050, 0.054},
                        {0.310, -0.024, 0.220, 0.049, 0.048, 0.044, 0.048},
                        {0.380, -0.028, 0.220, 0.042, 0.043, 0.040, 0.042},
                        {0.435, -0.030, 0.220, 0.040, 0.039, 0.037, 0.037},
                        {0.490, -0.029, 0.220, 0.046, 0.041, 0.040, 0.039},
                        {0.550, -0.027, 0.220, 0.042, 0.037, 0.037, 0.036},
                        {0.620, -0.024, 0.220, 0.033, 0.031, 0.029, 0.028},
                        {0.675, -0.022, 0.220, 0.028, 0.028, 0.022, 0.022},
                        {0.700, -0.022, 0.219, 0.028, 0.028, 0.019, 0.020}}));
}

void add_hand(std::vector<Part>& parts) {
  // x; middle z, y; front, back, up, down.
  parts.push_back(tube(Part::Kind::TubeX, 0.02, 0.5, 0.010,
                       {{0.690, -0.022, 0.219, 0.027, 0.027, 0.019, 0.020},
                        {0.720, -0.021, 0.219, 0.033, 0.033, 0.017, 0.020},
                        {0.755, -0.019, 0.218, 0.039, 0.038, 0.015, 0.018},
                        {0.778, -0.018, 0.218, 0.039, 0.037, 0.013, 0.015}}));
  for (int finger = 0; finger < kFingerCount; ++finger) {
    parts.push_back(cone(finger == 0 ? 0.018 : 0.010, kFingers[static_cast<std::size_t>(finger)]));
  }
}

void add_head(std::vector<Part>& parts) {
  // y; middle x, z; left, right, front, back.
  parts.push_back(tube(Part::Kind::TubeY, 0.04, 0.1, 0.02,
                       {{0.210, 0, -0.030, 0.070, 0.070, 0.052, 0.052},
                        {0.265, 0, -0.026, 0.063, 0.063, 0.055, 0.056},
                        {0.320, 0, -0.016, 0.058, 0.058, 0.057, 0.058},
                        {0.400, 0, -0.008, 0.057, 0.057, 0.056, 0.060}}));
  parts.push_back(ellipsoid(0.02, {0, 0.455, -0.012}, {0.076, 0.100, 0.094}));
  parts.push_back(ellipsoid(0.04, {0, 0.490, -0.008}, {0.073, 0.074, 0.090}));
  parts.push_back(tube(Part::Kind::TubeY, 0.025, 0.25, 0.014,
                       {{0.350, 0, 0.030, 0.034, 0.034, 0.061, 0.040},
                        {0.375, 0, 0.025, 0.052, 0.052, 0.065, 0.045},
                        {0.410, 0, 0.020, 0.061, 0.061, 0.069, 0.050},
                        {0.450, 0, 0.015, 0.066, 0.066, 0.073, 0.050},
                        {0.490, 0, 0.010, 0.066, 0.066, 0.075, 0.050}}));
  parts.push_back(ellipsoid(0.012, {0, 0.349, 0.080}, {0.018, 0.012, 0.012}));
  // Eye sockets, then the eyes in them, brows, nose, lips, ears.
  parts.push_back(carved(ellipsoid(0.012, {0.034, 0.455, 0.097}, {0.021, 0.015, 0.021})));
  parts.push_back(ellipsoid(0.004, {0.033, 0.454, 0.0685}, {0.0135, 0.0115, 0.0135}));
  parts.push_back(twin(cone(0.012, {{0.012, 0.474, 0.083}, {0.045, 0.474, 0.068}, 0.007, 0.006})));
  parts.push_back(cone(0.012, {{0, 0.460, 0.086}, {0, 0.4235, 0.1015}, 0.008, 0.0125}));
  parts.push_back(twin(ellipsoid(0.012, {0.011, 0.419, 0.091}, {0.0085, 0.008, 0.011})));
  parts.push_back(ellipsoid(0.007, {0, 0.391, 0.088}, {0.023, 0.005, 0.0085}));
  parts.push_back(ellipsoid(0.007, {0, 0.3805, 0.086}, {0.019, 0.0055, 0.0085}));
  parts.push_back(ellipsoid(0.007, {0.079, 0.445, -0.010}, {0.0085, 0.030, 0.018}));
}

// 1 inside the range, 0 a `margin` outside of it.
double inside(double low, double high, double margin, double value) {
  return std::min(smooth_step(low - margin, low, value),
                  smooth_step(-high - margin, -high, -value));
}

}  // namespace

std::vector<Part> body_parts() {
  std::vector<Part> parts;
  add_trunk(parts);
  add_leg(parts);
  add_foot(parts);
  add_arm(parts);
  add_hand(parts);
  add_head(parts);
  return parts;
}

double edge_length_at(const Vec& place) {
  constexpr double kTrunkAndLimbs = 0.0198;
  double size = kTrunkAndLimbs;
  const auto refine = [&](double finer, double amount) {
    size = std::min(size, kTrunkAndLimbs + (finer - kTrunkAndLimbs) * amount);
  };
  refine(0.0082, smooth_step(0.64, 0.71, place.x));
  refine(0.0145, inside(0.33, 1, 0.08, place.y));
  refine(0.0085, inside(0.34, 0.485, 0.03, place.y) * smooth_step(0.02, 0.07, place.z));
  refine(0.0095, inside(0.41, 0.48, 0.03, place.y) * smooth_step(0.05, 0.075, place.x) *
                     smooth_step(0.2, 0.1, place.x));
  refine(0.0145, smooth_step(-1.02, -1.09, place.y));
  refine(0.0105, smooth_step(-1.09, -1.12, place.y) * smooth_step(0.08, 0.14, place.z));
  // Where limbs bend much the skin needs more rows.
  refine(0.0165, inside(0.39, 0.48, 0.05, place.x));
  refine(0.0175, inside(-0.75, -0.63, 0.05, place.y));
  return size;
}

Vec finger_tip(int finger) {
  const Cone& cone = kFingers.at(static_cast<std::size_t>(finger));
  return cone.to + unit(cone.to - cone.from) * cone.radius_to;
}

Vec toe_tip(int toe) {
  const Cone& cone = kToes.at(static_cast<std::size_t>(toe));
  return cone.to + unit(cone.to - cone.from) * cone.radius_to;
}

}  // namespace posefleet::training
