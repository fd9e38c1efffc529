#include <cmath>
#include <cstddef>
#include <limits>
#include <unordered_map>

#include "common/base/check.h"
#include "training/body/half_mesh.h"

namespace posefleet::training {
namespace {

// Holds the body with the arms stretched out; the low x is the middle plane.
constexpr Vec kLow = {0, -1.20, -0.16};
constexpr Vec kHigh = {0.92, 0.60, 0.22};

struct Cell {
  int x, y, z;
};

// Six tetrahedra around the diagonal of a cube: all cubes cut alike, so neighbours' faces match.
constexpr int kTetrahedra[6][4] = {{0, 1, 3, 7}, {0, 3, 2, 7}, {0, 2, 6, 7},
                                   {0, 6, 4, 7}, {0, 4, 5, 7}, {0, 5, 1, 7}};

class Contour final {
 public:
  Contour(const BodyField& field, double step) : field_(field), step_(step) {
    size_ = {count(kLow.x, kHigh.x), count(kLow.y, kHigh.y), count(kLow.z, kHigh.z)};
    const auto corners = static_cast<std::size_t>(size_.x + 1) *
                         static_cast<std::size_t>(size_.y + 1) *
                         static_cast<std::size_t>(size_.z + 1);
    values_.assign(corners, std::numeric_limits<double>::quiet_NaN());
    seen_.assign(corners, false);
  }

  Mesh walk() {
    visit(first_cell());
    while (!waiting_.empty()) {
      const Cell cell = waiting_.back();
      waiting_.pop_back();
      cut(cell);
    }
    return std::move(mesh_);
  }

 private:
  int count(double low, double high) const { return static_cast<int>((high - low) / step_) + 1; }

  std::size_t index(const Cell& c) const {
    return (static_cast<std::size_t>(c.z) * static_cast<std::size_t>(size_.y + 1) +
            static_cast<std::size_t>(c.y)) *
               static_cast<std::size_t>(size_.x + 1) +
           static_cast<std::size_t>(c.x);
  }

  Vec place(const Cell& c) const {
    return {kLow.x + c.x * step_, kLow.y + c.y * step_, kLow.z + c.z * step_};
  }

  // Never 0: a corner is inside or outside.
  double value(const Cell& c) {
    double& value = values_[index(c)];
    if (std::isnan(value)) {
      constexpr double kNotZero = 1e-7;
      value = field_.at(place(c));
      if (std::abs(value) < kNotZero) value = value < 0 ? -kNotZero : kNotZero;
    }
    return value;
  }

  // From inside the chest forwards until the skin is met.
  Cell first_cell() {
    const double chest_y = 0.1;
    Cell cell = {0, count(kLow.y, chest_y), count(kLow.z, 0)};
    POSEFLEET_CHECK(value(cell) < 0);
    while (value({cell.x, cell.y, cell.z + 1}) < 0) ++cell.z;
    return cell;
  }

  void visit(const Cell& c) {
    if (c.x < 0 || c.y < 0 || c.z < 0 || c.x >= size_.x || c.y >= size_.y || c.z >= size_.z) return;
    if (seen_[index(c)]) return;
    seen_[index(c)] = true;
    waiting_.push_back(c);
  }

  void cut(const Cell& c) {
    Cell corner[8];
    bool any_inside = false, any_outside = false;
    for (int i = 0; i < 8; ++i) {
      corner[i] = {c.x + (i & 1), c.y + (i >> 1 & 1), c.z + (i >> 2)};
      (value(corner[i]) < 0 ? any_inside : any_outside) = true;
    }
    if (!any_inside || !any_outside) return;
    for (const auto& tetrahedron : kTetrahedra) {
      const Cell four[4] = {corner[tetrahedron[0]], corner[tetrahedron[1]], corner[tetrahedron[2]],
                            corner[tetrahedron[3]]};
      cut_tetrahedron(four);
    }
    for (const int by : {-1, 1}) {
      visit({c.x + by, c.y, c.z});
      visit({c.x, c.y + by, c.z});
      visit({c.x, c.y, c.z + by});
    }
  }

  void cut_tetrahedron(const Cell (&four)[4]) {
    std::vector<Cell> inner, outer;
    for (const Cell& c : four) (value(c) < 0 ? inner : outer).push_back(c);
    if (inner.empty() || outer.empty()) return;
    const Vec out = (place(outer[0]) - place(inner[0]));
    if (inner.size() == 1 || outer.size() == 1) {
      std::array<std::int32_t, 3> face{};
      for (std::size_t i = 0; i < 3; ++i) {
        face[i] = inner.size() == 1 ? between(inner[0], outer[i]) : between(inner[i], outer[0]);
      }
      add(face, out);
      return;
    }
    const std::int32_t a = between(inner[0], outer[0]), b = between(inner[0], outer[1]);
    const std::int32_t d = between(inner[1], outer[1]), e = between(inner[1], outer[0]);
    add({a, b, d}, out);
    add({a, d, e}, out);
  }

  // The vertex where the surface cuts an edge of the grid.
  std::int32_t between(const Cell& inner, const Cell& outer) {
    const std::uint64_t a = index(inner), b = index(outer);
    const auto [found, is_new] =
        vertices_.try_emplace(a << 32 | b, static_cast<std::int32_t>(mesh_.points.size()));
    if (is_new) {
      // Off the corners, so that no triangle shrinks to nothing and normals are known.
      constexpr double kOffCorner = 0.05;
      double t = value(inner) / (value(inner) - value(outer));
      t = std::min(std::max(t, kOffCorner), 1 - kOffCorner);
      mesh_.points.push_back(place(inner) + (place(outer) - place(inner)) * t);
    }
    return found->second;
  }

  void add(Face face, const Vec& out) {
    const auto point = [&](std::size_t i) {
      return mesh_.points[static_cast<std::size_t>(face[i])];
    };
    if (dot(cross(point(1) - point(0), point(2) - point(0)), out) < 0) std::swap(face[1], face[2]);
    mesh_.faces.push_back(face);
  }

  const BodyField& field_;
  const double step_;
  Cell size_{};
  std::vector<double> values_;  // of the grid's corners; not a number where not asked for yet
  std::vector<bool> seen_;
  std::vector<Cell> waiting_;
  std::unordered_map<std::uint64_t, std::int32_t> vertices_;  // only looked up, never walked
  Mesh mesh_;
};

}  // namespace

Mesh contour_half(const BodyField& field, double step) {
  return Contour(field, step).walk();
}

WholeMesh with_mirror_image(const Mesh& half) {
  WholeMesh whole;
  whole.mesh = half;
  const std::size_t count = half.points.size();
  whole.twin.resize(count);
  for (std::size_t v = 0; v < count; ++v) {
    whole.twin[v] = static_cast<std::int32_t>(v);
    if (half.points[v].x == 0) continue;
    whole.twin[v] = static_cast<std::int32_t>(whole.mesh.points.size());
    whole.mesh.points.push_back(mirrored(half.points[v]));
    whole.twin.push_back(static_cast<std::int32_t>(v));
  }
  for (const Face& face : half.faces) {
    const auto image = [&](std::size_t i) { return whole.twin[static_cast<std::size_t>(face[i])]; };
    whole.mesh.faces.push_back({image(0), image(2), image(1)});
  }
  return whole;
}

}  // namespace posefleet::training
