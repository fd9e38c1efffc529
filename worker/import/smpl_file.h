// The body files that SMPL's users have: a pickled dictionary of arrays (reference: hmr2.md
// section 8), and a pickled matrix that regresses further joints.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/body/body_data.h"

namespace posefleet {

// All of a body but `joint_regressor_extra` and `extra_vertex_ids`, which the file does not have:
// those are left empty. Numbers are rounded from float64 to float32, posedirs is turned into
// (207, 3 V), the root's parent 2^32 - 1 becomes -1. The first 10 of more shape directions are
// kept. What is missing or has a wrong shape is named.
Result<BodyData> read_smpl_file(const std::filesystem::path& path);

// SMPL_to_J19.pkl: row-major (19, vertex_count).
Result<std::vector<float>> read_joint_regressor(const std::filesystem::path& path,
                                                std::int64_t vertex_count);

}  // namespace posefleet
