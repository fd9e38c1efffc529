#include "training/body/free_body.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/body/joints.h"
#include "common/files/sha256.h"
#include "tests/training/body/measures.h"
#include "training/body/field.h"
#include "training/body/shape.h"
#include "training/body/skeleton.h"

namespace posefleet::training {
namespace {

const BodyData& body() {
  return free_body().data;
}

std::vector<Vec> rest() {
  return shaped_vertices(body(), {});
}

std::size_t vertex_of(std::int64_t extra) {
  return static_cast<std::size_t>(body().extra_vertex_ids.at(static_cast<std::size_t>(extra)));
}

TEST(FreeBody, PassesTheChecksOfEveryBody) {
  const Status checked = check_body(body());
  EXPECT_TRUE(checked.has_value()) << (checked ? "" : checked.error().message);
  EXPECT_GE(body().vertex_count(), 6000);
  EXPECT_LE(body().vertex_count(), 7500);
  EXPECT_TRUE(std::equal(kJointParents.begin(), kJointParents.end(), body().parents.begin()));
}

TEST(FreeBody, IsOneClosedSurfaceWithoutHandles) {
  std::map<std::pair<std::size_t, std::size_t>, int> directed;
  for (std::size_t f = 0; f < face_count(body()); ++f) {
    const auto corner = corners(body(), f);
    for (std::size_t i = 0; i < 3; ++i) ++directed[{corner[i], corner[(i + 1) % 3]}];
  }
  for (const auto& [edge, times] : directed) {
    ASSERT_EQ(times, 1) << edge.first << ", " << edge.second;
    ASSERT_EQ(directed.count({edge.second, edge.first}), 1u) << edge.first << ", " << edge.second;
  }
  const auto edges = static_cast<std::int64_t>(directed.size() / 2);
  EXPECT_EQ(body().vertex_count() - edges + body().face_count(), 2);
}

TEST(FreeBody, HasEvenTrianglesThatFaceOutwards) {
  const std::vector<Vec> vertices = rest();
  const BodyField field;
  for (std::size_t f = 0; f < face_count(body()); ++f) {
    const auto [a, b, c] = corners(body(), f);
    const Vec normal = cross(vertices[b] - vertices[a], vertices[c] - vertices[a]);
    Vec middle = (vertices[a] + vertices[b] + vertices[c]) * (1.0 / 3);
    // The field is meant for the left half.
    const Vec out =
        middle.x < 0 ? mirrored(field.outward(mirrored(middle))) : field.outward(middle);
    ASSERT_GT(dot(unit(normal), out), 0.2) << "face " << f << " at " << middle.x << " " << middle.y;
  }
  for (const auto& [a, b] : edges_of(body())) {
    ASSERT_GT(length(vertices[a] - vertices[b]), 0.004);
    ASSERT_LT(length(vertices[a] - vertices[b]), 0.028);
  }
  EXPECT_NEAR(volume(body(), vertices), 0.063, 0.004);
  EXPECT_NEAR(height(vertices), 1.72, 0.01);
}

TEST(FreeBody, IsItsOwnMirrorImage) {
  const std::vector<Vec> vertices = rest();
  std::map<std::array<double, 3>, std::size_t> at;
  for (std::size_t v = 0; v < vertices.size(); ++v) {
    at[{vertices[v].x, vertices[v].y, vertices[v].z}] = v;
  }
  const auto twin_joint = [](std::size_t joint) {
    const std::string_view name = kJointNames[joint];
    return name.starts_with("left_") ? joint + 1 : name.starts_with("right_") ? joint - 1 : joint;
  };
  for (std::size_t v = 0; v < vertices.size(); ++v) {
    const auto found = at.find({0.0 - vertices[v].x, vertices[v].y, vertices[v].z});
    ASSERT_NE(found, at.end()) << "vertex " << v;
    const std::size_t twin = found->second;
    for (std::size_t j = 0; j < kJointCount; ++j) {
      ASSERT_NEAR(body().weights[v * kJointCount + j],
                  body().weights[twin * kJointCount + twin_joint(j)], 1e-6);
    }
    for (std::size_t beta = 0; beta < kBetaCount; ++beta) {
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const float sign = axis == 0 ? -1 : 1;
        ASSERT_NEAR(body().shapedirs[(3 * v + axis) * kBetaCount + beta],
                    sign * body().shapedirs[(3 * twin + axis) * kBetaCount + beta], 1e-6);
      }
    }
    ASSERT_EQ(free_body().vertices[v].region, free_body().vertices[twin].region);
    ASSERT_EQ(free_body().vertices[v].side, -free_body().vertices[twin].side);
  }
}

TEST(FreeBody, LetsWeightsChangeSmoothlyFromVertexToVertex) {
  for (const auto& [a, b] : edges_of(body())) {
    for (std::size_t j = 0; j < kJointCount; ++j) {
      const float difference =
          body().weights[a * kJointCount + j] - body().weights[b * kJointCount + j];
      ASSERT_LT(std::abs(difference), 0.32f) << kJointNames[j] << " of " << a << ", " << b;
    }
  }
}

TEST(FreeBody, LetsNoLimbPullAnother) {
  // Of the vertices in a region, how much the named joints may hold at most.
  const struct {
    Region region;
    std::vector<std::size_t> foreign;  // on the left; on the right their twins
  } rules[] = {{Region::Hand, {0, 1, 2, 3, 13, 14, 17, 19}},
               {Region::Foot, {0, 1, 2, 3, 5, 8}},
               {Region::Calf, {0, 2, 5, 8}},
               {Region::Forearm, {0, 1, 2, 3, 6, 17, 19}},
               {Region::UpperArm, {0, 1, 2, 17, 15}},
               {Region::Face, {13, 14, 16, 17, 3, 6}}};
  for (const auto& rule : rules) {
    SCOPED_TRACE(name_of(rule.region));
    for (std::size_t v = 0; v < free_body().vertices.size(); ++v) {
      if (free_body().vertices[v].region != rule.region || free_body().vertices[v].side < 0)
        continue;
      for (const std::size_t joint : rule.foreign) {
        ASSERT_LT(body().weights[v * kJointCount + joint], 0.02f) << kJointNames[joint];
      }
    }
  }
  // Inner thighs: a hand below the crotch nothing of the other leg is left.
  const std::vector<Vec> vertices = rest();
  for (std::size_t v = 0; v < vertices.size(); ++v) {
    if (vertices[v].y > -0.46 || vertices[v].x < 0) continue;
    ASSERT_LT(body().weights[v * kJointCount + 2], 0.01f) << vertices[v].y;
  }
}

TEST(FreeBody, RegressesTheJointsOfItsSkeleton) {
  const std::vector<Vec> vertices = rest();
  const std::vector<Vec> joints = joints_of(body(), vertices);
  for (std::size_t j = 0; j < kJointCount; ++j) {
    EXPECT_LT(length(joints[j] - kRestJoints[j]), 1e-5) << kJointNames[j];
  }
  for (const float weight : body().joint_regressor) ASSERT_GE(weight, 0);
  for (std::size_t k = 0; k < kRegressedKeypointCount; ++k) {
    const Vec keypoint = regressed(body().joint_regressor_extra, k, vertices);
    EXPECT_NEAR(times_around(body(), vertices, keypoint), 1, 0.01)
        << kKeypointNames[k + kMappedKeypointCount] << " lies outside";
  }
}

TEST(FreeBody, PutsTheNamedVerticesWhereTheyBelong) {
  const std::vector<Vec> vertices = rest();
  for (std::size_t v = 0; v < vertices.size(); ++v) {
    EXPECT_LE(vertices[v].y < 0.34 ? -1 : vertices[v].z, vertices[vertex_of(0)].z) << "nose";
  }
  const struct {
    const char* name;
    int first, last;
    Region region;
    int side;
  } rows[] = {{"nose", 0, 0, Region::Face, 0},         {"right eye", 1, 1, Region::Face, -1},
              {"left eye", 2, 2, Region::Face, 1},     {"right ear", 3, 3, Region::Hair, -1},
              {"left ear", 4, 4, Region::Hair, 1},     {"left foot", 5, 7, Region::Foot, 1},
              {"right foot", 8, 10, Region::Foot, -1}, {"left hand", 11, 15, Region::Hand, 1},
              {"right hand", 16, 20, Region::Hand, -1}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    for (int i = row.first; i <= row.last; ++i) {
      EXPECT_EQ(free_body().vertices[vertex_of(i)].region, row.region);
      EXPECT_EQ(free_body().vertices[vertex_of(i)].side, row.side);
    }
  }
  // Big toe inside and in front of the small one, the heel behind both.
  EXPECT_LT(vertices[vertex_of(5)].x, vertices[vertex_of(6)].x);
  EXPECT_GT(vertices[vertex_of(5)].z, vertices[vertex_of(6)].z);
  EXPECT_LT(vertices[vertex_of(7)].z, -0.06);
  // From the thumb, which points forwards, to the little finger.
  for (int i = 11; i < 15; ++i) EXPECT_GT(vertices[vertex_of(i)].z, vertices[vertex_of(i + 1)].z);
  EXPECT_GT(vertices[vertex_of(13)].x, 0.87);
}

// Metres between two joints, or of a body.
struct Figure {
  std::vector<Vec> vertices, joints;
  double bone(std::size_t from, std::size_t to) const { return length(joints[to] - joints[from]); }
};

Figure figure(ShapeDirection direction, float beta) {
  Figure figure;
  figure.vertices = shaped_vertices(body(), one_beta(static_cast<std::size_t>(direction), beta));
  figure.joints = joints_of(body(), figure.vertices);
  return figure;
}

// How far the trunk reaches to the front at a height.
double front_at(const Figure& figure, double y) {
  double front = 0;
  for (const Vec& v : figure.vertices) {
    if (std::abs(v.y - y) < 0.03 && std::abs(v.x) < 0.1) front = std::max(front, v.z);
  }
  return front;
}

TEST(FreeBody, ChangesWhatABetaClaimsByAsMuchAsItClaims) {
  using Measure = std::function<double(const Figure&)>;
  const Measure stature = [](const Figure& f) { return height(f.vertices); };
  const Measure leg = [](const Figure& f) { return f.bone(1, 4) + f.bone(4, 7); };
  const Measure arm = [](const Figure& f) { return f.bone(16, 18) + f.bone(18, 20); };
  const Measure trunk = [](const Figure& f) { return f.joints[12].y - f.joints[0].y; };
  const Measure shoulders = [](const Figure& f) { return f.bone(16, 17); };
  const Measure hips = [](const Figure& f) {
    double x = 0;
    for (const Vec& v : f.vertices) x = std::max(x, std::abs(v.y + 0.25) < 0.03 ? v.x : 0);
    return x;
  };
  const Measure litres = [](const Figure& f) { return 1000 * volume(body(), f.vertices); };
  const Measure belly = [](const Figure& f) { return front_at(f, -0.12); };
  const Measure head = [](const Figure& f) {
    return f.vertices[vertex_of(4)].x - f.vertices[vertex_of(3)].x;
  };
  const struct {
    const char* name;
    ShapeDirection direction;
    Measure measure;
    double change, tolerance;  // per beta
  } rows[] = {
      {"height", ShapeDirection::Height, stature, 0.065, 0.001},
      {"build: volume", ShapeDirection::Build, litres, 10, 3},
      {"build: not taller", ShapeDirection::Build, stature, 0, 0.005},
      {"legs", ShapeDirection::Legs, leg, 0.025, 0.002},
      {"legs: stature", ShapeDirection::Legs, stature, 0.025, 0.003},
      {"arms", ShapeDirection::Arms, arm, 0.018, 0.002},
      {"arms: not taller", ShapeDirection::Arms, stature, 0, 0.001},
      {"trunk", ShapeDirection::Trunk, trunk, 0.02, 0.003},
      {"shoulders", ShapeDirection::Shoulders, shoulders, 0.022, 0.006},
      {"hips", ShapeDirection::Hips, hips, 0.012, 0.004},
      {"muscles: volume", ShapeDirection::Muscles, litres, 2, 1.9},
      {"belly", ShapeDirection::Belly, belly, 0.022, 0.005},
      {"head", ShapeDirection::HeadHandsFeet, head, 0.006, 0.002},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const double none = row.measure(figure(row.direction, 0));
    EXPECT_NEAR(row.measure(figure(row.direction, 1)) - none, row.change, row.tolerance);
    EXPECT_NEAR(none - row.measure(figure(row.direction, -1)), row.change, row.tolerance);
  }
}

TEST(FreeBody, MakesPlausiblePeopleOfAThousandRandomBetas) {
  Random random(11);
  const std::vector<Vec> rest_joints = joints_of(body(), rest());
  for (int person = 0; person < 1000; ++person) {
    Betas betas;
    for (float& beta : betas) beta = static_cast<float>(std::clamp(random.normal(), -3.0, 3.0));
    const std::vector<Vec> vertices = shaped_vertices(body(), betas);
    const double litres = 1000 * volume(body(), vertices);
    ASSERT_GT(litres, 25) << "person " << person;
    ASSERT_LT(litres, 180) << "person " << person;
    const std::vector<Vec> joints = joints_of(body(), vertices);
    for (std::size_t j = 1; j < kJointCount; ++j) {
      const auto parent = static_cast<std::size_t>(kJointParents[j]);
      const double ratio =
          length(joints[j] - joints[parent]) / length(rest_joints[j] - rest_joints[parent]);
      ASSERT_GT(ratio, 0.65) << kJointNames[j] << " of person " << person;
      ASSERT_LT(ratio, 1.4) << kJointNames[j] << " of person " << person;
    }
    // Counting faces around a place takes a millisecond, so for some people only.
    if (person % 50 != 0) continue;
    for (std::size_t j = 0; j < kJointCount; ++j) {
      ASSERT_NEAR(times_around(body(), vertices, joints[j]), 1, 0.01)
          << kJointNames[j] << " of person " << person << " lies outside";
    }
  }
}

TEST(FreeBody, DividesEveryLimbIntoRegions) {
  std::array<int, kRegionCount> vertices{}, faces{};
  std::array<float, kRegionCount> low, high;
  low.fill(1);
  high.fill(0);
  for (const VertexRegion& vertex : free_body().vertices) {
    const auto region = static_cast<std::size_t>(vertex.region);
    ++vertices.at(region);
    low[region] = std::min(low[region], vertex.along);
    high[region] = std::max(high[region], vertex.along);
  }
  for (const Region region : free_body().faces) ++faces.at(static_cast<std::size_t>(region));
  ASSERT_EQ(free_body().faces.size(), face_count(body()));
  for (std::size_t region = 0; region < kRegionCount; ++region) {
    SCOPED_TRACE(name_of(static_cast<Region>(region)));
    EXPECT_GT(vertices[region], 90);
    EXPECT_GT(faces[region], 150);
    EXPECT_GE(low[region], 0);
    EXPECT_LE(high[region], 1);
    EXPECT_GT(high[region] - low[region], 0.5);
  }
}

TEST(FreeBody, HasTheSameBytesEachTimeAndEverywhere) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / "posefleet_free_body_test.safetensors";
  ASSERT_TRUE(build_free_body().data == body());
  ASSERT_TRUE(write_body(file, body()).has_value());
  const Result<std::string> hash = sha256_hex_of_file(file);
  std::filesystem::remove(file);
  ASSERT_TRUE(hash.has_value());
  // A change of the body changes this: models that were trained with the other body do not fit it.
  EXPECT_EQ(*hash, "4569b787e088caf899898f06d5247799cf296a063737896824eee10334bc96ae");
}

}  // namespace
}  // namespace posefleet::training
