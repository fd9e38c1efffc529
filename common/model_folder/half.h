// Numbers of 16 bits in files: IEEE half precision, which weights of small models are stored in at
// half the size, and bfloat16, the upper half of a float32. Plain integer arithmetic: the same on
// every machine.
#pragma once

#include <bit>
#include <cstdint>

#include "common/model_folder/safetensors.h"

namespace posefleet {

// Exact: every half is a float32.
inline float float_from_half(std::uint16_t bits) {
  const auto sign = static_cast<std::uint32_t>(bits & 0x8000) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1f;
  const std::uint32_t fraction = bits & 0x3ff;
  if (exponent == 0) {
    // Zero and the numbers below 2^-14: fraction times 2^-24, which float32 holds exactly.
    const float value = static_cast<float>(fraction) * 0x1.0p-24f;
    return sign != 0 ? -value : value;
  }
  // Infinite and not-a-number keep their all-ones exponent.
  const std::uint32_t widened = exponent == 0x1f ? 0xff : exponent + 127 - 15;
  return std::bit_cast<float>(sign | (widened << 23) | (fraction << 13));
}

// To nearest, ties to even; above 65504 infinite. What is not a number stays so.
inline std::uint16_t half_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000);
  const std::uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<std::uint16_t>(sign | 0x7e00);
  // 65520 lies half way between the largest half and the next that there would be.
  if (magnitude >= 0x477ff000) return static_cast<std::uint16_t>(sign | 0x7c00);
  if (magnitude < 0x38800000) {
    // Below 2^-14 the steps are 2^-24: adding 0.5 leaves float32 just those, rounded as wanted.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000));
  }
  const std::uint32_t odd = (magnitude >> 13) & 1;
  const std::uint32_t rounded = magnitude - (std::uint32_t{112} << 23) + 0xfff + odd;
  return static_cast<std::uint16_t>(sign | (rounded >> 13));
}

inline float float_from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

// Writes the numbers of an F32, F16 or BF16 tensor as float32, exactly; `out` has room for them.
void widen(const TensorView& view, float* out);

}  // namespace posefleet
