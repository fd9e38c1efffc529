#include "worker/detect/network.h"

#include <algorithm>

#include <fmt/format.h>

namespace posefleet {
namespace {

void copy_three(const std::optional<std::vector<float>>& from, std::array<float, 3>& to) {
  if (from && from->size() == 3) std::copy(from->begin(), from->end(), to.begin());
}

}  // namespace

Result<DetectorTraits> detector_traits(const DetectorManifest& manifest) {
  DetectorTraits traits;
  traits.decoder = manifest.decoder;
  traits.scores = manifest.scores;
  traits.resize = manifest.resize.value_or(traits.resize);
  traits.side = static_cast<int>(manifest.imgsz.value_or(traits.side));
  traits.stride = static_cast<int>(manifest.stride.value_or(traits.stride));
  traits.is_dynamic = manifest.dynamic.value_or(false);
  traits.batch = traits.is_dynamic ? 1 : static_cast<int>(manifest.batch.value_or(1));
  traits.class_count = static_cast<int>(manifest.class_count.value_or(0));
  if (manifest.people) traits.people.assign(manifest.people->begin(), manifest.people->end());
  copy_three(manifest.mean, traits.mean);
  copy_three(manifest.std, traits.deviation);
  traits.conf = manifest.conf.value_or(traits.conf);
  traits.iou = manifest.iou.value_or(traits.iou);
  if (traits.side < 1 || traits.stride < 1 || traits.side % traits.stride != 0) {
    return rejected(fmt::format("the detector's imgsz is {}, no multiple of its stride {}",
                                traits.side, traits.stride));
  }
  for (const int person : traits.people) {
    if (traits.class_count > 0 && person >= traits.class_count) {
      return rejected(fmt::format("the detector's people are class {}, but it has {} classes",
                                  person, traits.class_count));
    }
  }
  return traits;
}

}  // namespace posefleet
