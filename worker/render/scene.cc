#include "worker/render/scene.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>

namespace posefleet::render {
namespace {

// Compared as bits: for numbers without sign the order is that of floats, and infinities and NaNs
// come last; and unlike a float's maximum, this loop may be done many at a time.
bool is_usable(std::span<const float> coordinates) {
  std::uint32_t largest = 0;
  for (const float value : coordinates) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value) & 0x7fffffffU;
    largest = bits > largest ? bits : largest;
  }
  return largest <= std::bit_cast<std::uint32_t>(kCoordinateMax);
}

// Twice the signed area; negative where the corners run counter-clockwise as seen (y down), which
// is how the outer side of a face looks.
template <typename Corner>
std::int64_t doubled_area(const Corner& a, const Corner& b, const Corner& c) {
  return std::int64_t{b.x - a.x} * (c.y - a.y) - std::int64_t{b.y - a.y} * (c.x - a.x);
}

// A polygon of three corners, plus one for each of the five planes that cut it.
template <typename Vertex>
struct Polygon {
  static constexpr int kMax = 8;
  std::array<Vertex, kMax> vertices;
  int count = 0;

  void push(const Vertex& vertex) {
    POSEFLEET_CHECK(count < kMax);
    vertices[count++] = vertex;
  }
};

// Keeps the part with distance >= 0 (Sutherland and Hodgman).
template <typename Vertex, typename Distance>
Polygon<Vertex> cut(const Polygon<Vertex>& polygon, const Distance& distance) {
  Polygon<Vertex> kept;
  for (int i = 0; i < polygon.count; ++i) {
    const Vertex& here = polygon.vertices[i];
    const Vertex& next = polygon.vertices[i + 1 == polygon.count ? 0 : i + 1];
    const double at_here = distance(here);
    const double at_next = distance(next);
    if (at_here >= 0) kept.push(here);
    if ((at_here >= 0) == (at_next >= 0)) continue;
    // From the inner end on, whichever way this triangle runs along the edge.
    const bool leaves = at_here >= 0;
    const Vertex& inner = leaves ? here : next;
    const Vertex& outer = leaves ? next : here;
    const double inside = leaves ? at_here : at_next;
    const double outside = leaves ? at_next : at_here;
    const double t = inside / (inside - outside);
    const auto mix = [t](double from, double to) { return from + (to - from) * t; };
    kept.push({mix(inner.x, outer.x), mix(inner.y, outer.y), mix(inner.z, outer.z),
               mix(inner.nx, outer.nx), mix(inner.ny, outer.ny), mix(inner.nz, outer.nz)});
  }
  return kept;
}

}  // namespace

void Scene::begin(const Projection& projection, int width, int height) {
  projection_ = projection;
  width_ = width;
  height_ = height;
  triangles_.clear();
}

bool Scene::add(const Mesh& mesh, std::uint16_t first_paint, const Kernels& kernels) {
  if (!is_usable(mesh.vertices)) return false;
  const std::size_t count = mesh.topology->vertex_count();
  const std::span<const MeshTopology::Face> faces = mesh.topology->faces();
  screen_x_.resize(count);
  screen_y_.resize(count);
  is_plain_.resize(count);
  attributes_.assign(count, Attributes{});
  kernels.face_normals(mesh.vertices.data(), faces.data(), faces.size(), attributes_.data());
  kernels.project(projection_, {mesh.vertices.data(), count, screen_x_.data(), screen_y_.data(),
                                attributes_.data(), is_plain_.data()});

  for (std::size_t i = 0; i < faces.size(); ++i) {
    const MeshTopology::Face& face = faces[i];
    const auto paint = static_cast<std::uint16_t>(
        first_paint + (mesh.face_paints.empty() ? 0 : mesh.face_paints[i]));
    if ((is_plain_[face[0]] & is_plain_[face[1]] & is_plain_[face[2]]) == 0) {
      add_cut(mesh, face, paint);
      continue;
    }
    add_triangle(corner(face[0]), corner(face[1]), corner(face[2]), paint);
  }
  return true;
}

Scene::Corner Scene::corner(const CutVertex& vertex) const {
  const double inverse_depth = 1 / vertex.z;
  const double focal = projection_.focal_length;
  const auto to_subpixels = [](double offset, double centre) {
    // A new corner lies on the guard band's border up to rounding.
    const double bounded = std::clamp(offset, -double{kGuard}, double{kGuard});
    return static_cast<std::int32_t>(std::floor((bounded + centre) * kSubpixels + 0.5));
  };
  const double length =
      std::sqrt(vertex.nx * vertex.nx + vertex.ny * vertex.ny + vertex.nz * vertex.nz + 1e-30);
  const double scale = inverse_depth / length;
  return {to_subpixels(focal * vertex.x * inverse_depth, projection_.centre_x),
          to_subpixels(focal * vertex.y * inverse_depth, projection_.centre_y),
          {static_cast<float>(vertex.nx * scale), static_cast<float>(vertex.ny * scale),
           static_cast<float>(vertex.nz * scale), static_cast<float>(inverse_depth)}};
}

