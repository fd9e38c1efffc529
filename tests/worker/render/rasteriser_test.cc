// What the picture looks like: edges, planes, depth, and that the bytes never differ.
#include "worker/render/rasteriser.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "tests/support/mannequin.h"
#include "tests/worker/render/oracle.h"
#include "tests/worker/render/pictures.h"
#include "worker/render/kernels.h"

namespace posefleet {
namespace {

using tests::flat_rasteriser;
using tests::Frame;
using tests::Mannequin;
using tests::Picture;
using tests::rasteriser;

MeshTopology topology_of(const Mannequin& body) {
  return MeshTopology::create(body.faces, body.vertex_count()).value();
}

// A body that fills three quarters of a frame of this height.
constexpr float kFocalLength = 1500;
std::vector<float> standing(const Mannequin& body, int height, double x = 0, double nearer = 0) {
  return tests::placed(
      body, {.x = x, .z = kFocalLength * 1.72 / (0.75 * height) - nearer, .yaw = 0.4, .roll = 0.2});
}

TEST(Rasteriser, HasNoHolesInAClosedBody) {
  const Mannequin ball = tests::make_sphere(1, {.rings = 40, .segments = 60});
  const MeshTopology topology = topology_of(ball);
  Random random(7);
  for (const int samples : {1, 4, 8, 16}) {
    Rasteriser raster = flat_rasteriser(samples);
    for (int i = 0; i < 60; ++i) {
      const double depth = 20 + random.unit();
      const double focal = 300 + 200 * random.unit();
      const double x = random.unit() - 0.5, y = random.unit() - 0.5;
      const std::vector<float> vertices =
          tests::placed(ball, {.x = x, .y = y, .z = depth, .yaw = 6 * random.unit()});
      // Half seen through: a sample that counted twice would be too light, one that no triangle
      // took too dark.
      const Mesh mesh = {&topology, vertices, {1, 1, 1}, 0.5f};
      Picture picture(80, 80, 100);
      ASSERT_TRUE(raster.draw({{mesh}}, {static_cast<float>(focal)}, picture.view()));
      // White at half strength over 100: 127.5 + 50.
      const double radius = 0.98 * focal / depth - 1.5;
      int inside = 0;
      for (int py = 0; py < 80; ++py) {
        for (int px = 0; px < 80; ++px) {
          const double dx = px + 0.5 - 40 - focal * x / depth;
          const double dy = py + 0.5 - 40 - focal * y / depth;
          if (dx * dx + dy * dy > radius * radius) continue;
          ++inside;
          ASSERT_EQ(picture.green(px, py), 178) << samples << " samples, " << px << "," << py;
        }
      }
      ASSERT_GT(inside, 300);
    }
  }
}

TEST(Rasteriser, MixesAnEdgePixelFromBodyAndFrameAlone) {
  const Mannequin body = tests::make_mannequin();
  const MeshTopology topology = topology_of(body);
  const std::vector<float> vertices = standing(body, 120);
  for (const int samples : {4, 16}) {
    for (const std::uint8_t background : {0, 200, 255}) {
      Picture picture(160, 120, background);
      const Mesh mesh = {&topology, vertices, {0.2f, 0.2f, 0.2f}};
      ASSERT_TRUE(flat_rasteriser(samples).draw({{mesh}}, {kFocalLength}, picture.view()));
      const double drawn = 255 * std::pow(0.2, 1 / 2.2);
      std::vector<int> times_seen(static_cast<std::size_t>(samples) + 1);
      for (int y = 0; y < 120; ++y) {
        for (int x = 0; x < 160; ++x) {
          const double coverage = (picture.green(x, y) - background) / (drawn - background);
          const double step = std::round(coverage * samples);
          ASSERT_GE(step, 0);
          ASSERT_LE(step, samples);
          const double expected = background + (drawn - background) * step / samples;
          ASSERT_NEAR(picture.green(x, y), expected, 0.6) << x << "," << y;
          ++times_seen[static_cast<std::size_t>(step)];
        }
      }
      // Every degree of coverage occurs.
      EXPECT_GT(*std::min_element(times_seen.begin(), times_seen.end()), 0);
    }
  }
}

TEST(Rasteriser, DrawsTheNearerBodyInFrontWhateverTheOrder) {
  const Mannequin body = tests::make_mannequin();
  const MeshTopology topology = topology_of(body);
  const std::vector<float> far = standing(body, 120, 0.0);
  const std::vector<float> near = standing(body, 120, 0.1, 1.5);
  const Mesh red = {&topology, far, {1, 0, 0}};
  const Mesh green = {&topology, near, {0, 1, 0}};
  Picture one(160, 120), other(160, 120);
  ASSERT_TRUE(rasteriser().draw({{red, green}}, {kFocalLength}, one.view()));
  ASSERT_TRUE(rasteriser().draw({{green, red}}, {kFocalLength}, other.view()));
  EXPECT_EQ(one.bytes, other.bytes);
  // The middle of the nearer body.
  EXPECT_GT(one.green(81, 60), 100);
  EXPECT_LT(one.red(81, 60), 10);
}

// Which pixels a body can touch at all, by ray casting, two pixels wider on each side.
std::vector<bool> silhouette(const Mannequin& body, const std::vector<float>& vertices, int width,
                             int height, int reach) {
  const std::vector<int> seen =
      tests::cast_rays({{vertices, body.faces}}, kFocalLength, width, height);
  std::vector<bool> wide(seen.size());
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int dy = -reach; dy <= reach; ++dy) {
        for (int dx = -reach; dx <= reach; ++dx) {
          const int sx = x + dx, sy = y + dy;
          if (sx < 0 || sy < 0 || sx >= width || sy >= height) continue;
          if (seen[static_cast<std::size_t>(sy) * width + sx] == tests::kNobody) continue;
          wide[static_cast<std::size_t>(y) * width + x] = true;
        }
      }
    }
  }
  return wide;
}

