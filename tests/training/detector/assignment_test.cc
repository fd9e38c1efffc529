#include "training/detector/assignment.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

using namespace posefleet::training::detect;

// The numbers with which a place says `box` with `score`.
std::array<float, 5> saying(const GridPoint& point, const std::array<float, 4>& box, float score) {
  return {((box[0] + box[2]) / 2 - point.x) / point.stride,
          ((box[1] + box[3]) / 2 - point.y) / point.stride,
          std::log((box[2] - box[0]) / (kUsualWidth * point.stride)),
          std::log((box[3] - box[1]) / (kUsualHeight * point.stride)),
          std::log(score / (1 - score))};
}

// A network that says nothing of use anywhere, in a picture of 128x96.
struct Said {
  std::vector<GridPoint> points = grid_points(128, 96);
  std::vector<float> numbers = std::vector<float>(5 * points.size());

  std::size_t at(float x, float y, float stride) const {
    const GridPoint wanted{x, y, stride};
    const auto place = std::find(points.begin(), points.end(), wanted);
    EXPECT_NE(place, points.end());
    return static_cast<std::size_t>(place - points.begin());
  }
  void say(std::size_t place, const std::array<float, 4>& box, float score) {
    const auto five = saying(points[place], box, score);
    std::copy(five.begin(), five.end(), numbers.begin() + static_cast<std::ptrdiff_t>(5 * place));
  }
};

TEST(Grid, ListsTheFinestLevelFirstRowByRow) {
  const auto points = grid_points(64, 32);
  ASSERT_EQ(points.size(), 8u * 4 + 4 * 2 + 2 * 1);
  EXPECT_EQ(points[0], (GridPoint{4, 4, 8}));
  EXPECT_EQ(points[1], (GridPoint{12, 4, 8}));
  EXPECT_EQ(points[8], (GridPoint{4, 12, 8}));
  EXPECT_EQ(points[32], (GridPoint{8, 8, 16}));
  EXPECT_EQ(points.back(), (GridPoint{48, 16, 32}));
}

TEST(Grid, SaysTheUsualPersonWithZerosAndBoundsSizes) {
  const GridPoint point{100, 60, 8};
  const std::array<float, 5> zeros{};
  EXPECT_EQ(decoded_box(point, zeros.data()), (std::array<float, 4>{90, 40, 110, 80}));
  const std::array<float, 5> huge = {1, -1, 1000, -1000, 0};
  const auto box = decoded_box(point, huge.data());
  EXPECT_FLOAT_EQ((box[0] + box[2]) / 2, 108);
  EXPECT_FLOAT_EQ(box[2] - box[0], 20 * std::exp(3.0f));
  EXPECT_NEAR(box[3] - box[1], 40 * std::exp(-3.0f), 1e-4);
}

TEST(Assignment, GivesThePersonToPlacesThatSayItBest) {
  Said said;
  const std::array<float, 4> person = {40, 20, 72, 84};
  const std::size_t best = said.at(56, 40, 16);
  said.say(best, person, 0.9f);
  const std::size_t good = said.at(52, 52, 8);
  said.say(good, {40, 20, 72, 78}, 0.9f);
  const auto targets = assign_people(said.points, said.numbers, std::vector<TruthBox>{{person}}, 0);
  EXPECT_EQ(targets[best].person, 0);
  EXPECT_NEAR(targets[best].score, 1.0f, 1e-5);
  EXPECT_EQ(targets[good].person, 0);
  EXPECT_LT(targets[good].score, targets[best].score);
  EXPECT_GT(targets[good].score, 0.3f);
  int count = 0;
  for (const PlaceTarget& target : targets) {
    EXPECT_TRUE(target.counts);
    count += target.person == 0 ? 1 : 0;
  }
  EXPECT_EQ(count, 10);
}

TEST(Assignment, LetsScoresFallOffFromTheBestPlaceAsSharplyAsToldTo) {
  Said said;
  const std::array<float, 4> person = {40, 20, 72, 84};
  const std::size_t best = said.at(56, 40, 16);
  said.say(best, person, 0.9f);
  const std::size_t good = said.at(52, 52, 8);
  const std::array<float, 4> shorter = {40, 20, 72, 68};  // three quarters of the person
  said.say(good, shorter, 0.9f);
  // A whole overlap's sixth power to three quarters': the fit's.
  const double share = std::pow(0.75, 6);
  for (const double sharpness : {0.0, 0.5, 1.0}) {
    SCOPED_TRACE(sharpness);
    const auto targets =
        assign_people(said.points, said.numbers, std::vector<TruthBox>{{person}}, sharpness);
    EXPECT_NEAR(targets[best].score, 1, 1e-4);
    EXPECT_NEAR(targets[good].overlap, 0.75, 1e-4);
    EXPECT_NEAR(targets[good].score, 0.75 * std::pow(share, sharpness), 1e-4);
  }
}

TEST(Assignment, FindsAPlaceForPeopleThinnerThanTheGrid) {
  for (float x = 40; x < 48; x += 0.5f) {
    SCOPED_TRACE(x);
    const Said said;
    const auto targets =
        assign_people(said.points, said.numbers, std::vector<TruthBox>{{{x, 30, x + 3, 43}}}, 0);
    const bool is_learned = std::any_of(targets.begin(), targets.end(),
                                        [](const PlaceTarget& t) { return t.person == 0; });
    EXPECT_TRUE(is_learned);
  }
}

TEST(Assignment, GivesAPlaceThatTwoWantToTheOneItSaysBetter) {
  Said said;
  const std::array<float, 4> left = {30, 20, 62, 84};
  const std::array<float, 4> right = {50, 20, 82, 84};
  const std::size_t shared = said.at(56, 40, 16);
  said.say(shared, {48, 20, 80, 84}, 0.5f);
  const auto targets =
      assign_people(said.points, said.numbers, std::vector<TruthBox>{{left}, {right}}, 0);
  EXPECT_EQ(targets[shared].person, 1);
}

TEST(Assignment, LearnsNothingWithinIgnoredPeople) {
  const Said said;
  const auto targets =
      assign_people(said.points, said.numbers, std::vector<TruthBox>{{{40, 20, 72, 84}, true}}, 1);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const GridPoint& p = said.points[i];
    const bool is_inside = p.x >= 40 && p.x <= 72 && p.y >= 20 && p.y <= 84;
    EXPECT_EQ(targets[i], (PlaceTarget{.counts = !is_inside})) << p.x << "," << p.y;
  }
}

TEST(Assignment, TakesPicturesWithoutPeople) {
  const Said said;
  for (const PlaceTarget& target : assign_people(said.points, said.numbers, {}, 1)) {
    EXPECT_EQ(target, PlaceTarget{});
  }
}

}  // namespace
}  // namespace posefleet::tests
