#include "worker/detect/decode.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

RawTensor matrix(const std::vector<std::vector<float>>& rows, const std::string& name = "") {
  RawTensor tensor{
      name,
      {static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(rows.front().size())},
      {}};
  for (const auto& row : rows) tensor.values.insert(tensor.values.end(), row.begin(), row.end());
  return tensor;
}

// (4+nc, N) from N rows of centre, size and class scores, filled up with empty places so that it is
// wider than high, as a grid is.
RawOutput yolo(const std::vector<std::vector<float>>& places) {
  const std::size_t numbers = places.front().size();
  std::vector<std::vector<float>> rows(numbers);
  for (std::size_t i = 0; i < numbers; ++i) {
    for (const auto& place : places) rows[i].push_back(place[i]);
    rows[i].resize(places.size() + numbers, 0);
  }
  return {matrix(rows)};
}

std::vector<Candidate> decoded(const RawOutput& output, const DetectorTraits& traits,
                               double conf = 0.25) {
  const auto layout = layout_of(output, traits);
  EXPECT_TRUE(layout) << layout.error().message;
  auto people = decode_people(output, *layout, traits, {.side = 100, .conf = conf});
  EXPECT_TRUE(people) << people.error().message;
  return people ? *people : std::vector<Candidate>{};
}

std::string error_of(const RawOutput& output, const DetectorTraits& traits) {
  const auto layout = layout_of(output, traits);
  if (!layout) return layout.error().message;
  const auto people = decode_people(output, *layout, traits, {.side = 100, .conf = 0.25});
  return people ? "" : people.error().message;
}

TEST(Decode, ReadsAGridOfCentresSizesAndScores) {
  const auto people = decoded(yolo({{50, 40, 20, 10, 0.5f, 0.1f},
                                    {10, 10, 4, 4, 0.2f, 0.1f},     // too unsure
                                    {20, 20, 4, 4, 0.4f, 0.9f},     // rather a dog
                                    {30, 30, 8, 6, 0.75f, 0.75f},   // the first of equal classes
                                    {60, 60, 2, 2, 0.25f, 0.0f}}),  // at the threshold is below it
                              {});
  EXPECT_EQ(people,
            (std::vector<Candidate>{{{26, 27, 34, 33}, 0.75f, 0}, {{40, 35, 60, 45}, 0.5f, 0}}));
}

TEST(Decode, LeavesOutWhatFollowsTheKnownClasses) {
  DetectorTraits traits;
  traits.class_count = 1;
  // Key points behind the only class: 77 is a position, no score.
  EXPECT_EQ(decoded(yolo({{50, 40, 20, 10, 0.5f, 77, 88, 0.9f}}), traits),
            (std::vector<Candidate>{{{40, 35, 60, 45}, 0.5f, 0}}));
}

TEST(Decode, TakesSeveralClassesForPeople) {
  DetectorTraits traits;
  traits.people = {1, 2};
  const auto people = decoded(
      yolo({{10, 10, 2, 2, 0.9f, 0, 0}, {20, 20, 2, 2, 0, 0.8f, 0}, {30, 30, 2, 2, 0, 0, 0.7f}}),
      traits);
  ASSERT_EQ(people.size(), 2u);
  EXPECT_EQ(people[0].class_index, 1);
  EXPECT_EQ(people[1].class_index, 2);
}

TEST(Decode, ReadsRowsOfBoxScoreAndClass) {
  EXPECT_EQ(decoded({matrix({{1, 2, 3, 4, 0.3f, 0},
                             {5, 6, 7, 8, 0.9f, 0},
                             {5, 6, 7, 8, 0.9f, 16},
                             {0, 0, 0, 0, 0, -1}})},
                    {}),
            (std::vector<Candidate>{{{5, 6, 7, 8}, 0.9f, 0}, {{1, 2, 3, 4}, 0.3f, 0}}));
}

TEST(Decode, ReadsLogitsAndRelativeBoxesInEitherOrder) {
  const RawTensor logits = matrix({{0, -5}, {-3, 3}, {2, -1}});
  const RawTensor boxes =
      matrix({{0.5f, 0.5f, 0.5f, 0.25f}, {0.1f, 0.1f, 0.1f, 0.1f}, {0.25f, 0.5f, 0.5f, 1}});
  const float sure = 1.0f / (1.0f + std::exp(-2.0f));
  for (const RawOutput& output : {RawOutput{logits, boxes}, RawOutput{boxes, logits}}) {
    const auto people = decoded(output, {});
    ASSERT_EQ(people.size(), 2u);
    EXPECT_EQ(people[0].box, (std::array<float, 4>{0, 0, 50, 100}));
    EXPECT_FLOAT_EQ(people[0].score, sure);
    EXPECT_EQ(people[1].box, (std::array<float, 4>{25, 37.5f, 75, 62.5f}));
    EXPECT_FLOAT_EQ(people[1].score, 0.5f);
  }
}

