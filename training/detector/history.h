// The course of a run: one line of JSON for each judgement, and a picture of all of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "training/detector/quality.h"

namespace posefleet::training::detect {

// A value. The losses are means since the judgement before.
struct HistoryEntry {
  std::uint64_t step = 0;
  double elapsed_seconds = 0;  // of learning, all runs together
  double score_loss = 0;
  double box_loss = 0;
  Quality quality;

  bool operator==(const HistoryEntry&) const = default;
};

// Appends a line.
Status append_history(const std::filesystem::path& jsonl, const HistoryEntry& entry);

// None when there is no file. A last line that was cut off (the machine went down) is left out; any
// other line that is no entry is an error that names file and line.
Result<std::vector<HistoryEntry>> read_history(const std::filesystem::path& jsonl);

// An SVG picture: recall, precision and areas over the minutes.
std::string history_plot(const std::vector<HistoryEntry>& history);

}  // namespace posefleet::training::detect
