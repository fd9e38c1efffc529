// What must be true of any array that a parser accepted.
#pragma once

#include "common/base/check.h"
#include "worker/import/nd_array.h"

namespace posefleet::fuzz {

inline void check_array(const NdArray& array) {
  const auto count = static_cast<std::size_t>(element_count(array.shape));
  POSEFLEET_CHECK(array.bytes.size() == count * size_of(array.type));
  POSEFLEET_CHECK(array.to_floats().size() == count);
  POSEFLEET_CHECK(array.to_doubles().size() == count);
  if (const auto integers = array.to_integers()) POSEFLEET_CHECK(integers->size() == count);
}

}  // namespace posefleet::fuzz
