#include "worker/import/smpl_file.h"

#include "common/base/check.h"
#include "common/body/joints.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/targets.h"

namespace posefleet::fuzz {

void fuzz_smpl_file(std::span<const std::byte> input) {
  const MemoryFile file(input);
  const auto body = read_smpl_file(file.path());
  if (body) {
    const auto vertices = static_cast<std::size_t>(body->vertex_count());
    POSEFLEET_CHECK(vertices > 0 && body->v_template.size() == vertices * 3);
    POSEFLEET_CHECK(body->shapedirs.size() == vertices * 3 * kBetaCount);
    POSEFLEET_CHECK(body->posedirs.size() == vertices * 3 * kPoseFeatureCount);
    POSEFLEET_CHECK(body->joint_regressor.size() == vertices * kJointCount);
    POSEFLEET_CHECK(body->weights.size() == vertices * kJointCount);
    POSEFLEET_CHECK(body->parents.size() == kJointCount);
    POSEFLEET_CHECK(body->faces.size() % 3 == 0);
  } else {
    POSEFLEET_CHECK(body.error().message.find(file.path().string()) != std::string::npos);
  }
  constexpr std::int64_t kVertices = 2;  // as the corpus has
  const auto regressor = read_joint_regressor(file.path(), kVertices);
  if (regressor) POSEFLEET_CHECK(regressor->size() == kRegressedKeypointCount * kVertices);
}

}  // namespace posefleet::fuzz
