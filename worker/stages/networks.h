// Where a worker's networks compute: on the processor, or on a CUDA device. What the rest of the
// worker must know of either to place one or two of them and to make them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/model_folder/model_folder.h"
#include "common/protocol/precision.h"
#include "worker/stages/resident_network.h"

namespace posefleet {

struct NetworkPlace {
  Precision precision = Precision::Float32;
  std::string device;  // "cpu" or "cuda:0"
  // What placing networks takes, and what is free of it before any is taken; nothing when nobody
  // knows.
  std::uint64_t weight_bytes = 0;
  std::uint64_t network_bytes = 0;  // each network's own
  std::optional<std::uint64_t> available;
  // Loads the weights, once for all networks that the result makes. `threads` of each network on
  // the processor.
  std::function<Result<ResidentNetwork::Make>(int threads)> load;
};

// `device` and `precision` as the worker's configuration spells them; the error says what this
// machine or this build lacks. `batch_size`: what jobs usually ask for. Loads nothing yet.
Result<NetworkPlace> choose_place(const ModelFolder& folder, const std::string& device,
                                  const std::string& precision, int batch_size);

}  // namespace posefleet
