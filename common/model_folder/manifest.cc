#include "common/model_folder/manifest.h"

#include <algorithm>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "common/model_folder/detector_section.h"
#include "common/model_folder/manifest_reader.h"

namespace posefleet {
namespace {

// The version of the layout below. A reader that does not know a version must not guess.
constexpr std::int64_t kFormat = 1;

std::vector<KeyRow> network_rows(NetworkSizes& sizes) {
  // Generous bounds: the largest published vision transformers stay far below them, and a product
  // of any two still fits.
  constexpr std::int64_t kWidthMax = 1 << 16;
  constexpr std::int64_t kDepthMax = 1 << 10;
  return {
      {"backbone_width", true, integer_into(sizes.backbone_width, 1, kWidthMax)},
      {"backbone_depth", true, integer_into(sizes.backbone_depth, 1, kDepthMax)},
      {"backbone_heads", true, integer_into(sizes.backbone_heads, 1, kWidthMax)},
      {"backbone_mlp", true, integer_into(sizes.backbone_mlp, 1, kWidthMax)},
      {"decoder_width", true, integer_into(sizes.decoder_width, 1, kWidthMax)},
      {"decoder_depth", true, integer_into(sizes.decoder_depth, 1, kDepthMax)},
      {"decoder_heads", true, integer_into(sizes.decoder_heads, 1, kWidthMax)},
      {"decoder_head_width", true, integer_into(sizes.decoder_head_width, 1, kWidthMax)},
      {"decoder_mlp", true, integer_into(sizes.decoder_mlp, 1, kWidthMax)},
  };
}

Status read_network(const ManifestReader& reader, const YAML::Node& node, NetworkSizes& sizes) {
  POSEFLEET_TRY_DO(reader.read_map(node, "network", network_rows(sizes)));
  if (sizes.backbone_width % sizes.backbone_heads != 0) {
    return rejected(fmt::format("has backbone_width {}, no multiple of backbone_heads {}",
                                sizes.backbone_width, sizes.backbone_heads));
  }
  return done();
}

Status read_files(const ManifestReader& reader, const YAML::Node& node, Manifest& manifest) {
  if (!node.IsMap()) return rejected("is no map of file names");
  for (const auto& pair : node) {
    const std::string name = pair.first.IsScalar() ? pair.first.Scalar() : "?";
    if (!is_plain_file_name(name) || name == kManifestName) {
      return reader.wrong(pair.first, "files", "has '" + name + "', which is no plain file name");
    }
    if (manifest.files.contains(name)) {
      return reader.wrong(pair.first, "files", "has '" + name + "' twice");
    }
    std::int64_t size = 0;
    constexpr std::int64_t kSizeMax = std::int64_t{1} << 50;
    POSEFLEET_TRY_DO(reader.read_map(pair.second, "files." + name,
                                     {{"sha256", true, sha256_into(manifest.files[name])},
                                      {"bytes", true, integer_into(size, 0, kSizeMax)}}));
    manifest.file_sizes[name] = static_cast<std::uint64_t>(size);
  }
  return done();
}

Result<Manifest> read_document(const YAML::Node& document, const std::string& file) {
  const ManifestReader reader(file);
  Manifest manifest;
  std::int64_t format = 0;
  const ReadValue kind = [&](const YAML::Node& node) -> Status {
    if (node.IsScalar() && node.Scalar() == "hmr2") return done();
    return rejected("is " + shown(node) + "; allowed: hmr2");
  };
  const ReadValue network = [&](const YAML::Node& node) {
    return read_network(reader, node, manifest.network);
  };
  const ReadValue detector = [&](const YAML::Node& node) {
    return read_detector_section(reader, node, manifest.detector.emplace());
  };
  const ReadValue files = [&](const YAML::Node& node) {
    return read_files(reader, node, manifest);
  };
  POSEFLEET_TRY_DO(
      reader.read_map(document, "",
                      {{"format", true, integer_into(format, kFormat, kFormat)},
                       {"name", true, text_into(manifest.name)},
                       {"kind", true, kind},
                       {"network", true, network},
                       {"focal_length", true, number_into(manifest.focal_length, 0, 1e6)},
                       {"image_mean", true, three_numbers_into(manifest.image_mean, 0, 1)},
                       {"image_std", true, three_numbers_into(manifest.image_std, 1e-3, 10)},
                       {"licence", true, text_into(manifest.licence)},
                       {"note", false, text_into(manifest.note)},
                       {"detector", false, detector},
                       {"files", true, files}}));
  if (manifest.detector && !manifest.files.contains(*manifest.detector->file)) {
    return reader.wrong(document["detector"], "detector.file",
                        "is '" + *manifest.detector->file + "', which is not among the files");
  }
  return manifest;
}

}  // namespace

bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name.front() != '.' &&
         name.find_first_of("/\\") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

Result<Manifest> parse_manifest(const std::string& text, const std::string& file) {
  try {
    return read_document(YAML::Load(text), file);
  } catch (const YAML::Exception& error) {
    return rejected(fmt::format("{}:{}: {}", file, error.mark.line + 1, error.msg));
  }
}

std::string format_manifest(const Manifest& manifest) {
  const NetworkSizes& n = manifest.network;
  YAML::Emitter out;
  out << YAML::BeginMap;
  const auto text = [&](const char* key, const std::string& value) {
    out << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << value;
  };
  const auto number = [&](const char* key, std::int64_t value) {
    out << YAML::Key << key << YAML::Value << value;
  };
  // Shortest text that reads back as the same number, on every machine.
  const auto three = [&](const char* key, const std::vector<float>& values) {
    out << YAML::Key << key << YAML::Value << YAML::Flow << YAML::BeginSeq;
    for (const float value : values) out << fmt::format("{}", value);
    out << YAML::EndSeq;
  };
  number("format", kFormat);
  text("name", manifest.name);
  out << YAML::Key << "kind" << YAML::Value << manifest.kind;
  out << YAML::Key << "network" << YAML::Value << YAML::BeginMap;
  number("backbone_width", n.backbone_width);
  number("backbone_depth", n.backbone_depth);
  number("backbone_heads", n.backbone_heads);
  number("backbone_mlp", n.backbone_mlp);
  number("decoder_width", n.decoder_width);
  number("decoder_depth", n.decoder_depth);
  number("decoder_heads", n.decoder_heads);
  number("decoder_head_width", n.decoder_head_width);
  number("decoder_mlp", n.decoder_mlp);
  out << YAML::EndMap;
  out << YAML::Key << "focal_length" << YAML::Value << fmt::format("{}", manifest.focal_length);
  three("image_mean", manifest.image_mean);
  three("image_std", manifest.image_std);
  text("licence", manifest.licence);
  if (!manifest.note.empty()) text("note", manifest.note);
  if (manifest.detector) {
    out << YAML::Key << "detector" << YAML::Value;
    write_detector_section(out, *manifest.detector);
  }
  out << YAML::Key << "files" << YAML::Value << YAML::BeginMap;
  for (const auto& [name, sha256] : manifest.files) {
    out << YAML::Key << YAML::DoubleQuoted << name << YAML::Value << YAML::BeginMap;
    out << YAML::Key << "sha256" << YAML::Value << sha256;
    out << YAML::Key << "bytes" << YAML::Value << manifest.file_sizes.at(name);
    out << YAML::EndMap;
  }
  out << YAML::EndMap << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace posefleet
