#include "coordinator/pipeline/select.h"

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

using std::chrono::microseconds;

FrameTable table_of(std::vector<std::int64_t> pts, Rational time_base = {1, 1000}) {
  FrameTable table;
  table.pts = std::move(pts);
  table.time_base = time_base;
  table.average_rate = {25, 1};
  table.keys = {{0, 0}};
  return table;
}

// Frames at 0, 40, 80 ... ms after `first`.
FrameTable film(std::uint32_t frames, std::int64_t first = 0) {
  std::vector<std::int64_t> pts;
  for (std::uint32_t i = 0; i < frames; ++i) pts.push_back(first + 40 * i);
  return table_of(pts);
}

microseconds ms(std::int64_t count) {
  return microseconds(count * 1000);
}

TEST(Select, TakesTheFrameThatIsShownAtEachTick) {
  const struct {
    const char* what;
    FrameTable all;
    FrameSelection selection;
    std::vector<std::uint32_t> frames;
  } cases[] = {
      {"half of them", film(6), {.fps = Rational{25, 2}}, {0, 2, 4}},
      {"ticks between frames", film(6), {.fps = Rational{10, 1}}, {0, 2, 5}},
      {"counted from the first frame", film(6, 1000), {.fps = Rational{10, 1}}, {0, 2, 5}},
      {"more than there are", film(4), {.fps = Rational{60, 1}}, {0, 1, 2, 3}},
      {"the same rate", film(4), {.fps = Rational{25, 1}}, {0, 1, 2, 3}},
      {"a still that lasts", table_of({0, 40, 1000, 1040}), {.fps = Rational{5, 1}}, {0, 1, 2}},
      {"one in ten seconds", film(600), {.fps = Rational{1, 10}}, {0, 250, 500}},
      {"start between two frames", film(6), {.start = ms(41)}, {2, 3, 4, 5}},
      {"start on a frame", film(6), {.start = ms(80)}, {2, 3, 4, 5}},
      {"end on a frame", film(6), {.end = ms(80)}, {0, 1}},
      {"both, late start", film(6, -500), {.start = ms(40), .end = ms(121)}, {1, 2, 3}},
      {"at most", film(6), {.max_frames = 2}, {0, 1}},
      {"at most more", film(3), {.max_frames = 9}, {0, 1, 2}},
      {"all together",
       film(100),
       {.fps = Rational{5, 1}, .start = ms(1000), .end = ms(3000), .max_frames = 3},
       {25, 30, 35}},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.what);
    const auto selected = select_frames(test.all, test.selection, "film.mp4");
    ASSERT_TRUE(selected) << selected.error().message;
    EXPECT_EQ(selected->source_frames, test.frames);
    ASSERT_EQ(selected->pts.size(), test.frames.size());
    for (std::size_t i = 0; i < test.frames.size(); ++i) {
      EXPECT_EQ(selected->pts[i], test.all.pts[test.frames[i]]);
    }
    EXPECT_EQ(selected->keys, test.all.keys);
  }
}

TEST(Select, WithoutASelectionChangesNothing) {
  EXPECT_EQ(select_frames(film(9), {}, "film.mp4").value(), film(9));
}

TEST(Select, NamesTheRateOfWhatIsLeft) {
  EXPECT_EQ(select_frames(film(99), {.fps = Rational{2, 1}}, "f")->average_rate, (Rational{2, 1}));
  EXPECT_EQ(select_frames(film(99), {.fps = Rational{60, 1}}, "f")->average_rate,
            (Rational{25, 1}));
  EXPECT_EQ(select_frames(film(99), {.start = ms(80)}, "f")->average_rate, (Rational{25, 1}));
}

TEST(Select, CutsTheSoundWhereThePicturesAreCut) {
  const FrameTable late =
      select_frames(film(100, 500), {.start = ms(1000), .end = ms(2000)}, "f").value();
  EXPECT_EQ(late.span, (PresentationSpan{.begin = 1500, .end = 2500, .shift = 1000}));
  EXPECT_EQ(output_table(late).pts.front(), 500) << "a piece begins when its source does";
  EXPECT_EQ(late.pts.front(), 1500);

  const FrameTable early = select_frames(film(100, 500), {.end = ms(400)}, "f").value();
  ASSERT_TRUE(early.span);
  EXPECT_LT(early.span->begin, 0) << "sound before the first frame goes along";
  EXPECT_EQ(early.span->end, 900);
  EXPECT_EQ(output_table(early).pts, early.pts);

  const FrameTable first = select_frames(film(100), {.max_frames = 10}, "f").value();
  ASSERT_TRUE(first.span);
  EXPECT_EQ(first.span->end, 400) << "where the first frame begins that is left out";

  EXPECT_FALSE(select_frames(film(100), {.fps = Rational{2, 1}}, "f")->span);
}

TEST(Select, SaysWhenNothingIsLeft) {
  for (const FrameSelection& selection :
       {FrameSelection{.start = ms(5000)}, FrameSelection{.start = ms(41), .end = ms(79)}}) {
    const auto selected = select_frames(film(6), selection, "film.mp4");
    ASSERT_FALSE(selected);
    EXPECT_EQ(selected.error().code, ErrorCode::Rejected);
    EXPECT_NE(selected.error().message.find("no frame of film.mp4 is selected: its last frame is "
                                            "shown at 0.2"),
              std::string::npos)
        << selected.error().message;
  }
}

TEST(Select, DoesNotOverflowWithFineTicks) {
  // Nanoseconds, a thousand hours in.
  const std::int64_t hours = 1000LL * 3600 * 1'000'000'000;
  const FrameTable all = table_of({0, hours - 1, hours}, {1, 1'000'000'000});
  const auto selected = select_frames(
      all, {.fps = Rational{999'999'999, 1'000'000}, .start = microseconds(hours / 1000)}, "f");
  ASSERT_TRUE(selected) << selected.error().message;
  EXPECT_EQ(selected->source_frames, std::vector<std::uint32_t>{2});
}

}  // namespace
}  // namespace posefleet::tests
