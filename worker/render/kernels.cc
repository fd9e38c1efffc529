#include "worker/render/kernels.h"

#include <cstring>

// Every function below is inlined into the entry points at the end, of which one set is compiled
// for AVX2. That is why there is no call of std:: here: an inline function of the library, compiled
// in AVX2 code, could be the one copy that the linker keeps for the whole program.
#define POSEFLEET_INLINE [[gnu::always_inline]] inline

namespace posefleet::render {
namespace {

POSEFLEET_INLINE float smaller(float a, float b) {
  return a < b ? a : b;
}
POSEFLEET_INLINE float larger(float a, float b) {
  return a > b ? a : b;
}
POSEFLEET_INLINE int smaller(int a, int b) {
  return a < b ? a : b;
}
POSEFLEET_INLINE int larger(int a, int b) {
  return a > b ? a : b;
}
POSEFLEET_INLINE float clamp(float x, float low, float high) {
  return smaller(larger(x, low), high);
}

// ---- coverage samples ---------------------------------------------------------------------------

// Where the samples of a pixel lie, in 1/256 pixel from its top left corner. 4, 8 and 16 are
// Direct3D's standard patterns, no two samples of which share a row or a column.
template <int kSamples>
struct Pattern;
template <>
struct Pattern<1> {
  static constexpr int x[] = {128};
  static constexpr int y[] = {128};
};
template <>
struct Pattern<4> {
  static constexpr int x[] = {96, 224, 32, 160};
  static constexpr int y[] = {32, 96, 160, 224};
};
template <>
struct Pattern<8> {
  static constexpr int x[] = {144, 112, 208, 80, 48, 16, 176, 240};
  static constexpr int y[] = {80, 176, 144, 48, 208, 112, 240, 16};
};
template <>
struct Pattern<16> {
  static constexpr int x[] = {144, 112, 80, 192, 48, 160, 208, 176,
                              96,  128, 64, 32,  0,  240, 224, 16};
  static constexpr int y[] = {144, 80, 160, 112, 96,  208, 176, 48,
                              224, 16, 32,  192, 128, 64,  240, 0};
};

// The 16 samples that one step covers: some pixels side by side, all samples of each.
template <int kSamples>
struct Lanes {
  alignas(64) std::int32_t x[kLanes];
  alignas(64) std::int32_t y[kLanes];
  alignas(64) float x_pixels[kLanes];
  alignas(64) float y_pixels[kLanes];
};

template <int kSamples>
constexpr Lanes<kSamples> make_lanes() {
  Lanes<kSamples> lanes{};
  for (int i = 0; i < kLanes; ++i) {
    lanes.x[i] = (i / kSamples) * kSubpixels + Pattern<kSamples>::x[i % kSamples];
    lanes.y[i] = Pattern<kSamples>::y[i % kSamples];
    lanes.x_pixels[i] = static_cast<float>(lanes.x[i]) / kSubpixels;
    lanes.y_pixels[i] = static_cast<float>(lanes.y[i]) / kSubpixels;
  }
  return lanes;
}

template <int kSamples>
constexpr Lanes<kSamples> kLaneTable = make_lanes<kSamples>();

// ---- vertices -----------------------------------------------------------------------------------

// Adds each face's normal, as long as twice its area, to its corners: large faces count more, and
// slivers hardly.
POSEFLEET_INLINE void face_normals(const float* xyz, const std::array<std::uint32_t, 3>* faces,
                                   std::size_t face_count, Attributes* sums) {
  for (std::size_t i = 0; i < face_count; ++i) {
    const std::uint32_t* face = &faces[i][0];
    const float* a = xyz + 3 * std::size_t{face[0]};
    const float* b = xyz + 3 * std::size_t{face[1]};
    const float* c = xyz + 3 * std::size_t{face[2]};
    const float ux = b[0] - a[0], uy = b[1] - a[1], uz = b[2] - a[2];
    const float vx = c[0] - a[0], vy = c[1] - a[1], vz = c[2] - a[2];
    const float nx = uy * vz - uz * vy;
    const float ny = uz * vx - ux * vz;
    const float nz = ux * vy - uy * vx;
    for (int k = 0; k < 3; ++k) {
      float* sum = reinterpret_cast<float*>(sums + face[k]);
      sum[0] += nx;
      sum[1] += ny;
      sum[2] += nz;
    }
  }
}

// Rounded to the nearest 1/256 pixel, halves up; `pixels` is inside the guard band.
POSEFLEET_INLINE std::int32_t to_subpixels(float pixels) {
  const float scaled = pixels * kSubpixels + 0.5f;
  const std::int32_t truncated = static_cast<std::int32_t>(scaled);
  return truncated - (scaled < static_cast<float>(truncated) ? 1 : 0);
}

POSEFLEET_INLINE void project(const Projection& projection, const ProjectedVertices& v) {
  const float focal = projection.focal_length;
  const float centre_x = projection.centre_x;
  const float centre_y = projection.centre_y;
  const float* __restrict xyz = v.xyz;
  std::int32_t* __restrict out_x = v.x;
  std::int32_t* __restrict out_y = v.y;
  float* __restrict attributes = reinterpret_cast<float*>(v.attributes);
  std::uint8_t* __restrict is_plain = v.is_plain;
  for (std::size_t i = 0; i < v.count; ++i) {
    const float z = xyz[3 * i + 2];
    const float inverse_depth = 1.f / larger(z, kNear);
    const float x = focal * xyz[3 * i] * inverse_depth;
    const float y = focal * xyz[3 * i + 1] * inverse_depth;
    is_plain[i] = (z >= kNear) & (x >= -kGuard) & (x <= kGuard) & (y >= -kGuard) & (y <= kGuard);
    out_x[i] = to_subpixels(clamp(x, -kGuard, kGuard) + centre_x);
    out_y[i] = to_subpixels(clamp(y, -kGuard, kGuard) + centre_y);
    const float nx = attributes[4 * i];
    const float ny = attributes[4 * i + 1];
    const float nz = attributes[4 * i + 2];
    // A vertex of no face has the normal 0 and keeps it.
    const float scale = inverse_depth / __builtin_sqrtf(nx * nx + ny * ny + nz * nz + 1e-30f);
    attributes[4 * i] = nx * scale;
    attributes[4 * i + 1] = ny * scale;
    attributes[4 * i + 2] = nz * scale;
    attributes[4 * i + 3] = inverse_depth;
  }
}

// ---- visibility ---------------------------------------------------------------------------------

// Of a row's steps [begin, end), keeps those that can hold a sample inside all three edges. For
// large triangles: most of the box around one lies outside of it, and somebody in front of the lens
// has thousands. Along the row each edge function is a straight line.
POSEFLEET_INLINE void narrow_to_edges(const std::int64_t* start, const std::int64_t* dx,
                                      const std::int64_t* dy, int row, std::int64_t step_width,
                                      int& begin, int& end) {
  for (int k = 0; k < 3; ++k) {
    // The most that a sample of step 0 can have: samples lie within step_width columns and a row.
    const std::int64_t most = start[k] + dx[k] * kSubpixels * row +
                              (dx[k] > 0 ? dx[k] * kSubpixels : 0) +
                              (dy[k] < 0 ? -dy[k] * step_width : 0);
    const std::int64_t slope = -dy[k] * step_width;
    if (slope == 0) {
      if (most < 0) end = begin;
    } else if (slope > 0) {
      if (most >= 0) continue;
      const std::int64_t first = (-most + slope - 1) / slope;
      begin = first < end ? larger(begin, static_cast<int>(first)) : end;
    } else if (most < 0) {
      end = begin;
    } else {
      const std::int64_t last = most / -slope;
      if (last < end) end = smaller(end, static_cast<int>(last) + 1);
    }
  }
}

// For each sample of the triangle inside the band: if it is nearer than what is there, put it
// there.
//
// A sample is inside when all three edge functions are positive. One that lies exactly on an edge
// belongs to the triangle whose left or top edge it is, so that of two triangles that share an edge
// exactly one gets it.
template <int kSamples, class Int>
POSEFLEET_INLINE void raster_triangle(const ScreenTriangle& t, std::uint32_t mark,
                                      const BandBuffer& band) {
  constexpr int kStepPixels = kLanes / kSamples;
  const Lanes<kSamples>& lanes = kLaneTable<kSamples>;
  const int x_begin = t.x_min & ~(kStepPixels - 1);
  const int y_begin = larger(t.y_min, band.y_begin);
  const int y_end = smaller(t.y_max + 1, band.y_end);
  const int steps = (t.x_max - x_begin) / kStepPixels + 1;

  // Edge functions relative to the pixel corner (x_begin, y_begin).
  Int dx[3], dy[3], start[3];
  for (int k = 0; k < 3; ++k) {
    const int next = k == 2 ? 0 : k + 1;
    dx[k] = Int{t.x[next]} - t.x[k];
    dy[k] = Int{t.y[next]} - t.y[k];
    const Int at_corner = dy[k] * (Int{t.x[k]} - Int{x_begin} * kSubpixels) -
                          dx[k] * (Int{t.y[k]} - Int{y_begin} * kSubpixels);
    const bool is_left_or_top = dy[k] < 0 || (dy[k] == 0 && dx[k] > 0);
    start[k] = at_corner - (is_left_or_top ? 0 : 1);
  }
  const float step_x = t.step_x[3], step_y = t.step_y[3];
  const float depth_min = t.inverse_depth_min, depth_max = t.inverse_depth_max;
  const float depth_start = t.base[3] + step_x * static_cast<float>(x_begin - t.x_min) +
                            step_y * static_cast<float>(y_begin - t.y_min);
  alignas(64) Int edge0[kLanes], edge1[kLanes], edge2[kLanes];
  alignas(64) float depth[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    edge0[i] = start[0] + dx[0] * lanes.y[i] - dy[0] * lanes.x[i];
    edge1[i] = start[1] + dx[1] * lanes.y[i] - dy[1] * lanes.x[i];
    edge2[i] = start[2] + dx[2] * lanes.y[i] - dy[2] * lanes.x[i];
    depth[i] = depth_start + step_x * lanes.x_pixels[i] + step_y * lanes.y_pixels[i];
  }

  constexpr Int kStep = kStepPixels * kSubpixels;
  for (int row = 0; row < y_end - y_begin; ++row) {
    const std::size_t first =
        (static_cast<std::size_t>(y_begin + row - band.y_begin) * band.stride + x_begin) * kSamples;
    float* __restrict held_depth = band.inverse_depth + first;
    std::uint32_t* __restrict held = band.triangle + first;
    int step = 0, step_end = steps;
    if constexpr (sizeof(Int) > sizeof(std::int32_t)) {
      narrow_to_edges(start, dx, dy, row, kStep, step, step_end);
      held_depth += kLanes * static_cast<std::size_t>(step);
      held += kLanes * static_cast<std::size_t>(step);
    }
    for (; step < step_end; ++step, held_depth += kLanes, held += kLanes) {
      const Int s0 = dx[0] * kSubpixels * row - dy[0] * kStep * step;
      const Int s1 = dx[1] * kSubpixels * row - dy[1] * kStep * step;
      const Int s2 = dx[2] * kSubpixels * row - dy[2] * kStep * step;
      const float depth_here =
          step_y * static_cast<float>(row) + step_x * static_cast<float>(kStepPixels * step);
      for (int i = 0; i < kLanes; ++i) {
        const Int inside = (edge0[i] + s0) | (edge1[i] + s1) | (edge2[i] + s2);
        const float d = clamp(depth[i] + depth_here, depth_min, depth_max);
        const float old_depth = held_depth[i];
        const std::uint32_t old = held[i];
        const bool wins = (inside >= 0) & (d > old_depth);
        held_depth[i] = wins ? d : old_depth;
        held[i] = wins ? mark : old;
      }
    }
  }
}

template <int kSamples>
POSEFLEET_INLINE void raster(const ScreenTriangle* triangles, const std::uint32_t* list,
                             std::size_t count, const BandBuffer& band) {
  // The list jumps through memory; four triangles ahead is about the time that memory takes.
  constexpr std::size_t kAhead = 4;
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) {
      const char* ahead = reinterpret_cast<const char*>(&triangles[list[i + kAhead]]);
      __builtin_prefetch(ahead);
      __builtin_prefetch(ahead + 64);
    }
    const ScreenTriangle& t = triangles[list[i]];
    if (t.is_narrow) {
      raster_triangle<kSamples, std::int32_t>(t, list[i] + 1, band);
    } else {
      raster_triangle<kSamples, std::int64_t>(t, list[i] + 1, band);
    }
  }
}

