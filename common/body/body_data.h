// The numbers that a body model consists of, as they lie in body.safetensors.
//
// SMPL's layout, for any number of vertices V and faces F: the model of the licensed file, of the
// small test body and of the free demo body differ in nothing but these numbers. Checked here once,
// so that code that poses bodies need not look again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace posefleet {

inline constexpr int kPoseFeatureCount = 207;  // 23 joints x 9 numbers of R - I

// Row-major arrays of the shapes in the comments; lengths in metres.
struct BodyData {
  std::vector<float> v_template;               // (V, 3) the rest pose
  std::vector<float> shapedirs;                // (V, 3, 10) offsets per beta
  std::vector<float> posedirs;                 // (207, 3 V) offsets per pose feature
  std::vector<float> joint_regressor;          // (24, V) joints from the shaped rest pose
  std::vector<float> weights;                  // (V, 24) skinning; rows sum to 1
  std::vector<std::int64_t> parents;           // (24) -1 for the root, parents before children
  std::vector<std::int32_t> faces;             // (F, 3) counter-clockwise seen from outside
  std::vector<float> joint_regressor_extra;    // (19, V) keypoints 25..43 from the posed vertices
  std::vector<std::int64_t> extra_vertex_ids;  // (21) joints45[24..44]

  std::int64_t vertex_count() const { return static_cast<std::int64_t>(v_template.size() / 3); }
  std::int64_t face_count() const { return static_cast<std::int64_t>(faces.size() / 3); }

  bool operator==(const BodyData&) const = default;
};

// Sizes that fit together, finite numbers, rows of weights that sum to 1 within 1e-3, indices in
// range. The error names the array and the value.
Status check_body(const BodyData& body);

// Reads and checks.
Result<BodyData> read_body(const std::filesystem::path& body_safetensors);

// Checks, then writes durably. Pose offsets that are mostly zero are written as the others with
// their places: `posedirs.places` (N) int32, rising, and `posedirs.values` (N) instead of
// `posedirs`.
Status write_body(const std::filesystem::path& body_safetensors, const BodyData& body);

}  // namespace posefleet
