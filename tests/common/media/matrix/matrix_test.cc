// Every clip of the matrix: the frame table says what ffprobe finds by decoding, and any range
// gives the bits of a straight decode.
//
// Two independent witnesses: ffprobe (all frames decoded from the start, best_effort_timestamp) for
// count and times, and ffmpeg's framehash for the pictures.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/media/decoder.h"
#include "common/media/frame_table.h"
#include "tests/common/media/clips.h"
#include "tests/common/media/matrix/clips.h"

namespace posefleet {
namespace {

using tests::MatrixClip;
using tests::TempDir;
using tests::Truth;

// Of every size, beginning anywhere; the same in every run.
std::vector<FrameRange> random_ranges(std::uint32_t frames) {
  std::vector<FrameRange> ranges = {{frames - 1, frames}};
  std::mt19937 random(frames);
  for (int i = 0; i < 7; ++i) {
    const std::uint32_t first = static_cast<std::uint32_t>(random()) % frames;
    const std::uint32_t size = 1 + static_cast<std::uint32_t>(random()) % (frames - first);
    ranges.push_back({first, first + size});
  }
  return ranges;
}

void expect_frames_of_ffprobe(const MatrixClip& clip, const std::filesystem::path& path,
                              const FrameTable& table) {
  const std::vector<std::int64_t> times = tests::ffprobe_times(path);
  EXPECT_EQ(std::adjacent_find(table.pts.begin(), table.pts.end(), std::greater_equal<>()),
            table.pts.end());
  if (clip.truth == Truth::Times) {
    EXPECT_EQ(table.pts, times);
  }
  EXPECT_EQ(table.needs_sequential_decode, !clip.decoded_because.empty());
}

void expect_ranges_of_straight_decode(const MatrixClip& clip, const std::filesystem::path& path,
                                      const FrameTable& table) {
  const tests::Decoded straight = tests::decode(path, table, {0, table.frame_count()});
  ASSERT_EQ(straight.error, "");
  ASSERT_EQ(straight.pts, table.pts);
  EXPECT_EQ(straight.damaged, clip.errors);
  const std::string format = clip.pixel_format.empty() ? "gray" : clip.pixel_format;
  const std::vector<std::string> hashes = tests::ffmpeg_hashes(path, format);
  ASSERT_EQ(hashes.size(), table.pts.size());
  if (!clip.pixel_format.empty()) {
    EXPECT_EQ(straight.hashes, hashes);
  }
  for (const FrameRange range : random_ranges(table.frame_count())) {
    SCOPED_TRACE(testing::Message() << "[" << range.first << ", " << range.end << ")");
    const tests::Decoded decoded = tests::decode(path, table, range);
    EXPECT_EQ(decoded.error, "");
    EXPECT_TRUE(decoded.damaged.empty() || !clip.errors.empty());
    EXPECT_EQ(decoded.hashes, std::vector<std::string>(straight.hashes.begin() + range.first,
                                                       straight.hashes.begin() + range.end));
  }
}

TEST(Matrix, HasAtLeastFortyClipsOfDifferentNames) {
  std::vector<std::string> names;
  for (const MatrixClip& clip : tests::matrix_clips()) names.push_back(clip.name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_GE(names.size(), 40u);
}

class MatrixTest : public testing::TestWithParam<MatrixClip> {};

TEST_P(MatrixTest, HasItsFramesTimesAndBitsInAnyRange) {
  const MatrixClip& clip = GetParam();
  const TempDir folder;
  const auto path = tests::make_matrix_clip(folder, clip);
  const auto probed = probe_frame_table(path);
  ASSERT_TRUE(probed) << probed.error().message;
  expect_frames_of_ffprobe(clip, path, probed->table);
  expect_ranges_of_straight_decode(clip, path, probed->table);
}

INSTANTIATE_TEST_SUITE_P(Clips, MatrixTest, testing::ValuesIn(tests::matrix_clips()),
                         [](const auto& clip) {
                           std::string name = clip.param.name;
                           for (char& letter : name) {
                             if (std::isalnum(static_cast<unsigned char>(letter)) == 0)
                               letter = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace posefleet
