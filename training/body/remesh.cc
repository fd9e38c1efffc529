#include <algorithm>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <utility>

#include "training/body/anatomy.h"
#include "training/body/half_mesh.h"

namespace posefleet::training {
namespace {

using Index = std::int32_t;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

// An edge is split above the one and merged below the other, in units of the wanted length
// (Botsch and Kobbelt's numbers): half of the longest is still wanted better than the whole.
constexpr double kTooLong = 4.0 / 3;
constexpr double kTooShort = 4.0 / 5;
// A face may not turn farther than this when a vertex moves: cosine.
constexpr double kTurnMin = 0.3;
// How far a vertex of one half keeps from the middle plane, metres.
constexpr double kOffMiddle = 2e-3;

class Remesher final {
 public:
  Remesher(const BodyField& field, Mesh mesh) : field_(field), mesh_(std::move(mesh)) {
    faces_of_.resize(mesh_.points.size());
    for (std::size_t f = 0; f < mesh_.faces.size(); ++f) attach(static_cast<Index>(f));
  }

  Mesh run() {
    // Merging first in gentle steps: a tenth of the vertices remains.
    for (const double part : {0.35, 0.5, 0.7, 0.85, 1.0}) {
      merge_short(part);
      turn_edges();
    }
    constexpr int kRounds = 10;
    for (int round = 0; round < kRounds; ++round) {
      split_long();
      merge_short(1);
      turn_edges();
      for (int i = 0; i < 2; ++i) slide();
    }
    for (int i = 0; i < 4; ++i) {
      turn_edges();
      slide();
    }
    return compact();
  }

 private:
  const Vec& point(Index v) const { return mesh_.points[at(v)]; }
  bool on_border(Index v) const { return point(v).x == 0; }
  bool is_dead(Index f) const { return mesh_.faces[at(f)][0] < 0; }

  void attach(Index f) {
    for (const Index v : mesh_.faces[at(f)]) faces_of_[at(v)].push_back(f);
  }
  void detach(Index f) {
    for (const Index v : mesh_.faces[at(f)]) std::erase(faces_of_[at(v)], f);
  }

