// The loops that cost time, compiled twice: once for any x86-64 processor, once for AVX2.
//
// Both come from one template text (kernels.cc) and use only operations whose result IEEE 754
// fixes (add, multiply, divide, square root), never fused, never reordered: so both give the same
// bits. A person at 720p takes about twice as long without AVX2; AVX-512 gains too little to be
// kept.
//
// Internal to worker/render. The kernels check nothing; rasteriser.cc and scene.cc see to it that
// indices and ranges hold.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/media/yuv.h"
#include "worker/render/styles.h"

namespace posefleet::render {

// Rows that are worked off together: 16 rows x 1280 pixels x 4 samples x 8 bytes are 0.6 MB, which
// stays in a core's second cache. Even, so that a band holds whole chroma rows.
inline constexpr int kBandRows = 16;
// A kernel steps over 16 samples at a time: 16, 4, 2 or 1 pixels.
inline constexpr int kLanes = 16;
// Corners have 8 bits below the pixel.
inline constexpr int kSubpixelBits = 8;
inline constexpr int kSubpixels = 1 << kSubpixelBits;
// Corners reach at most this far from the frame's middle, in pixels; scene.cc cuts off the rest.
// A float still holds 1/256 pixel there, and 64-bit edge functions have bits to spare.
inline constexpr float kGuard = 32768;
inline constexpr float kNear = 0.05f;  // metres; as in 4D-Humans' camera
// Edge functions of a triangle of at most this extent fit into 32 bits: 64 pixels, and 32 by which
// a step of lanes may lie beside it, give 2 * (64 * 256) * (96 * 256) < 2^30.
inline constexpr int kNarrowExtent = 64 * kSubpixels;

// A corner, or the value of something that changes linearly over the screen: the normal divided by
// depth (x, y, z), and 1/depth. What is linear in space is so on the screen only after the
// division.
using Attributes = std::array<float, 4>;

// Projected vertices of one mesh, one array per quantity.
struct ProjectedVertices {
  const float* xyz = nullptr;  // in: camera, metres
  std::size_t count = 0;
  // out:
  std::int32_t* x = nullptr;  // screen, 1/256 pixel
  std::int32_t* y = nullptr;
  Attributes* attributes = nullptr;  // in: unnormalised normals; out: see above
  // 1 where the vertex lies before the near plane and inside the guard band, else 0 (x, y and the
  // attributes' last mean nothing then).
  std::uint8_t* is_plain = nullptr;
};

struct Projection {
  float focal_length = 0;
  float centre_x = 0;
  float centre_y = 0;
};

// A triangle on the screen, ready to be drawn.
struct alignas(32) ScreenTriangle {
  std::int32_t x[3], y[3];                  // 1/256 pixel; clockwise as seen (y down)
  std::int16_t x_min, x_max, y_min, y_max;  // pixels it can touch, inclusive, inside the frame
  // Attributes at the corner (x_min, y_min) of that box, and their change per pixel.
  Attributes base, step_x, step_y;
  float inverse_depth_min, inverse_depth_max;  // of the corners: bounds for rounding errors
  std::uint16_t paint;
  bool is_narrow;  // at most kNarrowExtent wide and high
};

// Where the samples of a band are kept. A sample's index is
// ((y - y_begin) * stride + x) * samples + sample.
struct BandBuffer {
  int y_begin = 0, y_end = 0;  // rows of the frame
  int x_begin = 0, x_end = 0;  // columns that may be touched; multiples of 16
  int stride = 0;              // pixels
  float* inverse_depth = nullptr;
  std::uint32_t* triangle = nullptr;  // index + 1; 0: nothing
  // Sum of the shaded fragments per pixel: red, green, blue, each times its coverage, and coverage.
  // All zero between bands; blending sets it to zero again.
  float* colour = nullptr;
};

// A mesh's colour after the power 1/2.2, since (colour * light)^p = colour^p * light^p, and
// opacity.
struct MeshPaint {
  float r = 0, g = 0, b = 0, opacity = 1;
};

struct Shading {
  Look look;
  Projection projection;
  const ScreenTriangle* triangles = nullptr;
  const MeshPaint* paints = nullptr;
};

// How a premultiplied colour becomes one sample of a plane: the weights of red, green and blue, and
// what coverage adds (black's value).
struct PlaneWeights {
  float r = 0, g = 0, b = 0, offset = 0;
};

struct Kernels {
  void (*face_normals)(const float* xyz, const std::array<std::uint32_t, 3>* faces,
                       std::size_t face_count, Attributes* sums);
  void (*project)(const Projection&, const ProjectedVertices&);
  // Draws triangles[list[i]] into the samples of the band.
  void (*raster)(const ScreenTriangle* triangles, const std::uint32_t* list, std::size_t count,
                 const BandBuffer&);
  // Shades what is visible and adds it up in band.colour; sets x_first[row] and x_last[row] to
  // the touched columns (x_first > x_last where there are none).
  void (*shade)(const Shading&, const BandBuffer&, int* x_first, int* x_last);
  // Blends `count` pixels of premultiplied colour into a row with one byte a pixel.
  void (*blend_plane)(const float* colour, int count, const PlaneWeights&, std::uint8_t* row);
  // The same for samples of two bytes, at most `value_max`.
  void (*blend_plane16)(const float* colour, int count, const PlaneWeights&, float value_max,
                        std::uint16_t* row);
  // The same, three bytes a pixel.
  void (*blend_bgr)(const float* colour, int count, std::uint8_t* row);
};

// `samples` is 1, 4, 8 or 16.
const Kernels& portable_kernels(int samples);
// Null where this processor has no AVX2.
const Kernels* avx2_kernels(int samples);

// x^(1/2.2) by additions and multiplications alone, so that every machine and every version of the
// C library agree; off by less than 5e-6 of the result. For x from 1e-6 to 1e6; smaller gives
// 1e-6's.
float power_of_light(float x);

}  // namespace posefleet::render