// ---- shading ------------------------------------------------------------------------------------

POSEFLEET_INLINE float power_inline(float x) {
  // x = 2^exponent * (1 + fraction). Polynomials: least-squares Chebyshev fits, of log2(1 + f) with
  // error 2.1e-6 and of 2^f with 3.8e-6, both on [0, 1].
  const float positive = clamp(x, 1e-6f, 1e6f);
  const std::int32_t bits = __builtin_bit_cast(std::int32_t, positive);
  const float exponent = static_cast<float>((bits >> 23) - 127);
  const float f = __builtin_bit_cast(float, (bits & 0x7fffff) | 0x3f800000) - 1.f;
  const float log2_mantissa =
      2.12374089e-06f +
      f * (1.44247531f + f * (-0.717557872f +
                              f * (0.455527088f +
                                   f * (-0.274623258f + f * (0.119298238f + f * -0.0251232033f)))));
  // log2(1e-6) / 2.2 is above -10: after adding 16, truncation rounds down.
  const float power = (exponent + log2_mantissa) * (1.f / 2.2f) + 16.f;
  const std::int32_t whole = static_cast<std::int32_t>(power);
  const float g = power - static_cast<float>(whole);
  const float mantissa =
      1.0000036f +
      g * (0.692969551f + g * (0.241621323f + g * (0.0517177355f + g * 0.0136839829f)));
  return mantissa * __builtin_bit_cast(float, (whole - 16 + 127) << 23);
}

