// Sums become the right means, each person in the right class.
#include "common/accuracy/tally.h"

#include <gtest/gtest.h>

namespace posefleet {
namespace {

PairErrors pair_of(double joint_mm, Facing facing, double height) {
  PairErrors errors;
  errors.joint_mm = joint_mm;
  errors.joint_after_alignment_mm = joint_mm / 2;
  errors.vertex_mm = 2 * joint_mm;
  errors.silhouette_iou = 0.5;
  errors.hits = {14, 7, 14};
  errors.facing = facing;
  errors.height = height;
  return errors;
}

TEST(Tally, SaysNothingOfNothing) {
  const AccuracyReport report = Tally().report();
  EXPECT_EQ(report.frames, 0u);
  EXPECT_FALSE(report.recall);
  EXPECT_FALSE(report.precision);
  EXPECT_EQ(report.all.people, 0u);
  EXPECT_FALSE(report.all.joint_mm || report.all.vertex_mm || report.all.silhouette_iou ||
               report.all.keypoints_within_005);
  EXPECT_EQ(report.by_facing.size(), 4u);
  EXPECT_EQ(report.by_height.size(), 4u);
}

TEST(Tally, CountsPeopleAsRecallAndPrecision) {
  Tally tally;
  tally.add_frame({.pairs = {{0, 0}, {1, 1}, {2, 2}}, .missed = {3}, .ignored = {4, 5}});
  tally.add_frame({.wrong = {0, 1}, .neither = {2}});
  tally.add_frame({});
  const AccuracyReport report = tally.report();
  EXPECT_EQ(report.frames, 3u);
  EXPECT_EQ(report.people_counted, 4u);
  EXPECT_EQ(report.people_ignored, 2u);
  EXPECT_EQ(report.people_found, 6u);
  EXPECT_EQ(*report.recall, 0.75);
  EXPECT_EQ(*report.precision, 0.6);
  EXPECT_EQ(report.matched + report.wrong + report.neither, report.people_found);
}

TEST(Tally, TakesMeansOfAllAndOfClasses) {
  Tally tally;
  tally.add_pair(pair_of(10, Facing::Towards, 79.9));
  tally.add_pair(pair_of(20, Facing::Towards, 80));
  tally.add_pair(pair_of(30, Facing::Left, 320));
  tally.add_pair(pair_of(60, Facing::Away, 5000));
  const AccuracyReport report = tally.report();
  EXPECT_EQ(report.all.people, 4u);
  EXPECT_DOUBLE_EQ(*report.all.joint_mm, 30);
  EXPECT_DOUBLE_EQ(*report.all.joint_after_alignment_mm, 15);
  EXPECT_DOUBLE_EQ(*report.all.vertex_mm, 60);
  EXPECT_DOUBLE_EQ(*report.all.silhouette_iou, 0.5);
  EXPECT_DOUBLE_EQ(*report.all.keypoints_within_005, 0.5);
  EXPECT_DOUBLE_EQ(*report.all.keypoints_within_010, 1);
  const struct {
    const std::vector<NamedMeans>& classes;
    std::size_t index;
    const char* name;
    std::uint64_t people;
    double joint_mm;
  } kCases[] = {
      {report.by_facing, 0, "towards", 2, 15}, {report.by_facing, 1, "right", 0, 0},
      {report.by_facing, 2, "away", 1, 60},    {report.by_facing, 3, "left", 1, 30},
      {report.by_height, 0, "0-80", 1, 10},    {report.by_height, 1, "80-160", 1, 20},
      {report.by_height, 2, "160-320", 0, 0},  {report.by_height, 3, "320+", 2, 45},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    EXPECT_EQ(test.classes[test.index].name, test.name);
    const ErrorMeans& means = test.classes[test.index].means;
    EXPECT_EQ(means.people, test.people);
    EXPECT_EQ(means.joint_mm.has_value(), test.people > 0);
    EXPECT_DOUBLE_EQ(means.joint_mm.value_or(0), test.joint_mm);
  }
}

TEST(Tally, LeavesOutWhatWasNotMeasured) {
  Tally tally;
  PairErrors errors = pair_of(10, Facing::Towards, 100);
  tally.add_pair(errors);
  errors.vertex_mm.reset();
  errors.silhouette_iou.reset();
  errors.hits = {};
  tally.add_pair(errors);
  const ErrorMeans all = tally.report().all;
  EXPECT_EQ(all.people, 2u);
  EXPECT_DOUBLE_EQ(*all.vertex_mm, 20) << "of the one that has it";
  EXPECT_DOUBLE_EQ(*all.silhouette_iou, 0.5);
  EXPECT_DOUBLE_EQ(*all.keypoints_within_005, 0.5);
}

}  // namespace
}  // namespace posefleet
