#include "training/hmr2/parameters.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "common/base/random.h"
#include "common/model_folder/network_layout.h"
#include "common/protocol/poses.h"
#include "training/footage/surface.h"

namespace posefleet::training {
namespace {

constexpr std::int64_t kTokenRows = 16;
constexpr std::int64_t kTokenColumns = 12;

// Of the sines that positions start as: about as large as what the patches of a picture give at
// first (0.6), so that neither drowns the other.
constexpr double kPositionAmplitude = 0.3;
// Of the head's last layers: the first answers are the mean parameters and hardly anything else.
constexpr double kAnswerDeviation = 0.01;

bool is_constant(const std::string& name) {
  return name.starts_with("smpl_head.init_") ||
         name == "smpl_head.transformer.to_token_embedding.weight";
}

bool is_position(const std::string& name) {
  return name == "backbone.pos_embed" || name == "smpl_head.transformer.pos_embedding";
}

// Layers whose result is added to what passes by; each addition makes the stream a little wider.
bool ends_a_branch(const std::string& name) {
  for (const char* end :
       {"attn.proj.weight", "mlp.fc2.weight", "to_out.0.weight", "net.3.weight"}) {
    if (name.ends_with(end)) return true;
  }
  return false;
}

// Half of the width follows the row and half the column; each half as sines and cosines of growing
// period. Row 0 of the table is the class token's, which is added to all.
void fill_positions(std::span<float> out, std::int64_t width) {
  std::fill(out.begin(), out.end(), 0.0f);
  const std::int64_t quarter = width / 4;
  for (std::int64_t token = 0; token < kTokenCount; ++token) {
    const auto row = static_cast<double>(token / kTokenColumns);
    const auto column = static_cast<double>(token % kTokenColumns);
    float* target = out.data() + (token + 1) * width;
    for (std::int64_t i = 0; i < quarter; ++i) {
      const double exponent = static_cast<double>(i) / static_cast<double>(quarter);
      // From one token's phase of 1 radian to one of 1/30: the longest wave spans the picture.
      const double frequency = std::pow(30.0, -exponent);
      target[i] = static_cast<float>(kPositionAmplitude * std::sin(row * frequency));
      target[quarter + i] = static_cast<float>(kPositionAmplitude * std::cos(row * frequency));
      target[2 * quarter + i] =
          static_cast<float>(kPositionAmplitude * std::sin(column * frequency));
      target[3 * quarter + i] =
          static_cast<float>(kPositionAmplitude * std::cos(column * frequency));
    }
  }
}

double deviation_of(const ParameterEntry& entry, const NetworkSizes& sizes) {
  if (is_position(entry.name)) return 0.02;
  if (entry.name.starts_with("smpl_head.dec") || entry.name.starts_with(kVoteLayer)) {
    return kAnswerDeviation;
  }
  const double inputs = static_cast<double>(entry.count) / static_cast<double>(entry.shape[0]);
  // sqrt(1/3) of what keeps the variance: measured to learn faster than the full value.
  const double deviation = std::sqrt(1 / (3 * inputs));
  if (!ends_a_branch(entry.name)) return deviation;
  const std::int64_t depth =
      entry.name.starts_with("backbone.") ? 2 * sizes.backbone_depth : 3 * sizes.decoder_depth;
  return deviation / std::sqrt(static_cast<double>(depth));
}

void fill_entry(std::span<float> out, const ParameterEntry& entry, const NetworkSizes& sizes,
                Random& random) {
  if (entry.name == "backbone.pos_embed") return fill_positions(out, sizes.backbone_width);
  if (entry.shape.size() < 2 || is_constant(entry.name)) {
    const bool is_norm_weight =
        entry.name.find("norm") != std::string::npos && entry.name.ends_with(".weight");
    std::fill(out.begin(), out.end(), is_norm_weight ? 1.0f : 0.0f);
    return;
  }
  const double deviation = deviation_of(entry, sizes);
  for (float& value : out) value = static_cast<float>(deviation * random.normal());
}

}  // namespace

ParameterLayout::ParameterLayout(const NetworkSizes& sizes) : sizes_(sizes) {
  std::map<std::string, Shape> shapes = network_layout(sizes);
  shapes[std::string(kJointMapLayer) + ".weight"] = {kJointCount, sizes.backbone_width};
  shapes[std::string(kJointMapLayer) + ".bias"] = {kJointCount};
  shapes[std::string(kVoteLayer) + ".weight"] = {kJointCount * kVoteNumbers, sizes.backbone_width};
  shapes[std::string(kVoteLayer) + ".bias"] = {kJointCount * kVoteNumbers};
  shapes[std::string(kPartLayer) + ".weight"] = {kSurfaceLabelCount, sizes.backbone_width};
  shapes[std::string(kPartLayer) + ".bias"] = {kSurfaceLabelCount};
  for (const bool trained : {true, false}) {
    for (const auto& [name, shape] : shapes) {
      if (is_constant(name) == trained) continue;
      ParameterEntry entry{.name = name, .shape = shape, .offset = count_};
      entry.count = element_count(shape);
      entry.is_trained = trained;
      entry.is_decayed = trained && shape.size() >= 2 && !is_position(name);
      entry.is_exported = !name.starts_with("training.");
      places_[name] = entries_.size();
      count_ += entry.count;
      entries_.push_back(std::move(entry));
    }
    if (trained) trained_count_ = count_;
  }
}

std::vector<float> initial_parameters(const ParameterLayout& layout, const FirstLook& look,
                                      std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(layout.count()));
  const std::span<float> all(values);
  Random random(seed);
  for (const ParameterEntry& entry : layout.entries()) {
    fill_entry(part_of(all, entry), entry, layout.sizes(), random);
  }
  const auto set = [&](const char* name, const std::vector<float>& numbers) {
    const std::span<float> target = part_of(all, layout.at(name));
    POSEFLEET_CHECK(numbers.size() == target.size());
    std::copy(numbers.begin(), numbers.end(), target.begin());
  };
  set("smpl_head.init_body_pose", look.mean.pose6d);
  set("smpl_head.init_betas", look.mean.betas);
  set("smpl_head.init_cam", look.mean.camera);
  if (!look.patch_weight.empty()) {
    set("backbone.patch_embed.proj.weight", look.patch_weight);
    set("backbone.patch_embed.proj.bias", look.patch_bias);
  }
  return values;
}

}  // namespace posefleet::training
