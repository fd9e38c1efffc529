#include "coordinator/pipeline/gather.h"

#include <gtest/gtest.h>

#include "common/files/sha256.h"
#include "common/wire/codec.h"
#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

RangePoses poses_of(std::uint32_t first, std::uint32_t end) {
  RangePoses poses;
  for (std::uint32_t frame = first; frame < end; ++frame) {
    PersonPose person;
    person.focal_length = static_cast<float>(frame);
    poses.push_back({frame, {person}});
  }
  return poses;
}

RangeFile stored(const TempDir& folder, std::uint64_t id, FrameRange frames,
                 const RangePoses& poses) {
  const std::string bytes = encode(poses);
  const std::filesystem::path path = folder / (std::to_string(id) + ".bin");
  write_file(path, bytes);
  return {RangeId{id}, Stage::Pose, frames, path, bytes.size(), sha256_hex(bytes)};
}

// Frames 0 to 29 in three ranges, in no order, and a segment that has nothing to do with them.
std::vector<RangeFile> three_ranges(const TempDir& folder) {
  return {stored(folder, 3, {20, 30}, poses_of(20, 30)),
          stored(folder, 1, {0, 10}, poses_of(0, 10)),
          {RangeId{9}, Stage::Render, {0, 30}, "/nowhere", 1, "x"},
          stored(folder, 2, {10, 20}, poses_of(10, 20))};
}

TEST(Gather, ReadsResultsOutOfAFileOfMany) {
  TempDir folder;
  std::vector<RangeFile> files = three_ranges(folder);
  std::string many = "before";
  for (RangeFile& file : files) {
    if (file.stage != Stage::Pose) continue;
    file.offset = many.size();
    many += read_file(file.path);
    file.path = folder / "many";
  }
  write_file(folder / "many", many + "after");
  const auto poses = gather_poses(files, {5, 25}, nullptr);
  ASSERT_TRUE(poses) << poses.error().message;
  EXPECT_EQ(poses->size(), 20u);
  // Where the file ends too early, the result is lost, and named.
  write_file(folder / "many", many.substr(0, many.size() - 1));
  LostArtifact lost;
  EXPECT_FALSE(gather_poses(files, {5, 25}, &lost));
  EXPECT_EQ(lost.range, RangeId{2});
}

TEST(Gather, GivesTheFramesThatWereAskedFor) {
  TempDir folder;
  const auto files = three_ranges(folder);
  for (const FrameRange& frames : {FrameRange{0, 30}, FrameRange{5, 25}, FrameRange{10, 20},
                                   FrameRange{29, 30}, FrameRange{0, 1}}) {
    SCOPED_TRACE(frames.first);
    LostArtifact lost;
    const auto poses = gather_poses(files, frames, &lost);
    ASSERT_TRUE(poses) << poses.error().message;
    EXPECT_EQ(*poses, poses_of(frames.first, frames.end));
    EXPECT_EQ(lost.range, RangeId{});
  }
}

TEST(Gather, NamesTheRangeWhoseFileIsNotWhatWasStored) {
  struct Case {
    const char* name;
    void (*spoil)(RangeFile&);
  };
  for (const Case& one : {
           Case{"missing", [](RangeFile& file) { std::filesystem::remove(file.path); }},
           Case{"flipped bit",
                [](RangeFile& file) {
                  std::string bytes = read_file(file.path);
                  bytes[bytes.size() / 2] ^= 1;
                  write_file(file.path, bytes);
                }},
           Case{"cut off",
                [](RangeFile& file) {
                  write_file(file.path, read_file(file.path).substr(0, file.size - 8));
                }},
           Case{"longer",
                [](RangeFile& file) { write_file(file.path, read_file(file.path) + "x"); }},
           Case{"empty", [](RangeFile& file) { write_file(file.path, ""); }},
           Case{"another range's frames",
                [](RangeFile& file) {
                  const std::string bytes = encode(poses_of(0, 10));
                  write_file(file.path, bytes);
                  file.size = bytes.size();
                  file.sha256 = sha256_hex(bytes);
                }},
           Case{"too few frames",
                [](RangeFile& file) {
                  const std::string bytes = encode(poses_of(10, 19));
                  write_file(file.path, bytes);
                  file.size = bytes.size();
                  file.sha256 = sha256_hex(bytes);
                }},
           Case{"no poses at all",
                [](RangeFile& file) {
                  write_file(file.path, "nonsense");
                  file.size = 8;
                  file.sha256 = sha256_hex("nonsense");
                }},
       }) {
    SCOPED_TRACE(one.name);
    TempDir folder;
    auto files = three_ranges(folder);
    one.spoil(files[3]);
    LostArtifact lost;
    const auto poses = gather_poses(files, {0, 30}, &lost);
    ASSERT_FALSE(poses);
    EXPECT_EQ(lost.range, RangeId{2});
    EXPECT_EQ(lost.reason, poses.error().message);
  }
}

TEST(Gather, FramesThatNoRangeCoversAreNamed) {
  TempDir folder;
  auto files = three_ranges(folder);
  files.pop_back();
  LostArtifact lost;
  const auto poses = gather_poses(files, {0, 30}, &lost);
  ASSERT_FALSE(poses);
  EXPECT_EQ(poses.error().message,
            "the poses of frame 10 are in no range (10 of 30 frames are there)");
  EXPECT_EQ(lost.range, RangeId{});
}

}  // namespace
}  // namespace posefleet::tests
