#include "worker/model/decoder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "common/base/check.h"
#include "common/model_folder/network_layout.h"

namespace posefleet {
namespace {

// The head's layer norms use 1e-5, the backbone's 1e-6.
constexpr float kNormEpsilon = 1e-5f;

// Running sums of a dot product: enough to fill the widest vectors, and a fixed number, since the
// order of the sum decides its last bits.
constexpr std::int64_t kLanes = 32;

// Output rows of one piece of work: some 128 KB of weights for the released model.
constexpr std::int64_t kPieceRows = 32;

float dot(const float* a, const float* b, std::int64_t count) {
  std::array<float, kLanes> lanes{};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      lanes[static_cast<std::size_t>(lane)] += a[i + lane] * b[i + lane];
    }
  }
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  float sum = lanes[0];
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

// Each row on its own; in double, since a row is short and the sums then need no care.
std::vector<float> normalised(const NormWeights& norm, const std::vector<float>& rows) {
  std::vector<float> result(rows.size());
  const auto width = static_cast<std::size_t>(norm.width);
  for (std::size_t start = 0; start < rows.size(); start += width) {
    double sum = 0;
    for (std::size_t i = 0; i < width; ++i) sum += rows[start + i];
    const double mean = sum / static_cast<double>(width);
    double squares = 0;
    for (std::size_t i = 0; i < width; ++i) {
      const double difference = rows[start + i] - mean;
      squares += difference * difference;
    }
    const double scale = 1 / std::sqrt(squares / static_cast<double>(width) + kNormEpsilon);
    for (std::size_t i = 0; i < width; ++i) {
      const auto value = static_cast<float>((rows[start + i] - mean) * scale);
      result[start + i] = value * norm.weight[i] + norm.bias[i];
    }
  }
  return result;
}

void add(std::vector<float>& x, const std::vector<float>& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

float gelu(float x) {
  return 0.5f * x * (1 + std::erf(x * (1 / std::numbers::sqrt2_v<float>)));
}

// In place: numbers that are positive and sum to 1.
void softmax(std::span<float> scores) {
  const float largest = *std::max_element(scores.begin(), scores.end());
  float sum = 0;
  for (float& score : scores) {
    score = std::exp(score - largest);
    sum += score;
  }
  for (float& score : scores) score /= sum;
}

// What one head reads: `keys_values` is its first token's key, the value `value_offset` after it.
struct HeadContext {
  const float* keys_values;
  std::int64_t token_stride;
  std::int64_t value_offset;
  std::int64_t width;
};

void attend_one_head(const HeadContext& context, const float* query, float* out) {
  std::array<float, kTokenCount> scores{};
  const float scale = 1 / std::sqrt(static_cast<float>(context.width));
  for (std::size_t token = 0; token < kTokenCount; ++token) {
    const float* key =
        context.keys_values + static_cast<std::int64_t>(token) * context.token_stride;
    scores[token] = scale * dot(query, key, context.width);
  }
  softmax(scores);
  std::fill_n(out, context.width, 0.0f);
  for (std::size_t token = 0; token < kTokenCount; ++token) {
    const float* value = context.keys_values +
                         static_cast<std::int64_t>(token) * context.token_stride +
                         context.value_offset;
    for (std::int64_t i = 0; i < context.width; ++i) out[i] += scores[token] * value[i];
  }
}

// Adds the same mean to every crop's row.
void add_mean(std::vector<float>& rows, const float* mean, std::int64_t width) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] += mean[i % static_cast<std::size_t>(width)];
  }
}

}  // namespace

Decoder::Decoder(const Hmr2Weights& weights, Tiles& tiles, int batch_size)
    : weights_(weights),
      tiles_(tiles),
      kv_plan_(weights.layers.front().to_kv, Activation::None, Output::Store),
      keys_values_(weights.layers.size() * static_cast<std::size_t>(batch_size) * kTokenCount *
                   static_cast<std::size_t>(weights.layers.front().to_kv.out)) {}

