#include "common/model_folder/half.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"

namespace posefleet {

void widen(const TensorView& view, float* out) {
  if (view.dtype == DType::F32) {
    std::memcpy(out, view.bytes.data(), view.bytes.size());
    return;
  }
  POSEFLEET_CHECK(view.dtype == DType::F16 || view.dtype == DType::BF16);
  const auto* from = reinterpret_cast<const std::uint16_t*>(view.bytes.data());
  const std::size_t count = view.bytes.size() / sizeof(std::uint16_t);
  std::transform(from, from + count, out,
                 view.dtype == DType::F16 ? float_from_half : float_from_bfloat16);
}

}  // namespace posefleet