// A fragment: the part of a triangle that is seen in one pixel. Shaded in lots that stay in the
// first cache.
struct Fragments {
  static constexpr int kCapacity = 512;
  alignas(64) std::uint32_t triangle[kCapacity];
  alignas(64) std::uint32_t pixel[kCapacity];    // index into band.colour, in pixels
  alignas(64) float x[kCapacity], y[kCapacity];  // frame pixels
  alignas(64) float weight[kCapacity];           // share of the pixel's samples
  alignas(64) float normal_x[kCapacity], normal_y[kCapacity], normal_z[kCapacity];
  alignas(64) float light[kCapacity];
  int count = 0;
};

// The light that a white body sends to the camera, to the power 1/2.2: per light, Lambert plus
// Cook-Torrance (GGX, Smith, Schlick) as pyrender has it, and ambient light.
POSEFLEET_INLINE void light_fragments(const Shading& shading, Fragments& fragments) {
  const Look& look = shading.look;
  const float inverse_focal = 1.f / shading.projection.focal_length;
  const float centre_x = shading.projection.centre_x, centre_y = shading.projection.centre_y;
  const float k = (look.roughness + 1) * (look.roughness + 1) / 8;
  const float alpha2 = look.roughness * look.roughness * look.roughness * look.roughness;
  // The base colour is white, so that reflection at right angles is the same in all three channels.
  const float f0 = 0.04f + (1 - 0.04f) * look.metallic;
  constexpr float kPi = 3.14159265f;
  const float diffuse = 0.96f * (1 - look.metallic) / kPi;
  float light_x[kLightCount], light_y[kLightCount], light_z[kLightCount], power[kLightCount];
  for (int j = 0; j < kLightCount; ++j) {
    const DirectionalLight& light = *(&look.lights[0] + j);
    light_x[j] = (&light.to_light[0])[0];
    light_y[j] = (&light.to_light[0])[1];
    light_z[j] = (&light.to_light[0])[2];
    power[j] = light.intensity;
  }
  const float ambient = look.ambient;
  for (int i = 0; i < fragments.count; ++i) {
    float nx = fragments.normal_x[i], ny = fragments.normal_y[i], nz = fragments.normal_z[i];
    const float inverse_length = 1.f / __builtin_sqrtf(nx * nx + ny * ny + nz * nz + 1e-30f);
    nx *= inverse_length;
    ny *= inverse_length;
    nz *= inverse_length;
    // Towards the camera.
    const float ray_x = (fragments.x[i] - centre_x) * inverse_focal;
    const float ray_y = (fragments.y[i] - centre_y) * inverse_focal;
    const float vz = -1.f / __builtin_sqrtf(ray_x * ray_x + ray_y * ray_y + 1.f);
    const float vx = ray_x * vz, vy = ray_y * vz;
    const float nv = clamp(__builtin_fabsf(nx * vx + ny * vy + nz * vz), 0.001f, 1.f);
    const float shadowing_v = nv * (1 - k) + k;
    float sum = 0;
    for (int j = 0; j < kLightCount; ++j) {
      const float hx = light_x[j] + vx, hy = light_y[j] + vy, hz = light_z[j] + vz;
      const float h = __builtin_sqrtf(hx * hx + hy * hy + hz * hz + 1e-20f);
      const float nl = clamp(nx * light_x[j] + ny * light_y[j] + nz * light_z[j], 0.001f, 1.f);
      const float nh = clamp((nx * hx + ny * hy + nz * hz) / h, 0.f, 1.f);
      // Both have length 1, so the angle between view and half vector follows from |h| alone.
      const float vh = smaller(0.5f * h, 1.f);
      const float m = 1 - vh, m2 = m * m;
      const float fresnel = f0 + (1 - f0) * (m2 * m2 * m);
      const float peak = nh * nh * (alpha2 - 1) + 1;
      const float specular =
          fresnel * nv * nl * alpha2 /
          (shadowing_v * (nl * (1 - k) + k) * kPi * (peak * peak) * (4 * nl * nv + 0.001f));
      sum += power[j] * nl * ((1 - fresnel) * diffuse + specular);
    }
    fragments.light[i] = power_inline(sum + ambient);
  }
}

