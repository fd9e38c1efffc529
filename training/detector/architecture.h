// The demo detector's network as a list of layers.
//
// It is needed twice: with gradients and batch statistics while it learns, and as a TorchScript
// program with everything folded together when it is exported. Two hand-written versions would
// drift apart, so both are made from this one list: the first by walking along it, the second by
// writing a line of TorchScript for each entry.
//
// The shape is a small one-stage detector: a backbone of residual blocks that shrinks the picture
// 32 times, a neck that carries what the coarse maps know back to the fine ones and forth, and at
// strides of 8, 16 and 32 pixels a cheap (depthwise) branch each for the box and for the score.
// 0.76 M weights; 0.5 G multiplications at 416 pixels: a frame of 1280x720 takes 12 ms on one core
// (Zen 5, letterboxing included), and learning from a picture 20 ms, beside 12 ms for drawing it.
// With a second residual stage at stride 4 and heavier branches it took half as long again, and so
// learned from fewer.
//
// Pure, no LibTorch.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace posefleet::training::detect {

enum class LayerKind {
  Input,     // the picture: three channels
  Conv,      // convolution, then batch norm and ReLU, or alone with a bias
  Upsample,  // twice as large, each number four times
  Pool,      // highest of 5 x 5, same size
  Add,
  Concat,  // along the channels
};

// A value. Makes the map that has the layer's index.
struct Layer {
  LayerKind kind = LayerKind::Input;
  std::vector<int> inputs;  // indices of earlier layers
  int channels = 3;         // of what it makes
  int kernel = 1;
  int stride = 1;
  bool is_depthwise = false;  // each channel by itself
  bool is_normed = true;      // false: a bias and no ReLU
};

inline constexpr std::array<int, 3> kStrides = {8, 16, 32};
// A picture's sides must be multiples of it.
inline constexpr int kSideStep = 32;

struct Architecture {
  std::vector<Layer> layers;
  // By level: the layer with the four numbers of a box, and the one with the score.
  std::array<int, 3> boxes{};
  std::array<int, 3> scores{};
};

Architecture detector_architecture();

// "l07": how the weights of a layer are called in files.
std::string layer_name(std::size_t index);

// One place of a level's grid: it may say one box. A value.
struct GridPoint {
  float x = 0, y = 0;  // its middle, input pixels
  float stride = 0;    // pixels

  bool operator==(const GridPoint&) const = default;
};

// All levels' places, rows from the top, finest level first: the order of the network's outputs.
std::vector<GridPoint> grid_points(int width, int height);

// A place's four numbers are the box's middle, in strides from the place's own, and the logarithms
// of its width and height over a usual person's: kUsualWidth and kUsualHeight strides. Distances to
// the four edges, the other habit, cannot say a box that no place lies in, and a person of 26
// pixels is often thinner than a stride.
inline constexpr float kUsualWidth = 2.5f;
inline constexpr float kUsualHeight = 5.0f;
// Beyond twenty times the usual lies no picture that a detector takes; and exp() stays finite.
inline constexpr float kLogSizeMax = 3.0f;

// x0, y0, x1, y1 in input pixels.
std::array<float, 4> decoded_box(const GridPoint& point, const float* numbers);

}  // namespace posefleet::training::detect
