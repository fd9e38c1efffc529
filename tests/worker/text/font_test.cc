// Written words.
#include "worker/text/font.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

Font font() {
  auto opened = Font::open(Font::usual_file());
  EXPECT_TRUE(opened) << opened.error().message;
  return std::move(opened).value();
}

std::size_t inked(const std::vector<std::uint8_t>& mask) {
  return static_cast<std::size_t>(
      std::count_if(mask.begin(), mask.end(), [](std::uint8_t value) { return value > 127; }));
}

TEST(Font, WritesLettersWithAHaloAroundThem) {
  Font letters = font();
  for (const int size : {12, 20, 60}) {
    const auto text = letters.render("left knee 143°", size);
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_EQ(text->letters.size(), static_cast<std::size_t>(text->width) * text->height);
    EXPECT_GT(text->width, 5 * size);
    EXPECT_GT(inked(text->letters), 20u);
    EXPECT_GT(inked(text->halo), inked(text->letters));
    for (std::size_t i = 0; i < text->letters.size(); ++i) {
      ASSERT_GE(text->halo[i], text->letters[i]);
    }
    EXPECT_EQ(letters.render("left knee 143°", size)->letters, text->letters);
    EXPECT_NE(letters.render("left knee 144°", size)->letters, text->letters);
  }
}

TEST(Font, WritesWhateverBytesItIsGiven) {
  Font letters = font();
  for (const std::string& text :
       {std::string(), std::string("\xff\xfe\xc3"), std::string("\xf0\x9f"), std::string(5000, 'W'),
        std::string("日本 ¡año!"), std::string("a\0b\n", 4)}) {
    const auto mask = letters.render(text, 16);
    ASSERT_TRUE(mask);
    EXPECT_LT(mask->width, 200 * 40);
  }
  EXPECT_FALSE(letters.render("x", 3));
  EXPECT_FALSE(letters.render("x", 100000));
}

TEST(Font, SaysWhatToInstallWhenThereIsNone) {
  TempDir folder;
  write_file(folder / "no.ttf", "this is no font");
  for (const auto& file : {folder / "missing.ttf", folder / "no.ttf"}) {
    const auto opened = Font::open(file);
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.find(file.string()), std::string::npos);
    EXPECT_NE(opened.error().message.find("fonts-dejavu-core"), std::string::npos);
  }
}

}  // namespace
}  // namespace posefleet::tests
