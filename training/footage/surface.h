// Which part of a person is seen where in a crop, coarsely: what teaches a network to tell left
// from right and front from back before it can say a pose.
//
// A joint's place says little of the way a body faces: from before and behind, the joints of a
// walker lie alike. Whose knee a patch shows, and from which side, it can learn from that patch and
// its neighbours.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace posefleet::training {

struct BodyParts;
struct Figure;
struct Picture;

// Cells of 4x4 pixels of the 256 crop, rows from the top.
inline constexpr int kSurfaceSide = 64;
using SurfaceMap = std::array<std::uint8_t, std::size_t{kSurfaceSide} * kSurfaceSide>;

// What a cell may hold. Parts follow: of each region its right and left half, and of each half its
// back and front as the body stands in the rest pose.
inline constexpr std::uint8_t kUnlabelled = 0;  // not known, or things that the person carries
inline constexpr std::uint8_t kNobody = 1;      // the background, or what stands in front
inline constexpr std::uint8_t kFirstPart = 2;
inline constexpr int kSurfacePartCount = 40;
// Of everything that has a label.
inline constexpr int kSurfaceLabelCount = 1 + kSurfacePartCount;

// Each vertex's part, kFirstPart and up.
std::vector<std::uint8_t> surface_labels(const BodyParts& parts);

// The same part on the body's other half; other labels stay as they are.
constexpr std::uint8_t mirrored_label(std::uint8_t label) {
  return label < kFirstPart ? label
                            : static_cast<std::uint8_t>(kFirstPart + ((label - kFirstPart) ^ 2));
}

// As the picture of 256x256 with the camera's axis in its middle shows the figure; `owner` of the
// picture says where it is seen (the person's number is `person`).
SurfaceMap surface_of(const Figure& figure, const std::vector<std::uint8_t>& labels,
                      float focal_length, const Picture& picture, std::uint8_t person);

}  // namespace posefleet::training
