// An accuracy report for people and for programs (docs/accuracy.md says what each figure means).
#pragma once

#include <string>
#include <vector>

#include "common/accuracy/match.h"
#include "common/accuracy/tally.h"

namespace posefleet::cli {

// What was compared and how.
struct EvaluationSubject {
  std::string video;
  std::string truth;
  std::string made_by;  // the truth's
  std::string model;    // the manifest's name
  std::string model_hash;
  std::string network_precision;
  std::string boxes;  // "truth", "detector", "file" or "whole frame"
  std::string poses_sha256;
  double processing_time_seconds = 0;
  MatchOptions options;
  std::vector<std::string> warnings;
};

// Several lines for a terminal; figures that were not measured are a dash, classes without people
// are left out.
std::string report_table(const EvaluationSubject& subject, const AccuracyReport& report);

// One object in one line; figures that were not measured are null.
std::string report_json(const EvaluationSubject& subject, const AccuracyReport& report);

}  // namespace posefleet::cli
