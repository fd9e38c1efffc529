// Draws bodies over a video frame on the CPU, without OpenGL.
//
// A person covers a few per cent of a frame with triangles of a few pixels each, and the picture is
// needed in the encoder's memory: a graphics card's driver, or a software one, spends most of its
// time on everything else (pyrender takes 225 ms for one person at 720p, this takes about 3). So:
// corners are rounded to 1/256 pixel and edges are tested in integers, which makes neighbouring
// triangles meet without gaps or overlaps; frames are worked off in bands of 16 rows that stay in
// the cache; each pixel keeps, for each of its coverage samples, the nearest triangle; and only the
// part that is seen in the end is shaded, once per pixel and triangle.
//
// The bytes depend on the arguments alone: not on the processor (there is a faster path for AVX2
// that gives the same bytes), nor on what was drawn before.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/media/yuv.h"
#include "worker/render/styles.h"

namespace posefleet {

// The triangles of a body, shared by all people and frames. Immutable.
class MeshTopology final {
 public:
  // `faces`: three vertex indices per triangle, counter-clockwise seen from outside (as SMPL's).
  // Rejects a count that is no multiple of three, an index beyond the vertices, and more than four
  // million triangles (three hundred bodies; a damaged file, rather).
  static Result<MeshTopology> create(std::span<const std::uint32_t> faces,
                                     std::size_t vertex_count);

  using Face = std::array<std::uint32_t, 3>;
  std::span<const Face> faces() const { return faces_; }
  std::size_t vertex_count() const { return vertex_count_; }

 private:
  std::vector<Face> faces_;
  std::size_t vertex_count_ = 0;
};

// One body in one frame. Borrows its topology and vertices for the time of the call.
struct Mesh {
  const MeshTopology* topology = nullptr;
  // x, y, z per vertex: metres, in the full frame's camera: x right, y down, z forward.
  std::span<const float> vertices;
  Colour colour = kLightBlue;
  // 0..1. What is seen through a body is the frame, not another body or its own far side.
  float opacity = 1;
  // A body in clothes: face i has paints[face_paints[i]] instead of `colour`. Both or neither.
  std::span<const Colour> paints = {};
  std::span<const std::uint8_t> face_paints = {};
};

// A pinhole without distortion whose axis meets the middle of the frame (width/2, height/2).
struct Camera {
  float focal_length = 0;  // pixels
};

// Blue, green, red, one byte each, as OpenCV stores pictures. Belongs to the caller.
struct BgrPicture {
  std::uint8_t* data = nullptr;
  std::ptrdiff_t stride = 0;  // bytes from a row to the next
  int width = 0;
  int height = 0;
  // Optional, one byte a pixel, rows of `width`: how much of the pixel has been drawn on, 0 to 255.
  // Blended into like the picture, so whoever wants one body's silhouette hands in zeros.
  std::uint8_t* coverage = nullptr;
};

// Which code runs the inner loops. Both give the same bytes; a test holds them to it.
enum class CpuPath {
  Best,      // the fastest that this processor can run
  Portable,  // what every x86-64 processor can run
  Avx2,      // refused by create() where the processor lacks it
};

struct RasteriserOptions {
  // Coverage samples per pixel: 1, 4, 8 or 16. One person at 720p costs about 2, 3, 5 or 7 ms.
  int samples = 4;
  CpuPath path = CpuPath::Best;
  Look look = whole_frame_look();
};

// What was drawn; skipped bodies are worth a line in the log of whoever asked.
struct DrawReport {
  std::size_t meshes_drawn = 0;  // also those that lie outside the view
  // Left out: a vertex that is not a number, or farther than 100 km from the camera.
  std::size_t meshes_skipped = 0;
  std::size_t triangles = 0;  // facing the camera and touching the frame, hidden ones too

  bool operator==(const DrawReport&) const = default;
};

// Owned by one thread; keep it from frame to frame, since it keeps its memory (a few megabytes, in
// proportion to the frame's width and the number of triangles).
class Rasteriser final {
 public:
  static Result<Rasteriser> create(const RasteriserOptions& options);
  Rasteriser(Rasteriser&&) noexcept;
  Rasteriser& operator=(Rasteriser&&) noexcept;
  ~Rasteriser();

  // Other lights from the next draw on. Rejected, with nothing changed, where create() would.
  Status set_look(const Look& look);

  // Blends the bodies into the frame: drawn colour + (1 - coverage) * what was there. Nearer hides
  // farther, whatever the order; of two at the very same depth the earlier mesh wins. Bytes that no
  // body touches stay as they are. Bodies behind the camera or outside the frame are cut off.
  //
  // Chroma that is shared by two columns is taken to lie on the left one (MPEG-2, H.264 and HEVC by
  // default), by two rows between them; so a body's edge gets its colour from where it is.
  //
  // Rejected, with nothing drawn: no planes, a frame larger than 16384 in either direction, chroma
  // shifts beyond 1, a focal length or opacity that makes no sense, a vertex count that is not the
  // topology's, paints that do not fit the faces.
  Result<DrawReport> draw(std::span<const Mesh> meshes, const Camera& camera,
                          const YuvPlanes& frame);
  Result<DrawReport> draw(std::span<const Mesh> meshes, const Camera& camera,
                          const BgrPicture& picture);
  // Over what is there already, if anything; an empty picture is all zero.
  Result<DrawReport> draw(std::span<const Mesh> meshes, const Camera& camera,
                          const RgbaPlane& picture);

 private:
  class Impl;
  explicit Rasteriser(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace posefleet
