#include "worker/import/model_config.h"

#include <cmath>
#include <string_view>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "common/files/files.h"

namespace posefleet {
namespace {

// Real ones have three to twenty kilobytes. YAML's tree can take 500 times its text (measured:
// "{a,a,a,..."), so a larger limit would be one of gigabytes.
constexpr std::uint64_t kConfigSizeMax = 256u << 10;

// SMPL.VERTEX_IDS' names of joints45[24..44].
constexpr std::array<const char*, kExtraVertexCount> kVertexNames = {
    "nose",  "reye",    "leye",      "rear",   "lear",    "LBigToe", "LSmallToe",
    "LHeel", "RBigToe", "RSmallToe", "RHeel",  "lthumb",  "lindex",  "lmiddle",
    "lring", "lpinky",  "rthumb",    "rindex", "rmiddle", "rring",   "rpinky"};

// Finds values by path ("MODEL.BACKBONE.TYPE") and remembers nothing.
class ConfigReader final {
 public:
  ConfigReader(const YAML::Node& root, std::string file) : root_(root), file_(std::move(file)) {}

  // Null when any part of the path is missing or is no map.
  YAML::Node find(std::string_view path) const { return find_below(root_, path); }

  Status read(std::string_view path, std::int64_t low, std::int64_t high,
              std::int64_t& target) const {
    const YAML::Node node = find(path);
    if (node.IsNull()) return done();
    std::int64_t value = 0;
    if (!node.IsScalar() || !YAML::convert<std::int64_t>::decode(node, value) || value < low ||
        value > high) {
      return wrong(node, path, fmt::format("whole numbers from {} to {}", low, high));
    }
    target = value;
    return done();
  }

  Status read(std::string_view path, double low, double high, double& target) const {
    const YAML::Node node = find(path);
    if (node.IsNull()) return done();
    return read_number(node, path, low, high, target);
  }

  Status read_three(std::string_view path, double low, double high,
                    std::vector<float>& target) const {
    const YAML::Node node = find(path);
    if (node.IsNull()) return done();
    if (!node.IsSequence() || node.size() != 3) return wrong(node, path, "a list of 3 numbers");
    for (std::size_t i = 0; i < 3; ++i) {
      double value = 0;
      POSEFLEET_TRY_DO(read_number(node[i], path, low, high, value));
      target[i] = static_cast<float>(value);
    }
    return done();
  }

  // Only this value gives the network that we compute.
  Status require(std::string_view path, std::string_view only) const {
    const YAML::Node node = find(path);
    if (node.IsNull()) return done();
    if (!node.IsScalar() || node.Scalar() != only) return wrong(node, path, only);
    return done();
  }

  Error wrong(const YAML::Node& node, std::string_view path, std::string_view allowed) const {
    const std::string shown =
        node.IsScalar() ? "'" + node.Scalar().substr(0, 80) + "'" : "a list or a map";
    return rejected(fmt::format("{}:{}: {} is {}; supported: {}", file_,
                                std::max(0, node.Mark().line) + 1, path, shown, allowed));
  }

 private:
  // Recursive, one call a part: assigning to a YAML::Node changes the tree that it stands for.
  static YAML::Node find_below(const YAML::Node& node, std::string_view path) {
    if (path.empty()) return node;
    if (!node.IsMap()) return YAML::Node();
    const std::size_t dot = std::min(path.find('.'), path.size());
    // On a constant node this looks up and inserts nothing.
    const YAML::Node below = node[std::string(path.substr(0, dot))];
    if (!below.IsDefined()) return YAML::Node();
    return find_below(below, path.substr(std::min(dot + 1, path.size())));
  }

  Status read_number(const YAML::Node& node, std::string_view path, double low, double high,
                     double& target) const {
    double value = 0;
    if (!node.IsScalar() || !YAML::convert<double>::decode(node, value) || !std::isfinite(value) ||
        value < low || value > high) {
      return wrong(node, path, fmt::format("numbers from {} to {}", low, high));
    }
    target = value;
    return done();
  }

