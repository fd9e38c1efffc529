#include "worker/model/fake_model.h"

#include <bit>
#include <cstdint>

#include <fmt/format.h>

#include "common/base/check.h"
#include "worker/model/crop.h"
#include "worker/model/rotations.h"

namespace posefleet {
namespace {

// FNV-1a over 32-bit words: one multiplication a number, enough to tell crops apart.
std::uint64_t hash_of(std::span<const float> numbers) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const float number : numbers) {
    hash = (hash ^ std::bit_cast<std::uint32_t>(number)) * 0x100000001b3u;
  }
  return hash;
}

// SplitMix64's steps as numbers in [-1, 1).
class Noise final {
 public:
  explicit Noise(std::uint64_t seed) : state_(seed) {}

  float next() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return static_cast<float>(z >> 40) / static_cast<float>(1 << 23) - 1;
  }

 private:
  std::uint64_t state_;
};

// A rotation whose first two columns are near those given.
Rotation near_rotation(Noise& noise, const std::array<float, 6>& columns, float spread) {
  std::array<float, 6> six = columns;
  for (float& value : six) value += spread * noise.next();
  return rotation_from_6d(six);
}

NetworkOutput output_for(std::span<const float> crop) {
  Noise noise(hash_of(crop));
  NetworkOutput output;
  // SMPL's rest pose has y up; the camera's y points down: half a turn about x.
  output.global_orient = near_rotation(noise, {1, 0, 0, 0, -1, 0}, 0.2f);
  for (Rotation& joint : output.body_pose) {
    joint = near_rotation(noise, {1, 0, 0, 0, 1, 0}, 0.1f);
  }
  for (float& beta : output.betas) beta = noise.next();
  output.pred_cam = {0.9f + 0.1f * noise.next(), 0.05f * noise.next(), 0.05f * noise.next()};
  return output;
}

}  // namespace

FakeModel::FakeModel(int batch_size) : batch_size_(batch_size) {
  POSEFLEET_CHECK(batch_size > 0);
}

std::string FakeModel::description() const {
  return fmt::format("fake pose model (no weights), batches of {}", batch_size_);
}

Result<std::vector<NetworkOutput>> FakeModel::run(std::span<const float> crops, int count,
                                                  const OnStep& on_step) {
  POSEFLEET_CHECK(count >= 1 && count <= batch_size_);
  POSEFLEET_CHECK(crops.size() == static_cast<std::size_t>(count) * kCropFloats);
  std::vector<NetworkOutput> outputs;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    outputs.push_back(output_for(crops.subspan(i * kCropFloats, kCropFloats)));
    if (on_step) on_step();
  }
  return outputs;
}

}  // namespace posefleet
