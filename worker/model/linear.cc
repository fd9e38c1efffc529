#include "worker/model/linear.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "common/model_folder/network_layout.h"

namespace posefleet {
namespace {

// Columns of a tile at most. Measured with 1280x5120 layers on two cores of a Zen 5: 320 reaches
// 430 GFLOP/s, 128 to 256 are up to 5 % slower, 640 is no faster and leaves four threads too few
// tiles.
constexpr std::int64_t kTileColumns = 320;

// The kernels work on multiples of 16 columns, the widest vector.
constexpr std::int64_t kColumnStep = 16;

constexpr std::size_t kTileBytes = kTokenCount * kTileColumns * sizeof(float);
constexpr std::size_t kScoreBytes = kTokenCount * kTokenCount * sizeof(float);

// As even as it goes, so that no thread is left with a sliver.
std::int64_t tile_columns(std::int64_t columns) {
  const std::int64_t tiles = (columns + kTileColumns - 1) / kTileColumns;
  const std::int64_t even = (columns + tiles - 1) / tiles;
  return std::min(columns, (even + kColumnStep - 1) / kColumnStep * kColumnStep);
}

// Into a tile without gaps: oneDNN's best kernel (brgemm) takes no other output, and the one that
// it falls back to is 10 % slower.
ProductShape tile_shape(const LinearWeights& layer, std::int64_t columns, Activation activation) {
  return {.rows = kTokenCount,
          .columns = columns,
          .inner = layer.in,
          .a_stride = layer.in,
          .b_stride = layer.in,
          .c_stride = columns,
          .b_is_transposed = true,
          .has_bias = layer.bias != nullptr,
          .activation = activation};
}

// From a tile to its columns of the output; `y` is the first row's first number.
void put(const float* tile, std::int64_t columns, Output output, float* y, std::int64_t y_stride) {
  for (std::int64_t row = 0; row < kTokenCount; ++row) {
    const float* from = tile + row * columns;
    float* to = y + row * y_stride;
    if (output == Output::Add) {
      for (std::int64_t i = 0; i < columns; ++i) to[i] += from[i];
    } else {
      std::copy_n(from, columns, to);
    }
  }
}

}  // namespace

LinearPlan::LinearPlan(const LinearWeights& layer, Activation activation, Output output)
    : in_(layer.in), out_(layer.out), tile_columns_(tile_columns(layer.out)), output_(output) {
  products_.emplace_back(tile_shape(layer, tile_columns_, activation));
  if (const std::int64_t rest = out_ % tile_columns_; rest != 0) {
    products_.emplace_back(tile_shape(layer, rest, activation));
  }
}

std::size_t LinearPlan::scratch_bytes() const {
  return kTileBytes + std::max(products_.front().scratch_bytes(), products_.back().scratch_bytes());
}

void LinearPlan::run(Tiles& tiles, const LinearWeights& layer, const float* x, float* y,
                     int crops) const {
  POSEFLEET_CHECK(layer.in == in_ && layer.out == out_);
  const std::int64_t tile_count = (out_ + tile_columns_ - 1) / tile_columns_;
  tiles.run(static_cast<int>(tile_count) * crops, [&](int piece, std::byte* scratch) {
    const std::int64_t crop = piece % crops;
    const std::int64_t first = piece / crops * tile_columns_;
    const std::int64_t columns = std::min(tile_columns_, out_ - first);
    const Product& product = columns == tile_columns_ ? products_.front() : products_.back();
    auto* tile = reinterpret_cast<float*>(scratch);
    product.run({.a = x + crop * kTokenCount * in_,
                 .b = layer.weight + first * in_,
                 .bias = layer.bias == nullptr ? nullptr : layer.bias + first,
                 .c = tile},
                scratch + kTileBytes);
    put(tile, columns, output_, y + crop * kTokenCount * out_ + first, out_);
  });
}

AttentionPlan::AttentionPlan(std::int64_t width, std::int64_t heads)
    : width_(width),
      heads_(heads),
      scores_({.rows = kTokenCount,
               .columns = kTokenCount,
               .inner = width / heads,
               .a_stride = 3 * width,
               .b_stride = 3 * width,
               .c_stride = kTokenCount,
               .b_is_transposed = true,
               .scale = 1 / std::sqrt(static_cast<float>(width / heads))}),
      softmax_(kTokenCount, kTokenCount),
      values_({.rows = kTokenCount,
               .columns = width / heads,
               .inner = kTokenCount,
               .a_stride = kTokenCount,
               .b_stride = 3 * width,
               .c_stride = width}) {}

std::size_t AttentionPlan::scratch_bytes() const {
  return kScoreBytes +
         std::max({scores_.scratch_bytes(), softmax_.scratch_bytes(), values_.scratch_bytes()});
}

void AttentionPlan::run(Tiles& tiles, const float* qkv, float* out, int crops) const {
  const std::int64_t head_width = width_ / heads_;
  tiles.run(crops * static_cast<int>(heads_), [&](int piece, std::byte* scratch) {
    const std::int64_t crop = piece / heads_;
    const std::int64_t head = piece % heads_;
    const float* q = qkv + crop * kTokenCount * 3 * width_ + head * head_width;
    auto* scores = reinterpret_cast<float*>(scratch);
    std::byte* rest = scratch + kScoreBytes;
    scores_.run({.a = q, .b = q + width_, .bias = nullptr, .c = scores}, rest);
    softmax_.run(scores, rest);
    values_.run({.a = scores,
                 .b = q + 2 * width_,
                 .bias = nullptr,
                 .c = out + crop * kTokenCount * width_ + head * head_width},
                rest);
  });
}

}  // namespace posefleet
