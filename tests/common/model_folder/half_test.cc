#include "common/model_folder/half.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

TEST(Half, KeepsWhatItCanAndRoundsToTheNearest) {
  struct Case {
    float value;
    std::uint16_t bits;
  };
  const float infinite = std::numeric_limits<float>::infinity();
  for (const Case& c :
       {Case{0, 0}, Case{-0.0f, 0x8000}, Case{1, 0x3c00}, Case{-2, 0xc000}, Case{65504, 0x7bff},
        Case{65519, 0x7bff}, Case{65520, 0x7c00}, Case{0x1p-14f, 0x0400}, Case{0x1p-24f, 0x0001},
        Case{0x1p-25f, 0x0000}, Case{0x1.8p-24f, 0x0002}, Case{1 + 0x1p-11f, 0x3c00},
        Case{1 + 0x1.8p-10f, 0x3c02}, Case{infinite, 0x7c00}}) {
    SCOPED_TRACE(c.value);
    EXPECT_EQ(half_from_float(c.value), c.bits);
  }
  // Every half comes back.
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = float_from_half(static_cast<std::uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(float_from_half(half_from_float(value))));
    } else {
      EXPECT_EQ(half_from_float(value), bits);
    }
  }
}

}  // namespace
}  // namespace posefleet::tests
