#include "training/detector/architecture.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace posefleet::training::detect {
namespace {

// Channels of the backbone's maps at strides 8, 16 and 32, and of the neck's.
constexpr std::array<int, 3> kBackbone = {64, 96, 128};
constexpr int kNeck = 64;

class Builder final {
 public:
  Builder() { net_.layers.push_back({}); }

  int conv(int input, int channels, int kernel, int stride = 1) {
    return add({.kind = LayerKind::Conv,
                .inputs = {input},
                .channels = channels,
                .kernel = kernel,
                .stride = stride});
  }

  int join(LayerKind kind, std::vector<int> inputs) {
    int channels = channels_of(inputs.front());
    if (kind == LayerKind::Concat) {
      channels = 0;
      for (const int input : inputs) channels += channels_of(input);
    }
    return add({.kind = kind, .inputs = std::move(inputs), .channels = channels});
  }

  // Half as many channels, looked at 3 x 3, added to what came in.
  int residual(int input) {
    const int channels = channels_of(input);
    const int inner = conv(conv(input, channels / 2, 1), channels, 3);
    return join(LayerKind::Add, {input, inner});
  }

  // Looks at the neighbours channel by channel, then across channels: an eighth of the work of a
  // whole 3 x 3.
  int light(int input) {
    const int each = add({.kind = LayerKind::Conv,
                          .inputs = {input},
                          .channels = channels_of(input),
                          .kernel = 3,
                          .is_depthwise = true});
    return conv(each, kNeck, 1);
  }

  // The plain numbers that a level says.
  int said(int input, int numbers) {
    return add({.kind = LayerKind::Conv,
                .inputs = {light(input)},
                .channels = numbers,
                .is_normed = false});
  }

  // What the last map sees is widened to half the picture, for people who fill it.
  int widened(int input) {
    const int narrow = conv(input, channels_of(input) / 2, 1);
    const int once = join(LayerKind::Pool, {narrow});
    const int twice = join(LayerKind::Pool, {once});
    return conv(join(LayerKind::Concat, {narrow, once, twice}), channels_of(input), 1);
  }

  Architecture net_;

 private:
  int channels_of(int layer) const { return net_.layers[static_cast<std::size_t>(layer)].channels; }
  int add(Layer layer) {
    net_.layers.push_back(std::move(layer));
    return static_cast<int>(net_.layers.size()) - 1;
  }
};

}  // namespace

Architecture detector_architecture() {
  Builder b;
  const int half = b.conv(0, 16, 3, 2);
  const int quarter = b.conv(half, 32, 3, 2);
  const int eighth = b.residual(b.residual(b.conv(quarter, kBackbone[0], 3, 2)));
  const int sixteenth = b.residual(b.residual(b.conv(eighth, kBackbone[1], 3, 2)));
  const int last = b.residual(b.residual(b.conv(sixteenth, kBackbone[2], 3, 2)));

  const int down5 = b.conv(b.widened(last), kNeck, 1);
  const int down4 = b.conv(
      b.join(LayerKind::Add, {b.join(LayerKind::Upsample, {down5}), b.conv(sixteenth, kNeck, 1)}),
      kNeck, 3);
  const int level3 = b.light(
      b.join(LayerKind::Add, {b.join(LayerKind::Upsample, {down4}), b.conv(eighth, kNeck, 1)}));
  const int level4 = b.join(LayerKind::Add, {down4, b.conv(level3, kNeck, 3, 2)});
  const int level5 = b.join(LayerKind::Add, {down5, b.conv(level4, kNeck, 3, 2)});

  // People who fill a sixth of the picture and more are said at the coarser levels, where two of
  // them may be no more than a place apart.
  const std::array<int, 3> levels = {level3, b.residual(b.residual(level4)),
                                     b.residual(b.residual(level5))};
  for (std::size_t i = 0; i < levels.size(); ++i) {
    b.net_.boxes[i] = b.said(levels[i], 4);
    b.net_.scores[i] = b.said(levels[i], 1);
  }
  return b.net_;
}

std::string layer_name(std::size_t index) {
  return fmt::format("l{:02}", index);
}

std::vector<GridPoint> grid_points(int width, int height) {
  std::vector<GridPoint> points;
  for (const int stride : kStrides) {
    for (int y = 0; y < height / stride; ++y) {
      for (int x = 0; x < width / stride; ++x) {
        const auto s = static_cast<float>(stride);
        points.push_back(
            {(static_cast<float>(x) + 0.5f) * s, (static_cast<float>(y) + 0.5f) * s, s});
      }
    }
  }
  return points;
}

std::array<float, 4> decoded_box(const GridPoint& point, const float* numbers) {
  const float x = point.x + numbers[0] * point.stride;
  const float y = point.y + numbers[1] * point.stride;
  const auto size = [&](float number, float usual) {
    return std::exp(std::clamp(number, -kLogSizeMax, kLogSizeMax)) * usual * point.stride;
  };
  const float width = size(numbers[2], kUsualWidth);
  const float height = size(numbers[3], kUsualHeight);
  return {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

}  // namespace posefleet::training::detect
