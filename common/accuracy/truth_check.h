// What the truth file's reader and writer share. Private to the folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/accuracy/truth.h"

namespace posefleet {

inline constexpr std::string_view kTruthFormat = "posefleet-truth";
inline constexpr int kTruthVersion = 1;

// An hour at 30 frames a second of two people takes some 200 MB.
inline constexpr std::uint64_t kTruthBytesMax = 256ULL << 20;

// As many as a detector may find in one frame.
inline constexpr std::size_t kTruthPeopleMax = 1000;

// Ranges of all numbers, and frames that follow each other. `name` is the file's.
Status check_truth(const Truth& truth, const std::string& name);
// The same of the frame that is to have number `index`.
Status check_frame(const TruthFrame& frame, std::size_t index, const std::string& name);

}  // namespace posefleet
