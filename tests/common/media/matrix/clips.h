// Videos as they are met: one small file for each way in which containers, codecs and encoders
// differ, made by the `ffmpeg` program when a test runs. Nothing is stored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/fixtures.h"

namespace posefleet::tests {

// What ffprobe's decoding of a file is good for.
enum class Truth {
  Times,  // the number of frames and the time of each
  Count,  // the number only: the file says no times, or wrong ones
};

struct MatrixClip {
  std::string name;
  // For ffmpeg, between "-y" and the output's name.
  std::string arguments;
  // The format of the decoded planes where these are 8-bit 4:2:0, 4:2:2 or 4:4:4, so that ffmpeg's
  // hashes can be compared. Empty: they are converted on the way, and only the count is compared.
  std::string pixel_format = "yuv420p";
  // Where set, the clip is made of the file that `arguments` gave (as "first"), by these.
  std::string then = "";
  // Percent of the file's bytes that are kept, from its front.
  int bytes_kept = 100;
  // Percent of the file's bytes that are taken away at its front.
  int bytes_dropped = 0;
  Truth truth = Truth::Times;
  // Why probing decodes all of it; empty: the packets tell all frames.
  std::string decoded_because = "";
  // Frames in which the decoder finds errors although nobody damaged the file.
  std::vector<std::uint32_t> errors = {};
};

const std::vector<MatrixClip>& matrix_clips();

// Writes the clip into the folder and returns its path.
std::filesystem::path make_matrix_clip(const TempDir& folder, const MatrixClip& clip);

}  // namespace posefleet::tests
