#include "worker/render/flat_layer.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "worker/render/kernels.h"
#include "worker/render/sinks.h"

namespace posefleet {
namespace {

using namespace render;  // NOLINT: the folder's own parts

constexpr float kFarthest = 1e6f;

bool is_usable(const PixelPoint& point) {
  return std::abs(point.x) <= kFarthest && std::abs(point.y) <= kFarthest;  // false for NaN
}

bool is_usable(const FlatColour& colour) {
  for (const float part : {colour.r, colour.g, colour.b, colour.opacity}) {
    if (!(part >= 0 && part <= 1)) return false;
  }
  return colour.opacity > 0;
}

// A line is all points within `radius` of a segment, a disc one whose ends are the same.
struct Shape {
  enum class Kind : std::uint8_t { Line, Box, Mask } kind = Kind::Line;
  PixelPoint a, b;  // ends, or corners
  float radius = 0;
  float strength = 1;  // of lines thinner than a pixel
  FlatColour colour;
  CoverageMask mask;
  int y_first = 0, y_last = 0;  // rows that it may touch
};

// A shape's columns in one row; none where first > last.
struct Span {
  int first = 0, last = -1;
};

int floor_of(float value) {
  return static_cast<int>(std::floor(value));
}

Span columns_of_line(const Shape& shape, float y) {
  const float reach = shape.radius + 0.5f;
  float low = 0, high = 1;
  const float rise = shape.b.y - shape.a.y;
  if (std::abs(rise) > 1e-6f) {
    const float at_top = (y - reach - shape.a.y) / rise;
    const float at_bottom = (y + reach - shape.a.y) / rise;
    low = std::clamp(std::min(at_top, at_bottom), 0.f, 1.f);
    high = std::clamp(std::max(at_top, at_bottom), 0.f, 1.f);
  }
  const float x0 = shape.a.x + low * (shape.b.x - shape.a.x);
  const float x1 = shape.a.x + high * (shape.b.x - shape.a.x);
  return {floor_of(std::min(x0, x1) - reach), floor_of(std::max(x0, x1) + reach)};
}

Span columns_of(const Shape& shape, int row) {
  switch (shape.kind) {
    case Shape::Kind::Line:
      return columns_of_line(shape, static_cast<float>(row) + 0.5f);
    case Shape::Kind::Box:
      return {floor_of(shape.a.x), floor_of(shape.b.x)};
    case Shape::Kind::Mask:
      return {floor_of(shape.a.x), floor_of(shape.a.x) + shape.mask.width - 1};
  }
  return {};
}

float coverage_of_line(const Shape& shape, float x, float y) {
  const float dx = shape.b.x - shape.a.x, dy = shape.b.y - shape.a.y;
  const float length2 = dx * dx + dy * dy;
  const float along = length2 > 0 ? ((x - shape.a.x) * dx + (y - shape.a.y) * dy) / length2 : 0;
  const float t = std::clamp(along, 0.f, 1.f);
  const float off_x = x - (shape.a.x + t * dx), off_y = y - (shape.a.y + t * dy);
  const float distance = std::sqrt(off_x * off_x + off_y * off_y);
  return std::clamp(shape.radius + 0.5f - distance, 0.f, 1.f) * shape.strength;
}

// How much of [pixel, pixel + 1] lies in [low, high].
float share_within(int pixel, float low, float high) {
  const auto begin = static_cast<float>(pixel);
  return std::clamp(std::min(begin + 1, high) - std::max(begin, low), 0.f, 1.f);
}

float coverage_of(const Shape& shape, int x, int y) {
  switch (shape.kind) {
    case Shape::Kind::Line:
      return coverage_of_line(shape, static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f);
    case Shape::Kind::Box:
      return share_within(x, shape.a.x, shape.b.x) * share_within(y, shape.a.y, shape.b.y);
    case Shape::Kind::Mask: {
      const int column = x - floor_of(shape.a.x), row = y - floor_of(shape.a.y);
      const std::size_t at = static_cast<std::size_t>(row) * shape.mask.width + column;
      return static_cast<float>(shape.mask.coverage[at]) / 255.f;
    }
  }
  return 0;
}

}  // namespace

class FlatLayer::Impl final {
 public:
  std::vector<Shape> shapes;
  std::vector<float> chroma_line;

  void add(Shape shape, float y_first, float y_last) {
    shape.y_first = floor_of(y_first);
    shape.y_last = floor_of(y_last);
    shapes.push_back(shape);
  }
  void draw(int width, int height, Sink& sink);

 private:
  void draw_band(const BandBuffer& band, int width, const std::vector<std::uint32_t>& list,
                 Sink& sink);

