// From meshes in camera space to triangles on the screen: normals, projection, cutting, culling.
//
// Most triangles of a body lie wholly inside the view and take the short way: three projected
// corners and a record. The rest, at the near plane or far beside the frame, is cut in camera space
// first, since behind the camera there is no projection, and far out no 1/256 pixel. A cut edge
// depends on its two ends alone and is cut from its inner end on, so that two triangles that share
// it get the same new corner, and no gap.
//
// Internal to worker/render. Owned by a Rasteriser, used by its thread; memory is kept from frame
// to frame.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "worker/render/kernels.h"
#include "worker/render/rasteriser.h"

namespace posefleet::render {

// A vertex farther out than this is taken for damage; the squares of all that is computed from
// nearer ones still fit into a float. Metres.
inline constexpr float kCoordinateMax = 1e5f;

class Scene final {
 public:
  // Frame size in pixels, at most 16384 each way.
  void begin(const Projection& projection, int width, int height);

  // Returns false, and adds nothing, when a vertex is not finite or beyond kCoordinateMax. The
  // vertex count must be the topology's. `first_paint` is the number of the mesh's only paint, or
  // of the first of its paints.
  bool add(const Mesh& mesh, std::uint16_t first_paint, const Kernels& kernels);

  // In the order of drawing: meshes as added, faces as in the topology.
  std::span<const ScreenTriangle> triangles() const { return triangles_; }

 private:
  struct Corner {
    std::int32_t x = 0, y = 0;
    Attributes attributes{};
  };
  struct CutVertex {
    double x = 0, y = 0, z = 0;     // camera, metres
    double nx = 0, ny = 0, nz = 0;  // normal
  };

  Corner corner(std::uint32_t vertex) const {
    return {screen_x_[vertex], screen_y_[vertex], attributes_[vertex]};
  }
  Corner corner(const CutVertex& vertex) const;
  void add_cut(const Mesh& mesh, const MeshTopology::Face& face, std::uint16_t paint);
  void add_triangle(const Corner& a, const Corner& b, const Corner& c, std::uint16_t paint);

  Projection projection_;
  int width_ = 0;
  int height_ = 0;
  std::vector<ScreenTriangle> triangles_;
  // One mesh's vertices; see ProjectedVertices.
  std::vector<std::int32_t> screen_x_, screen_y_;
  std::vector<Attributes> attributes_;
  std::vector<std::uint8_t> is_plain_;
};

// Hands out the triangles band by band, from the top down.
//
// A list per band would take triangles times bands of memory when someone stands in front of the
// lens. So each triangle is listed once, at its first band, and stays in the list of live ones
// until its last. The live list keeps the order of drawing: it decides ties in depth.
class BandWalk final {
 public:
  void begin(std::span<const ScreenTriangle> triangles, int height);
  int band_count() const { return static_cast<int>(first_.size()) - 1; }
  // To be called once for each band, in order.
  std::span<const std::uint32_t> band(int band);

 private:
  std::span<const ScreenTriangle> triangles_;
  std::vector<std::uint32_t> order_;  // triangles by first band
  std::vector<std::uint32_t> first_;  // where a band's part of order_ begins
  std::vector<std::uint32_t> live_, merged_;
};

}  // namespace posefleet::render