DecoderOutput Decoder::run(const float* context, int crops) {
  // The keys and values do not depend on the query: all layers' before the first step.
  const auto layer_floats = static_cast<std::int64_t>(keys_values_.size() / weights_.layers.size());
  for (std::size_t layer = 0; layer < weights_.layers.size(); ++layer) {
    kv_plan_.run(tiles_, weights_.layers[layer].to_kv, context,
                 keys_values_.data() + static_cast<std::int64_t>(layer) * layer_floats, crops);
  }

  const auto width = static_cast<std::size_t>(weights_.sizes.decoder_width);
  Rows x(width * static_cast<std::size_t>(crops));
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = weights_.query_bias[i % width] + weights_.query_pos[i % width];
  }
  for (std::size_t layer = 0; layer < weights_.layers.size(); ++layer) {
    const DecoderLayerWeights& layer_weights = weights_.layers[layer];
    // Self attention of a single token is its own value.
    const Rows value =
        dense(layer_weights.self_value, normalised(layer_weights.self_norm, x), crops);
    add(x, dense(layer_weights.self_out, value, crops));
    attend(layer, x, crops);
    mlp(layer, x, crops);
  }

  DecoderOutput output;
  output.pose6d = dense(weights_.decpose, x, crops);
  add_mean(output.pose6d, weights_.init_body_pose, kPose6dCount);
  output.betas = dense(weights_.decshape, x, crops);
  add_mean(output.betas, weights_.init_betas, kShapeCount);
  output.cam = dense(weights_.deccam, x, crops);
  add_mean(output.cam, weights_.init_cam, kCameraCount);
  output.token = std::move(x);
  return output;
}

void Decoder::attend(std::size_t layer, Rows& x, int crops) {
  const DecoderLayerWeights& weights = weights_.layers[layer];
  const Rows query = dense(weights.to_q, normalised(weights.cross_norm, x), crops);
  const std::int64_t inner = weights.to_q.out;
  const std::int64_t heads = weights_.sizes.decoder_heads;
  const std::int64_t head_width = weights_.sizes.decoder_head_width;
  const float* layer_context =
      keys_values_.data() + layer * (keys_values_.size() / weights_.layers.size());
  Rows seen(query.size());
  tiles_.run(crops * static_cast<int>(heads), [&](int piece, std::byte*) {
    const std::int64_t crop = piece / heads;
    const std::int64_t head = piece % heads;
    const std::int64_t place = crop * inner + head * head_width;
    attend_one_head(
        {.keys_values = layer_context + crop * kTokenCount * 2 * inner + head * head_width,
         .token_stride = 2 * inner,
         .value_offset = inner,
         .width = head_width},
        query.data() + place, seen.data() + place);
  });
  add(x, dense(weights.cross_out, seen, crops));
}

void Decoder::mlp(std::size_t layer, Rows& x, int crops) {
  const DecoderLayerWeights& weights = weights_.layers[layer];
  Rows hidden = dense(weights.fc1, normalised(weights.mlp_norm, x), crops);
  for (float& value : hidden) value = gelu(value);
  add(x, dense(weights.fc2, hidden, crops));
}

Decoder::Rows Decoder::dense(const LinearWeights& layer, const Rows& rows, int crops) {
  POSEFLEET_CHECK(rows.size() == static_cast<std::size_t>(layer.in * crops));
  Rows result(static_cast<std::size_t>(layer.out * crops));
  const auto pieces = static_cast<int>((layer.out + kPieceRows - 1) / kPieceRows);
  tiles_.run(pieces, [&](int piece, std::byte*) {
    const std::int64_t first = piece * kPieceRows;
    const std::int64_t end = std::min(first + kPieceRows, layer.out);
    for (std::int64_t out = first; out < end; ++out) {
      const float bias = layer.bias == nullptr ? 0 : layer.bias[out];
      for (std::int64_t crop = 0; crop < crops; ++crop) {
        result[static_cast<std::size_t>(crop * layer.out + out)] =
            dot(layer.weight + out * layer.in, rows.data() + crop * layer.in, layer.in) + bias;
      }
    }
  });
  return result;
}

}  // namespace posefleet
