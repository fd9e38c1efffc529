// stage.h in a build without CUDA.
#include <utility>

#include "worker/device/stage.h"

namespace posefleet {

std::unique_ptr<Stage> Stage::make(const at::Device& device, at::IntArrayRef in,
                                   at::IntArrayRef out, DeviceStep step) {
  TORCH_CHECK(device.is_cpu(), "this build has no CUDA");
  return make_host_stage(in, out, std::move(step));
}

int cuda_device_count() {
  return 0;
}

std::optional<std::uint64_t> free_bytes(const at::Device&) {
  return std::nullopt;
}

std::string product_name(const at::Device&) {
  return "cpu";
}

}  // namespace posefleet
