#include <atomic>
#include <latch>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "worker/model/fake_model.h"
#include "worker/stages/pose_pipeline.h"

namespace posefleet::tests {
namespace {

constexpr std::uint32_t kFirstFrame = 100;

BgrImage picture(std::uint32_t seed) {
  BgrImage image{60, 40, std::vector<std::uint8_t>(60 * 40 * 3)};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<std::uint8_t>((i * 7 + seed * 31) % 251);
  }
  return image;
}

BgrView view_of(const BgrImage& image) {
  return {image.pixels.data(), image.width, image.height, std::ptrdiff_t{3} * image.width};
}

std::vector<PersonBox> boxes(int count) {
  std::vector<PersonBox> result;
  for (int i = 0; i < count; ++i) {
    const auto shift = static_cast<float>(i);
    result.push_back({5 + shift, 3, 25 + shift, 38, 0.5f + shift / 16});
  }
  return result;
}

EstimatorSettings settings() {
  return *estimator_settings(Manifest{});
}

// A line over made-up frames with so many people each. Tests change what they are about.
struct Range {
  explicit Range(std::vector<int> people_by_frame) : people(std::move(people_by_frame)) {
    line.first_frame = kFirstFrame;
    line.batch_size = 4;
    line.settings = settings();
    line.next_picture = [this]() -> Result<std::optional<BgrImage>> {
      if (next == people.size()) return std::optional<BgrImage>();
      return std::optional<BgrImage>(picture(static_cast<std::uint32_t>(next++)));
    };
    line.find_people =
        [this](std::uint32_t first,
               std::span<const BgrView> views) -> Result<std::vector<std::vector<PersonBox>>> {
      std::vector<std::vector<PersonBox>> found;
      for (std::size_t i = 0; i < views.size(); ++i) {
        found.push_back(boxes(people[first - kFirstFrame + i]));
      }
      return found;
    };
    line.run_network = [this](std::span<const float> crops, int count) {
      batches.push_back(count);
      return model.run(crops, count);
    };
  }

  // As one thread does it, one frame after the other.
  RangePoses expected() const {
    FakeModel same(4);
    RangeEstimator estimator(same, settings());
    for (std::uint32_t i = 0; i < people.size(); ++i) {
      const BgrImage image = picture(i);
      EXPECT_TRUE(estimator.add_frame(kFirstFrame + i, view_of(image), boxes(people[i])));
    }
    return *estimator.finish();
  }

  std::vector<int> people;
  std::size_t next = 0;  // of the first stage
  FakeModel model{4};
  std::vector<int> batches;  // of the third
  RangeProgress progress;
  PoseLine line;
};

TEST(PoseLine, GivesWhatOneFrameAfterTheOtherGives) {
  for (const std::vector<int>& people :
       {std::vector<int>{1}, {0}, {}, {1, 0, 6, 2, 1}, {3, 3, 3, 3, 3}, {20, 0, 0}, {0, 0, 9}}) {
    for (const std::uint32_t at_once : {1u, 2u, 8u}) {
      SCOPED_TRACE(testing::Message() << people.size() << " frames, " << at_once << " at once");
      Range range(people);
      range.line.pictures_at_once = at_once;
      const auto result = run_pose_line(range.line, range.progress);
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(result->poses, range.expected());
      EXPECT_EQ(range.progress.frames_done(), people.size());
    }
  }
}

TEST(PoseLine, CutsFullBatchesAcrossFrames) {
  Range range({1, 0, 6, 2, 1});
  ASSERT_TRUE(run_pose_line(range.line, range.progress));
  EXPECT_EQ(range.batches, (std::vector<int>{4, 4, 2}));
}

// The network waits inside its first batch until frames of the second and third were decoded: a
// line that does one after the other would wait for ever.
TEST(PoseLine, DecodesAndCropsWhileTheNetworkRuns) {
  Range range(std::vector<int>(16, 1));
  std::latch decoded(12);
  const auto next_picture = range.line.next_picture;
  range.line.next_picture = [&] {
    auto one = next_picture();
    if (range.next <= 12) decoded.count_down();
    return one;
  };
  const auto run_network = range.line.run_network;
  range.line.run_network = [&](std::span<const float> crops, int count) {
    decoded.wait();
    return run_network(crops, count);
  };
  const auto result = run_pose_line(range.line, range.progress);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->poses, range.expected());
}