struct Layout {
  const char* name;
  int shift_x, shift_y;
};
constexpr Layout kLayouts[] = {{"4:2:0", 1, 1}, {"4:2:2", 1, 0}, {"4:4:4", 0, 0}, {"4:4:0", 0, 1}};
constexpr std::pair<int, int> kSizes[] = {{64, 48}, {65, 49}, {33, 47}, {31, 64}, {1, 1}};

TEST(Rasteriser, LeavesWhatItDoesNotTouchAsItWas) {
  const Mannequin body = tests::make_mannequin({.rings = 8, .segments = 10});
  const MeshTopology topology = topology_of(body);
  for (const Layout& layout : kLayouts) {
    for (const auto& [width, height] : kSizes) {
      SCOPED_TRACE(testing::Message() << layout.name << " " << width << "x" << height);
      Frame frame(width, height, layout.shift_x, layout.shift_y, 3);
      const Frame before(width, height, layout.shift_x, layout.shift_y, 3);
      // Leaning out of the frame on the right.
      const std::vector<float> vertices = standing(body, height, 0.35 * width / height);
      ASSERT_TRUE(rasteriser().draw({{Mesh{&topology, vertices}}}, {kFocalLength}, frame.planes));
      const std::vector<bool> reach = silhouette(body, vertices, width, height, 2);
      int changed = 0;
      for (int plane = 0; plane < 3; ++plane) {
        const int shift_x = plane == 0 ? 0 : layout.shift_x;
        const int shift_y = plane == 0 ? 0 : layout.shift_y;
        const int row_length = static_cast<int>(frame.planes.stride[plane]);
        for (std::size_t i = 0; i < frame.bytes[plane].size(); ++i) {
          if (frame.bytes[plane][i] == before.bytes[plane][i]) continue;
          ++changed;
          const int column = static_cast<int>(i) % row_length;
          const int x = std::min(column << shift_x, width - 1);
          const int y = (static_cast<int>(i) / row_length) << shift_y;
          ASSERT_LT(column, row_length - Frame::kPadding) << "behind the row's end";
          ASSERT_TRUE(reach[static_cast<std::size_t>(y) * width + x])
              << plane << ":" << x << "," << y;
        }
      }
      EXPECT_GT(changed, width * height / 20 - 1);
    }
  }
}

