#include "worker/detect/detector.h"

#include <algorithm>
#include <limits>

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

// A dark frame on which bright rectangles are drawn: people, for the network below.
class Scene final {
 public:
  Scene(int width, int height)
      : width_(width), height_(height), bgr_(static_cast<std::size_t>(width * height * 3)) {}

  Scene& with_person(int x, int y, int width, int height) {
    for (int row = y; row < y + height; ++row) {
      for (int i = 3 * x; i < 3 * (x + width); ++i) {
        bgr_[static_cast<std::size_t>(row * width_ * 3 + i)] = 255;
      }
    }
    return *this;
  }
  BgrView view() const { return {bgr_.data(), width_, height_, std::ptrdiff_t{3} * width_}; }

 private:
  int width_, height_;
  std::vector<std::uint8_t> bgr_;
};

// Finds the bright rectangles of its input, as rows of box, score and class. The score is 0.9 or,
// for narrow ones, 0.6; those of fewer than `blind_below` pixels it does not see.
class BrightNetwork final : public DetectionNetwork {
 public:
  explicit BrightNetwork(DetectorTraits traits, int at_once = 3)
      : traits_(std::move(traits)), at_once_(at_once) {}

  const DetectorTraits& traits() const override { return traits_; }
  std::string description() const override { return "bright rectangles"; }
  int pictures_at_once() const override { return at_once_; }

  Result<std::vector<RawOutput>> run(std::span<const float> pictures, int count,
                                     int side) override {
    calls.push_back(count);
    const std::size_t size = pictures.size() / static_cast<std::size_t>(count);
    std::vector<RawOutput> outputs;
    for (int i = 0; i < count; ++i) {
      outputs.push_back(
          {rows_of(pictures.subspan(static_cast<std::size_t>(i) * size, size), side)});
    }
    return outputs;
  }

  std::vector<int> calls;  // pictures of each
  float blind_below = 0;
  float score_factor = 1;
  float width_factor = 1;

 private:
  // Rectangles that touch no other: the bright pixels with dark ones left of and above them begin
  // one.
  RawTensor rows_of(std::span<const float> picture, int side) const {
    const auto is_bright = [&](int x, int y) {
      return x >= 0 && y >= 0 && x < side && y < side &&
             picture[static_cast<std::size_t>(y * side + x)] > 0.7f;
    };
    RawTensor tensor;
    for (int y = 0; y < side; ++y) {
      for (int x = 0; x < side; ++x) {
        if (!is_bright(x, y) || is_bright(x - 1, y) || is_bright(x, y - 1)) continue;
        int right = x;
        int bottom = y;
        while (is_bright(right, y)) ++right;
        while (is_bright(x, bottom)) ++bottom;
        const auto width = static_cast<float>(right - x);
        const auto height = static_cast<float>(bottom - y);
        if (height < blind_below) continue;
        const float score = score_factor * (width < height / 3 ? 0.6f : 0.9f);
        for (const float value : {static_cast<float>(x), static_cast<float>(y),
                                  static_cast<float>(x) + width_factor * width,
                                  static_cast<float>(bottom), score, 0.0f}) {
          tensor.values.push_back(value);
        }
      }
    }
    tensor.values.resize(std::max<std::size_t>(6, tensor.values.size()), 0);
    tensor.shape = {static_cast<std::int64_t>(tensor.values.size() / 6), 6};
    return tensor;
  }

  DetectorTraits traits_;
  int at_once_;
};

DetectorTraits traits_of_side(int side) {
  DetectorTraits traits;
  traits.side = side;
  return traits;
}

struct Found {
  std::vector<std::vector<PersonBox>> people;
  std::string error;
};

Found find(std::unique_ptr<BrightNetwork> network, const std::vector<Scene>& scenes,
           const DetectorSettings& settings = {}) {
  Detector detector(std::move(network));
  std::vector<BgrView> views;
  for (const Scene& scene : scenes) views.push_back(scene.view());
  auto people = detector.detect(views, settings, [] { return done(); });
  if (!people) return {{}, people.error().message};
  return {*people, ""};
}

std::unique_ptr<BrightNetwork> network_of_side(int side, int at_once = 3) {
  return std::make_unique<BrightNetwork>(traits_of_side(side), at_once);
}

