// One instance's place on a device: where its numbers come in and go out, and how the same work is
// done again and again.
//
// All that is particular to CUDA hides behind this header, in one file (cuda_stage.cc): pinned
// memory for the copies, a stream of the instance's own, and a graph, recorded once for the fixed
// batch and replayed, because starting some 500 kernels one by one takes the processor about as
// long as the kernels take the device. A build without CUDA has no_cuda.cc in its place. Internal
// to worker/device; throws what LibTorch throws.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <ATen/ATen.h>

namespace posefleet {

// Reads `in` and writes `out`, both on the device and always the same two tensors; allocates what
// it likes, waits for nothing.
using DeviceStep = std::function<void(const at::Tensor& in, at::Tensor& out)>;

// One owner, one thread at a time.
class Stage {
 public:
  // Float32 tensors of these shapes. Runs `step` a few times: a fault shows here.
  static std::unique_ptr<Stage> make(const at::Device& device, at::IntArrayRef in,
                                     at::IntArrayRef out, DeviceStep step);
  virtual ~Stage() = default;

  // Host memory, row-major, of the shapes given to make.
  virtual float* input() = 0;
  virtual const float* output() const = 0;
  // Copies the input over, works, copies the output back, and has ended when it returns.
  virtual void run() = 0;
};

// The same on the host: the work is called, nothing else.
std::unique_ptr<Stage> make_host_stage(at::IntArrayRef in, at::IntArrayRef out, DeviceStep step);

// Of CUDA; 0 in a build without it.
int cuda_device_count();
// Bytes that are free on the device; nothing for the host, whose memory others look after.
std::optional<std::uint64_t> free_bytes(const at::Device& device);
// "NVIDIA H200" or "cpu".
std::string product_name(const at::Device& device);

}  // namespace posefleet
