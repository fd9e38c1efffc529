#include "worker/figures/lettering.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "common/body/angles.h"

namespace posefleet::figures {
namespace {

constexpr std::size_t kWordsMax = 512;

// Legible at 360p and no bigger than needed at 4K.
int letter_size(const FrameSize& frame) {
  return static_cast<int>(std::clamp(frame.height / 36U, 12U, 96U));
}

CoverageMask mask_of(const std::vector<std::uint8_t>& coverage, const TextMask& text) {
  return {coverage, text.width, text.height};
}

std::string label_text(const std::string& label, const Figure& figure) {
  if (label == "id") return "#" + std::to_string(figure.track);
  const auto angles = joint_angles_deg(figure.joints);
  for (std::size_t i = 0; i < kAngleNames.size(); ++i) {
    if (kAngleNames[i] != label) continue;
    std::string name = label;
    std::replace(name.begin(), name.end(), '_', ' ');
    if (!std::isfinite(angles[i])) return name + " –";
    return name + " " + std::to_string(static_cast<int>(std::lround(angles[i]))) + "°";
  }
  return label;
}

}  // namespace

std::string clock_text(double seconds) {
  const auto milliseconds = static_cast<long long>(std::llround(std::max(0.0, seconds) * 1000));
  char text[48];
  std::snprintf(text, sizeof text, "%lld:%02lld:%02lld.%03lld", milliseconds / 3'600'000,
                milliseconds / 60'000 % 60, milliseconds / 1000 % 60, milliseconds % 1000);
  return text;
}

void Lettering::begin_frame() {
  if (words_.size() > kWordsMax) words_.clear();
}

Result<const TextMask*> Lettering::written(const std::string& text, int size) {
  const auto known = words_.find({text, size});
  if (known != words_.end()) return &known->second;
  POSEFLEET_TRY(TextMask mask, font_.render(text, size));
  return &words_.emplace(std::pair(text, size), std::move(mask)).first->second;
}

Status Lettering::add_labels(const Figure& figure, const DrawSettings& settings,
                             const FlatColour& colour, const FrameSize& frame, FlatLayer& layer) {
  float left = INFINITY, right = -INFINITY, top = INFINITY;
  for (const Point2& point : figure.keypoints) {
    if (!std::isfinite(point[0]) || !std::isfinite(point[1])) continue;
    left = std::min(left, point[0]);
    right = std::max(right, point[0]);
    top = std::min(top, point[1]);
  }
  if (!(left <= right) || std::abs(top) > 1e6f || std::abs(left) > 1e6f) return done();
  const int size = letter_size(frame);
  std::vector<const TextMask*> lines;
  int height = 0, width = 0;
  for (const std::string& label : settings.labels) {
    POSEFLEET_TRY(const TextMask* line, written(label_text(label, figure), size));
    lines.push_back(line);
    height += line->height;
    width = std::max(width, line->width);
  }
  const auto inside = [](int at, int length, std::uint32_t room) {
    return std::clamp(at, 0, std::max(0, static_cast<int>(room) - length));
  };
  const int x = inside(static_cast<int>((left + right) / 2) - width / 2, width, frame.width);
  int y = inside(static_cast<int>(top) - height - size / 2, height, frame.height);
  for (const TextMask* line : lines) {
    layer.add_mask(mask_of(line->halo, *line), x, y, {0.04f, 0.04f, 0.05f, 0.85f});
    // Lighter than the body, so that it is read as writing.
    layer.add_mask(mask_of(line->letters, *line), x, y,
                   {0.5f + colour.r / 2, 0.5f + colour.g / 2, 0.5f + colour.b / 2, 1});
    y += line->height;
  }
  return done();
}

Status Lettering::add_caption(const FrameTime& time, const FrameSize& frame, FlatLayer& layer) {
  const int size = letter_size(frame);
  const std::string frame_text =
      "frame " + std::to_string(time.frame) + " / " + std::to_string(time.frames);
  POSEFLEET_TRY(const TextMask* clock, written(clock_text(time.seconds), size));
  POSEFLEET_TRY(const TextMask* number, written(frame_text, size));
  const int width = static_cast<int>(frame.width), height = static_cast<int>(frame.height);
  const int top = height - clock->height;
  layer.add_box({0, static_cast<float>(top)},
                {static_cast<float>(width), static_cast<float>(height)},
                {0.04f, 0.04f, 0.05f, 0.6f});
  const FlatColour ink = {0.96f, 0.96f, 0.97f, 1};
  layer.add_mask(mask_of(clock->letters, *clock), size / 2, top, ink);
  layer.add_mask(mask_of(number->letters, *number), width - number->width, top, ink);
  return done();
}

}  // namespace posefleet::figures