void expect_box(const PersonBox& box, const std::array<float, 4>& expected, float tolerance) {
  EXPECT_NEAR(box.x0, expected[0], tolerance);
  EXPECT_NEAR(box.y0, expected[1], tolerance);
  EXPECT_NEAR(box.x1, expected[2], tolerance);
  EXPECT_NEAR(box.y1, expected[3], tolerance);
}

TEST(Detector, FindsPeopleInFramePixelsSurestFirst) {
  const Scene scene = Scene(320, 180).with_person(200, 20, 12, 90).with_person(40, 30, 60, 120);
  const Found found = find(network_of_side(320), {scene});
  ASSERT_EQ(found.people.size(), 1u) << found.error;
  EXPECT_EQ(found.people[0],
            (std::vector<PersonBox>{{40, 30, 100, 150, 0.9f}, {200, 20, 212, 110, 0.6f}}));
}

TEST(Detector, FindsThemInFramesOfAnySize) {
  for (const auto& [width, height] : {std::pair(640, 360), {180, 320}, {97, 211}, {1000, 500}}) {
    SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height));
    const int x = width / 4;
    const int y = height / 4;
    const Scene scene = Scene(width, height).with_person(x, y, width / 2, height / 2);
    const Found found = find(network_of_side(320), {scene});
    ASSERT_EQ(found.people.size(), 1u) << found.error;
    ASSERT_EQ(found.people[0].size(), 1u);
    const auto tolerance = static_cast<float>(std::max(width, height)) / 320 + 0.01f;
    expect_box(found.people[0][0],
               {static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + width / 2),
                static_cast<float>(y + height / 2)},
               tolerance);
  }
}

TEST(Detector, FindsTheSameHoweverItsWorkIsCut) {
  std::vector<Scene> scenes;
  for (int i = 0; i < 7; ++i) {
    scenes.push_back(Scene(200 + 10 * i, 120).with_person(10 * i, 5 * i, 30, 60));
  }
  const Found one = find(network_of_side(160, 1), scenes, {.tiles = 2});
  const Found many = find(network_of_side(160, 100), scenes, {.tiles = 2});
  EXPECT_EQ(one.people, many.people);
  for (std::size_t i = 0; i < scenes.size(); ++i) {
    EXPECT_EQ(find(network_of_side(160, 2), {scenes[i]}, {.tiles = 2}).people[0], one.people[i]);
  }
}