void Scene::add_cut(const Mesh& mesh, const MeshTopology::Face& face, std::uint16_t paint) {
  Polygon<CutVertex> polygon;
  for (const std::uint32_t index : face) {
    const float* xyz = &mesh.vertices[3 * std::size_t{index}];
    // The attributes hold the unit normal over depth; the depth that project() used is their last.
    const Attributes& a = attributes_[index];
    const double depth = 1 / double{a[3]};
    polygon.push({xyz[0], xyz[1], xyz[2], a[0] * depth, a[1] * depth, a[2] * depth});
  }
  const double focal = projection_.focal_length;
  using V = CutVertex;
  polygon = cut(polygon, [](const V& v) { return v.z - double{kNear}; });
  polygon = cut(polygon, [focal](const V& v) { return kGuard * v.z + focal * v.x; });
  polygon = cut(polygon, [focal](const V& v) { return kGuard * v.z - focal * v.x; });
  polygon = cut(polygon, [focal](const V& v) { return kGuard * v.z + focal * v.y; });
  polygon = cut(polygon, [focal](const V& v) { return kGuard * v.z - focal * v.y; });
  if (polygon.count < 3) return;

  std::array<Corner, Polygon<CutVertex>::kMax> corners;
  for (int i = 0; i < polygon.count; ++i) {
    const CutVertex& v = polygon.vertices[i];
    corners[i] = corner(v);
    // A corner that was not cut must be the very one that the neighbours have.
    for (const std::uint32_t index : face) {
      const float* xyz = &mesh.vertices[3 * std::size_t{index}];
      if (is_plain_[index] != 0 && v.x == xyz[0] && v.y == xyz[1] && v.z == xyz[2]) {
        corners[i] = corner(index);
      }
    }
  }
  for (int i = 2; i < polygon.count; ++i) {
    add_triangle(corners[0], corners[i - 1], corners[i], paint);
  }
}

void Scene::add_triangle(const Corner& a, const Corner& b, const Corner& c, std::uint16_t paint) {
  const std::int64_t area = -doubled_area(a, b, c);
  if (area <= 0) return;  // seen from inside, or edge on
  const auto [left, right] = std::minmax({a.x, b.x, c.x});
  const auto [top, bottom] = std::minmax({a.y, b.y, c.y});
  const int x_min = std::max(left >> kSubpixelBits, 0);
  const int x_max = std::min(right >> kSubpixelBits, width_ - 1);
  const int y_min = std::max(top >> kSubpixelBits, 0);
  const int y_max = std::min(bottom >> kSubpixelBits, height_ - 1);
  if (x_min > x_max || y_min > y_max) return;

  ScreenTriangle& t = triangles_.emplace_back();
  // The edge functions want a positive area, so the second and third corner change places.
  t.x[0] = a.x, t.x[1] = c.x, t.x[2] = b.x;
  t.y[0] = a.y, t.y[1] = c.y, t.y[2] = b.y;
  t.x_min = static_cast<std::int16_t>(x_min);
  t.x_max = static_cast<std::int16_t>(x_max);
  t.y_min = static_cast<std::int16_t>(y_min);
  t.y_max = static_cast<std::int16_t>(y_max);
  t.paint = paint;
  t.is_narrow = right - left <= kNarrowExtent && bottom - top <= kNarrowExtent;

  // Planes through the three values, in double and relative to a corner inside the frame: a large
  // triangle's own corner may lie thirty thousand pixels away.
  constexpr double kToPixels = 1.0 / kSubpixels;
  const double to_inverse = kSubpixels * kSubpixels / static_cast<double>(area);
  const double ux = (c.x - a.x) * kToPixels * to_inverse;
  const double uy = (c.y - a.y) * kToPixels * to_inverse;
  const double vx = (b.x - a.x) * kToPixels * to_inverse;
  const double vy = (b.y - a.y) * kToPixels * to_inverse;
  const double from_a_x = x_min - a.x * kToPixels;
  const double from_a_y = y_min - a.y * kToPixels;
  for (int k = 0; k < 4; ++k) {
    const double u = double{c.attributes[k]} - a.attributes[k];
    const double v = double{b.attributes[k]} - a.attributes[k];
    const double step_x = u * vy - v * uy;
    const double step_y = v * ux - u * vx;
    t.step_x[k] = static_cast<float>(step_x);
    t.step_y[k] = static_cast<float>(step_y);
    t.base[k] = static_cast<float>(a.attributes[k] + step_x * from_a_x + step_y * from_a_y);
  }
  const auto [nearest, farthest] = std::minmax({a.attributes[3], b.attributes[3], c.attributes[3]});
  t.inverse_depth_min = nearest;
  t.inverse_depth_max = farthest;
}

void BandWalk::begin(std::span<const ScreenTriangle> triangles, int height) {
  triangles_ = triangles;
  const std::size_t bands = static_cast<std::size_t>((height + kBandRows - 1) / kBandRows);
  first_.assign(bands + 1, 0);
  for (const ScreenTriangle& t : triangles) ++first_[t.y_min / kBandRows + 1];
  for (std::size_t i = 0; i < bands; ++i) first_[i + 1] += first_[i];
  order_.resize(triangles.size());
  // Counting sort; each band's cursor ends where the next band begins.
  merged_.assign(first_.begin(), first_.end());
  for (std::size_t i = 0; i < triangles.size(); ++i) {
    order_[merged_[triangles[i].y_min / kBandRows]++] = static_cast<std::uint32_t>(i);
  }
  live_.clear();
}

std::span<const std::uint32_t> BandWalk::band(int band) {
  const int y_begin = band * kBandRows;
  std::erase_if(live_, [&](std::uint32_t i) { return triangles_[i].y_max < y_begin; });
  merged_.clear();
  std::merge(live_.begin(), live_.end(), order_.begin() + first_[band],
             order_.begin() + first_[band + 1], std::back_inserter(merged_));
  live_.swap(merged_);
  return live_;
}

}  // namespace posefleet::render
