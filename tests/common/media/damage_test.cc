// Packets damaged in the middle of a file: the frames around are given whatever range asks for
// them, each the same in every range, and those that are not what was encoded are named.
#include <algorithm>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/media/decoder.h"
#include "common/media/frame_table.h"
#include "tests/common/media/clips.h"

namespace posefleet {
namespace {

using tests::make_clip;
using tests::picture;
using tests::TempDir;

struct Place {
  std::size_t position;
  std::size_t size;
};

std::vector<Place> packets_of(const std::filesystem::path& path) {
  std::istringstream lines(
      tests::run("ffprobe -v error -select_streams v -show_packets -show_entries packet=pos,size "
                 "-of csv=p=0 '" +
                 path.string() + "'"));
  std::vector<Place> places;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    const std::string position = line.substr(line.find(',') + 1);
    places.push_back({position.starts_with("N/A") ? 0 : std::stoul(position), std::stoul(line)});
  }
  return places;
}

enum class Harm { Zeros, Noise, Half };

// Spoils the packets [first, end) in file order; lengths and headers of the container stay.
void spoil(const std::filesystem::path& path, std::size_t first, std::size_t end, Harm harm) {
  const std::vector<Place> packets = packets_of(path);
  std::string bytes = tests::read_file(path);
  std::mt19937 random(7);
  for (std::size_t i = first; i < end; ++i) {
    const Place& packet = packets.at(i);
    // A packet of MPEG-TS begins with 200 bytes of headers at most; of other containers with few.
    const std::size_t from = harm == Harm::Half ? packet.size / 2 : 8;
    for (std::size_t at = from; at < packet.size; ++at) {
      char& byte = bytes.at(packet.position + at);
      byte = harm == Harm::Zeros ? '\0' : static_cast<char>(random());
    }
  }
  tests::write_file(path, bytes);
}

std::vector<std::uint32_t> within(const std::vector<std::uint32_t>& frames, FrameRange range) {
  std::vector<std::uint32_t> some;
  for (const std::uint32_t frame : frames) {
    if (frame >= range.first && frame < range.end) some.push_back(frame);
  }
  return some;
}

// Every frame by itself, and ranges of eight: the same pictures as of the whole film at once.
void expect_the_same_in_every_range(const std::filesystem::path& path, const FrameTable& table,
                                    const tests::Decoded& whole) {
  for (const std::uint32_t size : {1u, 8u}) {
    for (std::uint32_t first = 0; first < table.frame_count(); first += size) {
      const FrameRange range{first, std::min(table.frame_count(), first + size)};
      SCOPED_TRACE(testing::Message() << "[" << range.first << ", " << range.end << ")");
      const tests::Decoded part = tests::decode(path, table, range);
      EXPECT_EQ(part.error, "");
      EXPECT_EQ(part.hashes, std::vector<std::string>(whole.hashes.begin() + range.first,
                                                      whole.hashes.begin() + range.end));
      EXPECT_EQ(part.damaged, within(whole.damaged, range));
    }
  }
}

const std::string kClosed =
    "-c:v libx264 -preset veryfast -threads 1 -pix_fmt yuv420p "
    "-x264-params keyint=8:bframes=2:scenecut=0 ";
const std::string kOpen =
    "-c:v libx264 -preset veryfast -threads 1 -pix_fmt yuv420p "
    "-x264-params keyint=8:bframes=3:open-gop=1:b-pyramid=normal:scenecut=0 ";
const std::string kHevc =
    "-c:v libx265 -preset ultrafast -pix_fmt yuv420p "
    "-x265-params log-level=none:pools=1:frame-threads=1:keyint=8:bframes=3:open-gop=1 ";

struct DamagedClip {
  const char* name;
  std::string arguments;
  std::size_t first;  // spoiled packets
  std::size_t end;
  Harm harm;
  // Codecs without checks of their own take noise for a picture, and then nobody can tell.
  bool is_noticed = true;
};

std::vector<DamagedClip> damaged_clips() {
  return {
      {"one-key.mp4", kClosed, 16, 17, Harm::Noise},
      {"one-key-zeros.mkv", kClosed, 16, 17, Harm::Zeros},
      {"half-a-key.mkv", kClosed, 16, 17, Harm::Half},
      {"some-between.mp4", kClosed, 18, 20, Harm::Noise},
      {"half-between.mp4", kClosed, 19, 20, Harm::Half, false},
      {"the-second-key.mp4", kClosed, 8, 9, Harm::Zeros},
      {"the-last-groups.mp4", kClosed, 30, 48, Harm::Zeros},
      {"most-of-it.mp4", kClosed, 3, 46, Harm::Zeros},
      {"open-key.mp4", kOpen, 16, 17, Harm::Noise},
      {"open-between.mkv", kOpen, 19, 22, Harm::Half},
      {"open.ts", kOpen, 16, 20, Harm::Noise},
      {"refresh.mp4",
       "-c:v libx264 -preset veryfast -threads 1 -pix_fmt yuv420p -x264-params "
       "intra-refresh=1:keyint=8 ",
       20, 22, Harm::Half, false},
      {"hevc.mp4", kHevc, 16, 18, Harm::Noise},
      {"hevc.mkv", kHevc, 19, 20, Harm::Half, false},
      {"mpeg4.avi", "-c:v mpeg4 -g 8 -bf 2 ", 16, 18, Harm::Half},
      {"mpeg2.mpg", "-c:v mpeg2video -g 8 -bf 2 ", 16, 18, Harm::Half},
      {"vp9.webm", "-c:v libvpx-vp9 -g 8 -deadline realtime -cpu-used 8 ", 19, 20, Harm::Noise,
       false},
      {"av1.mkv", "-c:v libaom-av1 -cpu-used 8 -usage realtime -g 8 -threads 1 ", 17, 19,
       Harm::Noise, false},
      {"jpeg.mov", "-c:v mjpeg -pix_fmt yuvj420p ", 16, 19, Harm::Zeros},
      {"prores.mov", "-c:v prores ", 16, 18, Harm::Zeros},
      {"ffv1.mkv", "-c:v ffv1 -g 4 -slicecrc 1 -level 3 -pix_fmt yuv420p ", 17, 18, Harm::Noise},
  };
}

class DamageTest : public testing::TestWithParam<DamagedClip> {};

TEST_P(DamageTest, GivesEveryFrameTheSameInEveryRangeAndNamesTheDamagedOnes) {
  const DamagedClip& clip = GetParam();
  const TempDir folder;
  const auto path = make_clip(folder, clip.name, picture(64, 64, "25", 1.92) + clip.arguments);
  const FrameTable table = probe_frame_table(path)->table;
  ASSERT_EQ(table.frame_count(), 48u);
  const tests::Decoded sound = tests::decode(path, table, {0, table.frame_count()});
  ASSERT_EQ(sound.error, "");
  ASSERT_TRUE(sound.damaged.empty());

  spoil(path, clip.first, clip.end, clip.harm);
  const auto probed = probe_frame_table(path);
  ASSERT_TRUE(probed) << probed.error().message;
  const tests::Decoded whole = tests::decode(path, probed->table, {0, probed->table.frame_count()});
  EXPECT_EQ(whole.error, "");
  ASSERT_EQ(whole.pts, probed->table.pts);
  EXPECT_NE(whole.hashes, sound.hashes);
  EXPECT_EQ(whole.damaged.empty(), !clip.is_noticed);
  EXPECT_LT(whole.damaged.size(), whole.pts.size());
  // Groups that begin ten frames behind the damage are sound again.
  for (std::size_t i = clip.end + 18; i < whole.hashes.size(); ++i) {
    if (probed->table.pts != table.pts) break;  // MPEG-PS lost a packet, times and all
    EXPECT_EQ(whole.hashes[i], sound.hashes[i]) << i;
  }
  expect_the_same_in_every_range(path, probed->table, whole);
}

TEST(Damage, OfTheFirstKeyFrameLeavesItsGroupOutAndSaysSo) {
  const TempDir folder;
  const auto path = make_clip(folder, "clip.mp4", picture(64, 64, "25", 1.92) + kClosed);
  const FrameTable table = probe_frame_table(path)->table;
  spoil(path, 0, 1, Harm::Noise);
  const auto probed = probe_frame_table(path);
  ASSERT_TRUE(probed) << probed.error().message;
  EXPECT_EQ(probed->table.pts, std::vector<std::int64_t>(table.pts.begin() + 8, table.pts.end()));
  ASSERT_EQ(probed->warnings.size(), 1u);
  EXPECT_NE(probed->warnings.front().find("its first 8 frames cannot be decoded"),
            std::string::npos)
      << probed->warnings.front();
  const tests::Decoded whole = tests::decode(path, probed->table, {0, probed->table.frame_count()});
  EXPECT_EQ(whole.error, "");
  EXPECT_EQ(whole.pts, probed->table.pts);
}

INSTANTIATE_TEST_SUITE_P(Clips, DamageTest, testing::ValuesIn(damaged_clips()),
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