POSEFLEET_INLINE void shade_fragments(const Shading& shading, const BandBuffer& band,
                                      Fragments& fragments) {
  for (int i = 0; i < fragments.count; ++i) {
    const ScreenTriangle& t = shading.triangles[fragments.triangle[i]];
    const float dx = fragments.x[i] - static_cast<float>(t.x_min);
    const float dy = fragments.y[i] - static_cast<float>(t.y_min);
    const float* base = &t.base[0];
    const float* step_x = &t.step_x[0];
    const float* step_y = &t.step_y[0];
    fragments.normal_x[i] = base[0] + dx * step_x[0] + dy * step_y[0];
    fragments.normal_y[i] = base[1] + dx * step_x[1] + dy * step_y[1];
    fragments.normal_z[i] = base[2] + dx * step_x[2] + dy * step_y[2];
  }
  light_fragments(shading, fragments);
  for (int i = 0; i < fragments.count; ++i) {
    const MeshPaint& paint = shading.paints[shading.triangles[fragments.triangle[i]].paint];
    const float weight = fragments.weight[i] * paint.opacity;
    const float light = fragments.light[i];
    float* sum = band.colour + 4 * std::size_t{fragments.pixel[i]};
    sum[0] += weight * smaller(paint.r * light, 1.f);
    sum[1] += weight * smaller(paint.g * light, 1.f);
    sum[2] += weight * smaller(paint.b * light, 1.f);
    sum[3] += weight;
  }
  fragments.count = 0;
}

