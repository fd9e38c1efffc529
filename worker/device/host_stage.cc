#include <utility>

#include "worker/device/stage.h"

namespace posefleet {
namespace {

class HostStage final : public Stage {
 public:
  HostStage(at::IntArrayRef in, at::IntArrayRef out, DeviceStep step)
      : step_(std::move(step)), in_(at::zeros(in, at::kFloat)), out_(at::zeros(out, at::kFloat)) {
    step_(in_, out_);
  }

  float* input() override { return in_.data_ptr<float>(); }
  const float* output() const override { return out_.data_ptr<float>(); }
  void run() override { step_(in_, out_); }

 private:
  DeviceStep step_;
  at::Tensor in_;
  at::Tensor out_;
};

}  // namespace

std::unique_ptr<Stage> make_host_stage(at::IntArrayRef in, at::IntArrayRef out, DeviceStep step) {
  return std::make_unique<HostStage>(in, out, std::move(step));
}

}  // namespace posefleet
