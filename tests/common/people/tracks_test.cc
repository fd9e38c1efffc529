// Who is who through a film.
#include "common/people/tracks.h"

#include <cmath>

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

constexpr double kRate = 30;

Rotation turned(double angle) {
  const auto c = static_cast<float>(std::cos(angle));
  const auto s = static_cast<float>(std::sin(angle));
  return {c, -s, 0, s, c, 0, 0, 0, 1};
}

// `build` and `posture` tell people apart.
PersonPose somebody(double x, double y, double build, double posture, double height = 200) {
  PersonPose person;
  person.box = {static_cast<float>(x - 0.2 * height), static_cast<float>(y - 0.5 * height),
                static_cast<float>(x + 0.2 * height), static_cast<float>(y + 0.5 * height), 0.9f};
  person.global_orient = turned(posture);
  person.body_pose.fill(turned(posture));
  person.betas.fill(static_cast<float>(build));
  return person;
}

std::vector<std::uint32_t> numbers(const FramePoses& frame) {
  std::vector<std::uint32_t> ids;
  for (const PersonPose& person : frame.people) ids.push_back(person.track);
  return ids;
}

using Ids = std::vector<std::uint32_t>;

// Two walk towards each other and past, one with the arms up; the order in which a detector names
// them changes all the time.
RangePoses crossing() {
  RangePoses poses;
  for (std::uint32_t frame = 0; frame < 120; ++frame) {
    FramePoses& at = poses.emplace_back(FramePoses{frame, {}});
    at.people.push_back(somebody(200 + 5.0 * frame, 300, 0.5, 0.1));
    at.people.push_back(somebody(800 - 5.0 * frame, 300, -0.5, 1.2));
    if (frame % 3 == 1) std::swap(at.people[0], at.people[1]);
  }
  return poses;
}

TEST(Tracks, TwoWhoCrossKeepTheirNumbers) {
  RangePoses poses = crossing();
  Tracker tracker(kRate);
  tracker.number(poses);
  for (const FramePoses& frame : poses) {
    EXPECT_EQ(numbers(frame), frame.frame % 3 == 1 ? (Ids{2, 1}) : (Ids{1, 2})) << frame.frame;
  }
}

TEST(Tracks, CuttingAFilmChangesNothing) {
  RangePoses whole = crossing();
  Tracker all(kRate);
  all.number(whole);
  RangePoses pieces = crossing();
  Tracker first(kRate);
  for (std::size_t i = 0; i < 50; ++i) first.number(pieces[i]);
  Tracker second(kRate);
  ASSERT_TRUE(second.restore(first.state()));
  for (std::size_t i = 50; i < pieces.size(); ++i) second.number(pieces[i]);
  EXPECT_EQ(pieces, whole);
}

TEST(Tracks, OneWhoWasHiddenForASecondIsTakenUpAgain) {
  Tracker tracker(kRate);
  for (std::uint32_t frame = 0; frame < 100; ++frame) {
    const bool is_hidden = frame >= 40 && frame < 70;
    FramePoses at = {frame, {}};
    if (!is_hidden) at.people.push_back(somebody(300 + 2.0 * frame, 300, 0.2, 0.1));
    at.people.push_back(somebody(1000, 300, 0.2, 0.1));
    tracker.number(at);
    EXPECT_EQ(numbers(at), is_hidden ? Ids{2} : (Ids{1, 2})) << frame;
  }
}

TEST(Tracks, AStrangerWhoAppearsWhereSomebodyLeftIsNobodysReturn) {
  struct Case {
    const char* what;
    PersonPose person;
    std::uint32_t frame;
  };
  for (const Case& one : {Case{"of another build", somebody(400, 300, 2, 0.1), 40},
                          Case{"far away", somebody(1100, 300, 0, 0.1), 40},
                          Case{"of twice the height", somebody(300, 300, 0, 0.1, 500), 40},
                          Case{"much later", somebody(300, 300, 0, 0.1), 120}}) {
    Tracker tracker(kRate);
    for (std::uint32_t frame = 0; frame < 30; ++frame) {
      FramePoses at = {frame, {somebody(300, 300, 0, 0.1)}};
      tracker.number(at);
    }
    FramePoses at = {one.frame, {one.person}};
    tracker.number(at);
    EXPECT_EQ(numbers(at), Ids{2}) << one.what;
  }
}

TEST(Tracks, NumbersWithoutSenseAreNobody) {
  Tracker tracker(kRate);
  for (std::uint32_t frame = 0; frame < 3; ++frame) {
    PersonPose broken = somebody(300, 300, 0, 0.1);
    broken.box.x0 = NAN;
    PersonPose bent = somebody(900, 300, NAN, NAN);
    FramePoses at = {frame, {broken, bent}};
    tracker.number(at);
    EXPECT_EQ(numbers(at), (frame == 0 ? Ids{1, 2} : Ids{frame + 2, 2})) << frame;
  }
}

TEST(Tracks, WhatIsNoStateIsRefused) {
  Tracker tracker(kRate);
  FramePoses at = {0, {somebody(300, 300, 0, 0)}};
  tracker.number(at);
  const std::string state = tracker.state();
  for (const std::string& bytes : {std::string(), state.substr(0, state.size() - 1),
                                   "x" + state.substr(1), state.substr(0, 9)}) {
    EXPECT_FALSE(Tracker(kRate).restore(bytes));
  }
  EXPECT_TRUE(Tracker(kRate).restore(state));
}

}  // namespace
}  // namespace posefleet::tests
