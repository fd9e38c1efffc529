// bfloat16: a float32's upper half. Rounding to it is integer arithmetic, so it is the same on
// every machine and becomes vector instructions without being asked.
#pragma once

#include <bit>
#include <cstdint>

namespace posefleet {

// To nearest, ties to even, as the processors' own instruction does. What is not a number stays so.
inline std::uint16_t to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const std::uint32_t quiet = (bits >> 16) | 0x40u;
  return static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

inline float from_bfloat16(std::uint16_t value) {
  return std::bit_cast<float>(std::uint32_t{value} << 16);
}

}  // namespace posefleet
