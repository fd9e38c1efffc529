// CUDA's side of stage.h; the only file that speaks to it.
#include <utility>

#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <torch/version.h>

#include "worker/device/stage.h"

namespace posefleet {
namespace {

// What libraries set up at their first call (workspaces, chosen kernels) must not be recorded.
constexpr int kWarmUps = 3;

class CudaStage final : public Stage {
 public:
  CudaStage(const at::Device& device, at::IntArrayRef in, at::IntArrayRef out, DeviceStep step)
      : device_(device),
        step_(std::move(step)),
        stream_(c10::cuda::getStreamFromPool(false, device.index())) {
    const c10::cuda::CUDAGuard on_device(device);
    const c10::cuda::CUDAStreamGuard on_stream(stream_);
    const auto pinned = at::TensorOptions().dtype(at::kFloat).pinned_memory(true);
    const auto resident = at::TensorOptions().dtype(at::kFloat).device(device);
    host_in_ = at::zeros(in, pinned);
    host_out_ = at::zeros(out, pinned);
    in_ = at::zeros(in, resident);
    out_ = at::zeros(out, resident);
    for (int i = 0; i < kWarmUps; ++i) step_(in_, out_);
    stream_.synchronize();
    record();
  }

  float* input() override { return host_in_.data_ptr<float>(); }
  const float* output() const override { return host_out_.data_ptr<float>(); }

  void run() override {
    const c10::cuda::CUDAGuard on_device(device_);
    const c10::cuda::CUDAStreamGuard on_stream(stream_);
    in_.copy_(host_in_, /*non_blocking=*/true);
    graph_.replay();
    host_out_.copy_(out_, /*non_blocking=*/true);
    stream_.synchronize();
  }

 private:
  // Another instance may allocate at the same time, so only this thread's calls are watched.
  void record() {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 1)
    graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
#else
    graph_.capture_begin();
#endif
    step_(in_, out_);
    graph_.capture_end();
  }

  at::Device device_;
  DeviceStep step_;
  c10::cuda::CUDAStream stream_;
  at::Tensor host_in_, host_out_;  // pinned: a copy runs beside the other instance's work
  at::Tensor in_, out_;
  at::cuda::CUDAGraph graph_;
};

}  // namespace

std::unique_ptr<Stage> Stage::make(const at::Device& device, at::IntArrayRef in,
                                   at::IntArrayRef out, DeviceStep step) {
  if (device.is_cpu()) return make_host_stage(in, out, std::move(step));
  return std::make_unique<CudaStage>(device, in, out, std::move(step));
}

int cuda_device_count() {
  return c10::cuda::device_count();
}

std::optional<std::uint64_t> free_bytes(const at::Device& device) {
  if (!device.is_cuda()) return std::nullopt;
  const c10::cuda::CUDAGuard on_device(device);
  std::size_t free = 0;
  std::size_t total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) return std::nullopt;
  return free;
}

std::string product_name(const at::Device& device) {
  return device.is_cuda() ? at::cuda::getDeviceProperties(device.index())->name : "cpu";
}

}  // namespace posefleet
