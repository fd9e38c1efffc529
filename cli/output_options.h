// What the output of `posefleet run` is: a video, single pictures or an overlay; its codec and
// where it goes. Everything that can be told to be wrong is, before a process is started.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/job/job_spec.h"

namespace posefleet::cli {

struct OutputOptions {
  std::string format = "video";  // video, png or overlay
  std::string codec;             // empty: by the format and the output's name
  std::string preset = "veryfast";
  std::optional<int> crf;
  std::string tune;
  bool keep_depth = false;
  std::string encoder = "software";
};

// Fills the settings and the container. `output` is the name that was given; empty: none was.
Status choose_output(const OutputOptions& options, const std::filesystem::path& output,
                     JobSpec& spec);

// The name of an output that nobody named: "walk_posefleet.mp4", or a folder's "walk_posefleet".
std::string default_output_name(const std::filesystem::path& input, const JobSpec& spec);

// The output must be able to appear: no folder in the way of a file, no pictures in a folder.
Status check_output(const std::filesystem::path& input, const std::filesystem::path& output,
                    const JobSpec& spec);

// A finished file or folder to its place, whole or not at all. Across file systems it is copied.
Status move_output(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace posefleet::cli
