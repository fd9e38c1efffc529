#include "training/detector/quality.h"

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

using namespace posefleet::training::detect;

using Box = std::array<float, 4>;

constexpr Box kLeft = {10, 10, 30, 60};
constexpr Box kRight = {60, 10, 80, 60};
constexpr Box kFar = {150, 150, 170, 200};

Candidate found(const Box& box, float score) {
  return {.box = box, .score = score};
}

TEST(Quality, CountsTheFoundTheMissedAndTheInvented) {
  const Box nearly = {12, 10, 32, 60};  // overlaps kLeft by 0.82
  const Box hardly = {25, 10, 45, 60};  // by 0.14
  const struct {
    const char* name;
    std::vector<Finding> findings;
    double recall, precision, ap50;
  } cases[] = {
      {"all", {{{found(kLeft, 0.9f), found(kRight, 0.8f)}, {{kLeft}, {kRight}}}}, 1, 1, 1},
      {"one missed", {{{found(kLeft, 0.9f)}, {{kLeft}, {kRight}}}}, 0.5, 1, 0.5},
      {"one invented", {{{found(kLeft, 0.9f), found(kFar, 0.8f)}, {{kLeft}}}}, 1, 0.5, 1},
      {"invented first", {{{found(kFar, 0.9f), found(kLeft, 0.8f)}, {{kLeft}}}}, 1, 0.5, 0.5},
      {"in another picture", {{{found(kLeft, 0.9f)}, {}}, {{}, {{kLeft}}}}, 0, 0, 0},
      {"nearly", {{{found(nearly, 0.9f)}, {{kLeft}}}}, 1, 1, 1},
      {"hardly", {{{found(hardly, 0.9f)}, {{kLeft}}}}, 0, 0, 0},
      {"said twice", {{{found(kLeft, 0.9f), found(nearly, 0.8f)}, {{kLeft}}}}, 1, 1, 1},
      {"too low a score", {{{found(kLeft, 0.2f)}, {{kLeft}}}}, 0, 0, 1},
      {"somebody ignored found", {{{found(kLeft, 0.9f)}, {{kLeft, true}}}}, 0, 0, 0},
      {"somebody ignored beside",
       {{{found(kRight, 0.9f), found(kLeft, 0.8f)}, {{kLeft, true}, {kRight}}}},
       1,
       1,
       1},
      {"nobody", {{{}, {}}}, 0, 0, 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Quality quality = measured(c.findings, 0.25, 0.6);
    EXPECT_DOUBLE_EQ(quality.recall, c.recall);
    EXPECT_DOUBLE_EQ(quality.precision, c.precision);
    EXPECT_DOUBLE_EQ(quality.ap50, c.ap50);
  }
}

TEST(Quality, ChoosesTheThresholdBetweenPeopleAndTrees) {
  std::vector<Finding> findings;
  for (int i = 0; i < 10; ++i) {
    const float more = 0.01f * static_cast<float>(i);
    findings.push_back({{found(kLeft, 0.55f + more), found(kFar, 0.3f + more)}, {{kLeft}}});
  }
  const Quality quality = best_measured(findings);
  EXPECT_GE(quality.conf, 0.39);
  EXPECT_LT(quality.conf, 0.55);
  EXPECT_DOUBLE_EQ(quality.recall, 1);
  EXPECT_DOUBLE_EQ(quality.precision, 1);
  EXPECT_DOUBLE_EQ(quality.overlap, 1);
}

TEST(Quality, ChoosesAnOverlapThatKeepsNeighboursAndRemovesDoubles) {
  const Box neighbour = {14.8f, 10, 34.8f, 60};  // overlaps kLeft by 0.61
  std::vector<Finding> findings;
  for (int i = 0; i < 5; ++i) {
    findings.push_back({{found(kLeft, 0.9f), found(neighbour, 0.8f)}, {{kLeft}, {neighbour}}});
  }
  EXPECT_GT(best_measured(findings).iou, 0.61);
  EXPECT_DOUBLE_EQ(best_measured(findings).recall, 1);
}

}  // namespace
}  // namespace posefleet::tests
