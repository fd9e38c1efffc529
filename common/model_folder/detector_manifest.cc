#include "common/model_folder/detector_manifest.h"

#include <fmt/format.h>

namespace posefleet {
namespace {

template <typename T>
void fill(std::optional<T>& value, const std::optional<T>& other) {
  if (!value) value = other;
}

template <typename T>
std::string shown(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "-";
}
template <typename T>
std::string list(const std::optional<std::vector<T>>& values) {
  return values ? fmt::format("{}", fmt::join(*values, ",")) : "-";
}
template <typename T>
std::string named(const std::optional<T>& value) {
  return value ? std::string(name_of(*value)) : "-";
}

}  // namespace

DetectorManifest merged(const DetectorManifest& first, const DetectorManifest& second) {
  DetectorManifest both = first;
  fill(both.file, second.file);
  fill(both.decoder, second.decoder);
  fill(both.resize, second.resize);
  fill(both.scores, second.scores);
  fill(both.imgsz, second.imgsz);
  fill(both.stride, second.stride);
  fill(both.dynamic, second.dynamic);
  fill(both.batch, second.batch);
  fill(both.half, second.half);
  fill(both.people, second.people);
  fill(both.class_count, second.class_count);
  fill(both.mean, second.mean);
  fill(both.std, second.std);
  fill(both.conf, second.conf);
  fill(both.iou, second.iou);
  return both;
}

std::string to_text(const DetectorManifest& d) {
  return fmt::format(
      "{} {} {} {} imgsz {} stride {} dynamic {} batch {} half {} people {} of {} "
      "mean {} std {} conf {} iou {}",
      shown(d.file), named(d.decoder), named(d.resize), named(d.scores), shown(d.imgsz),
      shown(d.stride), shown(d.dynamic), shown(d.batch), shown(d.half), list(d.people),
      shown(d.class_count), list(d.mean), list(d.std), shown(d.conf), shown(d.iou));
}

std::string_view name_of(DetectorDecoder decoder) {
  switch (decoder) {
    case DetectorDecoder::YoloRaw:
      return "yolo_raw";
    case DetectorDecoder::EndToEnd:
      return "end_to_end";
    case DetectorDecoder::Detr:
      return "detr";
  }
  return "";
}

std::string_view name_of(DetectorResize resize) {
  return resize == DetectorResize::Letterbox ? "letterbox" : "square";
}

std::string_view name_of(DetectorScores scores) {
  switch (scores) {
    case DetectorScores::Probability:
      return "probability";
    case DetectorScores::Sigmoid:
      return "sigmoid";
    case DetectorScores::Softmax:
      return "softmax";
  }
  return "";
}

}  // namespace posefleet
