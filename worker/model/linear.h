// Linear layers over the 192 tokens of each crop of a batch, cut into tiles.
//
// A tile is some columns of the output for one crop. Crops are never joined into one tall product:
// the kernel's blocking, and with it the last bits, would then depend on the batch. It costs
// nothing: the pieces are ordered so that all crops use a tile's weights while they are in the
// cache.
//
// Weights stay where they are mapped. Packed beforehand in oneDNN's own layout they would be 6 %
// faster (232 against 217 GFLOP/s on one Zen 5 core) and cost each process 2.5 GiB of its own,
// which workers on one machine now share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "worker/model/product.h"
#include "worker/model/tiles.h"
#include "worker/model/weights.h"

namespace posefleet {

enum class Output {
  Store,         // y = ..., float32
  Add,           // y = y + ..., float32
  StoreForNext,  // y = ..., of the type that the next layer takes
};

// The machine code for one shape of layer; any number of layers of that shape use it.
class LinearPlan final {
 public:
  // For weights like `layer` in shape, type and in having a bias.
  LinearPlan(const LinearWeights& layer, Activation activation, Output output);

  NumberType input_type() const { return type_; }
  std::size_t scratch_bytes() const;
  std::string kernel() const { return products_.front().kernel(); }
  // x: (crops * 192, in), of the type of the layer's weights; y: (crops * 192, out), of the type
  // that the output asks for. Both without gaps.
  void run(Tiles& tiles, const LinearWeights& layer, const void* x, void* y, int crops) const;

 private:
  std::int64_t in_;
  std::int64_t out_;
  std::int64_t tile_columns_;
  NumberType type_;
  Output output_;
  // Full tiles, then the narrower last one when the columns do not divide.
  std::vector<Product> products_;
};

// Multi-head attention of 192 tokens among themselves, one piece per crop and head.
class AttentionPlan final {
 public:
  // Computes in float32; the result is stored for a layer of type `next`.
  AttentionPlan(std::int64_t width, std::int64_t heads, NumberType next);

  std::size_t scratch_bytes() const;
  // qkv: (crops * 192, 3 width) as [q | k | v], each the heads one after the other;
  // out: (crops * 192, width), of the next layer's type.
  void run(Tiles& tiles, const float* qkv, void* out, int crops) const;

 private:
  // Of one head's result before it is rounded; none when it is stored as it is.
  std::size_t head_bytes() const;

  std::int64_t width_;
  std::int64_t heads_;
  NumberType next_;
  Product scores_;
  RowSoftmax softmax_;
  Product values_;
};

}  // namespace posefleet
