#include "worker/import/smpl_file.h"

#include <fmt/format.h>

#include "common/body/joints.h"
#include "common/model_folder/mapped_file.h"
#include "worker/import/pickle.h"
#include "worker/import/pickled_arrays.h"

namespace posefleet {
namespace {

// -1 in 32 bits without a sign: how SMPL's files mark the root.
constexpr std::int64_t kUnsignedMinusOne = 4294967295;

class SmplReader final {
 public:
  SmplReader(const PickleDocument& document, std::string file)
      : document_(document), file_(std::move(file)) {}

  // A size of -1 in `expected` stands for any.
  Result<NdArray> array(const char* key, const Shape& expected) const {
    const NodeId id = document_.find(document_.root(), key);
    if (id == kNoNode) {
      return rejected(
          fmt::format("{}: there is no '{}'; expected a body with v_template, "
                      "shapedirs, posedirs, J_regressor, weights, kintree_table, f",
                      file_, key));
    }
    auto found = array_of(document_, id);
    if (!found) return in_context(fmt::format("{}: '{}'", file_, key), found.error());
    bool fits = found->shape.size() == expected.size();
    for (std::size_t d = 0; fits && d < expected.size(); ++d) {
      fits = expected[d] == -1 ? found->shape[d] > 0 : found->shape[d] == expected[d];
    }
    if (fits) return found;
    return rejected(fmt::format("{}: '{}' has shape {}, expected {} (-1: any)", file_, key,
                                to_text(found->shape), to_text(expected)));
  }

  Result<std::vector<float>> floats(const char* key, const Shape& expected) const {
    POSEFLEET_TRY(const NdArray found, array(key, expected));
    return found.to_floats();
  }

  Result<std::vector<std::int64_t>> integers(const char* key, const Shape& expected) const {
    POSEFLEET_TRY(const NdArray found, array(key, expected));
    auto values = found.to_integers();
    if (!values) return in_context(fmt::format("{}: '{}'", file_, key), values.error());
    return values;
  }

 private:
  const PickleDocument& document_;
  std::string file_;
};

// (V, 3, K) with K of 10 or more; the first 10 of each row.
Result<std::vector<float>> shape_directions(const SmplReader& reader, std::int64_t vertices,
                                            const std::string& file) {
  POSEFLEET_TRY(const NdArray all, reader.array("shapedirs", {vertices, 3, -1}));
  const auto count = static_cast<std::size_t>(all.shape[2]);
  if (count < kBetaCount) {
    return rejected(fmt::format("{}: 'shapedirs' has {} directions, at least {} are needed", file,
                                count, kBetaCount));
  }
  const std::vector<float> values = all.to_floats();
  std::vector<float> first;
  first.reserve(static_cast<std::size_t>(vertices) * 3 * kBetaCount);
  for (std::size_t at = 0; at < values.size(); at += count) {
    for (std::size_t b = 0; b < kBetaCount; ++b) first.push_back(values[at + b]);
  }
  return first;
}

// (V, 3, 207) in the file, (207, 3 V) in use: [p, 3 v + k] = file [v, k, p].
std::vector<float> turned(const std::vector<float>& posedirs) {
  const std::size_t coordinates = posedirs.size() / kPoseFeatureCount;
  std::vector<float> result(posedirs.size());
  for (std::size_t i = 0; i < coordinates; ++i) {
    for (std::size_t p = 0; p < kPoseFeatureCount; ++p) {
      result[p * coordinates + i] = posedirs[i * kPoseFeatureCount + p];
    }
  }
  return result;
}

Result<BodyData> body_of(const PickleDocument& document, const std::string& file) {
  const SmplReader reader(document, file);
  BodyData body;
  POSEFLEET_TRY(body.v_template, reader.floats("v_template", {-1, 3}));
  const std::int64_t vertices = body.vertex_count();
  POSEFLEET_TRY(body.shapedirs, shape_directions(reader, vertices, file));
  POSEFLEET_TRY(const auto posedirs, reader.floats("posedirs", {vertices, 3, kPoseFeatureCount}));
  body.posedirs = turned(posedirs);
  POSEFLEET_TRY(body.joint_regressor, reader.floats("J_regressor", {kJointCount, vertices}));
  POSEFLEET_TRY(body.weights, reader.floats("weights", {vertices, kJointCount}));
  POSEFLEET_TRY(const auto tree, reader.integers("kintree_table", {2, kJointCount}));
  body.parents.assign(tree.begin(), tree.begin() + kJointCount);
  if (body.parents[0] == kUnsignedMinusOne) body.parents[0] = -1;
  POSEFLEET_TRY(const auto faces, reader.integers("f", {-1, 3}));
  for (const std::int64_t vertex : faces) {
    if (vertex < 0 || vertex >= vertices) {
      return rejected(
          fmt::format("{}: 'f' has vertex {}; there are {} vertices", file, vertex, vertices));
    }
    body.faces.push_back(static_cast<std::int32_t>(vertex));
  }
  return body;
}

}  // namespace

Result<BodyData> read_smpl_file(const std::filesystem::path& path) {
  // The document points into the mapped file, the body does not.
  POSEFLEET_TRY(const auto file, MappedFile::open(path));
  const auto document = PickleDocument::parse(file->text());
  if (!document) return in_context(path.string(), document.error());
  return body_of(*document, path.string());
}

Result<std::vector<float>> read_joint_regressor(const std::filesystem::path& path,
                                                std::int64_t vertex_count) {
  POSEFLEET_TRY(const auto file, MappedFile::open(path));
  const auto document = PickleDocument::parse(file->text());
  if (!document) return in_context(path.string(), document.error());
  const auto array = array_of(*document, document->root());
  if (!array) return in_context(path.string(), array.error());
  const Shape expected = {kRegressedKeypointCount, vertex_count};
  if (array->shape != expected) {
    return rejected(fmt::format("{}: the matrix has shape {}, expected {}", path.string(),
                                to_text(array->shape), to_text(expected)));
  }
  return array->to_floats();
}

}  // namespace posefleet
