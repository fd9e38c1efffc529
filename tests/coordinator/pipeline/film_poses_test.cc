// Numbers of who is who, whatever ranges are asked for in which order, and after a restart.
#include "coordinator/pipeline/film_poses.h"

#include <fstream>

#include <gtest/gtest.h>

#include "common/files/sha256.h"
#include "common/wire/codec.h"
#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

constexpr std::uint32_t kFrames = 100;
constexpr std::uint32_t kRangeFrames = 10;

// One walks through the film; a second is there from frame 30 on, a third from 60 on.
FramePoses people_of(std::uint32_t frame) {
  FramePoses poses = {frame, {}};
  for (std::uint32_t k = 0; k <= (frame >= 60 ? 2U : frame >= 30 ? 1U : 0U); ++k) {
    PersonPose person;
    const float x = 100 + 300.f * static_cast<float>(k) + static_cast<float>(frame);
    person.box = {x, 100, x + 80, 300, 0.9f};
    poses.people.insert(poses.people.begin(), person);
  }
  return poses;
}

struct Film {
  TempDir folder;
  std::vector<RangeFile> files;
  std::shared_ptr<const JobPlan> plan;

  Film() {
    JobPlan made;
    for (std::uint32_t i = 0; i < kFrames; ++i) made.table.pts.push_back(i);
    made.table.time_base = {1, 30};
    made.table.average_rate = {30, 1};
    made.spec.box_source = BoxSource::Given;
    plan = std::make_shared<const JobPlan>(made);
    for (std::uint32_t first = 0; first < kFrames; first += kRangeFrames) {
      RangePoses poses;
      for (std::uint32_t i = first; i < first + kRangeFrames; ++i) poses.push_back(people_of(i));
      const std::string bytes = encode(poses);
      const std::filesystem::path path = folder / (std::to_string(first) + ".bin");
      write_file(path, bytes);
      files.push_back({RangeId{first + 1},
                       Stage::Pose,
                       {first, first + kRangeFrames},
                       path,
                       bytes.size(),
                       sha256_hex(bytes)});
    }
  }

  FilmPoses poses(bool is_kept = true) const {
    return {plan, is_kept ? kept() : std::filesystem::path()};
  }
  std::filesystem::path kept() const { return folder / "tracks"; }
  // Those below `end` are committed so far.
  FilmPoses::FilesOf until(std::uint32_t end) const {
    return [this, end](const FrameRange&) {
      return std::vector<RangeFile>(files.begin(), files.begin() + end / kRangeFrames);
    };
  }
};

void expect_numbered(const RangePoses& poses, std::uint32_t first, std::uint32_t end) {
  ASSERT_EQ(poses.size(), end - first);
  for (const FramePoses& frame : poses) {
    const std::size_t count = frame.people.size();
    ASSERT_EQ(count, people_of(frame.frame).people.size());
    for (std::size_t k = 0; k < count; ++k) {
      EXPECT_EQ(frame.people[k].track, count - k) << "frame " << frame.frame;
    }
  }
}

TEST(FilmPoses, NumbersDoNotDependOnWhatIsAskedForWhen) {
  const Film film;
  FilmPoses poses = film.poses(false);
  for (const FrameRange& frames : {FrameRange{0, 20}, FrameRange{70, 80}, FrameRange{20, 40},
                                   FrameRange{75, 95}, FrameRange{0, 100}}) {
    const auto got = poses.get(frames, film.until(kFrames), nullptr);
    ASSERT_TRUE(got) << got.error().message;
    expect_numbered(*got, frames.first, frames.end);
  }
}

TEST(FilmPoses, ARestartGoesOnWhereItWas) {
  const Film film;
  ASSERT_TRUE(film.poses().get({0, 40}, film.until(40), nullptr));
  ASSERT_TRUE(film.poses().get({40, 70}, film.until(70), nullptr));
  // What was numbered is not read again: its results are gone.
  std::filesystem::remove(film.folder / "0.bin");
  const auto later = film.poses().get({70, 100}, film.until(kFrames), nullptr);
  ASSERT_TRUE(later) << later.error().message;
  expect_numbered(*later, 70, 100);
}

TEST(FilmPoses, WhatWasKeptAndIsDamagedIsFoundAnew) {
  const Film film;
  ASSERT_TRUE(film.poses().get({0, 40}, film.until(40), nullptr));
  ASSERT_TRUE(film.poses().get({40, 70}, film.until(70), nullptr));
  const std::string whole = read_file(film.kept());
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{80}, whole.size() / 2, whole.size() - 1}) {
    for (const bool is_cut : {false, true}) {
      std::string damaged = is_cut ? whole.substr(0, at) : whole;
      if (!is_cut) damaged[at] = static_cast<char>(damaged[at] ^ 1);
      write_file(film.kept(), damaged);
      const auto again = film.poses().get({70, 100}, film.until(kFrames), nullptr);
      ASSERT_TRUE(again) << again.error().message;
      expect_numbered(*again, 70, 100);
      // And what is written then can be read again.
      const auto once_more = film.poses().get({0, 100}, film.until(kFrames), nullptr);
      ASSERT_TRUE(once_more) << once_more.error().message;
      expect_numbered(*once_more, 0, 100);
    }
  }
}

TEST(FilmPoses, ALostResultIsNamed) {
  const Film film;
  write_file(film.folder / "10.bin", "something else");
  LostArtifact lost;
  EXPECT_FALSE(film.poses().get({30, 40}, film.until(kFrames), &lost));
  EXPECT_EQ(lost.range, RangeId{11});
}

}  // namespace
}  // namespace posefleet::tests
