// For builds of the model alone, which have no oneDNN.
#include "bench/network/backend.h"

namespace posefleet::bench {
namespace {

Error missing() {
  return rejected(
      "this build has the network for devices only (POSEFLEET_ONLY_MODEL); take --device cuda, or "
      "--device torch-cpu for the same network on the processor");
}

}  // namespace

Result<Precision> processor_precision(const std::string&) {
  return missing();
}

Result<std::unique_ptr<Backend>> processor_backend(const Subject&, Precision) {
  return missing();
}

}  // namespace posefleet::bench
