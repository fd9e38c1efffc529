#include "cli/boxes_file.h"

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"

namespace posefleet::cli {
namespace {

using tests::TempDir;

Result<std::vector<FrameBoxes>> read(const std::string& text) {
  TempDir folder;
  tests::write_file(folder / "boxes.csv", text);
  return read_boxes_file(folder / "boxes.csv");
}

TEST(BoxesFile, LinesBecomeBoxesByFrame) {
  const auto boxes = read(
      "# frame,x0,y0,x1,y1,score\n"
      "7,1,2,3,4\r\n"
      "\n"
      " 0 , -1.5 ,0, 1e2,4 , 0.25\n"
      "7,5,6,7,8,0");
  ASSERT_TRUE(boxes) << boxes.error().message;
  EXPECT_EQ(*boxes, (std::vector<FrameBoxes>{{0, {{-1.5f, 0, 100, 4, 0.25f}}},
                                             {7, {{1, 2, 3, 4, 1}, {5, 6, 7, 8, 0}}}}));
}

TEST(BoxesFile, AFileWithoutBoxesSaysThatNobodyIsThere) {
  for (const char* text : {"", "\n\n", "# nothing\n", "   \r\n"}) {
    const auto boxes = read(text);
    ASSERT_TRUE(boxes);
    EXPECT_TRUE(boxes->empty());
  }
}

TEST(BoxesFile, AWrongLineIsNamedWithItsNumberAndValue) {
  struct Case {
    const char* line;
    const char* message;
  };
  for (const Case& one : {
           Case{"1,2,3,4", "'1,2,3,4' is not frame,x0,y0,x1,y1 or frame,x0,y0,x1,y1,score"},
           Case{"1,2,3,4,5,6,7", "is not frame,x0,y0,x1,y1"},
           Case{"frame,x0,y0,x1,y1", "'frame' is not a frame number (0, 1, 2 ...)"},
           Case{"-1,0,0,1,1", "'-1' is not a frame number"},
           Case{"1.5,0,0,1,1", "'1.5' is not a frame number"},
           Case{"4294967296,0,0,1,1", "'4294967296' is not a frame number"},
           Case{"4294967295,0,0,1,1", "'4294967295' is not a frame number"},
           Case{",,,,,,,,,,,,,,,,,,", "is not frame,x0,y0,x1,y1"},
           Case{"1,a,0,1,1", "'a' is not a number"},
           Case{"1,0,0,1x,1", "'1x' is not a number"},
           Case{"1,,0,1,1", "'' is not a number"},
           Case{"1,nan,0,1,1", "'nan' is not a number"},
           Case{"1,0,0,inf,1", "'inf' is not a number"},
           Case{"1,0,0,1e99,1", "'1e99' is not a number"},
           Case{"1,0,0,1,1,x", "'x' is not a number"},
           Case{"1,5,0,5,1", "the box is empty; x0 < x1 and y0 < y1 are needed"},
           Case{"1,0,2,5,1", "the box is empty"},
           Case{"1;0;0;5;5", "is not frame,x0,y0,x1,y1"},
       }) {
    SCOPED_TRACE(one.line);
    const auto boxes = read(std::string("# head\n0,0,0,1,1\n") + one.line + "\n0,0,0,1,1\n");
    ASSERT_FALSE(boxes);
    EXPECT_NE(boxes.error().message.find("boxes.csv:3: "), std::string::npos)
        << boxes.error().message;
    EXPECT_NE(boxes.error().message.find(one.message), std::string::npos) << boxes.error().message;
  }
}

TEST(BoxesFile, AMissingFileIsNamed) {
  const auto boxes = read_boxes_file("/no/such/boxes.csv");
  ASSERT_FALSE(boxes);
  EXPECT_EQ(boxes.error().message, "cannot read /no/such/boxes.csv: No such file or directory");
}

TEST(BoxesText, BoxesOfAPictureStandInOneText) {
  const auto boxes = parse_boxes("0,0,10,20; 5.5,6,7,8;");
  ASSERT_TRUE(boxes) << boxes.error().message;
  EXPECT_EQ(*boxes, (std::vector<FrameBoxes>{{0, {{0, 0, 10, 20, 1}, {5.5f, 6, 7, 8, 1}}}}));
  EXPECT_TRUE(parse_boxes(" ")->empty());
}

TEST(BoxesText, AWrongBoxIsNamed) {
  for (const char* text : {"1,2,3", "1,2,3,4,5", "0,0,1,x", "3,0,1,1", "0,0,nan,1"}) {
    SCOPED_TRACE(text);
    const auto boxes = parse_boxes(std::string("0,0,1,1;") + text);
    ASSERT_FALSE(boxes);
    EXPECT_TRUE(boxes.error().message.starts_with("--boxes '" + std::string(text) + "': "))
        << boxes.error().message;
  }
}

}  // namespace
}  // namespace posefleet::cli
