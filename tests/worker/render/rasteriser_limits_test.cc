// Damaged and hostile input: skipped and counted, or refused with a message that helps.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/support/mannequin.h"
#include "tests/worker/render/pictures.h"

namespace posefleet {
namespace {

using tests::Mannequin;
using tests::Picture;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Body {
  Mannequin mannequin = tests::make_mannequin({.rings = 6, .segments = 8});
  MeshTopology topology = MeshTopology::create(mannequin.faces, mannequin.vertex_count()).value();
  std::vector<float> vertices = tests::placed(mannequin, {.z = 20});
  Mesh mesh() const { return {&topology, vertices}; }
};

constexpr Camera kCamera = {1000};

TEST(RasteriserLimits, SkipsABodyWithAVertexThatIsNoPlaceAndDrawsTheOthers) {
  const Body body;
  Picture expected(160, 120);
  ASSERT_TRUE(tests::rasteriser().draw({{body.mesh()}}, kCamera, expected.view()));
  for (const float bad : {kNan, kInfinity, -kInfinity, 1.1e5f, -3e38f}) {
    for (const std::size_t where : {std::size_t{0}, body.vertices.size() - 1}) {
      std::vector<float> vertices = body.vertices;
      vertices[where] = bad;
      Picture picture(160, 120);
      const Mesh damaged = {&body.topology, vertices};
      const auto report =
          tests::rasteriser().draw({{damaged, body.mesh()}}, kCamera, picture.view());
      ASSERT_TRUE(report);
      EXPECT_EQ(report->meshes_skipped, 1U) << bad;
      EXPECT_EQ(report->meshes_drawn, 1U) << bad;
      EXPECT_EQ(picture.bytes, expected.bytes) << bad;
    }
  }
}

TEST(RasteriserLimits, DrawsNothingOfWhatCannotBeSeen) {
  const Body body;
  const std::size_t count = body.mannequin.vertex_count();
  const struct {
    const char* name;
    std::vector<float> vertices;
  } cases[] = {
      {"behind the camera", tests::placed(body.mannequin, {.z = -20})},
      {"beside the frame", tests::placed(body.mannequin, {.x = 500, .z = 20})},
      {"beside the frame and very near", tests::placed(body.mannequin, {.x = 90000, .z = 0})},
      {"one point", std::vector<float>(3 * count, 1.f)},
      {"the camera itself", std::vector<float>(3 * count, 0.f)},
      {"on a line", [&] {
         std::vector<float> line(3 * count);
         for (std::size_t i = 0; i < line.size(); ++i)
           line[i] = 5 + static_cast<float>(i / 3) * 1e-3f;
         return line;
       }()}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Picture picture(160, 120, 50);
    const auto report =
        tests::rasteriser().draw({{Mesh{&body.topology, c.vertices}}}, kCamera, picture.view());
    ASSERT_TRUE(report);
    EXPECT_EQ(report->meshes_drawn, 1U);
    EXPECT_EQ(picture.bytes, Picture(160, 120, 50).bytes);
  }
}

// Random triangle soup at every scale, also through the camera: it must neither crash nor leave a
// mark in what is drawn afterwards.
TEST(RasteriserLimits, SurvivesTriangleSoup) {
  Random random(5);
  for (int round = 0; round < 60; ++round) {
    const std::size_t count = 60;
    const double scale = std::pow(10.0, -6.0 + static_cast<double>(random.below(11)));
    std::vector<float> vertices(3 * count);
    for (float& v : vertices) v = static_cast<float>(scale * (random.unit() * 2 - 1));
    std::vector<std::uint32_t> faces(3 * 40);
    for (auto& index : faces) index = static_cast<std::uint32_t>(random.below(count));
    const MeshTopology topology = MeshTopology::create(faces, count).value();
    const float focal = static_cast<float>(std::pow(10.0, random.unit() * 7));
    Rasteriser raster = tests::rasteriser(round % 2 == 0 ? 4 : 16);
    tests::Frame frame(123, 61, 1, 1, 5);
    const auto report = raster.draw({{Mesh{&topology, vertices}}}, {focal}, frame.planes);
    ASSERT_TRUE(report) << report.error().message;

    const Body body;
    Picture after(123, 61), fresh(123, 61);
    ASSERT_TRUE(raster.draw({{body.mesh()}}, kCamera, after.view()));
    ASSERT_TRUE(
        tests::rasteriser(round % 2 == 0 ? 4 : 16).draw({{body.mesh()}}, kCamera, fresh.view()));
    ASSERT_EQ(after.bytes, fresh.bytes) << "round " << round;
  }
}

TEST(RasteriserLimits, DrawsNobodyIntoAFrameWithNobody) {
  Picture picture(20, 20, 9);
  const auto report = tests::rasteriser().draw({}, kCamera, picture.view());
  ASSERT_TRUE(report);
  EXPECT_EQ(*report, DrawReport{});
  EXPECT_EQ(picture.bytes, Picture(20, 20, 9).bytes);
}

TEST(RasteriserLimits, RefusesWhatMakesNoSense) {
  const Body body;
  Picture picture(20, 20);
  tests::Frame frame(20, 20, 1, 1, 1);
  const struct {
    const char* message;
    Result<DrawReport> result;
  } cases[] = {
      {"camera: focal length is 0 pixels, allowed above 0 up to 10000000",
       tests::rasteriser().draw({}, {0}, picture.view())},
      {"camera: focal length is nan pixels, allowed above 0 up to 10000000",
       tests::rasteriser().draw({}, {kNan}, picture.view())},
      {"body 0 has no topology", tests::rasteriser().draw({{Mesh{}}}, kCamera, picture.view())},
      {"body 0 has 3 coordinates, its topology needs 3 x 800",
       tests::rasteriser().draw({{Mesh{&body.topology, std::span(body.vertices).first(3)}}},
                                kCamera, picture.view())},
      {"body 0 has opacity 1.5, allowed 0..1",
       tests::rasteriser().draw({{Mesh{&body.topology, body.vertices, kLightBlue, 1.5f}}}, kCamera,
                                picture.view())},
      {"body 0 has nan in its colour, allowed 0..1",
       tests::rasteriser().draw({{Mesh{&body.topology, body.vertices, {0, kNan, 0}}}}, kCamera,
                                picture.view())},
      {"picture to draw on has no data",
       tests::rasteriser().draw({}, kCamera, BgrPicture{nullptr, 60, 20, 20})},
      {"picture to draw on has rows of 59 bytes, below 3 x 20",
       tests::rasteriser().draw({}, kCamera, BgrPicture{picture.bytes.data(), 59, 20, 20})},
      {"frame to draw on is 0x20 pixels, allowed 1..16384 each way",
       tests::rasteriser().draw({}, kCamera, BgrPicture{picture.bytes.data(), 60, 0, 20})},
      {"frame to draw on is 20x16385 pixels, allowed 1..16384 each way",
       tests::rasteriser().draw({}, kCamera, BgrPicture{picture.bytes.data(), 60, 20, 16385})},
      {"frame to draw on has no plane 1: it needs three",
       [&] {
         YuvPlanes planes = frame.planes;
         planes.data[1] = nullptr;
         return tests::rasteriser().draw({}, kCamera, planes);
       }()},
      {"frame to draw on has chroma shifts 2,0, allowed 0 or 1: convert it to 4:2:0 first",
       [&] {
         YuvPlanes planes = frame.planes;
         planes.chroma_shift_x = 2;
         planes.chroma_shift_y = 0;
         return tests::rasteriser().draw({}, kCamera, planes);
       }()},
      {"frame to draw on has rows of 9 bytes in plane 2, below 10",
       [&] {
         YuvPlanes planes = frame.planes;
         planes.stride[2] = 9;
         return tests::rasteriser().draw({}, kCamera, planes);
       }()},
      {"1025 bodies to draw in one frame, allowed 0..1024",
       tests::rasteriser().draw(std::vector<Mesh>(1025), kCamera, picture.view())},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.message);
    ASSERT_FALSE(c.result);
    EXPECT_EQ(c.result.error().code, ErrorCode::Rejected);
    EXPECT_EQ(c.result.error().message, c.message);
  }
}

TEST(RasteriserLimits, RefusesATopologyThatPointsBeyondItsVertices) {
  const struct {
    const char* message;
    std::vector<std::uint32_t> faces;
  } cases[] = {
      {"mesh faces: 4 indices, not a multiple of three", {0, 1, 2, 0}},
      {"mesh faces: triangle 1 has vertex 3, the mesh has 3", {0, 1, 2, 0, 1, 3}},
      {"mesh faces: triangle 0 has vertex 4294967295, the mesh has 3", {0, 0xffffffffU, 2}},
      {"mesh faces: 4000001 triangles, allowed 0..4000000",
       std::vector<std::uint32_t>(3 * 4'000'001)},
  };
  for (const auto& c : cases) {
    const auto topology = MeshTopology::create(c.faces, 3);
    ASSERT_FALSE(topology);
    EXPECT_EQ(topology.error().message, c.message);
  }
}

TEST(RasteriserLimits, RefusesOptionsThatItDoesNotHave) {
  const auto samples = Rasteriser::create({.samples = 3});
  ASSERT_FALSE(samples);
  EXPECT_EQ(samples.error().message, "samples per pixel is 3, allowed one of 1, 4, 8, 16");
  Look look = whole_frame_look();
  look.lights[2].to_light = {0, 0, -2};
  EXPECT_FALSE(Rasteriser::create({.look = look}));
  look = whole_frame_look();
  look.ambient = kNan;
  EXPECT_FALSE(Rasteriser::create({.look = look}));
}

}  // namespace
}  // namespace posefleet
