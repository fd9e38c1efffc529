// The tiny reference model's inputs and expected outputs, for the tests of worker/model.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/protocol/poses.h"
#include "tests/support/fixtures.h"
#include "worker/import/import.h"
#include "worker/import/npz.h"
#include "worker/model/crop.h"

namespace posefleet::tests {

inline constexpr std::size_t kGoldenCrops = 7;

inline std::filesystem::path golden_folder() {
  return std::filesystem::path(POSEFLEET_SHARED_DIR) / "fixtures" / "hmr2_tiny";
}

// Ends the process when the file cannot be read: it is a test's input.
class Arrays final {
 public:
  explicit Arrays(const std::string& file_name) {
    auto arrays = read_npz(golden_folder() / file_name);
    if (!arrays) {
      std::fprintf(stderr, "test input: %s\n", arrays.error().message.c_str());
      std::exit(1);
    }
    arrays_ = *std::move(arrays);
  }

  const NdArray& operator[](const std::string& name) const { return arrays_.at(name); }
  std::vector<float> floats(const std::string& name) const { return arrays_.at(name).to_floats(); }
  std::vector<double> doubles(const std::string& name) const {
    return arrays_.at(name).to_doubles();
  }

 private:
  std::map<std::string, NdArray> arrays_;
};

// The fixture's frames in the order that a decoder gives: blue, green, red.
class GoldenFrames final {
 public:
  GoldenFrames() {
    const Arrays arrays("frames.npz");
    for (int i = 0; i < 5; ++i) {
      const NdArray& array = arrays["frame_" + std::to_string(i)];
      Frame frame;
      frame.height = static_cast<int>(array.shape[0]);
      frame.width = static_cast<int>(array.shape[1]);
      const auto rgb = *array.as<std::uint8_t>();
      frame.bgr.assign(rgb.begin(), rgb.end());
      for (std::size_t p = 0; p < frame.bgr.size(); p += 3) {
        std::swap(frame.bgr[p], frame.bgr[p + 2]);
      }
      frames_.push_back(std::move(frame));
    }
  }

  BgrView view(std::size_t frame) const {
    const Frame& f = frames_[frame];
    return {f.bgr.data(), f.width, f.height, std::ptrdiff_t{3} * f.width};
  }

 private:
  struct Frame {
    int width, height;
    std::vector<std::uint8_t> bgr;
  };
  std::vector<Frame> frames_;
};

struct GoldenPerson {
  std::uint32_t frame;
  PersonBox box;
};

inline std::vector<GoldenPerson> golden_people(const Arrays& golden) {
  const auto frames = *golden["frame_index"].as<std::int64_t>();
  const std::vector<float> boxes = golden.floats("bbox_xyxy");
  std::vector<GoldenPerson> people;
  for (std::size_t i = 0; i < kGoldenCrops; ++i) {
    const float* b = boxes.data() + 4 * i;
    people.push_back({static_cast<std::uint32_t>(frames[i]), {b[0], b[1], b[2], b[3]}});
  }
  return people;
}

// The tiny model as a model folder inside `parent`.
inline ModelFolder golden_model(const TempDir& parent) {
  const std::filesystem::path source = golden_folder();
  ImportSources sources;
  sources.checkpoint = source / "checkpoint.ckpt";
  sources.config = source / "model_config.yaml";
  sources.mean_params = source / "smpl_mean_params.npz";
  sources.smpl = source / "SMPL_NEUTRAL.pkl";
  sources.joint_regressor = source / "SMPL_to_J19.pkl";
  auto report = import_model(sources, parent / "model");
  if (!report) {
    std::fprintf(stderr, "test input: %s\n", report.error().message.c_str());
    std::exit(1);
  }
  return report->folder;
}

// The largest |a - b| / max(1, |b|): absolute for small numbers, relative for large ones. Not a
// number when a number is missing or not one, which no comparison with a tolerance passes.
template <typename A, typename B>
double largest_difference(const A& found, const B& expected) {
  if (std::size(found) != std::size(expected)) return std::nan("");
  double largest = 0;
  for (std::size_t i = 0; i < std::size(found); ++i) {
    const double f = found[i];
    const double e = expected[i];
    if (!std::isfinite(f)) return f - f;
    largest = std::max(largest, std::abs(f - e) / std::max(1.0, std::abs(e)));
  }
  return largest;
}

}  // namespace posefleet::tests
