#include "training/detector/samples.h"

#include <algorithm>
#include <cmath>

#include "training/detector/picture.h"
#include "worker/detect/letterbox.h"

namespace posefleet::training::detect {
namespace {

// Scenes that one picture may need, so that no two pictures share one.
constexpr std::uint64_t kScenesOfAPicture = 4;

// SceneSource draws nothing smaller.
constexpr int kDrawnSideMin = 64;

// The grey of a letterbox's border (worker/detect/letterbox.cc).
constexpr float kBorder = 114.0f / 255.0f;

struct Size {
  int width = 0, height = 0;
};

// The shape of a batch's frames: of films, of older films, of telephones held upright.
Size frame_size(int side, Random& random) {
  const double which = random.unit();
  const auto short_side = [&](double ratio) { return static_cast<int>(std::lround(side * ratio)); };
  if (which < 0.50) return {side, short_side(9.0 / 16)};
  if (which < 0.65) return {side, short_side(3.0 / 4)};
  if (which < 0.75) return {side, side};
  if (which < 0.82) return {short_side(3.0 / 4), side};
  return {short_side(9.0 / 16), side};
}

int round_up(int value, int step) {
  return (value + step - 1) / step * step;
}

Size scaled(Size size, double factor) {
  const auto side = [&](int value) {
    return std::max(kDrawnSideMin, static_cast<int>(std::lround(value * factor)));
  };
  return {side(size.width), side(size.height)};
}

// A window of the same shape, as large as `share` of the picture's sides, anywhere.
Picture random_window(const Picture& picture, double share, Random& random) {
  const int width = std::max(1, static_cast<int>(std::lround(picture.width * share)));
  const int height = std::max(1, static_cast<int>(std::lround(picture.height * share)));
  const auto start = [&](int room) {
    return static_cast<int>(random.below(static_cast<std::uint64_t>(room) + 1));
  };
  const int x = start(picture.width - width);
  const int y = start(picture.height - height);
  return window_of(picture, x, y, width, height);
}

// Four scenes, each half as wide and high: everybody is half as tall.
Picture four_scenes(const DrawScene& draw, std::uint64_t seed, std::uint64_t first, Size size,
                    Random& random) {
  Picture all{size.width, size.height, {}, {}};
  all.rgb.resize(std::size_t{3} * static_cast<std::size_t>(size.width) *
                 static_cast<std::size_t>(size.height));
  const int x = size.width / 2;
  const int y = size.height / 2;
  for (std::uint64_t part = 0; part < kScenesOfAPicture; ++part) {
    const bool is_right = part % 2 == 1;
    const bool is_low = part / 2 == 1;
    const Size own{is_right ? size.width - x : x, is_low ? size.height - y : y};
    const Size drawn = scaled(own, 1.3 + 0.7 * random.unit());
    const Picture scene = draw_picture(draw, seed, first + part, drawn.width, drawn.height);
    paste(resized_picture(scene, own.width, own.height), is_right ? x : 0, is_low ? y : 0, all);
  }
  return all;
}

// A frame of the given size, before colours and noise.
Picture make_frame(const DrawScene& draw, std::uint64_t seed, std::uint64_t first, Size size,
                   Random& random) {
  const double how = random.unit();
  if (how < 0.07) return four_scenes(draw, seed, first, size, random);
  // Larger than needed, as films are: resizing leaves its aliasing. Or smaller: a soft film.
  double factor = 1;
  if (how < 0.38) factor = 1.5 + 0.8 * random.unit();
  if (how > 0.90) factor = 0.6 + 0.4 * random.unit();
  const Size drawn = scaled(size, factor);
  Picture picture = draw_picture(draw, seed, first, drawn.width, drawn.height);
  if (random.chance(0.3)) picture = random_window(picture, 0.6 + 0.4 * random.unit(), random);
  return resized_picture(picture, size.width, size.height);
}

std::vector<TruthBox> truth_of(const Picture& picture, int left, int top) {
  std::vector<TruthBox> truth;
  for (const DrawnPerson& person : picture.people) {
    TruthBox somebody{person.box,
                      person.visible < kVisibleMin || person.box[3] - person.box[1] < kHeightMin};
    for (std::size_t i = 0; i < 4; ++i) {
      somebody.box[i] += static_cast<float>(i % 2 == 0 ? left : top);
    }
    truth.push_back(somebody);
  }
  return truth;
}

void write_pixels(const Picture& picture, int left, int top, const Batch& batch,
                  std::span<float> out) {
  std::fill(out.begin(), out.end(), kBorder);
  for (int y = 0; y < picture.height; ++y) {
    const std::uint8_t* from = picture.rgb.data() + std::ptrdiff_t{3} * y * picture.width;
    float* to = out.data() + std::ptrdiff_t{3} * ((y + top) * batch.width + left);
    for (int i = 0; i < 3 * picture.width; ++i) to[i] = static_cast<float>(from[i]) / 255.0f;
  }
}

}  // namespace

Batch make_batch(const DrawScene& draw, const BatchOptions& options, std::uint64_t index) {
  Random of_batch(options.seed ^ Random(index).next());
  // A smaller letterbox now and then: it is quicker, and makes the network fit for other sides.
  const int small = std::max(kSideStep, options.side * 3 / 4 / kSideStep * kSideStep);
  const int side = of_batch.chance(0.4) ? small : options.side;
  const Size size = frame_size(side, of_batch);
  const bool is_square = of_batch.chance(0.25);
  Batch batch;
  batch.width = is_square ? side : round_up(size.width, kSideStep);
  batch.height = is_square ? side : round_up(size.height, kSideStep);
  const std::size_t numbers = std::size_t{3} * static_cast<std::size_t>(batch.width) *
                              static_cast<std::size_t>(batch.height);
  const auto count = static_cast<std::size_t>(options.count);
  batch.pixels.resize(count * numbers);
  for (std::size_t i = 0; i < count; ++i) {
    Random random(of_batch.next());
    const std::uint64_t scene = (index * count + i) * kScenesOfAPicture;
    Picture picture = make_frame(draw, options.seed, scene, size, random);
    if (random.chance(0.5)) mirror(picture);
    vary_colours(picture, random);
    vary_sharpness(picture, random);
    int left =
        static_cast<int>(random.below(static_cast<std::uint64_t>(batch.width - picture.width) + 1));
    int top = static_cast<int>(
        random.below(static_cast<std::uint64_t>(batch.height - picture.height) + 1));
    if (is_square) {
      const InputGeometry geometry =
          input_geometry(picture.width, picture.height, side, DetectorResize::Letterbox);
      left = geometry.left;
      top = geometry.top;
    }
    batch.truth.push_back(truth_of(picture, left, top));
    write_pixels(picture, left, top, batch, std::span(batch.pixels).subspan(i * numbers, numbers));
  }
  return batch;
}

}  // namespace posefleet::training::detect