// The textbook's sums, in double and from the BGR picture.
struct Yuv {
  double y, u, v;
};
Yuv to_yuv(const Picture& picture, int x, int y, double kr, double kb, bool full_range) {
  const double r = picture.red(x, y) / 255.0, g = picture.green(x, y) / 255.0,
               b = picture.blue(x, y) / 255.0;
  const double luma = kr * r + (1 - kr - kb) * g + kb * b;
  const double u = (b - luma) / (2 * (1 - kb)), v = (r - luma) / (2 * (1 - kr));
  if (full_range) return {255 * luma, 128 + 255 * u, 128 + 255 * v};
  return {16 + 219 * luma, 128 + 224 * u, 128 + 224 * v};
}

TEST(Rasteriser, DrawsTheSameColoursIntoEveryKindOfPlanes) {
  const Mannequin body = tests::make_mannequin();
  const MeshTopology topology = topology_of(body);
  const struct {
    ColourMatrix matrix;
    double kr, kb;
  } matrices[] = {{ColourMatrix::Bt601, 0.299, 0.114},
                  {ColourMatrix::Bt709, 0.2126, 0.0722},
                  {ColourMatrix::Bt2020, 0.2627, 0.0593}};
  const int width = 97, height = 81;
  const std::vector<float> vertices = standing(body, height);
  for (std::size_t person = 0; person < 4; ++person) {
    const Mesh mesh = {&topology, vertices, person_colour(person)};
    Picture picture(width, height);
    ASSERT_TRUE(flat_rasteriser().draw({{mesh}}, {kFocalLength}, picture.view()));
    for (const auto& m : matrices) {
      for (const Layout& layout : kLayouts) {
        for (const bool full_range : {false, true}) {
          SCOPED_TRACE(testing::Message()
                       << layout.name << " kr " << m.kr << " full " << full_range);
          Frame frame(width, height, layout.shift_x, layout.shift_y, 3);
          frame.planes.matrix = m.matrix;
          frame.planes.range = full_range ? ColourRange::Full : ColourRange::Limited;
          ASSERT_TRUE(flat_rasteriser().draw({{mesh}}, {kFocalLength}, frame.planes));
          // The body's middle is wholly covered.
          const int x = 48, y = 40;
          const Yuv expected = to_yuv(picture, x, y, m.kr, m.kb, full_range);
          EXPECT_NEAR(frame.at(0, x, y), expected.y, 1.2);
          EXPECT_NEAR(frame.at(1, x >> layout.shift_x, y >> layout.shift_y), expected.u, 1.2);
          EXPECT_NEAR(frame.at(2, x >> layout.shift_x, y >> layout.shift_y), expected.v, 1.2);
        }
      }
    }
  }
}

// Chroma lies on the left of its two columns and takes a quarter from either neighbour; were it
// taken to lie between them, the two edges of this sheet would give 64 and 0.
TEST(Rasteriser, PutsChromaWhereTheStandardSaysItLies) {
  const std::vector<std::uint32_t> faces = {0, 2, 1, 1, 2, 3};
  const MeshTopology topology = MeshTopology::create(faces, 4).value();
  // A sheet over columns 9 to 21 and all rows of a frame 32 wide; depth = focal length.
  const float x0 = 9 - 16, x1 = 22 - 16, y0 = -40, y1 = 40, z = 100;
  const std::vector<float> vertices = {x0, y0, z, x1, y0, z, x0, y1, z, x1, y1, z};
  Frame frame(32, 16, 1, 1, 1);
  std::fill(frame.bytes[1].begin(), frame.bytes[1].end(), 0);
  const Mesh mesh = {&topology, vertices, {1, 1, 1}};  // white: U is 128
  ASSERT_TRUE(flat_rasteriser().draw({{mesh}}, {100}, frame.planes));
  for (int y = 0; y < 8; ++y) {
    EXPECT_EQ(frame.at(1, 3, y), 0);
    EXPECT_EQ(frame.at(1, 4, y), 32);   // column 8: 7, 8 are bare, 9 counts a quarter
    EXPECT_EQ(frame.at(1, 5, y), 128);  // column 10: 9, 10 and 11 are covered
    EXPECT_EQ(frame.at(1, 10, y), 128);
    EXPECT_EQ(frame.at(1, 11, y), 32);  // column 22: 21 counts a quarter
    EXPECT_EQ(frame.at(1, 12, y), 0);
  }
}

