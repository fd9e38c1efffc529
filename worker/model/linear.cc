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

constexpr std::size_t kScoreBytes = kTokenCount * kTokenCount * sizeof(float);

// As even as it goes, so that no thread is left with a sliver.
std::int64_t tile_columns(std::int64_t columns) {
  const std::int64_t tiles = (columns + kTileColumns - 1) / kTileColumns;
  const std::int64_t even = (columns + tiles - 1) / tiles;
  return std::min(columns, (even + kColumnStep - 1) / kColumnStep * kColumnStep);
}

ProductShape tile_shape(const LinearWeights& layer, std::int64_t columns, Epilogue epilogue) {
  return {.rows = kTokenCount,
          .columns = columns,
          .inner = layer.in,
          .a_stride = layer.in,
          .b_stride = layer.in,
          .c_stride = layer.out,
          .b_is_transposed = true,
          .has_bias = layer.bias != nullptr,
          .epilogue = epilogue};
}

}  // namespace

LinearPlan::LinearPlan(const LinearWeights& layer, Epilogue epilogue)
    : in_(layer.in), out_(layer.out), tile_columns_(tile_columns(layer.out)) {
  products_.emplace_back(tile_shape(layer, tile_columns_, epilogue));
  if (const std::int64_t rest = out_ % tile_columns_; rest != 0) {
    products_.emplace_back(tile_shape(layer, rest, epilogue));
  }
}

std::size_t LinearPlan::scratch_bytes() const {
  return std::max(products_.front().scratch_bytes(), products_.back().scratch_bytes());
}

void LinearPlan::run(Tiles& tiles, const LinearWeights& layer, const float* x, float* y,
                     int crops) const {
  POSEFLEET_CHECK(layer.in == in_ && layer.out == out_);
  const std::int64_t tile_count = (out_ + tile_columns_ - 1) / tile_columns_;
  tiles.run(static_cast<int>(tile_count) * crops, [&](int piece, std::byte* scratch) {
    const std::int64_t crop = piece % crops;
    const std::int64_t first = piece / crops * tile_columns_;
    const Product& product = first + tile_columns_ <= out_ ? products_.front() : products_.back();
    product.run({.a = x + crop * kTokenCount * in_,
                 .b = layer.weight + first * in_,
                 .bias = layer.bias == nullptr ? nullptr : layer.bias + first,
                 .c = y + crop * kTokenCount * out_ + first},
                scratch);
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