// Appends the fragments of one pixel, each at the middle of the samples that see its triangle: so
// it lies inside the triangle, also where the pixel's middle does not.
template <int kSamples>
POSEFLEET_INLINE void find_fragments(const std::uint32_t* held, int x, int y, std::uint32_t pixel,
                                     Fragments& fragments) {
  bool is_one = true;
  for (int i = 1; i < kSamples; ++i) is_one &= held[i] == held[0];
  if (is_one) {
    const int n = fragments.count;
    fragments.triangle[n] = held[0] - 1;
    fragments.pixel[n] = pixel;
    fragments.x[n] = static_cast<float>(x) + 0.5f;
    fragments.y[n] = static_cast<float>(y) + 0.5f;
    fragments.weight[n] = 1;
    fragments.count += held[0] != 0;
    return;
  }
  std::uint32_t seen = 0;
  for (int i = 0; i < kSamples; ++i) {
    if (held[i] == 0 || (seen >> i & 1) != 0) continue;
    int covered = 0, sum_x = 0, sum_y = 0;
    for (int j = i; j < kSamples; ++j) {
      const bool is_same = held[j] == held[i];
      covered += is_same;
      sum_x += is_same ? Pattern<kSamples>::x[j] : 0;
      sum_y += is_same ? Pattern<kSamples>::y[j] : 0;
      seen |= static_cast<std::uint32_t>(is_same) << j;
    }
    const float to_pixels = 1.f / static_cast<float>(kSubpixels * covered);
    const int n = fragments.count++;
    fragments.triangle[n] = held[i] - 1;
    fragments.pixel[n] = pixel;
    fragments.x[n] = static_cast<float>(x) + static_cast<float>(sum_x) * to_pixels;
    fragments.y[n] = static_cast<float>(y) + static_cast<float>(sum_y) * to_pixels;
    fragments.weight[n] = static_cast<float>(covered) * (1.f / kSamples);
  }
}

