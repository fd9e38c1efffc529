#include "common/media/image_sequence.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/media/decoder.h"
#include "common/media/frame_table.h"
#include "tests/common/media/clips.h"

namespace posefleet {
namespace {

using tests::TempDir;

std::vector<std::string> names_of(const std::vector<std::filesystem::path>& files) {
  std::vector<std::string> names;
  for (const auto& file : files) names.push_back(file.filename().string());
  return names;
}

void make_files(const std::filesystem::path& folder, const std::vector<std::string>& names) {
  std::filesystem::create_directories(folder);
  for (const std::string& name : names) tests::write_file(folder / name, "x");
}

TEST(ImageSequence, ListsFilesByTheirNumbers) {
  const struct {
    const char* what;
    std::vector<std::string> files;
    const char* source;  // inside the folder; empty: the folder
    std::vector<std::string> expected;
  } cases[] = {
      {"folder",
       {"f10.png", "f9.png", "f8.png", "notes.txt", ".f7.png"},
       "",
       {"f8.png", "f9.png", "f10.png"}},
      {"names that are no numbers",
       {"b.jpg", "a2.jpg", "a10.jpg"},
       "",
       {"a2.jpg", "a10.jpg", "b.jpg"}},
      {"capitals", {"F1.PNG", "F2.PNG"}, "", {"F1.PNG", "F2.PNG"}},
      {"pattern",
       {"00001.png", "00002.png", "1.png", "x.png"},
       "%05d.png",
       {"00001.png", "00002.png"}},
      {"pattern that grows",
       {"s98.jpg", "s99.jpg", "s100.jpg"},
       "s%02d.jpg",
       {"s98.jpg", "s99.jpg", "s100.jpg"}},
      {"any digits", {"7.png", "8.png", "09.png"}, "%d.png", {"7.png", "8.png"}},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.what);
    const TempDir folder;
    make_files(folder.path(), test.files);
    const auto source = *test.source == '\0' ? folder.path() : folder / test.source;
    EXPECT_TRUE(is_image_sequence(source));
    const auto files = list_image_sequence(source);
    ASSERT_TRUE(files) << files.error().message;
    EXPECT_EQ(names_of(*files), test.expected);
  }
}

TEST(ImageSequence, NamesWhatIsWrongWithASet) {
  const struct {
    const char* what;
    std::vector<std::string> files;
    const char* source;
    const char* message;
  } cases[] = {
      {"gap", {"1.png", "2.png", "5.png"}, "", "picture 3 is missing before 5.png (2 missing"},
      {"gap of a pattern", {"01.png", "03.png"}, "%02d.png", "picture 2 is missing before 03.png"},
      {"twice", {"1.png", "01.png"}, "", "have the same number"},
      {"two kinds", {"1.png", "2.jpg"}, "", "holds PNG and JPEG pictures (1.png, 2.jpg)"},
      {"nothing", {"1.txt"}, "", "holds no PNG or JPEG pictures"},
      {"no match", {"1.png"}, "a%d.png", "no file is called"},
      {"two numbers", {"1.png"}, "%d-%d.png", "the pattern needs one number"},
      {"a text", {"1.png"}, "%s.png", "the pattern needs one number"},
      {"a number behind", {"1-2.png"}, "%d-2.png", "the pattern needs one number"},
      {"no folder", {}, "there/%d.png", "cannot read the folder"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.what);
    const TempDir folder;
    make_files(folder.path(), test.files);
    const auto source = *test.source == '\0' ? folder.path() : folder / test.source;
    const auto files = list_image_sequence(source);
    ASSERT_FALSE(files);
    EXPECT_EQ(files.error().code, ErrorCode::Rejected);
    EXPECT_NE(files.error().message.find(test.message), std::string::npos) << files.error().message;
  }
  const TempDir folder;
  tests::write_file(folder / "a%d.mp4", "x");
  EXPECT_FALSE(is_image_sequence(folder / "a%d.mp4")) << "a file of that name is a file";
}

TEST(ImageSequence, BecomesAVideoOfItsOwnBytesAndRate) {
  const struct {
    const char* pattern;
    Rational rate;
    const char* pixel_format;
  } cases[] = {{"%03d.png", {30000, 1001}, "rgb24"},
               {"%d.jpg", {2, 1}, "yuvj420p"},
               {"%d.png", {1, 3}, "gray16be"}};
  for (const auto& test : cases) {
    SCOPED_TRACE(test.pattern);
    const TempDir folder;
    tests::run(
        "ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=33x21:rate=25:duration=0.4 "
        "-pix_fmt " +
        std::string(test.pixel_format) + " '" + (folder / test.pattern).string() + "'");
    const auto files = list_image_sequence(folder / test.pattern);
    ASSERT_TRUE(files) << files.error().message;
    ASSERT_EQ(files->size(), 10u);
    const auto out = folder / "packed.mov";
    const Status packed = pack_image_sequence(*files, test.rate, out);
    ASSERT_TRUE(packed) << packed.error().message;
    const auto probed = probe_frame_table(out);
    ASSERT_TRUE(probed) << probed.error().message;
    const FrameTable& table = probed->table;
    ASSERT_EQ(table.frame_count(), 10u);
    EXPECT_EQ(table.average_rate, test.rate);
    for (std::int64_t i = 0; i < 10; ++i) {
      const std::int64_t ticks = table.pts[static_cast<std::size_t>(i)];
      EXPECT_EQ(ticks * table.time_base.num * test.rate.num,
                i * test.rate.den * table.time_base.den);
    }
    const std::string bytes = tests::read_file(out);
    for (const auto& file : *files) {
      EXPECT_NE(bytes.find(tests::read_file(file)), std::string::npos) << file;
    }
    auto decoder = RangeDecoder::open(out, table, {9, 10}).value();
    EXPECT_TRUE(decoder.next().value().has_value());
    EXPECT_TRUE(decoder.damaged_frames().empty());
  }
}

TEST(ImageSequence, RefusesPicturesThatDoNotFitTogether) {
  const TempDir folder;
  const auto make = [&](const std::string& name, const std::string& size) {
    tests::make_clip(folder, name, "-f lavfi -i testsrc2=size=" + size + " -frames:v 1");
  };
  make("1.png", "32x16");
  make("2.png", "32x18");
  make("3.jpg", "32x16");
  tests::write_file(folder / "4.png", "this is no picture");
  tests::write_file(folder / "5.png", "");
  tests::write_file(folder / "6.jpg", std::string("\xff\xd8\xff\xe0\xff\xff", 6) + "short");
  const struct {
    const char* second;
    const char* message;
  } cases[] = {
      {"2.png", "is 32x18 pixels, the pictures before it 32x16"},
      {"3.jpg", "is mjpeg, the pictures before it png"},
      {"4.png", "is not a PNG or JPEG picture"},
      {"5.png", "is not a PNG or JPEG picture"},
      {"6.jpg", "is not a PNG or JPEG picture"},
      {"7.png", "7.png"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.second);
    const Status packed =
        pack_image_sequence({folder / "1.png", folder / test.second}, {25, 1}, folder / "out.mov");
    ASSERT_FALSE(packed);
    EXPECT_NE(packed.error().message.find(test.message), std::string::npos)
        << packed.error().message;
    EXPECT_FALSE(std::filesystem::exists(folder / "out.mov"));
  }
  const Status large =
      pack_image_sequence({folder / "1.png"}, {25, 1}, folder / "out.mov", {.side_max = 31});
  ASSERT_FALSE(large);
  EXPECT_NE(large.error().message.find("at most 31"), std::string::npos);
}

}  // namespace
}  // namespace posefleet
