#include "worker/model/linear.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "common/model_folder/network_layout.h"
#include "worker/model/bfloat16.h"

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

NumberType type_of(const LinearWeights& layer) {
  return layer.rounded != nullptr ? NumberType::BFloat16 : NumberType::Float32;
}

std::int64_t size_of(NumberType type) {
  return type == NumberType::BFloat16 ? sizeof(std::uint16_t) : sizeof(float);
}

// The number `index` numbers behind the first.
const void* at(const void* numbers, std::int64_t index, NumberType type) {
  return static_cast<const std::byte*>(numbers) + index * size_of(type);
}
void* at(void* numbers, std::int64_t index, NumberType type) {
  return static_cast<std::byte*>(numbers) + index * size_of(type);
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
          .activation = activation,
          .operands = type_of(layer)};
}

// A tile and its place in the output: `to` is the first row's first number.
struct Placement {
  const float* tile;
  std::int64_t columns;
  void* to;
  std::int64_t stride;  // of the output, numbers
};

void store(const Placement& place, NumberType type) {
  for (std::int64_t row = 0; row < kTokenCount; ++row) {
    const float* from = place.tile + row * place.columns;
    void* to = at(place.to, row * place.stride, type);
    if (type == NumberType::BFloat16) {
      std::transform(from, from + place.columns, static_cast<std::uint16_t*>(to), to_bfloat16);
    } else {
      std::copy_n(from, place.columns, static_cast<float*>(to));
    }
  }
}

void add(const Placement& place) {
  for (std::int64_t row = 0; row < kTokenCount; ++row) {
    const float* from = place.tile + row * place.columns;
    float* to = static_cast<float*>(place.to) + row * place.stride;
    for (std::int64_t i = 0; i < place.columns; ++i) to[i] += from[i];
  }
}

}  // namespace

LinearPlan::LinearPlan(const LinearWeights& layer, Activation activation, Output output)
    : in_(layer.in),
      out_(layer.out),
      tile_columns_(tile_columns(layer.out)),
      type_(type_of(layer)),
      output_(output) {
  products_.emplace_back(tile_shape(layer, tile_columns_, activation));
  if (const std::int64_t rest = out_ % tile_columns_; rest != 0) {
    products_.emplace_back(tile_shape(layer, rest, activation));
  }
}

std::size_t LinearPlan::scratch_bytes() const {
  return kTileBytes + std::max(products_.front().scratch_bytes(), products_.back().scratch_bytes());
}

void LinearPlan::run(Tiles& tiles, const LinearWeights& layer, const void* x, void* y,
                     int crops) const {
  POSEFLEET_CHECK(layer.in == in_ && layer.out == out_ && type_of(layer) == type_);
  const void* weight = layer.weight;
  if (type_ == NumberType::BFloat16) weight = layer.rounded;
  const NumberType stored = output_ == Output::StoreForNext ? type_ : NumberType::Float32;
  const std::int64_t tile_count = (out_ + tile_columns_ - 1) / tile_columns_;
  tiles.run(static_cast<int>(tile_count) * crops, [&](int piece, std::byte* scratch) {
    const std::int64_t crop = piece % crops;
    const std::int64_t first = piece / crops * tile_columns_;
    const std::int64_t columns = std::min(tile_columns_, out_ - first);
    const Product& product = columns == tile_columns_ ? products_.front() : products_.back();
    auto* tile = reinterpret_cast<float*>(scratch);
    product.run({.a = at(x, crop * kTokenCount * in_, type_),
                 .b = at(weight, first * in_, type_),
                 .bias = layer.bias == nullptr ? nullptr : layer.bias + first,
                 .c = tile},
                scratch + kTileBytes);
    const Placement place = {tile, columns, at(y, crop * kTokenCount * out_ + first, stored), out_};
    if (output_ == Output::Add) {
      add(place);
    } else {
      store(place, stored);
    }
  });
}

AttentionPlan::AttentionPlan(std::int64_t width, std::int64_t heads, NumberType next)
    : width_(width),
      heads_(heads),
      next_(next),
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
               .c_stride = next == NumberType::Float32 ? width : width / heads}) {}

std::size_t AttentionPlan::scratch_bytes() const {
  return kScoreBytes + head_bytes() +
         std::max({scores_.scratch_bytes(), softmax_.scratch_bytes(), values_.scratch_bytes()});
}

std::size_t AttentionPlan::head_bytes() const {
  return next_ == NumberType::Float32
             ? 0
             : static_cast<std::size_t>(kTokenCount * width_ / heads_) * sizeof(float);
}

void AttentionPlan::run(Tiles& tiles, const float* qkv, void* out, int crops) const {
  const std::int64_t head_width = width_ / heads_;
  tiles.run(crops * static_cast<int>(heads_), [&](int piece, std::byte* scratch) {
    const std::int64_t crop = piece / heads_;
    const std::int64_t head = piece % heads_;
    const float* q = qkv + crop * kTokenCount * 3 * width_ + head * head_width;
    void* to = at(out, crop * kTokenCount * width_ + head * head_width, next_);
    auto* scores = reinterpret_cast<float*>(scratch);
    auto* seen = reinterpret_cast<float*>(scratch + kScoreBytes);
    std::byte* rest = scratch + kScoreBytes + head_bytes();
    scores_.run({.a = q, .b = q + width_, .bias = nullptr, .c = scores}, rest);
    softmax_.run(scores, rest);
    const bool is_direct = next_ == NumberType::Float32;
    values_.run({.a = scores,
                 .b = q + 2 * width_,
                 .bias = nullptr,
                 .c = is_direct ? static_cast<float*>(to) : seen},
                rest);
    if (!is_direct) store({seen, head_width, to, width_}, next_);
  });
}

}  // namespace posefleet
