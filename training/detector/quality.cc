#include "training/detector/quality.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "worker/detect/nms.h"

namespace posefleet::training::detect {
namespace {

// As many boxes of a picture as a job takes unless it says otherwise.
constexpr std::size_t kBoxesMax = 300;

constexpr std::array kIous = {0.45, 0.5, 0.55, 0.6, 0.65, 0.7};
constexpr double kConfMin = 0.1;
constexpr double kConfMax = 0.8;
constexpr double kConfStep = 0.01;

// A found box after the comparison.
struct Judged {
  float score = 0;
  bool is_right = false;
  float overlap = 0;  // with its person, when right
};

struct Judgement {
  std::vector<Judged> found;  // highest score first; those on ignored people are not in it
  int people = 0;
};

// Whether somebody who is ignored lies below most of the box, or the other way round.
bool is_on_ignored(const std::array<float, 4>& box, const std::vector<TruthBox>& truth) {
  const auto area = [](const std::array<float, 4>& b) {
    return std::max(0.0f, b[2] - b[0]) * std::max(0.0f, b[3] - b[1]);
  };
  for (const TruthBox& person : truth) {
    if (!person.is_ignored) continue;
    const std::array<float, 4> shared = {
        std::max(box[0], person.box[0]), std::max(box[1], person.box[1]),
        std::min(box[2], person.box[2]), std::min(box[3], person.box[3])};
    const float least = std::min(area(box), area(person.box));
    if (shared[2] > shared[0] && shared[3] > shared[1] && area(shared) > 0.5f * least) return true;
  }
  return false;
}

void judge_picture(const Finding& finding, double iou, float needed, Judgement& judgement) {
  std::vector<bool> is_taken(finding.truth.size());
  for (const Candidate& box : without_overlaps(finding.candidates, iou, kBoxesMax)) {
    int best = -1;
    float best_overlap = needed;
    for (std::size_t i = 0; i < finding.truth.size(); ++i) {
      if (is_taken[i] || finding.truth[i].is_ignored) continue;
      const float shared = overlap(box.box, finding.truth[i].box);
      if (shared < best_overlap) continue;
      best = static_cast<int>(i);
      best_overlap = shared;
    }
    if (best >= 0) {
      is_taken[static_cast<std::size_t>(best)] = true;
      judgement.found.push_back({box.score, true, best_overlap});
    } else if (!is_on_ignored(box.box, finding.truth)) {
      judgement.found.push_back({box.score, false, 0});
    }
  }
  for (const TruthBox& person : finding.truth) judgement.people += person.is_ignored ? 0 : 1;
}

Judgement judge(std::span<const Finding> findings, double iou, float needed) {
  Judgement judgement;
  for (const Finding& finding : findings) judge_picture(finding, iou, needed, judgement);
  std::stable_sort(judgement.found.begin(), judgement.found.end(),
                   [](const Judged& a, const Judged& b) { return a.score > b.score; });
  return judgement;
}

// Area below the curve of precision over recall, precision made falling first.
double average_precision(const Judgement& judgement) {
  if (judgement.people == 0) return 0;
  std::vector<double> precision;
  std::vector<bool> is_right;
  double right = 0;
  for (const Judged& found : judgement.found) {
    right += found.is_right ? 1 : 0;
    precision.push_back(right / static_cast<double>(precision.size() + 1));
    is_right.push_back(found.is_right);
  }
  double area = 0;
  double highest = 0;
  for (std::size_t i = precision.size(); i-- > 0;) {
    highest = std::max(highest, precision[i]);
    if (is_right[i]) area += highest;
  }
  return area / judgement.people;
}

Quality counted(const Judgement& judgement, double conf, double iou) {
  Quality quality{.conf = conf, .iou = iou, .people = judgement.people};
  int right = 0;
  int all = 0;
  double overlaps = 0;
  for (const Judged& found : judgement.found) {
    if (static_cast<double>(found.score) <= conf) break;
    ++all;
    right += found.is_right ? 1 : 0;
    overlaps += static_cast<double>(found.overlap);
  }
  quality.recall = judgement.people > 0 ? static_cast<double>(right) / judgement.people : 0;
  quality.precision = all > 0 ? static_cast<double>(right) / all : 0;
  quality.overlap = right > 0 ? overlaps / right : 0;
  return quality;
}

double harmonic(const Quality& quality) {
  const double sum = quality.recall + quality.precision;
  return sum > 0 ? 2 * quality.recall * quality.precision / sum : 0;
}

constexpr float kHalf = 0.5f;
constexpr float kThreeQuarters = 0.75f;

}  // namespace

Quality measured(std::span<const Finding> findings, double conf, double iou) {
  const Judgement judgement = judge(findings, iou, kHalf);
  Quality quality = counted(judgement, conf, iou);
  quality.ap50 = average_precision(judgement);
  quality.ap75 = average_precision(judge(findings, iou, kThreeQuarters));
  return quality;
}

Quality best_measured(std::span<const Finding> findings) {
  Quality best{.conf = 0.25, .iou = kIous.back()};
  for (const double iou : kIous) {
    const Judgement judgement = judge(findings, iou, kHalf);
    for (int i = 0;; ++i) {
      // Two decimals: the manifest is read by people.
      const double conf = std::round((kConfMin + i * kConfStep) * 100) / 100;
      if (conf > kConfMax) break;
      const Quality quality = counted(judgement, conf, iou);
      if (harmonic(quality) > harmonic(best)) best = quality;
    }
  }
  return measured(findings, best.conf, best.iou);
}

}  // namespace posefleet::training::detect
