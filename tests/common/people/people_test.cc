// Links between frames, and poses steadied along them.
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "common/people/links.h"
#include "common/people/steady.h"

namespace posefleet::tests {
namespace {

constexpr std::uint32_t kFrames = 60;
constexpr float kFocal = 5000;

// About the camera's axis.
Rotation turned(double angle) {
  const auto c = static_cast<float>(std::cos(angle));
  const auto s = static_cast<float>(std::sin(angle));
  return {c, -s, 0, s, c, 0, 0, 0, 1};
}

double angle_of(const Rotation& r) {
  return std::atan2(double{r[3]}, double{r[0]});
}

PersonPose person_at(float x, float y, double angle, float score = 0.9f) {
  PersonPose person;
  person.box = {x, y, x + 80, y + 200, score};
  person.global_orient = turned(angle);
  person.body_pose.fill(turned(-angle));
  person.betas.fill(static_cast<float>(angle));
  person.focal_length = kFocal;
  const float depth = 40;
  person.camera_translation = {(x + 40 - 640) * depth / kFocal, (y + 100 - 360) * depth / kFocal,
                               depth};
  // The crop's camera that says the same: the square is 200 pixels, with the body in its middle.
  person.pred_cam = {2 * kFocal / (depth * 200), 0, 0};
  return person;
}

// One walks to the right, turning slowly; another, far away, stands still.
RangePoses film(double tremble = 0) {
  std::mt19937 random(3);
  std::normal_distribution<double> noise(0, 1);
  RangePoses poses;
  for (std::uint32_t frame = 0; frame < kFrames; ++frame) {
    const double walker = 0.01 * frame + tremble * noise(random);
    const double stander = 0.5 + tremble * noise(random);
    const auto shift = static_cast<float>(100 * tremble * noise(random));
    poses.push_back({frame,
                     {person_at(100 + 4 * static_cast<float>(frame) + shift, 200, walker),
                      person_at(900, 100, stander)}});
  }
  return poses;
}

SteadySettings settings() {
  return {.frames_per_second = 30, .width = 1280, .height = 720, .film_frames = kFrames};
}

RangePoses whole(const RangePoses& poses, const SteadySettings& with = settings(),
                 const std::set<std::uint32_t>& untouched = {}) {
  return steadied(poses, {0, kFrames}, with, untouched);
}

TEST(Links, FollowPeopleWhoMoveAndBridgeAFrameThatMissedThem) {
  RangePoses poses = film();
  std::swap(poses[6].people[0], poses[6].people[1]);
  poses[10].people.erase(poses[10].people.begin());
  const auto links = link_people(poses);
  EXPECT_EQ(links[5][0].next, (PersonPlace{6, 1}));
  EXPECT_EQ(links[6][1].previous, (PersonPlace{5, 0}));
  EXPECT_EQ(links[9][0].next, (PersonPlace{11, 0}));
  EXPECT_EQ(links[9][1].next, (PersonPlace{10, 0}));
  EXPECT_FALSE(links[kFrames - 1][0].has_next);
  EXPECT_FALSE(links[0][0].has_previous);
}

TEST(Links, ReachOverThreeFramesAndNoFarther) {
  for (const std::uint32_t gap : {2U, 3U, 4U}) {
    RangePoses poses = film();
    for (std::uint32_t i = 1; i < gap; ++i) poses[20 + i].people.resize(1);
    EXPECT_EQ(link_people(poses)[20][1].has_next, gap <= kLinkFramesMax) << gap;
  }
}

TEST(Links, BoxesWithoutAreaOverlapWithNothing) {
  const PersonBox box = {0, 0, 10, 20};
  EXPECT_EQ(overlap(box, box), 1);
  EXPECT_EQ(overlap(box, {10, 0, 20, 20}), 0);
  EXPECT_EQ(overlap(box, {5, 5, 5, 9}), 0);
  EXPECT_EQ(overlap(box, {20, 20, 5, 5}), 0);
  EXPECT_FLOAT_EQ(overlap(box, {0, 0, 10, 10}), 0.5f);
}

TEST(Steady, TakesTheTrembleOutAndLeavesTheMovement) {
  const RangePoses clean = film();
  const RangePoses rough = film(0.05);
  const RangePoses calm = whole(rough);
  const auto error = [&](const RangePoses& poses) {
    double sum = 0;
    for (std::uint32_t i = 0; i < kFrames; ++i) {
      for (std::size_t p = 0; p < 2; ++p) {
        sum += std::fabs(angle_of(poses[i].people[p].global_orient) -
                         angle_of(clean[i].people[p].global_orient));
        sum += std::fabs(poses[i].people[p].box.x0 - clean[i].people[p].box.x0) / 100;
      }
    }
    return sum;
  };
  EXPECT_LT(error(calm), 0.65 * error(rough));
  // Even movement stays what it is, up to the last bits.
  EXPECT_LT(error(whole(clean)), 1e-3);
}

TEST(Steady, GivesRotationsAndACameraThatFitTogether) {
  for (const FramePoses& frame : whole(film(0.1))) {
    ASSERT_EQ(frame.people.size(), 2u);
    for (const PersonPose& person : frame.people) {
      const Rotation& r = person.body_pose[7];
      const double determinant = double{r[0]} * (double{r[4]} * r[8] - double{r[5]} * r[7]) -
                                 double{r[1]} * (double{r[3]} * r[8] - double{r[5]} * r[6]) +
                                 double{r[2]} * (double{r[3]} * r[7] - double{r[4]} * r[6]);
      EXPECT_NEAR(determinant, 1, 1e-5);
      // full_frame_translation of pred_cam (reference: hmr2.md section 5).
      const PersonBox& box = person.box;
      const double size =
          std::max<double>(box.y1 - box.y0, (box.x1 - box.x0) * 4 / 3) * person.pred_cam[0];
      EXPECT_NEAR(2 * kFocal / size, person.camera_translation[2], 1e-3);
      EXPECT_NEAR(person.pred_cam[1] + 2 * ((box.x0 + box.x1) / 2 - 640) / size,
                  person.camera_translation[0], 1e-4);
      EXPECT_NEAR(person.pred_cam[2] + 2 * ((box.y0 + box.y1) / 2 - 360) / size,
                  person.camera_translation[1], 1e-4);
    }
  }
}

TEST(Steady, FillsInWhomTheDetectorMissedForAFrameOrTwo) {
  const RangePoses full = film();
  RangePoses poses = film();
  poses[30].people.erase(poses[30].people.begin());
  poses[31].people.erase(poses[31].people.begin());
  const RangePoses filled = whole(poses);
  for (const std::uint32_t i : {30U, 31U}) {
    ASSERT_EQ(filled[i].people.size(), 2u);
    EXPECT_NEAR(filled[i].people[1].box.x0, full[i].people[0].box.x0, 2.5);
    EXPECT_NEAR(angle_of(filled[i].people[1].global_orient), 0.01 * i, 0.008);
  }
  SteadySettings given = settings();
  given.people_are_given = true;
  EXPECT_EQ(whole(poses, given)[30].people.size(), 1u);
}

TEST(Steady, LeavesOutWhoFlickersUnlessTheDetectorIsSure) {
  for (const float score : {0.3f, 0.8f}) {
    RangePoses poses = film();
    for (const std::uint32_t i : {20U, 21U}) {
      poses[i].people.push_back(person_at(500, 50, 0, score));
    }
    EXPECT_EQ(whole(poses)[20].people.size(), score < 0.5f ? 2u : 3u);
    SteadySettings given = settings();
    given.people_are_given = true;
    EXPECT_EQ(whole(poses, given)[20].people.size(), 3u);
  }
}

TEST(Steady, AShortFilmKeepsItsPeople) {
  SteadySettings with = settings();
  with.film_frames = 2;
  RangePoses poses = {{0, {person_at(0, 0, 0, 0.2f)}}, {1, {person_at(2, 0, 0, 0.2f)}}};
  EXPECT_EQ(steadied(poses, {0, 2}, with, {})[1].people.size(), 1u);
}

TEST(Steady, NobodyIsMadeUpForAFrameThatStaysAsItIs) {
  RangePoses poses = film();
  poses[30].people.clear();
  const RangePoses steady = whole(poses, settings(), {30});
  EXPECT_TRUE(steady[30].people.empty());
  EXPECT_EQ(steady[29].people.size(), 2u);
}

TEST(Steady, LeavesSlowPicturesAlone) {
  SteadySettings with = settings();
  with.frames_per_second = 2;
  const RangePoses poses = film(0.1);
  EXPECT_EQ(whole(poses, with), poses);
}

TEST(Steady, NumbersThatAreNoneStayWithTheirPerson) {
  RangePoses poses = film();
  poses[30].people[0].camera_translation[2] = std::numeric_limits<float>::quiet_NaN();
  const RangePoses steady = whole(poses);
  EXPECT_TRUE(std::isnan(steady[30].people[0].camera_translation[2]));
  for (const float value : steady[32].people[0].camera_translation) {
    EXPECT_TRUE(std::isfinite(value));
  }
  EXPECT_TRUE(std::isfinite(steady[40].people[0].pred_cam[0]));
}

// Where a film is cut must not show, or the result would depend on the plan.
TEST(Steady, CutAnywhereGivesWhatTheWholeFilmGives) {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    std::mt19937 random(seed);
    RangePoses poses = film(0.3);
    for (FramePoses& frame : poses) {
      std::erase_if(frame.people, [&](const PersonPose&) { return random() % 4 == 0; });
      for (PersonPose& person : frame.people) {
        person.box.score = static_cast<float>(random() % 100) / 100;
      }
      if (random() % 3 == 0) {
        frame.people.push_back(person_at(static_cast<float>(random() % 1000), 200, 1,
                                         static_cast<float>(random() % 100) / 100));
      }
      std::shuffle(frame.people.begin(), frame.people.end(), random);
    }
    const std::set<std::uint32_t> untouched = {static_cast<std::uint32_t>(random() % kFrames)};
    const RangePoses expected = whole(poses, settings(), untouched);
    RangePoses joined;
    for (std::uint32_t first = 0; first < kFrames;) {
      const std::uint32_t end =
          std::min<std::uint32_t>(kFrames, first + 1 + static_cast<std::uint32_t>(random() % 12));
      const std::uint32_t from = first - std::min(first, kSteadyMargin);
      const std::uint32_t to = std::min(kFrames, end + kSteadyMargin);
      const RangePoses window(poses.begin() + from, poses.begin() + to);
      for (FramePoses& frame : steadied(window, {first, end}, settings(), untouched)) {
        joined.push_back(std::move(frame));
      }
      first = end;
    }
    EXPECT_EQ(joined, expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace posefleet::tests
