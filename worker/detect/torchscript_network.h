// A detector's network from a TorchScript file, by LibTorch on the CPU.
//
// Pictures are shared among threads, each computed whole by one, without LibTorch's own threads and
// without its graph optimiser, which rewrites a graph after the first runs: so a picture's numbers
// depend neither on the number of threads nor on what was computed before. Half precision is a
// matter of devices that compute in it; here a file exported with half weights is computed in
// float32.
//
// The file is a program, run as it is: whoever names a detector trusts it. LibTorch stays behind
// this header.
#pragma once

#include <memory>

#include "common/base/result.h"
#include "common/model_folder/model_folder.h"
#include "worker/detect/network.h"

namespace posefleet {

// A loaded file: weights and what is known of them. Immutable; two instances in a process share it.
class DetectorFile;
using SharedDetectorFile = std::shared_ptr<const DetectorFile>;

// With folder.has_detector() only. Reads the file's config.txt for what the manifest leaves open,
// and looks at one grey picture, so that a file that cannot work is told here. The error names the
// file.
Result<SharedDetectorFile> load_detector_file(const ModelFolder& folder);

// For people: "detector.torchscript, yolo_raw, 640 px, LibTorch 1.13.1".
std::string description_of(const DetectorFile& file);

// `threads` of 1 to 256; the thread that calls `run` works along.
Result<std::unique_ptr<DetectionNetwork>> make_detection_network(SharedDetectorFile file,
                                                                 int threads);

}  // namespace posefleet
