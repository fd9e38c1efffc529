#include "common/body/body_data.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <string>

#include <fmt/format.h>

#include "common/body/joints.h"
#include "common/model_folder/safetensors.h"

namespace posefleet {
namespace {

// A hundred times SMPL; keeps every product of sizes far from overflow.
constexpr std::int64_t kVerticesMax = 1 << 20;
constexpr std::int64_t kFacesMax = 1 << 21;
constexpr double kWeightTolerance = 1e-3;

Status check_size(const char* name, std::size_t found, std::int64_t expected) {
  if (found == static_cast<std::size_t>(expected)) return done();
  return rejected(fmt::format("{} has {} numbers, expected {}", name, found, expected));
}

Status check_finite(const char* name, std::span<const float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      return rejected(fmt::format("{} has {} at element {}", name, values[i], i));
    }
  }
  return done();
}

Status check_sizes(const BodyData& body) {
  const std::int64_t vertices = body.vertex_count();
  if (vertices < 1 || vertices > kVerticesMax || body.v_template.size() % 3 != 0) {
    return rejected(
        fmt::format("v_template has {} numbers; allowed: 3 for each of 1 to {} "
                    "vertices",
                    body.v_template.size(), kVerticesMax));
  }
  const std::int64_t faces = body.face_count();
  if (faces < 1 || faces > kFacesMax || body.faces.size() % 3 != 0) {
    return rejected(fmt::format("faces has {} numbers; allowed: 3 for each of 1 to {} faces",
                                body.faces.size(), kFacesMax));
  }
  POSEFLEET_TRY_DO(check_size("shapedirs", body.shapedirs.size(), vertices * 3 * kBetaCount));
  POSEFLEET_TRY_DO(check_size("posedirs", body.posedirs.size(), kPoseFeatureCount * 3 * vertices));
  POSEFLEET_TRY_DO(check_size("J_regressor", body.joint_regressor.size(), kJointCount * vertices));
  POSEFLEET_TRY_DO(check_size("weights", body.weights.size(), vertices * kJointCount));
  POSEFLEET_TRY_DO(check_size("parents", body.parents.size(), kJointCount));
  POSEFLEET_TRY_DO(check_size("joint_regressor_extra", body.joint_regressor_extra.size(),
                              kRegressedKeypointCount * vertices));
  return check_size("extra_vertex_ids", body.extra_vertex_ids.size(), kExtraVertexCount);
}

Status check_weights(const BodyData& body) {
  for (std::int64_t v = 0; v < body.vertex_count(); ++v) {
    double sum = 0;
    for (int j = 0; j < kJointCount; ++j) {
      sum += body.weights[static_cast<std::size_t>(v * kJointCount + j)];
    }
    if (std::abs(sum - 1) > kWeightTolerance) {
      return rejected(fmt::format("weights of vertex {} sum to {}, expected 1", v, sum));
    }
  }
  return done();
}

Status check_indices(const BodyData& body) {
  const std::int64_t vertices = body.vertex_count();
  for (std::size_t i = 0; i < body.parents.size(); ++i) {
    const std::int64_t low = i == 0 ? -1 : 0;
    const std::int64_t high = static_cast<std::int64_t>(i) - 1;
    if (body.parents[i] < low || body.parents[i] > high) {
      return rejected(fmt::format("parents has {} for joint {}; allowed: {} to {}", body.parents[i],
                                  i, low, high));
    }
  }
  for (std::size_t i = 0; i < body.faces.size(); ++i) {
    if (body.faces[i] < 0 || body.faces[i] >= vertices) {
      return rejected(fmt::format("faces has vertex {} in face {}; there are {} vertices",
                                  body.faces[i], i / 3, vertices));
    }
  }
  for (const std::int64_t id : body.extra_vertex_ids) {
    if (id < 0 || id >= vertices) {
      return rejected(
          fmt::format("extra_vertex_ids has vertex {}; there are {} vertices", id, vertices));
    }
  }
  return done();
}

// The first dimension of a tensor that decides the others' shapes.
Result<std::int64_t> rows_of(const Safetensors& file, const char* name, std::int64_t rows_max) {
  const TensorView* view = file.find(name);
  if (view == nullptr) {
    return rejected(fmt::format("{}: there is no tensor '{}'", file.path().string(), name));
  }
  if (view->shape.empty() || view->shape[0] < 1 || view->shape[0] > rows_max) {
    return rejected(fmt::format("{}: tensor '{}' has shape {}; allowed: 1 to {} rows",
                                file.path().string(), name, to_text(view->shape), rows_max));
  }
  return view->shape[0];
}

// A body made of smooth formulas moves few vertices by each joint; the licensed one moves nearly
// all. Below this share of numbers that are not zero, only those are written, with their places.
constexpr double kSparseShare = 0.25;

std::int64_t count_nonzero(const std::vector<float>& values) {
  return std::count_if(values.begin(), values.end(), [](float value) { return value != 0; });
}

struct SparseValues {
  std::vector<std::int32_t> places;  // in the row-major tensor, rising
  std::vector<float> values;
};

SparseValues sparse_of(const std::vector<float>& dense) {
  SparseValues sparse;
  for (std::size_t i = 0; i < dense.size(); ++i) {
    if (dense[i] == 0) continue;
    sparse.places.push_back(static_cast<std::int32_t>(i));
    sparse.values.push_back(dense[i]);
  }
  if (sparse.places.empty()) sparse = {{0}, {0.0f}};  // a tensor has at least one row
  return sparse;
}

