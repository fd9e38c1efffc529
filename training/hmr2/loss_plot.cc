#include "training/hmr2/loss_plot.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

namespace posefleet::training {
namespace {

// Pixels.
constexpr double kWidth = 800;
constexpr double kHeight = 440;
constexpr double kLeft = 60;
constexpr double kTop = 30;
constexpr double kInnerWidth = kWidth - kLeft - 20;
constexpr double kInnerHeight = kHeight - kTop - 50;
// More points than pixels show nothing.
constexpr std::size_t kPointsMax = 700;

// Steps of 1, 2 or 5 times a power of ten, at most eight of them up to `largest`.
double tick_step(double largest) {
  const double rough = largest / 8;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double step : {1.0, 2.0, 5.0}) {
    if (step * power >= rough) return step * power;
  }
  return 10 * power;
}

class Plot final {
 public:
  Plot(double minutes, double millimetres) : minutes_(minutes), millimetres_(millimetres) {}

  double x(double minutes) const { return kLeft + kInnerWidth * minutes / minutes_; }
  double y(double millimetres) const {
    return kTop + kInnerHeight * (1 - millimetres / millimetres_);
  }

  std::string axes() const {
    std::string text;
    for (double tick = 0; tick <= millimetres_; tick += tick_step(millimetres_)) {
      text += fmt::format(
          "<path d='M{0:.1f} {1:.1f}H{2:.1f}' stroke='#ddd'/>"
          "<text x='{3:.1f}' y='{4:.1f}' text-anchor='end'>{5:g}</text>\n",
          kLeft, y(tick), kLeft + kInnerWidth, kLeft - 6, y(tick) + 4, tick);
    }
    for (double tick = 0; tick <= minutes_; tick += tick_step(minutes_)) {
      text += fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='middle'>{:g}</text>\n", x(tick),
                          kTop + kInnerHeight + 18, tick);
    }
    return text + fmt::format(
                      "<text x='{:.1f}' y='{:.1f}' text-anchor='middle'>minutes of training"
                      "</text>\n<text x='8' y='18'>mm</text>\n",
                      kLeft + kInnerWidth / 2, kHeight - 10);
  }

  std::string curve(const std::string& points, std::string_view colour) const {
    return fmt::format("<polyline points='{}' fill='none' stroke='{}' stroke-width='1.5'/>\n",
                       points, colour);
  }

  std::string place(double minutes, double millimetres) const {
    return fmt::format("{:.1f},{:.1f} ", x(minutes), y(std::min(millimetres, millimetres_)));
  }

 private:
  double minutes_;
  double millimetres_;
};

bool is_shown(double value) {
  return std::isfinite(value) && value > 0;
}

}  // namespace

std::string plot_history(std::span<const HistoryPoint> history) {
  double minutes = 1;
  double largest = 100;
  for (const HistoryPoint& point : history) {
    if (std::isfinite(point.seconds)) minutes = std::max(minutes, point.seconds / 60);
    for (const double value : {point.joint_mm, point.unseen_pa_mm}) {
      if (is_shown(value)) largest = std::max(largest, std::min(value, 500.0));
    }
  }
  const Plot plot(minutes, largest);
  std::string learned;
  std::string unseen;
  const std::size_t stride = history.size() / kPointsMax + 1;
  for (std::size_t i = 0; i < history.size(); ++i) {
    const HistoryPoint& point = history[i];
    if (!std::isfinite(point.seconds)) continue;
    if (is_shown(point.joint_mm) && i % stride == 0) {
      learned += plot.place(point.seconds / 60, point.joint_mm);
    }
    if (is_shown(point.unseen_pa_mm)) {
      unseen += plot.place(point.seconds / 60, point.unseen_pa_mm);
    }
  }
  return fmt::format(
             "<svg xmlns='http://www.w3.org/2000/svg' width='{0:g}' height='{1:g}' "
             "viewBox='0 0 {0:g} {1:g}' font-family='sans-serif' font-size='12'>\n"
             "<rect width='{0:g}' height='{1:g}' fill='white'/>\n",
             kWidth, kHeight) +
         plot.axes() + plot.curve(learned, "#1f77b4") + plot.curve(unseen, "#d62728") +
         fmt::format(
             "<text x='{0:g}' y='18' fill='#1f77b4'>joints, crops it learns from</text>\n"
             "<text x='{1:g}' y='18' fill='#d62728'>PA-MPJPE, unseen crops from all sides</text>\n"
             "</svg>\n",
             kLeft + 40, kLeft + 260);
}

}  // namespace posefleet::training