template <int kSamples>
POSEFLEET_INLINE void shade(const Shading& shading, const BandBuffer& band, int* x_first,
                            int* x_last) {
  constexpr int kStepPixels = kLanes / kSamples;
  Fragments fragments;
  for (int y = band.y_begin; y < band.y_end; ++y) {
    const int row = y - band.y_begin;
    const std::size_t row_pixels = static_cast<std::size_t>(row) * band.stride;
    int first = band.x_end, last = -1;
    const std::uint32_t* held = band.triangle + (row_pixels + band.x_begin) * kSamples;
    for (int x = band.x_begin; x < band.x_end; x += kStepPixels, held += kLanes) {
      std::uint32_t any = 0;
      for (int i = 0; i < kLanes; ++i) any |= held[i];
      if (any == 0) continue;
      first = smaller(first, x);
      last = x + kStepPixels - 1;
      // There is room for every sample of a step being a fragment of its own, and for the one that
      // is written and not counted.
      if (fragments.count + kLanes + 1 > Fragments::kCapacity) {
        shade_fragments(shading, band, fragments);
      }
      for (int i = 0; i < kStepPixels; ++i) {
        find_fragments<kSamples>(held + i * kSamples, x + i, y,
                                 static_cast<std::uint32_t>(row_pixels + x + i), fragments);
      }
    }
    x_first[row] = first;
    x_last[row] = last;
  }
  shade_fragments(shading, band, fragments);
}

// ---- blending -----------------------------------------------------------------------------------

POSEFLEET_INLINE std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(static_cast<std::int32_t>(clamp(value + 0.5f, 0.f, 255.f)));
}

// Coverage is a sum of multiples of 1/samples and thus exact: where it is 0, the byte comes back as
// it was.
POSEFLEET_INLINE void blend_plane(const float* colour, int count, const PlaneWeights& weights,
                                  std::uint8_t* row) {
  const float* __restrict from = colour;
  std::uint8_t* __restrict to = row;
  const PlaneWeights w = weights;
  for (int i = 0; i < count; ++i) {
    const float drawn = from[4 * i] * w.r + from[4 * i + 1] * w.g + from[4 * i + 2] * w.b +
                        from[4 * i + 3] * w.offset;
    to[i] = to_byte(drawn + (1.f - from[4 * i + 3]) * static_cast<float>(to[i]));
  }
}