TEST(Rasteriser, CoversTheWholeFrameWithASheetMuchLargerThanIt) {
  const std::vector<std::uint32_t> faces = {0, 2, 1, 1, 2, 3};
  const MeshTopology topology = MeshTopology::create(faces, 4).value();
  const struct {
    const char* name;
    float size, z, focal_length;
  } sheets[] = {{"twice the frame", 2, 1, 100},
                {"far beyond the guard band", 5e4f, 1, 2000},
                {"at the near plane", 50, 0.051f, 5000},
                {"as large as is allowed", 9e4f, 9e4f, 2000}};
  for (const auto& sheet : sheets) {
    SCOPED_TRACE(sheet.name);
    const float s = sheet.size, z = sheet.z;
    const std::vector<float> vertices = {-s, -s, z, s, -s, z, -s, s, z, s, s, z};
    const Mesh mesh = {&topology, vertices, {1, 1, 1}, 0.5f};
    Picture picture(101, 77, 100);
    ASSERT_TRUE(flat_rasteriser().draw({{mesh}}, {sheet.focal_length}, picture.view()));
    for (const std::uint8_t byte : picture.bytes) ASSERT_EQ(byte, 178);
  }
}

TEST(Rasteriser, CutsAFloorThatRunsUnderTheCamera) {
  // A floor one metre below the axis, from 50 m behind the camera to 1000 m before it: all of the
  // picture below the horizon.
  const std::vector<std::uint32_t> faces = {0, 1, 2, 1, 3, 2};
  const MeshTopology topology = MeshTopology::create(faces, 4).value();
  const std::vector<float> vertices = {-5e4f, 1, -50, 5e4f, 1, -50, -5e4f, 1, 1000, 5e4f, 1, 1000};
  Picture picture(64, 64);
  ASSERT_TRUE(
      flat_rasteriser(1).draw({{Mesh{&topology, vertices, {1, 1, 1}}}}, {100}, picture.view()));
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      ASSERT_EQ(picture.green(x, y), y >= 32 ? 255 : 0) << x << "," << y;
    }
  }
}

// Two triangles side by side, each half of a square in the middle of the picture.
struct TwoFaces {
  MeshTopology topology =
      MeshTopology::create(std::vector<std::uint32_t>{0, 2, 1, 1, 2, 3}, 4).value();
  std::vector<float> vertices = {-0.5f, -0.5f, 1, 0.5f, -0.5f, 1, -0.5f, 0.5f, 1, 0.5f, 0.5f, 1};
};

TEST(Rasteriser, PaintsEachFaceInItsOwnColour) {
  const TwoFaces square;
  TwoFaces behind;
  for (float& coordinate : behind.vertices) coordinate *= 2;
  const std::array<Colour, 3> paints = {{{0, 0, 1}, {0, 1, 0}, {1, 0, 0}}};
  const std::array<std::uint8_t, 2> face_paints = {2, 0};
  Picture picture(40, 40);
  // A plain mesh comes first, so that the painted one's paints are not the first of the frame.
  const std::array<Mesh, 2> meshes = {Mesh{&behind.topology, behind.vertices, {1, 1, 1}},
                                      Mesh{.topology = &square.topology,
                                           .vertices = square.vertices,
                                           .paints = paints,
                                           .face_paints = face_paints}};
  ASSERT_TRUE(flat_rasteriser().draw(meshes, {32}, picture.view()));
  EXPECT_EQ(picture.red(8, 8), 255);
  EXPECT_EQ(picture.blue(8, 8), 0);
  EXPECT_EQ(picture.blue(31, 31), 255);
  EXPECT_EQ(picture.red(31, 31), 0);
}

