#include "worker/render/rasteriser.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "worker/render/kernels.h"
#include "worker/render/scene.h"
#include "worker/render/sinks.h"

namespace posefleet {
namespace {

using namespace render;  // NOLINT: the folder's own parts

constexpr std::size_t kFacesMax = 4'000'000;
constexpr std::size_t kMeshesMax = 1024;   // more people than a frame has room for
constexpr std::size_t kPaintsMax = 65535;  // what ScreenTriangle::paint can count
constexpr float kFocalLengthMax = 1e7f;    // 400 times HMR2's at 1280 pixels

// A step's worth of samples, so that a vector of them starts where a cache line does.
struct alignas(64) Floats {
  float values[kLanes];
};
struct alignas(64) Marks {
  std::uint32_t values[kLanes];
};

Status check_colour(const Colour& colour, std::size_t body) {
  for (const float part : {colour.r, colour.g, colour.b}) {
    if (part >= 0 && part <= 1) continue;
    return rejected(fmt::format("body {} has {} in its colour, allowed 0..1", body, part));
  }
  return done();
}

Status check_paints(const Mesh& mesh, std::size_t body) {
  if (mesh.face_paints.empty() && mesh.paints.empty()) return done();
  const std::size_t faces = mesh.topology->faces().size();
  if (mesh.face_paints.size() != faces) {
    return rejected(fmt::format("body {} has paints for {} faces, its topology has {}", body,
                                mesh.face_paints.size(), faces));
  }
  for (const Colour& colour : mesh.paints) POSEFLEET_TRY_DO(check_colour(colour, body));
  std::size_t last = 0;
  for (const std::uint8_t paint : mesh.face_paints) last = std::max<std::size_t>(last, paint);
  if (last < mesh.paints.size()) return done();
  return rejected(
      fmt::format("body {} has a face of paint {} and {} paints", body, last, mesh.paints.size()));
}

Status check_meshes(std::span<const Mesh> meshes) {
  if (meshes.size() > kMeshesMax) {
    return rejected(
        fmt::format("{} bodies to draw in one frame, allowed 0..{}", meshes.size(), kMeshesMax));
  }
  std::size_t paints = 0;
  for (std::size_t i = 0; i < meshes.size(); ++i) {
    const Mesh& mesh = meshes[i];
    if (mesh.topology == nullptr) return rejected(fmt::format("body {} has no topology", i));
    const std::size_t wanted = mesh.topology->vertex_count();
    if (mesh.vertices.size() != 3 * wanted) {
      return rejected(fmt::format("body {} has {} coordinates, its topology needs 3 x {}", i,
                                  mesh.vertices.size(), wanted));
    }
    if (!(mesh.opacity >= 0 && mesh.opacity <= 1)) {
      return rejected(fmt::format("body {} has opacity {}, allowed 0..1", i, mesh.opacity));
    }
    POSEFLEET_TRY_DO(check_colour(mesh.colour, i));
    POSEFLEET_TRY_DO(check_paints(mesh, i));
    paints += std::max<std::size_t>(mesh.paints.size(), 1);
  }
  if (paints > kPaintsMax) {
    return rejected(fmt::format("{} paints in one frame, allowed up to {}", paints, kPaintsMax));
  }
  return done();
}

Status check_look(const Look& look) {
  bool is_sound = std::isfinite(look.ambient) && look.ambient >= 0 && look.metallic >= 0 &&
                  look.metallic <= 1 && look.roughness > 0 && look.roughness <= 1;
  for (const DirectionalLight& light : look.lights) {
    is_sound = is_sound && std::isfinite(light.intensity) && light.intensity >= 0;
    float length2 = 0;
    for (const float part : light.to_light) length2 += part * part;
    is_sound = is_sound && std::abs(length2 - 1) < 1e-3f;  // false for NaN
  }
  if (is_sound) return done();
  return rejected(
      "look: needs metallic in 0..1, roughness above 0 up to 1, light directions of length 1, and "
      "no negative light");
}

Result<const Kernels*> choose_kernels(CpuPath path, int samples) {
  const Kernels* fast = path == CpuPath::Portable ? nullptr : avx2_kernels(samples);
  if (fast != nullptr) return fast;
  if (path == CpuPath::Avx2) {
    return rejected("this processor has no AVX2: choose the path Best or Portable");
  }
  return &portable_kernels(samples);
}

}  // namespace

Result<MeshTopology> MeshTopology::create(std::span<const std::uint32_t> faces,
                                          std::size_t vertex_count) {
  if (faces.size() % 3 != 0) {
    return rejected(fmt::format("mesh faces: {} indices, not a multiple of three", faces.size()));
  }
  if (faces.size() / 3 > kFacesMax) {
    return rejected(
        fmt::format("mesh faces: {} triangles, allowed 0..{}", faces.size() / 3, kFacesMax));
  }
  MeshTopology topology;
  topology.vertex_count_ = vertex_count;
  topology.faces_.reserve(faces.size() / 3);
  for (std::size_t i = 0; i < faces.size(); i += 3) {
    const Face face = {faces[i], faces[i + 1], faces[i + 2]};
    for (const std::uint32_t index : face) {
      if (index < vertex_count) continue;
      return rejected(fmt::format("mesh faces: triangle {} has vertex {}, the mesh has {}", i / 3,
                                  index, vertex_count));
    }
    topology.faces_.push_back(face);
  }
  return topology;
}

class Rasteriser::Impl final {
 public:
  Impl(const RasteriserOptions& options, const Kernels& kernels)
      : options_(options), kernels_(kernels) {}

