// Writes a drawn film as a video file with sound, and its truth beside it.
#pragma once

#include <filesystem>

#include "common/base/result.h"
#include "training/footage/film.h"

namespace posefleet::training {

// H.264 and AAC by the program `ffmpeg`, which must be in the PATH; the same bytes each time with
// the same ffmpeg. Both files appear whole or not at all. `made_by` goes into the truth.
Status write_clip(const std::filesystem::path& video, const std::filesystem::path& truth,
                  const FilmOptions& options, const std::string& made_by);

}  // namespace posefleet::training
