#include "common/accuracy/tally.h"

#include <fmt/format.h>

namespace posefleet {
namespace {

std::optional<double> share(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

std::size_t height_class(double height) {
  std::size_t index = 0;
  while (index + 1 < kHeightClasses.size() && height >= kHeightClasses[index + 1]) ++index;
  return index;
}

std::string height_name(std::size_t index) {
  if (index + 1 == kHeightClasses.size()) return fmt::format("{:g}+", kHeightClasses[index]);
  return fmt::format("{:g}-{:g}", kHeightClasses[index], kHeightClasses[index + 1]);
}

}  // namespace

void Tally::Sums::add(const PairErrors& errors) {
  joint.add(errors.joint_mm);
  joint_after_alignment.add(errors.joint_after_alignment_mm);
  if (errors.vertex_mm) vertex.add(*errors.vertex_mm);
  if (errors.silhouette_iou) silhouette.add(*errors.silhouette_iou);
  keypoints += static_cast<std::uint64_t>(errors.hits.counted);
  within_005 += static_cast<std::uint64_t>(errors.hits.within_005);
  within_010 += static_cast<std::uint64_t>(errors.hits.within_010);
}

ErrorMeans Tally::Sums::means() const {
  return {.people = joint.count,
          .joint_mm = joint.value(),
          .joint_after_alignment_mm = joint_after_alignment.value(),
          .vertex_mm = vertex.value(),
          .silhouette_iou = silhouette.value(),
          .keypoints_within_005 = share(within_005, keypoints),
          .keypoints_within_010 = share(within_010, keypoints)};
}

void Tally::add_frame(const FrameMatch& match) {
  ++counts_.frames;
  counts_.people_counted += match.pairs.size() + match.missed.size();
  counts_.people_ignored += match.ignored.size();
  counts_.people_found += match.pairs.size() + match.wrong.size() + match.neither.size();
  counts_.matched += match.pairs.size();
  counts_.missed += match.missed.size();
  counts_.wrong += match.wrong.size();
  counts_.neither += match.neither.size();
}

void Tally::add_pair(const PairErrors& errors) {
  all_.add(errors);
  by_facing_[static_cast<std::size_t>(errors.facing)].add(errors);
  by_height_[height_class(errors.height)].add(errors);
}

AccuracyReport Tally::report() const {
  AccuracyReport report = counts_;
  report.recall = share(report.matched, report.people_counted);
  report.precision = share(report.matched, report.matched + report.wrong);
  report.all = all_.means();
  for (std::size_t i = 0; i < by_facing_.size(); ++i) {
    report.by_facing.push_back({kFacingNames[i], by_facing_[i].means()});
  }
  for (std::size_t i = 0; i < by_height_.size(); ++i) {
    report.by_height.push_back({height_name(i), by_height_[i].means()});
  }
  return report;
}

}  // namespace posefleet