  const YAML::Node root_;
  std::string file_;
};

// What the code computes and cannot be told otherwise.
Status require_known_design(const ConfigReader& reader) {
  POSEFLEET_TRY_DO(reader.require("MODEL.BACKBONE.TYPE", "vit"));
  POSEFLEET_TRY_DO(reader.require("MODEL.IMAGE_SIZE", "256"));
  POSEFLEET_TRY_DO(reader.require("MODEL.SMPL_HEAD.TYPE", "transformer_decoder"));
  POSEFLEET_TRY_DO(reader.require("MODEL.SMPL_HEAD.TRANSFORMER_INPUT", "zero"));
  POSEFLEET_TRY_DO(reader.require("MODEL.SMPL_HEAD.IEF_ITERS", "1"));
  POSEFLEET_TRY_DO(reader.require("MODEL.SMPL_HEAD.JOINT_REP", "6d"));
  POSEFLEET_TRY_DO(reader.require("MODEL.SMPL_HEAD.TRANSFORMER_DECODER.norm", "layer"));
  return reader.require("SMPL.NUM_BODY_JOINTS", "23");
}

Status read_network(const ConfigReader& reader, NetworkSizes& sizes) {
  constexpr std::int64_t kWidthMax = 1 << 16;
  constexpr std::int64_t kDepthMax = 1 << 10;
  const std::string backbone = "MODEL.BACKBONE.";
  const std::string decoder = "MODEL.SMPL_HEAD.TRANSFORMER_DECODER.";
  POSEFLEET_TRY_DO(reader.read(backbone + "EMBED_DIM", 1, kWidthMax, sizes.backbone_width));
  POSEFLEET_TRY_DO(reader.read(backbone + "DEPTH", 1, kDepthMax, sizes.backbone_depth));
  POSEFLEET_TRY_DO(reader.read(backbone + "NUM_HEADS", 1, kWidthMax, sizes.backbone_heads));
  double ratio = 4;
  POSEFLEET_TRY_DO(reader.read(backbone + "MLP_RATIO", 1.0 / 64, 64.0, ratio));
  sizes.backbone_mlp = std::llround(ratio * static_cast<double>(sizes.backbone_width));
  POSEFLEET_TRY_DO(reader.read(decoder + "dim", 1, kWidthMax, sizes.decoder_width));
  POSEFLEET_TRY_DO(reader.read(decoder + "depth", 1, kDepthMax, sizes.decoder_depth));
  POSEFLEET_TRY_DO(reader.read(decoder + "heads", 1, kWidthMax, sizes.decoder_heads));
  POSEFLEET_TRY_DO(reader.read(decoder + "dim_head", 1, kWidthMax, sizes.decoder_head_width));
  POSEFLEET_TRY_DO(reader.read(decoder + "mlp_dim", 1, kWidthMax, sizes.decoder_mlp));
  const YAML::Node heads = reader.find(backbone + "NUM_HEADS");
  if (sizes.backbone_width % sizes.backbone_heads != 0) {
    return reader.wrong(heads, backbone + "NUM_HEADS",
                        fmt::format("divisors of the width {}", sizes.backbone_width));
  }
  return reader.require(decoder + "context_dim", fmt::format("{}", sizes.backbone_width));
}

Status read_vertex_ids(const ConfigReader& reader, ModelConfig& config) {
  const YAML::Node node = reader.find("SMPL.VERTEX_IDS");
  if (node.IsNull()) return done();
  config.vertex_ids.emplace();
  for (std::size_t i = 0; i < kVertexNames.size(); ++i) {
    const std::string path = std::string("SMPL.VERTEX_IDS.") + kVertexNames[i];
    std::int64_t& id = (*config.vertex_ids)[i];
    id = -1;
    POSEFLEET_TRY_DO(reader.read(path, 0, 1 << 20, id));
    if (id < 0) return reader.wrong(node, path, "all 21 names with their vertex numbers");
  }
  return done();
}

// Only [192, 256] is what the backbone was trained on; the loader of the release sets it itself.
Status require_box_shape(const ConfigReader& reader) {
  const YAML::Node node = reader.find("MODEL.BBOX_SHAPE");
  if (node.IsNull()) return done();
  const bool fits = node.IsSequence() && node.size() == 2 && node[0].IsScalar() &&
                    node[1].IsScalar() && node[0].Scalar() == "192" && node[1].Scalar() == "256";
  if (!fits) return reader.wrong(node, "MODEL.BBOX_SHAPE", "[192, 256]");
  return done();
}

Result<ModelConfig> config_of(const YAML::Node& root, const std::string& file) {
  if (!root.IsMap()) {
    return rejected(
        fmt::format("{}: is no map of keys and values; expected a model_config.yaml", file));
  }
  const ConfigReader reader(root, file);
  ModelConfig config;
  POSEFLEET_TRY_DO(require_known_design(reader));
  POSEFLEET_TRY_DO(require_box_shape(reader));
  POSEFLEET_TRY_DO(read_network(reader, config.network));
  POSEFLEET_TRY_DO(read_vertex_ids(reader, config));
  POSEFLEET_TRY_DO(reader.read("EXTRA.FOCAL_LENGTH", 1.0, 1e6, config.focal_length));
  POSEFLEET_TRY_DO(reader.read_three("MODEL.IMAGE_MEAN", 0, 1, config.image_mean));
  POSEFLEET_TRY_DO(reader.read_three("MODEL.IMAGE_STD", 1e-3, 10, config.image_std));
  return config;
}

}  // namespace

Result<ModelConfig> parse_model_config(const std::string& text, const std::string& file) {
  try {
    return config_of(YAML::Load(text), file);
  } catch (const YAML::Exception& error) {
    return rejected(fmt::format("{}:{}: {}", file, std::max(0, error.mark.line) + 1, error.msg));
  }
}

Result<ModelConfig> read_model_config(const std::filesystem::path& path) {
  POSEFLEET_TRY(const std::string text, read_whole_file(path, kConfigSizeMax));
  return parse_model_config(text, path.string());
}

}  // namespace posefleet