TEST(Rasteriser, RejectsPaintsThatDoNotFitTheFaces) {
  const TwoFaces square;
  const std::array<Colour, 1> paints = {{{1, 1, 1}}};
  const std::array<Colour, 1> bad_colour = {{{1, 2, 1}}};
  const std::array<std::uint8_t, 2> fitting = {0, 0}, beyond = {0, 1};
  struct Case {
    const char* words;
    std::span<const Colour> paints;
    std::span<const std::uint8_t> face_paints;
  };
  const std::vector<Case> cases = {
      {"paints for 1 faces", paints, std::span(fitting).first(1)},
      {"paints for 0 faces", paints, {}},
      {"paint 1 and 1 paints", paints, beyond},
      {"paint 0 and 0 paints", {}, fitting},
      {"colour", bad_colour, fitting},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.words);
    Picture picture(8, 8);
    const Mesh mesh = {.topology = &square.topology,
                       .vertices = square.vertices,
                       .paints = c.paints,
                       .face_paints = c.face_paints};
    const auto report = rasteriser().draw({{mesh}}, {40}, picture.view());
    ASSERT_FALSE(report.has_value());
    EXPECT_NE(report.error().message.find(c.words), std::string::npos) << report.error().message;
  }
}

TEST(Rasteriser, ReportsWhatItCovered) {
  const TwoFaces square;
  Picture picture(40, 40, 100);
  std::vector<std::uint8_t> coverage(40 * 40, 0);
  BgrPicture view = picture.view();
  view.coverage = coverage.data();
  const Mesh mesh = {&square.topology, square.vertices, {1, 1, 1}, 0.5f};
  ASSERT_TRUE(flat_rasteriser().draw({{mesh}}, {32}, view));
  EXPECT_EQ(coverage[0], 0);
  EXPECT_EQ(coverage[20 * 40 + 20], 128);
  ASSERT_TRUE(flat_rasteriser().draw({{mesh}}, {32}, view));
  EXPECT_NEAR(coverage[20 * 40 + 20], 192, 1);
}

TEST(Rasteriser, TakesNewLightsFromTheNextDrawOn) {
  const TwoFaces square;
  const Mesh mesh = {&square.topology, square.vertices, {1, 1, 1}};
  Rasteriser raster = flat_rasteriser();
  Look dark = tests::flat_look();
  dark.ambient = 0;
  ASSERT_TRUE(raster.set_look(dark));
  Picture picture(8, 8, 100);
  ASSERT_TRUE(raster.draw({{mesh}}, {8}, picture.view()));
  EXPECT_LT(picture.green(4, 4), 5);
  dark.roughness = 0;
  EXPECT_FALSE(raster.set_look(dark));
}

TEST(Rasteriser, GivesTheSameBytesOnEveryPath) {
  if (!Rasteriser::create({.path = CpuPath::Avx2})) GTEST_SKIP() << "no AVX2 on this machine";
  const Mannequin body = tests::make_mannequin();
  const MeshTopology topology = topology_of(body);
  Random random(11);
  for (const int samples : {1, 4, 8, 16}) {
    Rasteriser fast = rasteriser(samples, CpuPath::Avx2);
    Rasteriser portable = rasteriser(samples, CpuPath::Portable);
    for (int i = 0; i < 6; ++i) {
      const int width = 100 + static_cast<int>(random.below(200));
      const int height = 100 + static_cast<int>(random.below(200));
      std::vector<std::vector<float>> vertices;
      std::vector<Mesh> meshes;
      for (std::size_t k = 0; k < 3; ++k) {
        // The last one reaches behind the camera.
        vertices.push_back(k < 2 ? standing(body, height, random.unit() - 0.5, 2 * random.unit())
                                 : tests::placed(body, {.x = 0.1, .z = random.unit(), .pitch = 1}));
      }
      for (std::size_t k = 0; k < 3; ++k) {
        meshes.push_back({&topology, vertices[k], person_colour(k), k == 1 ? 0.7f : 1.f});
      }
      Frame one(width, height, 1, 1, 5), other(width, height, 1, 1, 5);
      EXPECT_EQ(*fast.draw(meshes, {kFocalLength}, one.planes),
                *portable.draw(meshes, {kFocalLength}, other.planes));
      for (int plane = 0; plane < 3; ++plane) ASSERT_EQ(one.bytes[plane], other.bytes[plane]);
      Picture a(width, height, 40), b(width, height, 40);
      ASSERT_TRUE(fast.draw(meshes, {kFocalLength}, a.view()));
      ASSERT_TRUE(portable.draw(meshes, {kFocalLength}, b.view()));
      ASSERT_EQ(a.bytes, b.bytes);
    }
  }
}

