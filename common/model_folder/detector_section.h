// The `detector` section of a manifest. Private to the folder.
#pragma once

#include "common/model_folder/detector_manifest.h"
#include "common/model_folder/manifest_reader.h"

namespace posefleet {

Status read_detector_section(const ManifestReader& reader, const YAML::Node& node,
                             DetectorManifest& detector);

// Writes the section's map; the key before it is the caller's.
void write_detector_section(YAML::Emitter& out, const DetectorManifest& detector);

}  // namespace posefleet
