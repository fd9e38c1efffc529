// All numbers of the network in one row of memory, and where in it each tensor lies.
//
// The optimiser, the running average, the averaging of gradients between threads and the file that
// a killed training goes on from treat all numbers alike; so they see one long array, and only the
// network itself sees tensors. Names and shapes are those of a model folder's hmr2.safetensors.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/model_folder/model_folder.h"
#include "common/model_folder/safetensors.h"

namespace posefleet::training {

// Three extra linear layers from a token, which teach the backbone early and are not exported.
// How much each joint seems to lie in the token: kJointCount scores.
inline constexpr const char* kJointMapLayer = "training.joint_maps";
// What the token would say of each joint, were it there: kJointCount times kVoteNumbers numbers.
inline constexpr const char* kVoteLayer = "training.votes";
// Place against the pelvis (3), offset in the picture from the token's middle (2), rotation (6).
inline constexpr std::int64_t kVoteNumbers = 11;
// What of the body the token shows: kSurfaceLabelCount scores (footage/surface.h).
inline constexpr const char* kPartLayer = "training.parts";

struct ParameterEntry {
  std::string name;
  Shape shape;
  std::int64_t offset = 0;  // in numbers
  std::int64_t count = 0;
  bool is_trained = true;   // else a constant: the mean parameters, the weight of the zero token
  bool is_decayed = false;  // matrices are drawn towards zero, biases, norms and positions are not
  bool is_exported = true;
};

// Immutable. Trained entries come first, so that what the optimiser touches is one stretch.
class ParameterLayout final {
 public:
  explicit ParameterLayout(const NetworkSizes& sizes);

  const NetworkSizes& sizes() const { return sizes_; }
  const std::vector<ParameterEntry>& entries() const { return entries_; }
  const ParameterEntry& at(const std::string& name) const { return entries_[places_.at(name)]; }
  std::int64_t count() const { return count_; }
  std::int64_t trained_count() const { return trained_count_; }

 private:
  NetworkSizes sizes_;
  std::vector<ParameterEntry> entries_;
  std::map<std::string, std::size_t> places_;
  std::int64_t count_ = 0;
  std::int64_t trained_count_ = 0;
};

// What the network answers before it has learned anything, and around which it learns.
struct MeanParameters {
  std::vector<float> pose6d;  // (144) two columns of each joint's rotation
  std::vector<float> betas;   // (10)
  std::vector<float> camera;  // (3)
};

// What a look at the crops tells before anything is learned.
struct FirstLook {
  MeanParameters mean;
  // The patch embedding's: the strongest principal components of patches, each scaled to answers of
  // the same size. Random filters nearly all answer to a patch's brightness alone, and the network
  // first has to learn to see. Empty: random.
  std::vector<float> patch_weight;  // (backbone_width, 768)
  std::vector<float> patch_bias;    // (backbone_width)
};

// layout.count() numbers, the same for the same seed on every machine.
std::vector<float> initial_parameters(const ParameterLayout& layout, const FirstLook& look,
                                      std::uint64_t seed);

// How the large products with them are computed.
enum class Products {
  Float32,
  // The large products on operands rounded to bfloat16, sums in float32; twice the rate where the
  // processor has instructions for it.
  BFloat16,
};

// The entry's numbers within all of them.
template <typename T>
std::span<T> part_of(std::span<T> all, const ParameterEntry& entry) {
  return all.subspan(static_cast<std::size_t>(entry.offset), static_cast<std::size_t>(entry.count));
}

}  // namespace posefleet::training