// While the network stands still, three batches of four are cut, four frames wait behind them, and
// one more is in the decoder's hands. It stays at that.
TEST(PoseLine, StopsDecodingWhenTheQueuesAreFull) {
  Range range(std::vector<int>(1000, 1));
  constexpr std::size_t kHeld = 3 * 4 + 4 + 1;
  std::atomic<std::size_t> decoded = 0;
  std::latch is_full(kHeld);
  const auto next_picture = range.line.next_picture;
  range.line.next_picture = [&] {
    if (++decoded <= kHeld) is_full.count_down();
    return next_picture();
  };
  range.line.run_network = [&](std::span<const float>, int) -> Result<std::vector<NetworkOutput>> {
    is_full.wait();
    return internal_error("stop");
  };
  EXPECT_FALSE(run_pose_line(range.line, range.progress));
  EXPECT_EQ(decoded.load(), kHeld);
}

TEST(PoseLine, EndsWithTheErrorOfTheFirstStageThatFails) {
  const struct {
    const char* name;
    void (*breaks)(Range&);
    const char* message;
    std::size_t batches;  // that ran before
  } cases[] = {
      {"decoding",
       [](Range& range) {
         range.line.next_picture =
             [&range, next = range.line.next_picture]() -> Result<std::optional<BgrImage>> {
           if (range.next == 6) return rejected("frame 106 is damaged");
           return next();
         };
       },
       "frame 106 is damaged", 2},
      {"finding people",
       [](Range& range) {
         range.line.find_people =
             [find = range.line.find_people](
                 std::uint32_t first,
                 std::span<const BgrView> views) -> Result<std::vector<std::vector<PersonBox>>> {
           if (first == kFirstFrame + 5) return internal_error("the detector failed");
           return find(first, views);
         };
       },
       "the detector failed", 1},
      {"cropping",
       [](Range& range) {
         range.line.find_people =
             [find = range.line.find_people](
                 std::uint32_t first,
                 std::span<const BgrView> views) -> Result<std::vector<std::vector<PersonBox>>> {
           auto people = find(first, views);
           if (first == kFirstFrame + 4) {
             (*people)[0][0].x1 = std::numeric_limits<float>::quiet_NaN();
           }
           return people;
         };
       },
       "frame 104, person 0", 1},
      {"the network",
       [](Range& range) {
         range.line.run_network = [&range](std::span<const float>,
                                           int count) -> Result<std::vector<NetworkOutput>> {
           range.batches.push_back(count);
           return internal_error("the network failed");
         };
       },
       "the network failed", 1},
  };
  for (const auto& [name, breaks, message, batches] : cases) {
    SCOPED_TRACE(name);
    Range range(std::vector<int>(100, 1));
    breaks(range);
    const auto result = run_pose_line(range.line, range.progress);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find(message), std::string::npos) << result.error().message;
    EXPECT_EQ(range.batches.size(), batches);
  }
}

TEST(PoseLine, StopsWhenItIsCancelled) {
  for (const char* stage : {"decoding", "network"}) {
    SCOPED_TRACE(stage);
    Range range(std::vector<int>(1000, 1));
    if (std::string(stage) == "decoding") {
      range.line.next_picture = [&, next = range.line.next_picture] {
        if (range.next == 50) range.progress.cancel();
        return next();
      };
    } else {
      range.line.run_network = [&, run = range.line.run_network](std::span<const float> crops,
                                                                 int count) {
        if (range.batches.size() == 5) range.progress.cancel();
        return run(crops, count);
      };
    }
    const auto result = run_pose_line(range.line, range.progress);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "cancelled");
    EXPECT_LT(range.next, 100u);
  }
}

}  // namespace
}  // namespace posefleet::tests
