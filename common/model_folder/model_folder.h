// A model folder: what `posefleet model import` writes and every program reads.
//
// `manifest.yaml` says what the model is, how large, under which licence, and the sha256 of each of
// its files. A folder with a missing, cut or changed file is refused with a message that names the
// file and what was expected.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/model_folder/detector_manifest.h"

namespace posefleet {

// Sizes of an HMR2-shaped network; defaults are the released model's (reference: hmr2.md section
// 1).
struct NetworkSizes {
  std::int64_t backbone_width = 1280;
  std::int64_t backbone_depth = 32;
  std::int64_t backbone_heads = 16;
  std::int64_t backbone_mlp = 5120;
  std::int64_t decoder_width = 1024;
  std::int64_t decoder_depth = 6;
  std::int64_t decoder_heads = 8;
  std::int64_t decoder_head_width = 64;
  std::int64_t decoder_mlp = 1024;

  bool operator==(const NetworkSizes&) const = default;
};

struct Manifest {
  std::string name;  // for people: "hmr2", "demo"
  std::string kind = "hmr2";
  NetworkSizes network;
  double focal_length = 5000;                                // pixels of the 256 crop
  std::vector<float> image_mean = {0.485f, 0.456f, 0.406f};  // RGB
  std::vector<float> image_std = {0.229f, 0.224f, 0.225f};
  std::string licence;  // text: what it permits
  std::string note;     // shown by programs, e.g. "random weights: ..."; may be empty
  std::optional<DetectorManifest> detector;         // absent: none, or all is derived from its file
  std::map<std::string, std::string> files;         // file name -> sha256
  std::map<std::string, std::uint64_t> file_sizes;  // the same names -> bytes
};

struct ModelFolder {
  std::filesystem::path path;
  Manifest manifest;
  // sha256 over the manifest's file list and the numbers that change its results: one name for "the
  // same model" in plans and sessions.
  std::string model_hash;

  std::filesystem::path weights_path() const { return path / "hmr2.safetensors"; }
  std::filesystem::path body_path() const { return path / "body.safetensors"; }

  // A file of the usual name counts without a section in the manifest.
  bool has_detector() const {
    return manifest.detector.has_value() || manifest.files.contains(kDetectorName);
  }
  // What the manifest says of it; with has_detector() only.
  DetectorManifest detector() const { return manifest.detector.value_or(DetectorManifest{}); }
  std::filesystem::path detector_path() const {
    return path / detector().file.value_or(kDetectorName);
  }
};

enum class HashCheck { SizesOnly, Full };

// Reads and checks the manifest; with HashCheck::Full every listed file's sha256 is computed again
// (about 1 s a GiB); SizesOnly still requires that every listed file is there, can be read and has
// the listed size.
Result<ModelFolder> open_model_folder(const std::filesystem::path& folder, HashCheck check);

// The manifest alone, without a look at the files that it lists. Unknown keys and wrong values are
// errors that name file, line, key and what is allowed.
Result<Manifest> read_manifest(const std::filesystem::path& manifest_yaml);

// Hashes the files that lie in `folder` and writes its manifest.yaml durably; `manifest.files` and
// `manifest.file_sizes` are filled here, whatever they held.
Status write_manifest(const std::filesystem::path& folder, Manifest manifest,
                      const std::vector<std::string>& file_names);

}  // namespace posefleet