  std::vector<Index> neighbours(Index v) const {
    std::vector<Index> found;
    for (const Index f : faces_of_[at(v)]) {
      for (const Index other : mesh_.faces[at(f)]) {
        if (other != v) found.push_back(other);
      }
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  }

  // The faces on both sides of an edge; one at the border.
  std::vector<Index> faces_at(Index a, Index b) const {
    std::vector<Index> found;
    for (const Index f : faces_of_[at(a)]) {
      const Face& face = mesh_.faces[at(f)];
      if (std::find(face.begin(), face.end(), b) != face.end()) found.push_back(f);
    }
    return found;
  }

  Index third(Index f, Index a, Index b) const {
    for (const Index v : mesh_.faces[at(f)]) {
      if (v != a && v != b) return v;
    }
    return -1;
  }

  Vec normal(const Vec& a, const Vec& b, const Vec& c) const { return cross(b - a, c - a); }

  // Edge length in units of what is wanted there.
  double relative_length(Index a, Index b) const {
    return length(point(a) - point(b)) / edge_length_at((point(a) + point(b)) * 0.5);
  }

  std::vector<std::pair<Index, Index>> edges() const {
    std::vector<std::pair<Index, Index>> found;
    for (const Face& face : mesh_.faces) {
      if (face[0] < 0) continue;
      for (std::size_t i = 0; i < 3; ++i) {
        const Index a = face[i], b = face[(i + 1) % 3];
        // The border's edges have one direction only.
        if (a < b || (on_border(a) && on_border(b)))
          found.emplace_back(std::min(a, b), std::max(a, b));
      }
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  }

  // An inner vertex stays off the middle plane, or the halves would overlap.
  Vec on_skin(Vec place, bool is_on_border) const {
    if (is_on_border) return field_.onto_skin(place);
    place = field_.onto_skin({std::max(place.x, kOffMiddle), place.y, place.z});
    place.x = std::max(place.x, kOffMiddle);
    return place;
  }

  void split_long() {
    for (const auto& [a, b] : edges()) {
      if (relative_length(a, b) > kTooLong) split(a, b);
    }
  }

  void split(Index a, Index b) {
    const std::vector<Index> sides = faces_at(a, b);
    const Vec middle = (point(a) + point(b)) * 0.5;
    // An edge inside that joins two places of the border leaves the middle plane.
    const bool is_border = on_border(a) && on_border(b) && sides.size() == 1;
    const Index v = static_cast<Index>(mesh_.points.size());
    mesh_.points.push_back(on_skin(middle, is_border));
    faces_of_.emplace_back();
    for (const Index f : sides) {
      Face first = mesh_.faces[at(f)], second = first;
      std::replace(first.begin(), first.end(), b, v);
      std::replace(second.begin(), second.end(), a, v);
      detach(f);
      mesh_.faces[at(f)] = first;
      attach(f);
      mesh_.faces.push_back(second);
      attach(static_cast<Index>(mesh_.faces.size() - 1));
    }
  }

  // `part`: of the wanted length.
  void merge_short(double part) {
    std::vector<std::tuple<double, Index, Index>> short_ones;
    for (const auto& [a, b] : edges()) {
      const double size = relative_length(a, b);
      if (size < kTooShort * part) short_ones.emplace_back(size, a, b);
    }
    std::sort(short_ones.begin(), short_ones.end());
    for (const auto& [was, a, b] : short_ones) {
      if (faces_of_[at(a)].empty() || faces_of_[at(b)].empty()) continue;
      const std::vector<Index> sides = faces_at(a, b);
      if (!sides.empty() && relative_length(a, b) < kTooShort * part) merge(a, b, part, sides);
    }
  }

  // Both ends become one, unless that would make faces touch that must not, turn one over, or make
  // a long edge.
  void merge(Index a, Index b, double part, const std::vector<Index>& sides) {
    const bool both_on_border = on_border(a) && on_border(b);
    if (both_on_border && sides.size() == 2) return;
    const std::vector<Index> of_a = neighbours(a), of_b = neighbours(b);
    std::vector<Index> common;
    std::set_intersection(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(),
                          std::back_inserter(common));
    if (common.size() != sides.size()) return;
    Vec place = (point(a) + point(b)) * 0.5;
    if (!both_on_border && on_border(a)) place = point(a);
    if (!both_on_border && on_border(b)) place = point(b);
    // The first rounds stay close enough to the skin without being put onto it.
    if (part == 1) place = on_skin(place, on_border(a) || on_border(b));
    for (const Index v : {a, b}) {
      for (const Index other : neighbours(v)) {
        if (length(point(other) - place) > kTooLong * edge_length_at(place)) return;
      }
      if (!may_move(v, place, sides)) return;
    }
    for (const Index f : sides) {
      detach(f);
      mesh_.faces[at(f)] = {-1, -1, -1};
    }
    for (const Index f : faces_of_[at(b)]) {
      Face& face = mesh_.faces[at(f)];
      std::replace(face.begin(), face.end(), b, a);
      faces_of_[at(a)].push_back(f);
    }
    faces_of_[at(b)].clear();
    mesh_.points[at(a)] = place;
  }

  // Whether the faces around a vertex keep facing outwards when it moves; `except` vanish.
  bool may_move(Index v, const Vec& place, const std::vector<Index>& except) const {
    for (const Index f : faces_of_[at(v)]) {
      if (std::find(except.begin(), except.end(), f) != except.end()) continue;
      const Face& face = mesh_.faces[at(f)];
      Vec now[3], then[3];
      for (std::size_t i = 0; i < 3; ++i) {
        now[i] = point(face[i]);
        then[i] = face[i] == v ? place : now[i];
      }
      const Vec before = unit(normal(now[0], now[1], now[2]));
      const Vec after = normal(then[0], then[1], then[2]);
      // Also refuses a face that has no area left.
      if (dot(before, after) <= kTurnMin * length(after)) return false;
    }
    return true;
  }

  int valence_missing(Index v, int change) const {
    const int wanted = on_border(v) ? 4 : 6;
    return static_cast<int>(neighbours(v).size()) + change - wanted;
  }

  // Turns the edges whose turning brings the vertices closer to six neighbours.
  void turn_edges() {
    for (const auto& [a, b] : edges()) {
      const std::vector<Index> sides = faces_at(a, b);
      if (sides.size() != 2) continue;
      const Index c = third(sides[0], a, b), d = third(sides[1], a, b);
      const auto square = [](int n) { return n * n; };
      const int before = square(valence_missing(a, 0)) + square(valence_missing(b, 0)) +
                         square(valence_missing(c, 0)) + square(valence_missing(d, 0));
      const int after = square(valence_missing(a, -1)) + square(valence_missing(b, -1)) +
                        square(valence_missing(c, 1)) + square(valence_missing(d, 1));
      if (after < before) turn(c, d, sides);
    }
  }

  void turn(Index c, Index d, const std::vector<Index>& sides) {
    if (on_border(c) && on_border(d)) return;
    const std::vector<Index> of_c = neighbours(c);
    if (std::binary_search(of_c.begin(), of_c.end(), d)) return;
    // In the first face, c follows the edge from a to b, or from b to a.
    const Face& first = mesh_.faces[at(sides[0])];
    const auto i =
        static_cast<std::size_t>(std::find(first.begin(), first.end(), c) - first.begin());
    const Index from = first[(i + 1) % 3], to = first[(i + 2) % 3];
    const Face one = {c, from, d}, two = {d, to, c};
    const auto facing = [&](const Face& f) {
      return normal(point(f[0]), point(f[1]), point(f[2]));
    };
    const Vec out = unit(unit(facing(first)) + unit(facing(mesh_.faces[at(sides[1])])));
    // Not over a sharp crease, and no slivers.
    constexpr double kFacingMin = 0.7;
    constexpr double kAreaMin = 0.2;  // twice the area, of the longest edge's square
    for (const Face& f : {one, two}) {
      const Vec n = facing(f);
      if (dot(n, out) < kFacingMin * length(n)) return;
      const double longest =
          std::max({length(point(f[0]) - point(f[1])), length(point(f[1]) - point(f[2])),
                    length(point(f[2]) - point(f[0]))});
      if (length(n) < kAreaMin * longest * longest) return;
    }
    for (const Index f : sides) detach(f);
    mesh_.faces[at(sides[0])] = one;
    mesh_.faces[at(sides[1])] = two;
    for (const Index f : sides) attach(f);
  }

  // Moves each vertex along the skin towards the middle of its neighbours, those weighing more
  // whose faces are larger than wanted.
  void slide() {
    constexpr double kPart = 0.6;
    std::vector<Vec> moved = mesh_.points;
    for (std::size_t i = 0; i < mesh_.points.size(); ++i) {
      if (faces_of_[i].empty()) continue;
      const auto v = static_cast<Index>(i);
      Vec sum;
      double weight = 0;
      for (const Index other : neighbours(v)) {
        // Along the border only its own edges count.
        if (on_border(v) && faces_at(v, other).size() != 1) continue;
        // Along a line, weights by length would overshoot the middle.
        const double size = on_border(v) ? 1 : relative_length(v, other);
        sum = sum + point(other) * size;
        weight += size;
      }
      if (weight == 0) continue;
      Vec move = (sum * (1 / weight) - point(v)) * kPart;
      if (on_border(v)) move.x = 0;
      const Vec out = field_.outward(point(v));
      move = move - out * dot(move, out);
      if (on_border(v)) move.x = 0;
      Vec place = point(v) + move;
      moved[i] = on_skin(place, on_border(v));
    }
    for (std::size_t i = 0; i < moved.size(); ++i) {
      if (!faces_of_[i].empty() && may_move(static_cast<Index>(i), moved[i], {})) {
        mesh_.points[i] = moved[i];
      }
    }
  }

  Mesh compact() const {
    Mesh result;
    std::vector<Index> number(mesh_.points.size(), -1);
    for (std::size_t i = 0; i < mesh_.points.size(); ++i) {
      if (faces_of_[i].empty()) continue;
      number[i] = static_cast<Index>(result.points.size());
      result.points.push_back(mesh_.points[i]);
    }
    for (const Face& face : mesh_.faces) {
      if (face[0] >= 0)
        result.faces.push_back({number[at(face[0])], number[at(face[1])], number[at(face[2])]});
    }
    return result;
  }

  const BodyField& field_;
  Mesh mesh_;
  std::vector<std::vector<Index>> faces_of_;
};

}  // namespace

Mesh remesh_half(const BodyField& field, Mesh mesh) {
  return Remesher(field, std::move(mesh)).run();
}

}  // namespace posefleet::training
