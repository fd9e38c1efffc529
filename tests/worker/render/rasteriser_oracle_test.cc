// The rasteriser against ray casting, on made-up scenes: who is seen at which pixel.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/mannequin.h"
#include "tests/worker/render/oracle.h"
#include "tests/worker/render/pictures.h"

namespace posefleet {
namespace {

using tests::kNobody;
using tests::Mannequin;
using tests::Picture;

constexpr int kWidth = 120;
constexpr int kHeight = 90;

// Pure red, green and blue, so that the pixel tells whose it is.
constexpr Colour kColours[3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};

int who_is_drawn(const Picture& picture, int x, int y) {
  const int channels[3] = {picture.red(x, y), picture.green(x, y), picture.blue(x, y)};
  int best = kNobody;
  for (int i = 0; i < 3; ++i) {
    if (channels[i] > 30 && (best == kNobody || channels[i] > channels[best])) best = i;
  }
  return best;
}

struct Scene {
  float focal_length = 0;
  std::vector<std::vector<float>> vertices;
};

double between(Random& random, double low, double high) {
  return low + (high - low) * random.unit();
}

// Bodies that stand, lie and cross each other in the view.
Scene scene_in_view(const Mannequin& body, Random& random) {
  Scene scene;
  scene.focal_length = static_cast<float>(between(random, 60, 4000));
  // Between half and one and a half times the frame's height.
  const double distance = scene.focal_length * 1.72 / (kHeight * between(random, 0.5, 1.5));
  const auto people = 1 + random.below(3);
  for (std::uint64_t i = 0; i < people; ++i) {
    scene.vertices.push_back(tests::placed(body, {.x = between(random, -0.7, 0.7),
                                                  .y = between(random, -0.3, 0.3),
                                                  .z = distance + between(random, 0, 0.3),
                                                  .yaw = between(random, 0, 6.28),
                                                  .roll = between(random, -1.6, 1.6)}));
  }
  return scene;
}

// Bodies that the frame's edge cuts.
Scene scene_at_the_edge(const Mannequin& body, Random& random) {
  Scene scene;
  scene.focal_length = static_cast<float>(between(random, 60, 4000));
  const double distance = scene.focal_length * 1.72 / kHeight;
  for (int i = 0; i < 2; ++i) {
    const double half_width = distance * kWidth / 2 / scene.focal_length;
    const double side = i == 0 ? -half_width : half_width;
    scene.vertices.push_back(tests::placed(body, {.x = side + between(random, -0.3, 0.3),
                                                  .y = between(random, -1.2, 1.2),
                                                  .z = distance,
                                                  .yaw = between(random, 0, 6.28),
                                                  .roll = between(random, -3.1, 3.1)}));
  }
  return scene;
}

// Bodies that the camera stands in or beside: part of them is behind it.
Scene scene_around_the_camera(const Mannequin& body, Random& random) {
  Scene scene;
  scene.focal_length = static_cast<float>(between(random, 40, 300));
  for (int i = 0; i < 2; ++i) {
    scene.vertices.push_back(tests::placed(body, {.x = between(random, -0.5, 0.5),
                                                  .y = between(random, -0.5, 0.5),
                                                  .z = between(random, -0.3, 0.8),
                                                  .yaw = between(random, 0, 6.28),
                                                  .pitch = between(random, 0.8, 2.3),
                                                  .roll = between(random, -3.1, 3.1)}));
  }
  return scene;
}

void expect_agreement(const char* name, std::uint64_t seed,
                      Scene (*make_scene)(const Mannequin&, Random&)) {
  SCOPED_TRACE(testing::Message() << name << ", seed " << seed);
  const Mannequin body = tests::make_mannequin({.rings = 6, .segments = 9});
  const MeshTopology topology = MeshTopology::create(body.faces, body.vertex_count()).value();
  Random random(seed);
  const Scene scene = make_scene(body, random);

  std::vector<Mesh> meshes;
  std::vector<tests::OracleMesh> oracle_meshes;
  for (std::size_t i = 0; i < scene.vertices.size(); ++i) {
    meshes.push_back({&topology, scene.vertices[i], kColours[i]});
    oracle_meshes.push_back({scene.vertices[i], body.faces});
  }
  Picture picture(kWidth, kHeight);
  ASSERT_TRUE(tests::rasteriser(1).draw(meshes, {scene.focal_length}, picture.view()));

  const std::vector<int> expected =
      tests::cast_rays(oracle_meshes, scene.focal_length, kWidth, kHeight);
  int differing = 0;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const int seen = expected[static_cast<std::size_t>(y) * kWidth + x];
      differing += seen != who_is_drawn(picture, x, y);
    }
  }
  // A tenth of a per cent: corners are rounded to 1/256 pixel, which decides a few pixels whose
  // middle an edge touches.
  EXPECT_LE(differing, kWidth * kHeight / 1000);
}

TEST(RasteriserOracle, AgreesOnBodiesThatCrossEachOther) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    expect_agreement("in view", seed, scene_in_view);
  }
}

TEST(RasteriserOracle, AgreesOnBodiesCutByTheFramesEdge) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    expect_agreement("at the edge", seed, scene_at_the_edge);
  }
}

TEST(RasteriserOracle, AgreesOnBodiesThatReachBehindTheCamera) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    expect_agreement("around the camera", seed, scene_around_the_camera);
  }
}

// Were the scenes empty, the tests above could not fail.
TEST(RasteriserOracle, SeesSomebodyInItsScenes) {
  const Mannequin body = tests::make_mannequin({.rings = 6, .segments = 9});
  for (const auto make_scene : {scene_in_view, scene_at_the_edge, scene_around_the_camera}) {
    int scenes_with_people = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      Random random(seed);
      const Scene scene = make_scene(body, random);
      std::vector<tests::OracleMesh> meshes;
      for (const auto& vertices : scene.vertices) meshes.push_back({vertices, body.faces});
      const std::vector<int> seen = tests::cast_rays(meshes, scene.focal_length, kWidth, kHeight);
      const auto empty = static_cast<std::size_t>(std::count(seen.begin(), seen.end(), kNobody));
      scenes_with_people += seen.size() - empty > 200;
    }
    EXPECT_GE(scenes_with_people, 10);
  }
}

}  // namespace
}  // namespace posefleet