TEST(Detector, LeavesOutWhatTheSettingsRuleOut) {
  const std::vector<Scene> scenes = {Scene(320, 180)
                                         .with_person(10, 10, 40, 60)
                                         .with_person(100, 10, 10, 100)
                                         .with_person(200, 10, 60, 90)};
  const struct {
    const char* name;
    DetectorSettings settings;
    std::vector<float> left_edges;
  } cases[] = {
      {"as the network says", {}, {10, 200, 100}},     {"only the sure", {.conf = 0.7}, {10, 200}},
      {"two at most", {.max_people = 2}, {10, 200}},   {"wide enough", {.min_width = 50}, {200}},
      {"high enough", {.min_height = 80}, {200, 100}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Found found = find(network_of_side(320), scenes, c.settings);
    ASSERT_EQ(found.people.size(), 1u) << found.error;
    std::vector<float> left_edges;
    for (const PersonBox& box : found.people[0]) left_edges.push_back(box.x0);
    EXPECT_EQ(left_edges, c.left_edges);
  }
}

TEST(Detector, LeavesOutBoxesThatCannotBeCropped) {
  const std::vector<Scene> scenes = {Scene(64, 64).with_person(5, 5, 30, 30)};
  // As wide as drawn; less than a pixel wide; from right to left.
  for (const auto& [width_factor, people] : {std::pair(1.0f, 1u), {0.01f, 0u}, {-1.0f, 0u}}) {
    SCOPED_TRACE(width_factor);
    auto network = network_of_side(64);
    network->width_factor = width_factor;
    EXPECT_EQ(find(std::move(network), scenes).people[0].size(), people);
  }
}

TEST(Detector, SeesSmallPeopleInTilesAndEachOnce) {
  Scene scene(1280, 720);
  int people = 0;
  for (int x = 10; x < 1240; x += 61) {
    scene.with_person(x, 100 + x / 3, 12, 30);
    ++people;
  }
  // In the whole frame they are 7 pixels high.
  const auto shortsighted = [] {
    auto network = network_of_side(320);
    network->blind_below = 12;
    return network;
  };
  EXPECT_TRUE(find(shortsighted(), {scene}).people[0].empty());
  const Found found = find(shortsighted(), {scene}, {.tiles = 4});
  ASSERT_EQ(found.people.size(), 1u) << found.error;
  EXPECT_EQ(found.people[0].size(), static_cast<std::size_t>(people));
  for (const PersonBox& box : found.people[0]) {
    EXPECT_NEAR(box.x1 - box.x0, 12, 5);
    EXPECT_NEAR(box.y1 - box.y0, 30, 5);
  }
}

TEST(Detector, SeesALargePersonOnceAlthoughTilesCutThem) {
  const Scene scene = Scene(1280, 720).with_person(200, 40, 300, 640);
  const Found found = find(network_of_side(320), {scene}, {.tiles = 3});
  ASSERT_EQ(found.people[0].size(), 1u);
  expect_box(found.people[0][0], {200, 40, 500, 680}, 4.5f);
}

TEST(Detector, RefusesWhatTheNetworkCannotDo) {
  DetectorTraits dynamic = traits_of_side(320);
  dynamic.is_dynamic = true;
  const float infinity = std::numeric_limits<float>::infinity();
  const struct {
    const char* name;
    DetectorTraits traits;
    float score_factor;
    DetectorSettings settings;
    const char* message;
  } cases[] = {
      {"another side than that of the file",
       traits_of_side(320),
       1,
       {.imgsz = 640},
       "exported for 320 pixels alone"},
      {"no multiple of the stride", dynamic, 1, {.imgsz = 333}, "multiples of 32"},
      {"no such share", dynamic, 1, {.conf = 1.5}, "conf is 1.5, allowed"},
      {"no number", dynamic, 1, {.iou = std::numeric_limits<double>::quiet_NaN()}, "iou is nan"},
      {"too many tiles", dynamic, 1, {.tiles = 9}, "tiles is 9, allowed: 1 to 8"},
      {"nobody wanted", dynamic, 1, {.max_people = 0}, "max_people is 0"},
      {"a score that is none", dynamic, 9, {}, "no probability"},
      {"an infinite score", dynamic, infinity, {}, "which is no number"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    auto network = std::make_unique<BrightNetwork>(c.traits);
    network->score_factor = c.score_factor;
    const Found found =
        find(std::move(network), {Scene(320, 180).with_person(10, 10, 50, 50)}, c.settings);
    EXPECT_NE(found.error.find(c.message), std::string::npos) << found.error;
  }
}

TEST(Detector, TakesAnotherSideWhenTheFileDoes) {
  DetectorTraits traits = traits_of_side(64);
  traits.is_dynamic = true;
  const std::vector<Scene> scenes = {Scene(256, 256).with_person(33, 47, 101, 150)};
  const Found coarse = find(std::make_unique<BrightNetwork>(traits), scenes);
  const Found fine = find(std::make_unique<BrightNetwork>(traits), scenes, {.imgsz = 256});
  EXPECT_NE(coarse.people, fine.people);
  expect_box(fine.people[0][0], {33, 47, 134, 197}, 0);
}

TEST(Detector, StopsWhenProgressSaysSo) {
  Detector detector(network_of_side(64, 1));
  const std::vector<Scene> scenes(5, Scene(64, 64));
  std::vector<BgrView> views;
  for (const Scene& scene : scenes) views.push_back(scene.view());
  int looks = 0;
  const auto people = detector.detect(views, {}, [&]() -> Status {
    if (++looks == 2) return retry("cancelled");
    return done();
  });
  ASSERT_FALSE(people);
  EXPECT_EQ(people.error().message, "cancelled");
  EXPECT_EQ(looks, 2);
}

TEST(DetectorTraits, RefuseNumbersThatDoNotFitTogether) {
  const struct {
    const char* name;
    DetectorManifest manifest;
    const char* message;
  } cases[] = {
      {"side and stride", {.imgsz = 650}, "imgsz is 650, no multiple of its stride 32"},
      {"people beyond the classes",
       {.people = std::vector<std::int64_t>{1}, .class_count = 1},
       "people are class 1"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto traits = detector_traits(c.manifest);
    ASSERT_FALSE(traits);
    EXPECT_NE(traits.error().message.find(c.message), std::string::npos) << traits.error().message;
  }
}

}  // namespace
}  // namespace posefleet::tests
