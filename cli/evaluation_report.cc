#include "cli/evaluation_report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace posefleet::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string cell(const std::optional<double>& value, int decimals) {
  return value ? fmt::format("{:.{}f}", *value, decimals) : "-";
}

std::string row(const std::string& name, const ErrorMeans& means) {
  return fmt::format("{:<16}{:>8}{:>10}{:>10}{:>10}{:>12}{:>10}{:>10}\n", name, means.people,
                     cell(means.joint_mm, 1), cell(means.joint_after_alignment_mm, 1),
                     cell(means.vertex_mm, 1), cell(means.silhouette_iou, 3),
                     cell(means.keypoints_within_005, 3), cell(means.keypoints_within_010, 3));
}

Json json_of(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

void put_means(Json& json, const ErrorMeans& means) {
  json["mpjpe_mm"] = json_of(means.joint_mm);
  json["pa_mpjpe_mm"] = json_of(means.joint_after_alignment_mm);
  json["mpvpe_mm"] = json_of(means.vertex_mm);
  json["silhouette_iou"] = json_of(means.silhouette_iou);
  json["pck_at_0.05"] = json_of(means.keypoints_within_005);
  json["pck_at_0.10"] = json_of(means.keypoints_within_010);
}

Json json_of(const std::vector<NamedMeans>& classes) {
  Json json = Json::object();
  for (const NamedMeans& one : classes) {
    json[one.name]["people"] = one.means.people;
    put_means(json[one.name], one.means);
  }
  return json;
}

}  // namespace

std::string report_table(const EvaluationSubject& subject, const AccuracyReport& report) {
  std::string text = fmt::format(
      "{}: {} frames, {} people asked for, {} ignored (below {:g} pixels, or less than {:g} % "
      "seen)\n",
      subject.video, report.frames, report.people_counted, report.people_ignored,
      subject.options.height_min, 100 * subject.options.visible_min);
  text += fmt::format("model {} ({}), boxes: {}\n", subject.model, subject.network_precision,
                      subject.boxes);
  text += fmt::format(
      "recall {}, precision {}: {} found, of them {} right, {} wrong, {} where somebody is "
      "ignored; {} missed\n\n",
      cell(report.recall, 4), cell(report.precision, 4), report.people_found, report.matched,
      report.wrong, report.neither, report.missed);
  text += fmt::format("{:<16}{:>8}{:>10}{:>10}{:>10}{:>12}{:>10}{:>10}\n", "", "people", "MPJPE",
                      "PA-MPJPE", "MPVPE", "silhouette", "PCK@0.05", "PCK@0.10");
  text += fmt::format("{:<16}{:>8}{:>10}{:>10}{:>10}{:>12}\n", "", "", "mm", "mm", "mm", "IoU");
  text += row("all", report.all);
  for (const NamedMeans& one : report.by_facing) {
    if (one.means.people > 0) text += row("facing " + one.name, one.means);
  }
  for (const NamedMeans& one : report.by_height) {
    if (one.means.people > 0) text += row(one.name + " px high", one.means);
  }
  return text;
}

std::string report_json(const EvaluationSubject& subject, const AccuracyReport& report) {
  Json json;
  json["input_path"] = subject.video;
  json["truth_path"] = subject.truth;
  json["truth_made_by"] = subject.made_by;
  json["model"] = subject.model;
  json["model_hash"] = subject.model_hash;
  json["network_precision"] = subject.network_precision;
  json["boxes"] = subject.boxes;
  json["overlap_min"] = subject.options.overlap_min;
  json["height_min"] = subject.options.height_min;
  json["visible_min"] = subject.options.visible_min;
  json["total_frames"] = report.frames;
  json["people_counted"] = report.people_counted;
  json["people_ignored"] = report.people_ignored;
  json["people_found"] = report.people_found;
  json["people_matched"] = report.matched;
  json["people_missed"] = report.missed;
  json["people_wrong"] = report.wrong;
  json["people_neither"] = report.neither;
  json["recall"] = json_of(report.recall);
  json["precision"] = json_of(report.precision);
  put_means(json, report.all);
  json["by_facing"] = json_of(report.by_facing);
  json["by_height"] = json_of(report.by_height);
  json["poses_sha256"] = subject.poses_sha256;
  json["processing_time_seconds"] = subject.processing_time_seconds;
  json["warnings"] = subject.warnings;
  // File names need not be UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace posefleet::cli