TEST(Rasteriser, GivesTheSameBytesWhateverItDrewBefore) {
  const Mannequin body = tests::make_mannequin({.rings = 9, .segments = 10});
  const MeshTopology topology = topology_of(body);
  Rasteriser used = rasteriser();
  for (const auto& [width, height] : {std::pair{300, 200}, {64, 48}, {65, 49}, {300, 200}}) {
    const std::vector<float> vertices = standing(body, height);
    const Mesh mesh = {&topology, vertices};
    Frame one(width, height, 1, 1, 5), other(width, height, 1, 1, 5);
    ASSERT_TRUE(used.draw({{mesh}}, {kFocalLength}, one.planes));
    ASSERT_TRUE(rasteriser().draw({{mesh}}, {kFocalLength}, other.planes));
    for (int plane = 0; plane < 3; ++plane) EXPECT_EQ(one.bytes[plane], other.bytes[plane]);
  }
}

// A ball made of an octahedron by halving edges: square roots alone, so every machine gets the
// same.
Mannequin octahedral_ball(int halvings) {
  std::vector<std::array<double, 3>> points = {{1, 0, 0},  {-1, 0, 0}, {0, 1, 0},
                                               {0, -1, 0}, {0, 0, 1},  {0, 0, -1}};
  std::vector<std::uint32_t> faces = {0, 2, 4, 2, 1, 4, 1, 3, 4, 3, 0, 4,
                                      2, 0, 5, 1, 2, 5, 3, 1, 5, 0, 3, 5};
  for (int i = 0; i < halvings; ++i) {
    std::vector<std::uint32_t> finer;
    for (std::size_t f = 0; f < faces.size(); f += 3) {
      std::uint32_t middle[3];
      for (std::size_t k = 0; k < 3; ++k) {
        const auto &a = points[faces[f + k]], &b = points[faces[f + (k + 1) % 3]];
        const std::array<double, 3> sum = {a[0] + b[0], a[1] + b[1], a[2] + b[2]};
        const double length = std::sqrt(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]);
        middle[k] = static_cast<std::uint32_t>(points.size());
        points.push_back({sum[0] / length, sum[1] / length, sum[2] / length});
      }
      const std::uint32_t a = faces[f], b = faces[f + 1], c = faces[f + 2];
      const auto [ab, bc, ca] = middle;
      for (const std::uint32_t v : {a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca})
        finer.push_back(v);
    }
    faces = finer;
  }
  Mannequin ball;
  ball.faces = faces;
  for (const auto& p : points) {
    for (int k = 0; k < 3; ++k)
      ball.vertices.push_back(static_cast<float>(p[k] + (k == 2 ? 5 : 0)));
  }
  return ball;
}

// Kept from the first version. If it changes on purpose, look at pictures, then put in the new one;
// workers of two versions must not share a job.
TEST(Rasteriser, GivesTheBytesItAlwaysGave) {
  const Mannequin ball = octahedral_ball(4);
  const MeshTopology topology = topology_of(ball);
  Frame frame(199, 151, 1, 1, 9);
  ASSERT_TRUE(rasteriser().draw({{Mesh{&topology, ball.vertices}}}, {300}, frame.planes));
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const auto& plane : frame.bytes) {
    for (const std::uint8_t byte : plane) hash = (hash ^ byte) * 0x100000001b3ULL;
  }
  EXPECT_EQ(hash, 4408691771299585467ULL);
}

TEST(Rasteriser, RaisesLightToItsPowerAsTheLibraryDoes) {
  for (double x = 1e-6; x < 1e6; x *= 1.01) {
    const double expected = std::pow(x, 1 / 2.2);
    EXPECT_NEAR(render::power_of_light(static_cast<float>(x)), expected, 5e-6 * expected);
  }
  EXPECT_GT(render::power_of_light(0), 0);
}

TEST(Rasteriser, GivesPeopleColoursThatDiffer) {
  for (std::size_t i = 0; i < 12; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Colour a = person_colour(i), b = person_colour(j);
      EXPECT_GT(std::hypot(a.r - b.r, a.g - b.g, a.b - b.b), 0.15) << i << " and " << j;
    }
  }
  EXPECT_EQ(person_colour(0), kLightBlue);
  EXPECT_EQ(person_colour(12), person_colour(0));
}

}  // namespace
}  // namespace posefleet
