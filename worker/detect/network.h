// What a detector's network is to the code around it: pictures in, raw numbers out.
//
// An interface because there are two: TorchScriptNetwork, and the formulas with which tests check
// everything around a network without LibTorch.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/model_folder/detector_manifest.h"

namespace posefleet {

// What must be known about a network, after the manifest, its file and the defaults were asked.
struct DetectorTraits {
  std::optional<DetectorDecoder> decoder;  // absent: by the output's shape
  std::optional<DetectorScores> scores;    // absent: by the decoder
  DetectorResize resize = DetectorResize::Letterbox;
  int side = 640;           // of its square input, pixels
  int stride = 32;          // another side must be a multiple of it
  bool is_dynamic = false;  // takes another side at all
  int batch = 1;            // pictures that one call wants, when it is not dynamic
  std::vector<int> people = {0};
  int class_count = 0;                    // 0: unknown
  std::array<float, 3> mean = {0, 0, 0};  // RGB, of 0..1
  std::array<float, 3> deviation = {1, 1, 1};
  double conf = 0.25;  // the defaults that users of these detectors know
  double iou = 0.7;
};

// Rejects values that do not fit together; the message names them.
Result<DetectorTraits> detector_traits(const DetectorManifest& manifest);

// One output of a network for one picture: the batch dimension is gone.
struct RawTensor {
  std::string name;  // empty when the network names none
  std::vector<std::int64_t> shape;
  std::vector<float> values;  // row-major; as many as the shape says
};
using RawOutput = std::vector<RawTensor>;

// One owner, one thread at a time. The output for a picture depends on that picture alone, or, when
// a file of fixed shape wants several at once, also on its neighbours in the call.
class DetectionNetwork {
 public:
  virtual ~DetectionNetwork() = default;

  virtual const DetectorTraits& traits() const = 0;
  // For logs: which file, with which library, on how many threads.
  virtual std::string description() const = 0;
  // How many pictures a call should hold to keep all threads busy; a call may hold fewer.
  virtual int pictures_at_once() const = 0;

  // `pictures` holds `count` pictures of 3 * side * side numbers (letterbox.h). As many outputs, in
  // order.
  virtual Result<std::vector<RawOutput>> run(std::span<const float> pictures, int count,
                                             int side) = 0;
};

}  // namespace posefleet
