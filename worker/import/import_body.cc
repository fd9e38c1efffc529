#include "worker/import/import_body.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "common/body/joints.h"
#include "worker/import/smpl_file.h"

namespace posefleet {
namespace {

constexpr const char* kExtraRegressor = "smpl.joint_regressor_extra";
constexpr const char* kExtraIds = "smpl.vertex_joint_selector.extra_joints_idxs";
constexpr const char* kJointMapTensor = "smpl.joint_map";
constexpr const char* kParents = "smpl.parents";
constexpr const char* kFaces = "smpl.faces_tensor";

// Above this many metres (or shares of a weight) two sources are not roundings of one body.
constexpr float kSameBody = 1e-5f;

Error wrong_shape(const Checkpoint& checkpoint, const std::string& name, const Shape& expected) {
  return rejected(fmt::format(
      "{}: tensor '{}' is {}, expected {}; checkpoint and SMPL file do not "
      "belong together",
      checkpoint.path().string(), name, to_text(checkpoint.find(name)->shape), to_text(expected)));
}

// Replaces `target` by the checkpoint's tensor if there is one. True when it was there.
Result<bool> take_floats(Checkpoint& checkpoint, const std::string& name, const Shape& expected,
                         std::vector<float>& target, std::vector<std::string>& notes) {
  const CheckpointTensor* tensor = checkpoint.find(name);
  if (tensor == nullptr) return false;
  if (tensor->shape != expected) return wrong_shape(checkpoint, name, expected);
  POSEFLEET_TRY(std::vector<float> values, checkpoint.floats(name));
  float difference = 0;
  for (std::size_t i = 0; i < std::min(target.size(), values.size()); ++i) {
    difference = std::max(difference, std::abs(target[i] - values[i]));
  }
  if (difference > kSameBody) {
    notes.push_back(
        fmt::format("{} differs from the SMPL file by up to {:.3g}; the checkpoint's "
                    "is used",
                    name, difference));
  }
  target = std::move(values);
  return true;
}

Result<bool> take_integers(Checkpoint& checkpoint, const std::string& name, const Shape& expected,
                           std::vector<std::int64_t>& target) {
  const CheckpointTensor* tensor = checkpoint.find(name);
  if (tensor == nullptr) return false;
  if (tensor->shape != expected) return wrong_shape(checkpoint, name, expected);
  POSEFLEET_TRY(target, checkpoint.integers(name));
  return true;
}

Result<bool> take_body(Checkpoint& checkpoint, BodyData& body, std::vector<std::string>& notes) {
  const std::int64_t v = body.vertex_count();
  const struct {
    const char* name;
    Shape shape;
    std::vector<float>& target;
  } rows[] = {
      {"smpl.v_template", {v, 3}, body.v_template},
      {"smpl.shapedirs", {v, 3, kBetaCount}, body.shapedirs},
      {"smpl.posedirs", {kPoseFeatureCount, 3 * v}, body.posedirs},
      {"smpl.J_regressor", {kJointCount, v}, body.joint_regressor},
      {"smpl.lbs_weights", {v, kJointCount}, body.weights},
  };
  bool any = false;
  for (const auto& row : rows) {
    POSEFLEET_TRY(const bool taken,
                  take_floats(checkpoint, row.name, row.shape, row.target, notes));
    any |= taken;
  }
  POSEFLEET_TRY_DO(take_integers(checkpoint, kParents, {kJointCount}, body.parents));
  // Some versions keep the root's -1 as the file's unsigned number.
  if (body.parents[0] == 4294967295) body.parents[0] = -1;
  return any;
}

Status add_extra_regressor(Checkpoint& checkpoint, const std::optional<std::filesystem::path>& path,
                           ImportedBody& imported) {
  BodyData& body = imported.data;
  const std::int64_t vertices = body.vertex_count();
  if (path) {
    POSEFLEET_TRY(body.joint_regressor_extra, read_joint_regressor(*path, vertices));
  }
  POSEFLEET_TRY(const bool taken,
                take_floats(checkpoint, kExtraRegressor, {kRegressedKeypointCount, vertices},
                            body.joint_regressor_extra, imported.notes));
  if (taken || path) return done();
  return rejected(
      fmt::format("{} has no '{}', so the regressor's file (SMPL_to_J19.pkl) must be "
                  "given: --joint-regressor",
                  checkpoint.path().string(), kExtraRegressor));
}

Status add_extra_ids(Checkpoint& checkpoint, const ModelConfig& config, BodyData& body) {
  POSEFLEET_TRY(const bool taken,
                take_integers(checkpoint, kExtraIds, {kExtraVertexCount}, body.extra_vertex_ids));
  if (taken) return done();
  if (config.vertex_ids) {
    body.extra_vertex_ids.assign(config.vertex_ids->begin(), config.vertex_ids->end());
  } else {
    body.extra_vertex_ids.assign(kSmplExtraVertexIds.begin(), kSmplExtraVertexIds.end());
  }
  return done();
}

// Keypoints are numbered by our own list; a checkpoint with another one means other keypoints.
Status check_joint_map(Checkpoint& checkpoint) {
  std::vector<std::int64_t> map;
  POSEFLEET_TRY(const bool taken,
                take_integers(checkpoint, kJointMapTensor, {kMappedKeypointCount}, map));
  if (!taken || std::equal(map.begin(), map.end(), kJointMap.begin())) return done();
  return rejected(fmt::format("{}: '{}' is not the keypoint order of HMR2",
                              checkpoint.path().string(), kJointMapTensor));
}

}  // namespace

bool is_body_tensor(const std::string& name) {
  static constexpr std::array<std::string_view, 10> kNames = {
      "smpl.v_template", "smpl.shapedirs", "smpl.posedirs", "smpl.J_regressor", "smpl.lbs_weights",
      kParents,          kExtraRegressor,  kExtraIds,       kJointMapTensor,    kFaces};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

Result<ImportedBody> import_body(Checkpoint& checkpoint, const ModelConfig& config,
                                 const std::filesystem::path& smpl,
                                 const std::optional<std::filesystem::path>& joint_regressor) {
  ImportedBody imported;
  POSEFLEET_TRY(imported.data, read_smpl_file(smpl));
  POSEFLEET_TRY(imported.from_checkpoint, take_body(checkpoint, imported.data, imported.notes));
  POSEFLEET_TRY_DO(add_extra_regressor(checkpoint, joint_regressor, imported));
  POSEFLEET_TRY_DO(add_extra_ids(checkpoint, config, imported.data));
  POSEFLEET_TRY_DO(check_joint_map(checkpoint));
  if (const Status status = check_body(imported.data); !status) {
    return in_context(fmt::format("body of {}", smpl.string()), status.error());
  }
  return imported;
}

}  // namespace posefleet