TEST(Decode, TellsBoxesFromFourClassesByName) {
  const RawTensor logits = matrix({{3, 0, 0, 0}}, "pred_logits");
  const RawTensor boxes = matrix({{0.5f, 0.5f, 1, 1}}, "pred_boxes");
  EXPECT_EQ(decoded({logits, boxes}, {}).size(), 1u);
  EXPECT_EQ(decoded({boxes, logits}, {}).at(0).box, (std::array<float, 4>{0, 0, 100, 100}));
  EXPECT_NE(error_of({matrix({{3, 0, 0, 0}}), matrix({{0.5f, 0.5f, 1, 1}})}, {})
                .find("does not say which"),
            std::string::npos);
}

TEST(Decode, TurnsScoresIntoProbabilitiesAsTheManifestSays) {
  const RawOutput output = {matrix({{1, 1, -1000}}), matrix({{0.5f, 0.5f, 1, 1}})};
  DetectorTraits traits;
  traits.scores = DetectorScores::Softmax;
  EXPECT_FLOAT_EQ(decoded(output, traits).at(0).score, 0.5f);
  traits.scores = DetectorScores::Probability;
  EXPECT_FLOAT_EQ(decoded(output, traits).at(0).score, 1.0f);
}

TEST(Decode, ReadsQueriesThatHoldBoxesAndProbabilities) {
  std::vector<std::vector<float>> rows(20, {0, 0, 0, 0, 0, 0, 0});
  rows[7] = {0.5f, 0.5f, 0.2f, 0.4f, 0.8f, 0.1f, 0};
  EXPECT_EQ(decoded({matrix(rows)}, {}).size(), 1u);
  EXPECT_FLOAT_EQ(decoded({matrix(rows)}, {})[0].box[0], 40);
}

TEST(Decode, OrdersEqualScoresByPosition) {
  const auto people = decoded({matrix({{9, 1, 10, 2, 0.5f, 0},
                                       {0, 5, 1, 6, 0.5f, 0},
                                       {3, 1, 4, 2, 0.5f, 0},
                                       {0, 9, 1, 10, 0.6f, 0}})},
                              {});
  std::vector<float> left;
  for (const Candidate& person : people) left.push_back(person.box[0]);
  EXPECT_EQ(left, (std::vector<float>{0, 3, 9, 0}));
}

TEST(Decode, RefusesWhatTheLayoutCannotHold) {
  DetectorTraits any;
  DetectorTraits end_to_end;
  end_to_end.decoder = DetectorDecoder::EndToEnd;
  DetectorTraits many_classes;
  many_classes.class_count = 80;
  const RawTensor half_a_tensor{"", {2, 6}, {1, 2, 3}};
  const struct {
    const char* name;
    RawOutput output;
    DetectorTraits traits;
    const char* message;
  } cases[] = {
      {"nothing", {}, any, "() has no layout that is known"},
      {"one number", {RawTensor{"", {1, 1}, {3}}}, any, "(1, 1) has no layout"},
      {"fewer numbers than the shape says", {half_a_tensor}, any, "no layout that is known"},
      {"not a number", {matrix({{1, 2, 3, 4, kNan, 0}})}, any, "holds nan"},
      {"an infinite corner", yolo({{kInfinity, 1, 1, 1, 0.5f, 0}}), any, "holds inf"},
      {"scores that are logits", yolo({{1, 1, 1, 1, 7.25f, 0}}), any, "score 7.25, no probability"},
      {"a negative score", {matrix({{1, 2, 3, 4, -3, 0}})}, any, "score -3"},
      {"a class of 2.5", {matrix({{1, 2, 3, 4, 0.5f, 2.5f}})}, any, "class 2.5"},
      {"too few rows for the classes", yolo({{1, 1, 1, 1, 0.5f, 0}}), many_classes,
       "no room for 80 classes"},
      {"another layout than the manifest says",
       {matrix({{1, 2, 3, 4, 5}})},
       end_to_end,
       "no rows of box, score and class"},
      {"pixels where shares are due",
       {matrix({{5, 0}}), matrix({{320, 240, 50, 90}})},
       any,
       "coordinate 320"},
      {"boxes without scores",
       {matrix({{5, 0}, {1, 0}}), matrix({{0.5f, 0.5f, 1, 1}})},
       any,
       "layout"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string message = error_of(c.output, c.traits);
    EXPECT_NE(message.find(c.message), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace posefleet::tests
