// Which tensors an HMR2 network has and what shapes they have, from its sizes alone: the one list
// that the import checks a checkpoint with and that a loader can check a model folder with.
//
// The names are those of the released checkpoint's state dictionary (reference: hmr2.md section 7).
#pragma once

#include <map>
#include <string>

#include "common/base/result.h"
#include "common/model_folder/model_folder.h"
#include "common/model_folder/safetensors.h"

namespace posefleet {

// What the released design fixes, whatever the widths are.
inline constexpr std::int64_t kPatchSize = 16;     // pixels
inline constexpr std::int64_t kTokenCount = 192;   // 16 rows x 12 columns of patches
inline constexpr std::int64_t kPose6dCount = 144;  // 24 joints x 6 numbers
inline constexpr std::int64_t kShapeCount = 10;    // betas
inline constexpr std::int64_t kCameraCount = 3;    // s, tx, ty

// All `backbone.*` and `smpl_head.*` tensors.
std::map<std::string, Shape> network_layout(const NetworkSizes& sizes);

// The tensor of that name: float32, or of 16 bits (F16, BF16; half.h widens them), as small models
// are stored. Anything else is an error that names file, tensor, the expected and the found shape.
Result<TensorView> network_tensor(const Safetensors& file, const std::string& name,
                                  const Shape& shape);

// Refuses sizes that no network can have: depths and widths below 1 or absurdly large, heads that
// do not divide the width.
Status check_sizes(const NetworkSizes& sizes);

// Operations (a multiply-add counts as two) of one crop: about 250e9 for the released model.
double operations_per_crop(const NetworkSizes& sizes);

}  // namespace posefleet
