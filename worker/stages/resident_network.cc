#include "worker/stages/resident_network.h"

#include <algorithm>
#include <utility>

#include "worker/model/crop.h"

namespace posefleet {

Result<std::vector<NetworkOutput>> ResidentNetwork::run(Turns::Turn& turn,
                                                        std::span<const float> crops, int count,
                                                        int batch_size, const OnStep& on_step) {
  const OnStep step = [&] {
    turn.step();
    if (on_step) on_step();
  };
  const int size = batch_max_ == 0 ? batch_size : std::min(batch_size, batch_max_);
  auto outputs = run_pieces(crops, count, size, step);
  if (outputs || outputs.error().code != ErrorCode::Overloaded) return outputs;
  // Its memory goes before anything else is tried.
  model_.reset();
  if (batch_max_ != 0 || size == 1) return outputs;
  batch_max_ = size / 2;
  report_(outputs.error().message + "; batches of " + std::to_string(batch_max_) + " instead of " +
          std::to_string(size) + " from now on");
  outputs = run_pieces(crops, count, batch_max_, step);
  if (!outputs && outputs.error().code == ErrorCode::Overloaded) model_.reset();
  return outputs;
}

// A larger layout serves smaller batches as well: two jobs by turns do not make it anew each time.
Status ResidentNetwork::lay_out(int batch_size) {
  if (model_ != nullptr && model_->batch_size() >= batch_size) return done();
  model_.reset();
  POSEFLEET_TRY(model_, make_(batch_size));
  return done();
}

Result<std::vector<NetworkOutput>> ResidentNetwork::run_pieces(std::span<const float> crops,
                                                               int count, int batch_size,
                                                               const OnStep& on_step) {
  POSEFLEET_TRY_DO(lay_out(batch_size));
  std::vector<NetworkOutput> outputs;
  for (int first = 0; first < count; first += batch_size) {
    const int piece = std::min(batch_size, count - first);
    const auto from = static_cast<std::size_t>(first) * kCropFloats;
    const auto floats = static_cast<std::size_t>(piece) * kCropFloats;
    POSEFLEET_TRY(std::vector<NetworkOutput> some,
                  model_->run(crops.subspan(from, floats), piece, on_step));
    outputs.insert(outputs.end(), some.begin(), some.end());
  }
  return outputs;
}

}  // namespace posefleet
