// Pictures in a folder as a video.
//
// The files are copied, byte for byte and undecoded, into one QuickTime file with a constant rate.
// So everything behind it (exact ranges, workers on other machines, caches, checks whether the
// source changed) works as for any video, and the job keeps a whole set of pictures although
// somebody goes on rendering into the folder. It costs the set's size on the disk once more, while
// the job is there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/video.h"

namespace posefleet {

// Whether a source's name means a set of pictures: a folder, or a pattern (frames/%05d.png) that
// is not itself the name of a file.
bool is_image_sequence(const std::filesystem::path& source);

// The set's files in order. Of a folder: all PNG or JPEG files by name, numbers in them by value;
// other files are passed over. Rejected, each naming what is wrong: no pictures, both kinds, a
// number that is missing between the first and the last or is there twice, a pattern without
// exactly one number.
Result<std::vector<std::filesystem::path>> list_image_sequence(const std::filesystem::path& source);

struct ImageSequenceLimits {
  std::uint32_t side_max = 8192;                  // pixels, as of videos
  std::uint64_t file_bytes_max = 256ULL << 20;    // of one picture
  std::uint64_t total_bytes_max = 1024ULL << 30;  // of all
};

// Writes them to `out`, whole or not at all; one picture is in memory at a time. Rejected: a
// picture of another size or kind than the first.
Status pack_image_sequence(const std::vector<std::filesystem::path>& files, const Rational& rate,
                           const std::filesystem::path& out,
                           const ImageSequenceLimits& limits = {});

}  // namespace posefleet
