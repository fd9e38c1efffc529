// Who is matched with whom, by tables of boxes.
#include "common/accuracy/match.h"

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace posefleet {
namespace {

constexpr FrameSize kFrame{640, 480};

// A tall box at `x`, 100 by 200.
PersonBox at(float x, float score = 1, float y = 100) {
  return {x, y, x + 100, y + 200, score};
}

TruePerson person(const PersonBox& box, double visible = 1) {
  TruePerson person;
  person.box = box;
  person.visible = visible;
  return person;
}

using Indices = std::vector<std::size_t>;
using Pairs = std::vector<MatchedPair>;

TEST(Match, BoxOverlapIsAreaOfBothOverAreaOfEither) {
  const struct {
    const char* name;
    PersonBox a, b;
    double expected;
  } kCases[] = {
      {"equal", at(0), at(0), 1},
      {"half beside", at(0), at(50), 1.0 / 3},
      {"a fifth beside", at(0), at(20), 80.0 / 120},
      {"apart", at(0), at(300), 0},
      {"touching", at(0), at(100), 0},
      {"one within the other", {0, 0, 100, 100}, {0, 0, 50, 50}, 0.25},
      {"beyond the frame", {-100, 0, 100, 100}, {0, 0, 100, 100}, 1},
      {"both outside the frame", {-100, 0, -50, 100}, {-100, 0, -50, 100}, 0},
      {"upside down", {100, 100, 0, 0}, {0, 0, 100, 100}, 0},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    EXPECT_DOUBLE_EQ(box_overlap(test.a, test.b, kFrame), test.expected);
    EXPECT_DOUBLE_EQ(box_overlap(test.b, test.a, kFrame), test.expected);
  }
}

TEST(Match, IsByOverlapInTheOrderOfScores) {
  const PersonBox small{10, 10, 40, 70};  // 60 pixels high
  const struct {
    const char* name;
    std::vector<TruePerson> truth;
    std::vector<PersonBox> found;
    Pairs pairs;
    Indices missed, ignored, wrong, neither;
  } kCases[] = {
      {"nobody", {}, {}, {}, {}, {}, {}, {}},
      {"nobody found", {person(at(0))}, {}, {}, {0}, {}, {}, {}},
      {"found where nobody is", {}, {at(0)}, {}, {}, {}, {0}, {}},
      {"both found, in another order",
       {person(at(0)), person(at(300))},
       {at(301), at(1)},
       {{0, 1}, {1, 0}},
       {},
       {},
       {},
       {}},
      {"an overlap of a third is not enough", {person(at(0))}, {at(50)}, {}, {0}, {}, {0}, {}},
      {"found twice: the better score is right, not the better box",
       {person(at(0))},
       {at(0, 0.5f), at(10, 0.9f)},
       {{0, 1}},
       {},
       {},
       {0},
       {}},
      {"equal scores: the first", {person(at(0))}, {at(5), at(0)}, {{0, 0}}, {}, {}, {1}, {}},
      {"the larger overlap of two",
       {person(at(0)), person(at(20))},
       {at(18)},
       {{1, 0}},
       {0},
       {},
       {},
       {}},
      {"a taken person leaves the next best",
       {person(at(0)), person(at(20))},
       {at(18, 0.9f), at(15, 0.8f)},
       {{0, 1}, {1, 0}},
       {},
       {},
       {},
       {}},
      {"too small, not found", {person(small)}, {}, {}, {}, {0}, {}, {}},
      {"too small, found", {person(small)}, {small}, {}, {}, {0}, {}, {0}},
      {"hidden, not found", {person(at(0), 0.29)}, {}, {}, {}, {0}, {}, {}},
      {"just seen enough", {person(at(0), 0.3)}, {}, {}, {0}, {}, {}, {}},
      {"hidden, its seen part found",
       {person(at(0), 0.2)},
       {{0, 100, 100, 150}},
       {},
       {},
       {0},
       {},
       {0}},
      {"beside somebody hidden", {person(at(0), 0.2)}, {at(90)}, {}, {}, {0}, {0}, {}},
      {"somebody counted before somebody ignored",
       {person(at(0), 0.1), person(at(5))},
       {at(0)},
       {{1, 0}},
       {},
       {0},
       {},
       {}},
      {"found outside the frame", {person(at(0))}, {at(-500)}, {}, {0}, {}, {0}, {}},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    const FrameMatch match = match_people(test.truth, test.found, kFrame, {});
    EXPECT_EQ(match.pairs, test.pairs);
    EXPECT_EQ(match.missed, test.missed);
    EXPECT_EQ(match.ignored, test.ignored);
    EXPECT_EQ(match.wrong, test.wrong);
    EXPECT_EQ(match.neither, test.neither);
  }
}

TEST(Match, TheSmallestHeightIsAnOption) {
  const PersonBox box{0, 0, 50, 79};
  EXPECT_FALSE(is_counted(person(box), {}));
  EXPECT_TRUE(is_counted(person(box), {.height_min = 79}));
  EXPECT_TRUE(is_counted(person({0, 0, 50, 80}), {}));
  // Most of this person is below the frame; the size is the person's, not the picture's.
  EXPECT_TRUE(is_counted(person({0, 470, 50, 550}), {}));
}

TEST(Match, PutsEverybodyIntoExactlyOneList) {
  Random random(11);
  for (int round = 0; round < 500; ++round) {
    std::vector<TruePerson> truth(random.below(6));
    std::vector<PersonBox> found(random.below(6));
    const auto box = [&] {
      const auto x = static_cast<float>(random.below(300));
      const auto height = static_cast<float>(60 + random.below(60));
      return PersonBox{x, 0, x + 60, height, static_cast<float>(random.below(3))};
    };
    for (TruePerson& one : truth) one = person(box(), random.unit() < 0.3 ? 0.1 : 1);
    for (PersonBox& one : found) one = box();
    const FrameMatch match = match_people(truth, found, kFrame, {});
    std::vector<int> true_seen(truth.size()), found_seen(found.size());
    for (const MatchedPair& pair : match.pairs) {
      ++true_seen[pair.true_index];
      ++found_seen[pair.found_index];
      EXPECT_GE(box_overlap(truth[pair.true_index].box, found[pair.found_index], kFrame), 0.5);
      EXPECT_TRUE(is_counted(truth[pair.true_index], {}));
    }
    for (const std::size_t i : match.missed) ++true_seen[i];
    for (const std::size_t i : match.ignored) ++true_seen[i];
    for (const std::size_t i : match.wrong) ++found_seen[i];
    for (const std::size_t i : match.neither) ++found_seen[i];
    EXPECT_EQ(true_seen, std::vector<int>(truth.size(), 1));
    EXPECT_EQ(found_seen, std::vector<int>(found.size(), 1));
  }
}

}  // namespace
}  // namespace posefleet
