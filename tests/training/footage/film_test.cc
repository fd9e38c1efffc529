#include "training/footage/film.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "training/body/free_body.h"
#include "training/footage/geometry.h"

namespace posefleet::training {
namespace {

const BodyData& body() {
  static const BodyData data = make_free_body();
  return data;
}

FilmOptions small(Script script) {
  return {.seed = 1, .script = script, .width = 160, .height = 90, .frames_per_second = 4};
}

struct Reel {
  std::vector<TruthFrame> frames;
  std::vector<std::vector<std::uint8_t>> pictures;
  float focal_length = 0;
};

Reel shot(const FilmOptions& options) {
  Film film = Film::create(body(), options).value();
  Reel reel;
  reel.focal_length = film.focal_length();
  for (std::uint32_t i = 0; i < film.frame_count(); ++i) {
    auto& picture = reel.pictures.emplace_back(3 * static_cast<std::size_t>(options.width) *
                                               static_cast<std::size_t>(options.height));
    reel.frames.push_back(film.draw(i, picture));
  }
  return reel;
}

const Reel& snow() {
  static const Reel reel = shot(small(Script::Snow));
  return reel;
}

TEST(Film, HasItsLengthInFrames) {
  EXPECT_EQ(snow().frames.size(), 40U);
  for (std::uint32_t i = 0; i < 40; ++i) EXPECT_EQ(snow().frames[i].frame, i);
}

TEST(Film, DrawsAFrameTheSameInAnyOrder) {
  Film film = Film::create(body(), small(Script::Snow)).value();
  std::vector<std::uint8_t> rgb(3 * 160 * 90);
  for (const std::uint32_t frame : {17U, 3U}) {
    film.draw(frame, rgb);
    EXPECT_EQ(rgb, snow().pictures[frame]);
  }
}

TEST(Film, LetsSomebodyLeaveAndComeBack) {
  // Who is where, as one character a frame.
  std::map<std::int64_t, std::string> presence;
  for (const TruthFrame& frame : snow().frames) {
    for (const std::int64_t id : {1, 2, 3}) {
      const bool is_there = std::any_of(frame.people.begin(), frame.people.end(),
                                        [id](const TruePerson& p) { return p.id == id; });
      presence[id] += is_there ? '#' : '.';
    }
  }
  EXPECT_EQ(presence[1].find('.'), std::string::npos);
  const std::size_t left = presence[2].find('.');
  ASSERT_NE(left, std::string::npos);
  EXPECT_NE(presence[2].find('#', left), std::string::npos) << presence[2];
}

TEST(Film, HidesTheWalkerBehindATreeForAWhile) {
  double least = 1, most = 0;
  for (const TruthFrame& frame : snow().frames) {
    for (const TruePerson& person : frame.people) {
      if (person.id != 3) continue;
      least = std::min(least, person.visible);
      most = std::max(most, person.visible);
    }
  }
  EXPECT_LT(least, 0.4);
  EXPECT_GT(most, 0.95);
}

TEST(Film, MovesPeopleSmoothly) {
  // The second in which the rider of the snow jumps: nobody outruns a rider, and no limb snaps.
  for (const Script script : {Script::Snow, Script::Court}) {
    FilmOptions options = small(script);
    options.width = options.height = 64;
    options.frames_per_second = 30;
    Film film = Film::create(body(), options).value();
    std::vector<std::uint8_t> rgb(3 * 64 * 64);
    TruthFrame before = film.draw(134, rgb);
    for (std::uint32_t i = 135; i < 175; ++i) {
      const TruthFrame frame = film.draw(i, rgb);
      for (const TruePerson& now : frame.people) {
        for (const TruePerson& then : before.people) {
          if (now.id != then.id) continue;
          EXPECT_LT(length(now.translation - then.translation), 0.25f) << i;
          for (std::size_t j = 0; j < kBodyJointCount; ++j) {
            const Rotation step = transposed(then.pose.body_pose[j]) * now.pose.body_pose[j];
            const float cosine = 0.5f * (step[0] + step[4] + step[8] - 1);
            EXPECT_GT(cosine, std::cos(20 * kDegree)) << "frame " << i << " joint " << j + 1;
          }
        }
      }
      before = frame;
    }
  }
}

TEST(Film, WritesATruthThatCanBeReadAgain) {
  Truth truth;
  truth.width = 160, truth.height = 90;
  truth.focal_length = snow().focal_length;
  truth.frames_per_second = 4;
  truth.body_sha256 = std::string(64, 'a');
  truth.made_by = "film_test";
  truth.frames = snow().frames;
  const auto text = truth_to_text(truth, "film");
  ASSERT_TRUE(text.has_value()) << text.error().message;
  EXPECT_TRUE(truth_of_text(*text, "film").has_value());
}

TEST(Film, RejectsWhatIsNoFilm) {
  const auto with = [](auto change) {
    FilmOptions options;
    change(options);
    return options;
  };
  const std::vector<std::pair<const char*, FilmOptions>> cases = {
      {"odd width", with([](FilmOptions& o) { o.width = 641; })},
      {"huge", with([](FilmOptions& o) { o.height = 1 << 20; })},
      {"no height", with([](FilmOptions& o) { o.height = 0; })},
      {"no time", with([](FilmOptions& o) { o.seconds = 0; })},
      {"hours", with([](FilmOptions& o) { o.seconds = 7200; })},
      {"no rate", with([](FilmOptions& o) { o.frames_per_second = 0; })},
      {"no number",
       with([](FilmOptions& o) { o.seconds = std::numeric_limits<double>::quiet_NaN(); })},
  };
  for (const auto& [name, options] : cases) {
    SCOPED_TRACE(name);
    const auto film = Film::create(body(), options);
    ASSERT_FALSE(film.has_value());
    EXPECT_NE(film.error().message.find("allowed"), std::string::npos) << film.error().message;
  }
}

TEST(Film, KnowsItsScriptsByName) {
  EXPECT_EQ(script_of("snow"), Script::Snow);
  EXPECT_EQ(script_of("court"), Script::Court);
  EXPECT_EQ(script_of("random"), Script::Random);
  EXPECT_EQ(script_of("Snow"), std::nullopt);
}

}  // namespace
}  // namespace posefleet::training