POSEFLEET_INLINE void blend_plane16(const float* colour, int count, const PlaneWeights& weights,
                                    float value_max, std::uint16_t* row) {
  const float* __restrict from = colour;
  std::uint16_t* __restrict to = row;
  const PlaneWeights w = weights;
  for (int i = 0; i < count; ++i) {
    const float drawn = from[4 * i] * w.r + from[4 * i + 1] * w.g + from[4 * i + 2] * w.b +
                        from[4 * i + 3] * w.offset;
    const float value = drawn + (1.f - from[4 * i + 3]) * static_cast<float>(to[i]);
    to[i] =
        static_cast<std::uint16_t>(static_cast<std::int32_t>(clamp(value + 0.5f, 0.f, value_max)));
  }
}

POSEFLEET_INLINE void blend_bgr(const float* colour, int count, std::uint8_t* row) {
  const float* __restrict from = colour;
  std::uint8_t* __restrict to = row;
  for (int i = 0; i < count; ++i) {
    const float rest = 1.f - from[4 * i + 3];
    for (int k = 0; k < 3; ++k) {
      to[3 * i + k] =
          to_byte(255.f * from[4 * i + 2 - k] + rest * static_cast<float>(to[3 * i + k]));
    }
  }
}

// ---- entry points -------------------------------------------------------------------------------

#define POSEFLEET_KERNEL_SET(suffix, target)                                                      \
  target void face_normals_##suffix(const float* xyz, const std::array<std::uint32_t, 3>* faces,  \
                                    std::size_t face_count, Attributes* sums) {                   \
    face_normals(xyz, faces, face_count, sums);                                                   \
  }                                                                                               \
  target void project_##suffix(const Projection& projection, const ProjectedVertices& v) {        \
    project(projection, v);                                                                       \
  }                                                                                               \
  template <int kSamples>                                                                         \
  target void raster_##suffix(const ScreenTriangle* triangles, const std::uint32_t* list,         \
                              std::size_t count, const BandBuffer& band) {                        \
    raster<kSamples>(triangles, list, count, band);                                               \
  }                                                                                               \
  template <int kSamples>                                                                         \
  target void shade_##suffix(const Shading& shading, const BandBuffer& band, int* x_first,        \
                             int* x_last) {                                                       \
    shade<kSamples>(shading, band, x_first, x_last);                                              \
  }                                                                                               \
  target void blend_plane_##suffix(const float* colour, int count, const PlaneWeights& weights,   \
                                   std::uint8_t* row) {                                           \
    blend_plane(colour, count, weights, row);                                                     \
  }                                                                                               \
  target void blend_plane16_##suffix(const float* colour, int count, const PlaneWeights& weights, \
                                     float value_max, std::uint16_t* row) {                       \
    blend_plane16(colour, count, weights, value_max, row);                                        \
  }                                                                                               \
  target void blend_bgr_##suffix(const float* colour, int count, std::uint8_t* row) {             \
    blend_bgr(colour, count, row);                                                                \
  }                                                                                               \
  template <int kSamples>                                                                         \
  constexpr Kernels kKernels_##suffix = {face_normals_##suffix,     project_##suffix,             \
                                         raster_##suffix<kSamples>, shade_##suffix<kSamples>,     \
                                         blend_plane_##suffix,      blend_plane16_##suffix,       \
                                         blend_bgr_##suffix};                                     \
  const Kernels& kernels_##suffix(int samples) {                                                  \
    if (samples == 1) return kKernels_##suffix<1>;                                                \
    if (samples == 4) return kKernels_##suffix<4>;                                                \
    if (samples == 8) return kKernels_##suffix<8>;                                                \
    return kKernels_##suffix<16>;                                                                 \
  }

POSEFLEET_KERNEL_SET(portable, )
#if defined(__x86_64__)
POSEFLEET_KERNEL_SET(avx2, [[gnu::target("avx2")]])
#endif

}  // namespace

const Kernels& portable_kernels(int samples) {
  return kernels_portable(samples);
}

const Kernels* avx2_kernels(int samples) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return &kernels_avx2(samples);
#else
  static_cast<void>(samples);
#endif
  return nullptr;
}

float power_of_light(float x) {
  return power_inline(x);
}

}  // namespace posefleet::render
