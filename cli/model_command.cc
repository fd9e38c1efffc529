#include "cli/model_command.h"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "cli/exit_code.h"
#include "common/body/body_data.h"
#include "common/model_folder/model_folder.h"
#include "common/model_folder/safetensors.h"
#include "worker/import/import.h"

namespace posefleet::cli {
namespace {

using Json = nlohmann::ordered_json;

int fail(const Error& error, int exit_code) {
  std::fprintf(stderr, "posefleet: %s\n", error.message.c_str());
  return exit_code;
}

Json sizes_json(const NetworkSizes& sizes) {
  return {
      {"backbone_width", sizes.backbone_width}, {"backbone_depth", sizes.backbone_depth},
      {"backbone_heads", sizes.backbone_heads}, {"backbone_mlp", sizes.backbone_mlp},
      {"decoder_width", sizes.decoder_width},   {"decoder_depth", sizes.decoder_depth},
      {"decoder_heads", sizes.decoder_heads},   {"decoder_head_width", sizes.decoder_head_width},
      {"decoder_mlp", sizes.decoder_mlp}};
}

// What the manifest leaves open is not shown: the worker asks the file.
Json detector_json(const DetectorManifest& detector) {
  Json json;
  const auto put = [&](const char* key, const auto& value) {
    if (value) json[key] = *value;
  };
  const auto put_name = [&](const char* key, const auto& value) {
    if (value) json[key] = std::string(name_of(*value));
  };
  json["file"] = detector.file.value_or(kDetectorName);
  put_name("decoder", detector.decoder);
  put_name("resize", detector.resize);
  put_name("scores", detector.scores);
  put("imgsz", detector.imgsz);
  put("stride", detector.stride);
  put("dynamic", detector.dynamic);
  put("batch", detector.batch);
  put("half", detector.half);
  put("people", detector.people);
  put("class_count", detector.class_count);
  put("mean", detector.mean);
  put("std", detector.std);
  put("conf", detector.conf);
  put("iou", detector.iou);
  return json;
}

Result<Json> describe(const ModelFolder& folder) {
  POSEFLEET_TRY(const auto weights, Safetensors::open(folder.weights_path()));
  POSEFLEET_TRY(const BodyData body, read_body(folder.body_path()));
  std::int64_t parameters = 0;
  for (const auto& [name, tensor] : weights->tensors()) parameters += element_count(tensor.shape);
  Json json;
  json["folder"] = folder.path.string();
  json["name"] = folder.manifest.name;
  json["kind"] = folder.manifest.kind;
  json["model_hash"] = folder.model_hash;
  json["parameters"] = parameters;
  json["network"] = sizes_json(folder.manifest.network);
  json["body"] = {{"vertices", body.vertex_count()}, {"faces", body.face_count()}};
  if (folder.has_detector()) json["detector"] = detector_json(folder.detector());
  json["licence"] = folder.manifest.licence;
  json["note"] = folder.manifest.note;
  json["files"] = folder.manifest.files;
  return json;
}

void print_plain(const Json& json, int indent) {
  for (const auto& [key, value] : json.items()) {
    if (value.is_object()) {
      std::printf("%*s%s:\n", indent, "", key.c_str());
      print_plain(value, indent + 2);
      continue;
    }
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (!text.empty()) std::printf("%*s%s: %s\n", indent, "", key.c_str(), text.c_str());
  }
}

void print(const Json& json, bool as_json) {
  if (as_json) {
    std::printf("%s\n", json.dump().c_str());
  } else {
    print_plain(json, 0);
  }
}

}  // namespace

int import_model_folder(const ModelImportOptions& options) {
  ImportSources sources;
  sources.checkpoint = options.checkpoint;
  sources.config = options.config;
  sources.mean_params = options.mean_params;
  sources.smpl = options.smpl;
  if (!options.joint_regressor.empty()) sources.joint_regressor = options.joint_regressor;
  if (!options.detector.empty()) sources.detector = options.detector;
  auto report = import_model(sources, options.out);
  if (!report) return fail(report.error(), kUsage);
  Json json;
  json["folder"] = report->folder.path.string();
  json["model_hash"] = report->folder.model_hash;
  json["parameters"] = report->parameter_count;
  json["vertices"] = report->vertex_count;
  json["faces"] = report->face_count;
  json["body_from"] = report->body_from_checkpoint ? "the checkpoint" : "the SMPL file";
  json["ignored_tensors"] = report->ignored.size();
  json["notes"] = report->notes;
  print(json, options.json);
  return kDone;
}

int show_model_folder(const ModelShowOptions& options) {
  auto folder = open_model_folder(options.folder, HashCheck::Full);
  if (!folder) return fail(folder.error(), kUsage);
  auto json = describe(*folder);
  if (!json) return fail(json.error(), kUsage);
  print(*json, options.json);
  return kDone;
}

}  // namespace posefleet::cli
