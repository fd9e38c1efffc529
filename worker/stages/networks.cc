#include "worker/stages/networks.h"

#include <memory>
#include <utility>

#include "common/process/memory.h"
#include "worker/device/device_network.h"
#include "worker/model/hmr2.h"

namespace posefleet {
namespace {

Result<NetworkPlace> on_processor(const ModelFolder& folder, const std::string& precision,
                                  int batch_size) {
  NetworkPlace place;
  place.device = "cpu";
  POSEFLEET_TRY(place.precision, choose_precision(precision));
  place.network_bytes = instance_bytes(folder.manifest.network, batch_size);
  place.available = available_memory();
  place.load = [folder, chosen = place.precision](int threads) -> Result<ResidentNetwork::Make> {
    POSEFLEET_TRY(SharedWeights weights, load_weights(folder, chosen));
    return ResidentNetwork::Make(
        [weights = std::move(weights), threads](int size) -> Result<std::unique_ptr<PoseModel>> {
          POSEFLEET_TRY(std::unique_ptr<Hmr2> network,
                        Hmr2::create(weights, {.threads = threads, .batch_size = size}));
          return std::unique_ptr<PoseModel>(std::move(network));
        });
  };
  return place;
}

Result<NetworkPlace> on_cuda(const ModelFolder& folder, const std::string& device,
                             const std::string& precision, int batch_size) {
  NetworkPlace place;
  place.device = device;
  POSEFLEET_TRY(place.precision, choose_device_precision(precision));
  place.network_bytes = device_instance_bytes(folder.manifest.network, batch_size);
  place.available = free_device_memory(device);
  place.load = [folder, device, chosen = place.precision](int) -> Result<ResidentNetwork::Make> {
    POSEFLEET_TRY(SharedDeviceWeights weights, load_device_weights(folder, device, chosen));
    return ResidentNetwork::Make([weights = std::move(weights)](
                                     int size) -> Result<std::unique_ptr<PoseModel>> {
      POSEFLEET_TRY(std::unique_ptr<DeviceNetwork> network, DeviceNetwork::create(weights, size));
      return std::unique_ptr<PoseModel>(std::move(network));
    });
  };
  return place;
}

}  // namespace

Result<NetworkPlace> choose_place(const ModelFolder& folder, const std::string& device,
                                  const std::string& precision, int batch_size) {
  POSEFLEET_TRY(const std::string chosen, choose_device(device));
  POSEFLEET_TRY(NetworkPlace place, is_cuda(chosen) ? on_cuda(folder, chosen, precision, batch_size)
                                                    : on_processor(folder, precision, batch_size));
  place.weight_bytes = weight_bytes(folder.manifest.network, place.precision);
  return place;
}

}  // namespace posefleet
