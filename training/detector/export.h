// Writes a network as the TorchScript file that pose workers load.
//
// Batch norms are folded into the convolutions before them, places and strides are part of the
// program, and the output is the usual list of boxes (docs/detectors.md, layout yolo_raw): so the
// file needs nothing but what every other detector brings, and runs with any batch and any side
// that is a multiple of 32.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"

namespace posefleet::training::detect {

class Network;

// The program's text, for a look at it.
std::string exported_source(const Network& network);

// Writes `path` durably. `side` is what the file says of itself (config.txt): the letterbox that it
// was trained with.
Status export_network(const Network& network, int side, const std::filesystem::path& path);

}  // namespace posefleet::training::detect
