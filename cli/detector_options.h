// How `run` and `pose` have people found: by boxes that the user gives, by the model's detector, or
// as one person per whole frame.
#pragma once

#include "common/base/result.h"
#include "common/job/job_spec.h"
#include "common/model_folder/model_folder.h"

namespace posefleet::cli {

// For a spec without boxes: the detector where the model has one. Rejects settings for a model
// without, and what the detector's manifest rules out, before a process is started.
Status choose_detection(const DetectorSettings& settings, const ModelFolder& model, JobSpec& spec);

}  // namespace posefleet::cli
