#include "worker/detect/nms.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace posefleet::tests {
namespace {

TEST(Nms, MeasuresOverlapAsSharedOverCoveredArea) {
  EXPECT_FLOAT_EQ(overlap({0, 0, 10, 10}, {0, 0, 10, 10}), 1);
  EXPECT_FLOAT_EQ(overlap({0, 0, 10, 10}, {5, 0, 15, 10}), 50.0f / 150.0f);
  EXPECT_FLOAT_EQ(overlap({0, 0, 10, 10}, {10, 0, 20, 10}), 0);
  EXPECT_FLOAT_EQ(overlap({5, 5, 5, 5}, {5, 5, 5, 5}), 0);    // empty
  EXPECT_FLOAT_EQ(overlap({9, 9, 1, 1}, {0, 0, 10, 10}), 0);  // the wrong way round
}

std::vector<Candidate> random_candidates(std::uint64_t seed, int count, int classes) {
  Random random(seed);
  std::vector<Candidate> candidates;
  for (int i = 0; i < count; ++i) {
    const auto number = [&](std::uint64_t below) {
      return static_cast<float>(random.next() % below);
    };
    const float x = number(60);
    const float y = number(60);
    candidates.push_back({{x, y, x + 1 + number(30), y + 1 + number(30)},
                          (1 + number(50)) / 64,
                          static_cast<int>(random.next() % static_cast<std::uint64_t>(classes))});
  }
  std::sort(candidates.begin(), candidates.end(), is_before);
  return candidates;
}

// The definition, by counting pixels: who stands is who is struck by nobody that stands before.
std::vector<Candidate> struck_by_hand(const std::vector<Candidate>& candidates, double iou) {
  std::vector<bool> stands(candidates.size(), true);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!stands[j] || candidates[i].class_index != candidates[j].class_index) continue;
      int shared = 0;
      int covered = 0;
      for (int y = 0; y < 100; ++y) {
        for (int x = 0; x < 100; ++x) {
          const auto inside = [&](const Candidate& c) {
            return c.box[0] <= x && x < c.box[2] && c.box[1] <= y && y < c.box[3];
          };
          shared += inside(candidates[i]) && inside(candidates[j]) ? 1 : 0;
          covered += inside(candidates[i]) || inside(candidates[j]) ? 1 : 0;
        }
      }
      if (static_cast<float>(shared) / static_cast<float>(covered) > static_cast<float>(iou)) {
        stands[i] = false;
      }
    }
  }
  std::vector<Candidate> standing;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (stands[i]) standing.push_back(candidates[i]);
  }
  return standing;
}

TEST(Nms, KeepsWhatTheDefinitionKeeps) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    for (const double iou : {0.2, 0.5, 0.7}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", iou " + std::to_string(iou));
      const auto candidates = random_candidates(seed, 24, seed % 2 == 0 ? 1 : 3);
      EXPECT_EQ(without_overlaps(candidates, iou, 1000), struck_by_hand(candidates, iou));
    }
  }
}

TEST(Nms, KeepsBoxesOfDifferentClasses) {
  const std::vector<Candidate> two = {{{0, 0, 9, 9}, 0.9f, 0}, {{0, 0, 9, 9}, 0.8f, 1}};
  EXPECT_EQ(without_overlaps(two, 0.5, 10), two);
}

TEST(Nms, StopsAtTheMost) {
  const auto candidates = random_candidates(3, 40, 1);
  const auto all = without_overlaps(candidates, 0.5, 1000);
  ASSERT_GT(all.size(), 4u);
  EXPECT_EQ(without_overlaps(candidates, 0.5, 4),
            (std::vector<Candidate>(all.begin(), all.begin() + 4)));
}

TEST(Nms, PrefersAWholePersonToASurerPartOfOne) {
  const Candidate whole{{100, 0, 200, 400}, 0.6f, 0};
  Candidate legs{{100, 300, 200, 400}, 0.9f, 0};
  // As another whole box the legs would stay: a quarter of the person.
  EXPECT_EQ(merged_tiles({legs, whole}, 0.7), (std::vector<Candidate>{legs, whole}));
  legs.is_cut = true;
  EXPECT_EQ(merged_tiles({legs, whole}, 0.7), (std::vector<Candidate>{whole}));
}

TEST(Nms, KeepsACutPersonWhomNobodyElseCovers) {
  Candidate cut{{0, 0, 50, 50}, 0.9f, 0};
  cut.is_cut = true;
  const Candidate other{{60, 0, 90, 50}, 0.5f, 0};
  EXPECT_EQ(merged_tiles({other, cut}, 0.7), (std::vector<Candidate>{cut, other}));
}

}  // namespace
}  // namespace posefleet::tests