  const Kernels& kernels() const { return kernels_; }
  std::vector<float>& chroma_line() { return chroma_line_; }
  void set_look(const Look& look) { options_.look = look; }

  Result<DrawReport> draw(std::span<const Mesh> meshes, const Camera& camera, int width, int height,
                          Sink& sink);

 private:
  void make_room(int width);
  void add_paint(const Colour& colour, float opacity);
  bool open_band(std::span<const std::uint32_t> list, int band, int height, BandBuffer& buffer);
  void draw_band(const Shading& shading, std::span<const std::uint32_t> list,
                 const BandBuffer& buffer, int width, Sink& sink);

  RasteriserOptions options_;
  const Kernels& kernels_;
  Scene scene_;
  BandWalk walk_;
  std::vector<MeshPaint> paints_;
  int stride_ = 0;  // pixels; a multiple of 16
  std::vector<Floats> inverse_depth_;
  std::vector<Marks> triangle_;
  std::vector<Floats> colour_;  // all zero between bands
  std::vector<float> chroma_line_;
};

void Rasteriser::Impl::make_room(int width) {
  const int stride = (width + kLanes - 1) / kLanes * kLanes;
  if (stride == stride_) return;
  stride_ = stride;
  const std::size_t pixels = static_cast<std::size_t>(stride) * kBandRows;
  const std::size_t blocks = pixels * static_cast<std::size_t>(options_.samples) / kLanes;
  inverse_depth_.assign(blocks, {});
  triangle_.assign(blocks, {});
  colour_.assign(pixels * 4 / kLanes, {});
}

void Rasteriser::Impl::add_paint(const Colour& colour, float opacity) {
  paints_.push_back(
      {power_of_light(colour.r), power_of_light(colour.g), power_of_light(colour.b), opacity});
}

Result<DrawReport> Rasteriser::Impl::draw(std::span<const Mesh> meshes, const Camera& camera,
                                          int width, int height, Sink& sink) {
  if (!(camera.focal_length > 0 && camera.focal_length <= kFocalLengthMax)) {
    return rejected(fmt::format("camera: focal length is {} pixels, allowed above 0 up to {}",
                                camera.focal_length, kFocalLengthMax));
  }
  POSEFLEET_TRY_DO(check_meshes(meshes));

  const Projection projection = {camera.focal_length, 0.5f * static_cast<float>(width),
                                 0.5f * static_cast<float>(height)};
  DrawReport report;
  scene_.begin(projection, width, height);
  paints_.clear();
  for (const Mesh& mesh : meshes) {
    const auto first_paint = static_cast<std::uint16_t>(paints_.size());
    if (mesh.paints.empty()) add_paint(mesh.colour, mesh.opacity);
    for (const Colour& colour : mesh.paints) add_paint(colour, mesh.opacity);
    const bool was_added = scene_.add(mesh, first_paint, kernels_);
    ++(was_added ? report.meshes_drawn : report.meshes_skipped);
  }
  report.triangles = scene_.triangles().size();

  make_room(width);
  walk_.begin(scene_.triangles(), height);
  const Shading shading = {options_.look, projection, scene_.triangles().data(), paints_.data()};
  for (int band = 0; band < walk_.band_count(); ++band) {
    const std::span<const std::uint32_t> list = walk_.band(band);
    BandBuffer buffer;
    if (open_band(list, band, height, buffer)) draw_band(shading, list, buffer, width, sink);
  }
  return report;
}

// Narrows the buffer to the part of the band that its triangles touch, and empties that.
bool Rasteriser::Impl::open_band(std::span<const std::uint32_t> list, int band, int height,
                                 BandBuffer& buffer) {
  if (list.empty()) return false;
  int x_min = stride_, x_max = 0, y_min = height, y_max = 0;
  for (const std::uint32_t i : list) {
    const ScreenTriangle& t = scene_.triangles()[i];
    x_min = std::min<int>(x_min, t.x_min);
    x_max = std::max<int>(x_max, t.x_max);
    y_min = std::min<int>(y_min, t.y_min);
    y_max = std::max<int>(y_max, t.y_max);
  }
  // Pairs of rows stay together, for chroma.
  buffer.y_begin = std::max(band * kBandRows, y_min & ~1);
  buffer.y_end = std::min({(band + 1) * kBandRows, (y_max | 1) + 1, height});
  buffer.x_begin = x_min & ~(kLanes - 1);
  buffer.x_end = (x_max | (kLanes - 1)) + 1;
  buffer.stride = stride_;
  buffer.inverse_depth = inverse_depth_.data()->values;
  buffer.triangle = triangle_.data()->values;
  buffer.colour = colour_.data()->values;
  const std::size_t samples = static_cast<std::size_t>(options_.samples);
  const std::size_t count = static_cast<std::size_t>(buffer.x_end - buffer.x_begin) * samples;
  for (int row = 0; row < buffer.y_end - buffer.y_begin; ++row) {
    const std::size_t first = (static_cast<std::size_t>(row) * stride_ + buffer.x_begin) * samples;
    std::fill_n(buffer.inverse_depth + first, count, 0.f);
    std::fill_n(buffer.triangle + first, count, 0U);
  }
  return true;
}

void Rasteriser::Impl::draw_band(const Shading& shading, std::span<const std::uint32_t> list,
                                 const BandBuffer& buffer, int width, Sink& sink) {
  std::array<int, kBandRows> x_first, x_last;
  kernels_.raster(shading.triangles, list.data(), list.size(), buffer);
  kernels_.shade(shading, buffer, x_first.data(), x_last.data());
  // A step of lanes may reach beyond the right edge, and shade what lies there; only the frame's
  // own columns are blended, but all are emptied again.
  std::array<int, kBandRows> x_last_inside;
  for (int row = 0; row < kBandRows; ++row) x_last_inside[row] = std::min(x_last[row], width - 1);
  sink.blend(buffer, x_first.data(), x_last_inside.data());
  for (int row = 0; row < buffer.y_end - buffer.y_begin; ++row) {
    if (x_first[row] > x_last[row]) continue;
    float* colour = buffer.colour + 4 * (static_cast<std::size_t>(row) * stride_ + x_first[row]);
    std::fill_n(colour, 4 * static_cast<std::size_t>(x_last[row] - x_first[row] + 1), 0.f);
  }
}

Rasteriser::Rasteriser(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Rasteriser::Rasteriser(Rasteriser&&) noexcept = default;
Rasteriser& Rasteriser::operator=(Rasteriser&&) noexcept = default;
Rasteriser::~Rasteriser() = default;

Result<Rasteriser> Rasteriser::create(const RasteriserOptions& options) {
  constexpr std::array kAllowed = {1, 4, 8, 16};
  if (std::find(kAllowed.begin(), kAllowed.end(), options.samples) == kAllowed.end()) {
    return rejected(
        fmt::format("samples per pixel is {}, allowed one of 1, 4, 8, 16", options.samples));
  }
  POSEFLEET_TRY_DO(check_look(options.look));
  POSEFLEET_TRY(const Kernels* kernels, choose_kernels(options.path, options.samples));
  return Rasteriser(std::make_unique<Impl>(options, *kernels));
}

Status Rasteriser::set_look(const Look& look) {
  POSEFLEET_TRY_DO(check_look(look));
  impl_->set_look(look);
  return done();
}

Result<DrawReport> Rasteriser::draw(std::span<const Mesh> meshes, const Camera& camera,
                                    const YuvPlanes& frame) {
  POSEFLEET_TRY_DO(check_frame(frame));
  YuvSink sink(frame, impl_->kernels(), impl_->chroma_line());
  return impl_->draw(meshes, camera, frame.width, frame.height, sink);
}

Result<DrawReport> Rasteriser::draw(std::span<const Mesh> meshes, const Camera& camera,
                                    const BgrPicture& picture) {
  POSEFLEET_TRY_DO(check_frame(picture));
  BgrSink sink(picture, impl_->kernels());
  return impl_->draw(meshes, camera, picture.width, picture.height, sink);
}

Result<DrawReport> Rasteriser::draw(std::span<const Mesh> meshes, const Camera& camera,
                                    const RgbaPlane& picture) {
  POSEFLEET_TRY_DO(check_frame(picture));
  RgbaSink sink(picture);
  return impl_->draw(meshes, camera, picture.width, picture.height, sink);
}

}  // namespace posefleet