  std::vector<std::vector<std::uint32_t>> bands_;
  std::vector<float> colour_;  // all zero between bands
};

void FlatLayer::Impl::draw(int width, int height, Sink& sink) {
  const int band_count = (height + kBandRows - 1) / kBandRows;
  bands_.resize(static_cast<std::size_t>(band_count));
  for (std::vector<std::uint32_t>& band : bands_) band.clear();
  for (std::uint32_t i = 0; i < shapes.size(); ++i) {
    const int first = std::max(shapes[i].y_first, 0) / kBandRows;
    const int last = std::min(shapes[i].y_last, height - 1) / kBandRows;
    if (shapes[i].y_last < 0) continue;
    for (int band = first; band <= last; ++band)
      bands_[static_cast<std::size_t>(band)].push_back(i);
  }
  const int stride = (width + kLanes - 1) / kLanes * kLanes;
  colour_.assign(static_cast<std::size_t>(stride) * kBandRows * 4, 0.f);
  for (int band = 0; band < band_count; ++band) {
    const std::vector<std::uint32_t>& list = bands_[static_cast<std::size_t>(band)];
    if (list.empty()) continue;
    BandBuffer buffer;
    buffer.y_begin = band * kBandRows;
    buffer.y_end = std::min(buffer.y_begin + kBandRows, height);
    buffer.x_end = stride;
    buffer.stride = stride;
    buffer.colour = colour_.data();
    draw_band(buffer, width, list, sink);
  }
}

void FlatLayer::Impl::draw_band(const BandBuffer& band, int width,
                                const std::vector<std::uint32_t>& list, Sink& sink) {
  std::array<int, kBandRows> x_first, x_last;
  x_first.fill(width);
  x_last.fill(-1);
  for (const std::uint32_t i : list) {
    const Shape& shape = shapes[i];
    const int y_end = std::min(shape.y_last + 1, band.y_end);
    for (int y = std::max(shape.y_first, band.y_begin); y < y_end; ++y) {
      Span span = columns_of(shape, y);
      span.first = std::max(span.first, 0);
      span.last = std::min(span.last, width - 1);
      if (span.first > span.last) continue;
      const auto row = static_cast<std::size_t>(y - band.y_begin);
      x_first[row] = std::min(x_first[row], span.first);
      x_last[row] = std::max(x_last[row], span.last);
      float* pixel = band.colour + 4 * (row * static_cast<std::size_t>(band.stride) + span.first);
      for (int x = span.first; x <= span.last; ++x, pixel += 4) {
        const float alpha = coverage_of(shape, x, y) * shape.colour.opacity;
        const float rest = 1 - alpha;
        pixel[0] = pixel[0] * rest + shape.colour.r * alpha;
        pixel[1] = pixel[1] * rest + shape.colour.g * alpha;
        pixel[2] = pixel[2] * rest + shape.colour.b * alpha;
        pixel[3] = pixel[3] * rest + alpha;
      }
    }
  }
  sink.blend(band, x_first.data(), x_last.data());
  for (std::size_t row = 0; row < kBandRows; ++row) {
    if (x_first[row] > x_last[row]) continue;
    float* from = band.colour + 4 * (row * static_cast<std::size_t>(band.stride) + x_first[row]);
    std::fill_n(from, 4 * static_cast<std::size_t>(x_last[row] - x_first[row] + 1), 0.f);
  }
}

FlatLayer::FlatLayer() : impl_(std::make_unique<Impl>()) {}
FlatLayer::~FlatLayer() = default;
FlatLayer::FlatLayer(FlatLayer&&) noexcept = default;
FlatLayer& FlatLayer::operator=(FlatLayer&&) noexcept = default;

void FlatLayer::clear() {
  impl_->shapes.clear();
}

bool FlatLayer::is_empty() const {
  return impl_->shapes.empty();
}

void FlatLayer::add_line(const PixelPoint& from, const PixelPoint& to, float width,
                         const FlatColour& colour) {
  if (!is_usable(from) || !is_usable(to) || !is_usable(colour)) return;
  if (!(width > 0 && width <= kFarthest)) return;
  Shape shape;
  shape.a = from;
  shape.b = to;
  shape.radius = std::max(width, 1.f) / 2;
  shape.strength = std::min(width, 1.f);
  shape.colour = colour;
  const float reach = shape.radius + 0.5f;
  impl_->add(shape, std::min(from.y, to.y) - reach, std::max(from.y, to.y) + reach);
}

void FlatLayer::add_disc(const PixelPoint& centre, float radius, const FlatColour& colour) {
  add_line(centre, centre, 2 * radius, colour);
}

void FlatLayer::add_box(const PixelPoint& top_left, const PixelPoint& bottom_right,
                        const FlatColour& colour) {
  if (!is_usable(top_left) || !is_usable(bottom_right) || !is_usable(colour)) return;
  if (!(top_left.x < bottom_right.x && top_left.y < bottom_right.y)) return;
  Shape shape;
  shape.kind = Shape::Kind::Box;
  shape.a = top_left;
  shape.b = bottom_right;
  shape.colour = colour;
  impl_->add(shape, top_left.y, bottom_right.y);
}

void FlatLayer::add_mask(const CoverageMask& mask, int x, int y, const FlatColour& colour) {
  const PixelPoint corner = {static_cast<float>(x), static_cast<float>(y)};
  if (!is_usable(corner) || !is_usable(colour) || mask.width < 1 || mask.height < 1) return;
  if (mask.coverage.size() != static_cast<std::size_t>(mask.width) * mask.height) return;
  Shape shape;
  shape.kind = Shape::Kind::Mask;
  shape.a = corner;
  shape.mask = mask;
  shape.colour = colour;
  impl_->add(shape, corner.y, corner.y + static_cast<float>(mask.height - 1));
}

Status FlatLayer::draw(const YuvPlanes& frame) {
  POSEFLEET_TRY_DO(check_frame(frame));
  const Kernels* fast = avx2_kernels(1);
  YuvSink sink(frame, fast != nullptr ? *fast : portable_kernels(1), impl_->chroma_line);
  impl_->draw(frame.width, frame.height, sink);
  return done();
}

Status FlatLayer::draw(const RgbaPlane& picture) {
  POSEFLEET_TRY_DO(check_frame(picture));
  RgbaSink sink(picture);
  impl_->draw(picture.width, picture.height, sink);
  return done();
}

Status FlatLayer::draw(const BgrPicture& picture) {
  POSEFLEET_TRY_DO(check_frame(picture));
  const Kernels* fast = avx2_kernels(1);
  BgrSink sink(picture, fast != nullptr ? *fast : portable_kernels(1));
  impl_->draw(picture.width, picture.height, sink);
  return done();
}

}  // namespace posefleet
