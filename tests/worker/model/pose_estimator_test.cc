#include "worker/model/pose_estimator.h"

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "worker/model/fake_model.h"

namespace posefleet::tests {
namespace {

EstimatorSettings settings() {
  return *estimator_settings(Manifest{});
}

// A frame of 60x40 whose pixels depend on `seed`.
class Picture final {
 public:
  explicit Picture(std::uint32_t seed) : bgr_(60 * 40 * 3) {
    for (std::size_t i = 0; i < bgr_.size(); ++i) {
      bgr_[i] = static_cast<std::uint8_t>((i * 7 + seed * 31) % 251);
    }
  }
  BgrView view() const { return {bgr_.data(), 60, 40, 180}; }

 private:
  std::vector<std::uint8_t> bgr_;
};

// So many people in frame after frame.
std::vector<PersonBox> boxes(int count) {
  std::vector<PersonBox> result;
  for (int i = 0; i < count; ++i) {
    const auto shift = static_cast<float>(i);
    result.push_back({5 + shift, 3, 25 + shift, 38, 0.5f + shift / 16});
  }
  return result;
}

RangePoses estimate(PoseModel& model, const std::vector<int>& people_by_frame) {
  RangeEstimator estimator(model, settings());
  for (std::uint32_t frame = 0; frame < people_by_frame.size(); ++frame) {
    const Picture picture(frame);
    const auto added =
        estimator.add_frame(100 + frame, picture.view(), boxes(people_by_frame[frame]));
    EXPECT_TRUE(added) << added.error().message;
  }
  auto range = estimator.finish();
  EXPECT_TRUE(range);
  return *std::move(range);
}

// Counts the batches that the estimator forms.
class CountingModel final : public PoseModel {
 public:
  explicit CountingModel(int batch_size) : fake_(batch_size) {}
  int batch_size() const override { return fake_.batch_size(); }
  std::string description() const override { return fake_.description(); }
  Result<std::vector<NetworkOutput>> run(std::span<const float> crops, int count,
                                         const OnStep& on_step) override {
    batches.push_back(count);
    return fake_.run(crops, count, on_step);
  }

  std::vector<int> batches;

 private:
  FakeModel fake_;
};

TEST(RangeEstimator, FillsBatchesAcrossFramesAndRunsTheRestAtTheEnd) {
  CountingModel model(4);
  const RangePoses range = estimate(model, {1, 0, 6, 2, 1});
  EXPECT_EQ(model.batches, (std::vector<int>{4, 4, 2}));
  ASSERT_EQ(range.size(), 5u);
  EXPECT_EQ(range[1].frame, 101u);
  EXPECT_TRUE(range[1].people.empty());
  EXPECT_EQ(range[2].people.size(), 6u);
  EXPECT_EQ(range[2].people[5].box, boxes(6)[5]);
}

TEST(RangeEstimator, GivesTheSamePosesWhateverTheBatchSize) {
  FakeModel one(1);
  FakeModel four(4);
  FakeModel many(100);
  const RangePoses expected = estimate(one, {3, 0, 5, 1});
  EXPECT_EQ(estimate(four, {3, 0, 5, 1}), expected);
  EXPECT_EQ(estimate(many, {3, 0, 5, 1}), expected);
  EXPECT_NE(expected[0].people[0].body_pose, expected[0].people[1].body_pose);
}

TEST(RangeEstimator, DoesNotRunTheModelForARangeWithoutPeople) {
  CountingModel model(4);
  EXPECT_EQ(estimate(model, {0, 0, 0}).size(), 3u);
  EXPECT_TRUE(model.batches.empty());
}

// Valid bodies, but for one number of one crop.
class BrokenModel final : public PoseModel {
 public:
  int batch_size() const override { return 2; }
  std::string description() const override { return "broken"; }
  Result<std::vector<NetworkOutput>> run(std::span<const float>, int count,
                                         const OnStep&) override {
    std::vector<NetworkOutput> outputs(static_cast<std::size_t>(count));
    for (NetworkOutput& output : outputs) output.pred_cam = {1, 0, 0};
    outputs.back().betas[3] = std::numeric_limits<float>::quiet_NaN();
    return outputs;
  }
};

TEST(RangeEstimator, NamesFrameAndPersonWhenTheNetworkGivesNoNumber) {
  BrokenModel model;
  RangeEstimator estimator(model, settings());
  const Picture picture(0);
  const auto added = estimator.add_frame(17, picture.view(), boxes(2));
  ASSERT_FALSE(added);
  for (const char* part : {"frame 17", "person 1", "6.0,3.0,26.0,38.0", "betas"}) {
    EXPECT_NE(added.error().message.find(part), std::string::npos) << added.error().message;
  }
}

TEST(RangeEstimator, RefusesWhatIsNoFrameOrNoPerson) {
  const Picture picture(0);
  const BgrView good = picture.view();
  const struct {
    const char* name;
    BgrView view;
    std::vector<PersonBox> people;
    const char* message;
  } cases[] = {
      {"no pixels", {nullptr, 60, 40, 180}, {}, "frame 9: a picture"},
      {"no width", {good.pixels, 0, 40, 180}, {}, "0x40"},
      {"rows too short", {good.pixels, 60, 40, 179}, {}, "179 bytes a row"},
      {"box outside", good, {{5, 5, 20, 20}, {70, 0, 90, 40}}, "frame 9, person 1: box 70.0"},
  };
  for (const auto& [name, view, people, message] : cases) {
    SCOPED_TRACE(name);
    FakeModel model(4);
    RangeEstimator estimator(model, settings());
    const auto added = estimator.add_frame(9, view, people);
    ASSERT_FALSE(added);
    EXPECT_NE(added.error().message.find(message), std::string::npos) << added.error().message;
  }
}

TEST(RangeEstimator, RefusesFramesOutOfOrder) {
  FakeModel model(4);
  RangeEstimator estimator(model, settings());
  const Picture picture(0);
  ASSERT_TRUE(estimator.add_frame(5, picture.view(), {}));
  EXPECT_FALSE(estimator.add_frame(5, picture.view(), {}));
}

TEST(FakeModel, AnswersWithRotations) {
  FakeModel model(1);
  const std::vector<float> crop(kCropFloats, 0.25f);
  const auto outputs = model.run(crop, 1);
  ASSERT_TRUE(outputs);
  for (const Rotation& r : outputs->front().body_pose) {
    for (int column = 0; column < 3; ++column) {
      float squares = 0;
      for (int row = 0; row < 3; ++row) {
        const float value = r[static_cast<std::size_t>(3 * row + column)];
        squares += value * value;
      }
      EXPECT_NEAR(squares, 1, 1e-5);
    }
  }
}

}  // namespace
}  // namespace posefleet::tests