// The pose offsets, (207, 3 V), from either form.
Result<std::vector<float>> read_posedirs(const Safetensors& file, std::int64_t vertices) {
  const std::int64_t count = kPoseFeatureCount * 3 * vertices;
  const TensorView* places_view = file.find("posedirs.places");
  if (places_view == nullptr) {
    POSEFLEET_TRY(const auto dense, file.floats("posedirs", {kPoseFeatureCount, 3 * vertices}));
    return std::vector<float>(dense.begin(), dense.end());
  }
  POSEFLEET_TRY(const std::int64_t given, rows_of(file, "posedirs.places", count));
  POSEFLEET_TRY(const auto places, file.small_integers("posedirs.places", {given}));
  POSEFLEET_TRY(const auto values, file.floats("posedirs.values", {given}));
  std::vector<float> dense(static_cast<std::size_t>(count), 0.0f);
  std::int64_t next = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] < next || places[i] >= count) {
      return rejected(
          fmt::format("{}: tensor 'posedirs.places' has {} at element {}; allowed: "
                      "rising numbers below {}",
                      file.path().string(), places[i], i, count));
    }
    next = places[i] + std::int64_t{1};
    dense[static_cast<std::size_t>(places[i])] = values[i];
  }
  return dense;
}

template <typename T>
std::vector<T> copy_of(std::span<const T> values) {
  return {values.begin(), values.end()};
}

template <typename T>
TensorView view_of(DType dtype, Shape shape, const std::vector<T>& values) {
  return {dtype, std::move(shape), std::as_bytes(std::span(values))};
}

}  // namespace

Status check_body(const BodyData& body) {
  POSEFLEET_TRY_DO(check_sizes(body));
  POSEFLEET_TRY_DO(check_finite("v_template", body.v_template));
  POSEFLEET_TRY_DO(check_finite("shapedirs", body.shapedirs));
  POSEFLEET_TRY_DO(check_finite("posedirs", body.posedirs));
  POSEFLEET_TRY_DO(check_finite("J_regressor", body.joint_regressor));
  POSEFLEET_TRY_DO(check_finite("weights", body.weights));
  POSEFLEET_TRY_DO(check_finite("joint_regressor_extra", body.joint_regressor_extra));
  POSEFLEET_TRY_DO(check_weights(body));
  return check_indices(body);
}

Result<BodyData> read_body(const std::filesystem::path& body_safetensors) {
  POSEFLEET_TRY(const auto file, Safetensors::open(body_safetensors));
  POSEFLEET_TRY(const std::int64_t v, rows_of(*file, "v_template", kVerticesMax));
  POSEFLEET_TRY(const std::int64_t f, rows_of(*file, "faces", kFacesMax));
  POSEFLEET_TRY(const auto v_template, file->floats("v_template", {v, 3}));
  POSEFLEET_TRY(const auto shapedirs, file->floats("shapedirs", {v, 3, kBetaCount}));
  POSEFLEET_TRY(std::vector<float> posedirs, read_posedirs(*file, v));
  POSEFLEET_TRY(const auto regressor, file->floats("J_regressor", {kJointCount, v}));
  POSEFLEET_TRY(const auto weights, file->floats("weights", {v, kJointCount}));
  POSEFLEET_TRY(const auto parents, file->integers("parents", {kJointCount}));
  POSEFLEET_TRY(const auto faces, file->small_integers("faces", {f, 3}));
  POSEFLEET_TRY(const auto extra,
                file->floats("joint_regressor_extra", {kRegressedKeypointCount, v}));
  POSEFLEET_TRY(const auto ids, file->integers("extra_vertex_ids", {kExtraVertexCount}));
  BodyData body{.v_template = copy_of(v_template),
                .shapedirs = copy_of(shapedirs),
                .posedirs = std::move(posedirs),
                .joint_regressor = copy_of(regressor),
                .weights = copy_of(weights),
                .parents = copy_of(parents),
                .faces = copy_of(faces),
                .joint_regressor_extra = copy_of(extra),
                .extra_vertex_ids = copy_of(ids)};
  if (const Status status = check_body(body); !status) {
    return in_context(body_safetensors.string(), status.error());
  }
  return body;
}

Status write_body(const std::filesystem::path& body_safetensors, const BodyData& body) {
  POSEFLEET_TRY_DO(check_body(body));
  const std::int64_t v = body.vertex_count();
  std::map<std::string, TensorView> tensors = {
      {"v_template", view_of(DType::F32, {v, 3}, body.v_template)},
      {"shapedirs", view_of(DType::F32, {v, 3, kBetaCount}, body.shapedirs)},
      {"J_regressor", view_of(DType::F32, {kJointCount, v}, body.joint_regressor)},
      {"weights", view_of(DType::F32, {v, kJointCount}, body.weights)},
      {"parents", view_of(DType::I64, {kJointCount}, body.parents)},
      {"faces", view_of(DType::I32, {body.face_count(), 3}, body.faces)},
      {"joint_regressor_extra",
       view_of(DType::F32, {kRegressedKeypointCount, v}, body.joint_regressor_extra)},
      {"extra_vertex_ids", view_of(DType::I64, {kExtraVertexCount}, body.extra_vertex_ids)}};
  const auto numbers = static_cast<double>(body.posedirs.size());
  SparseValues sparse;
  if (static_cast<double>(count_nonzero(body.posedirs)) < kSparseShare * numbers) {
    sparse = sparse_of(body.posedirs);
    const auto given = static_cast<std::int64_t>(sparse.places.size());
    tensors["posedirs.places"] = view_of(DType::I32, {given}, sparse.places);
    tensors["posedirs.values"] = view_of(DType::F32, {given}, sparse.values);
  } else {
    tensors["posedirs"] = view_of(DType::F32, {kPoseFeatureCount, 3 * v}, body.posedirs);
  }
  return write_safetensors(body_safetensors, tensors, {{"format", "smpl"}});
}

}  // namespace posefleet
