#include "training/detector/history.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/files/files.h"

namespace posefleet::training::detect {
namespace {

// A judgement is 300 bytes; this is a year of them.
constexpr std::uint64_t kHistoryBytesMax = 64u << 20;

using Json = nlohmann::json;

// Five digits are more than a hundred pictures can tell.
double rounded(double value) {
  return std::round(value * 1e5) / 1e5;
}

Json to_json(const HistoryEntry& entry) {
  const Quality& q = entry.quality;
  return {{"step", entry.step},
          {"elapsed_seconds", rounded(entry.elapsed_seconds)},
          {"score_loss", rounded(entry.score_loss)},
          {"box_loss", rounded(entry.box_loss)},
          {"conf", q.conf},
          {"iou", q.iou},
          {"recall", rounded(q.recall)},
          {"precision", rounded(q.precision)},
          {"overlap", rounded(q.overlap)},
          {"ap50", rounded(q.ap50)},
          {"ap75", rounded(q.ap75)},
          {"people", q.people}};
}

// Throws what nlohmann throws.
HistoryEntry from_json(const Json& json) {
  HistoryEntry entry;
  entry.step = json.at("step").get<std::uint64_t>();
  entry.elapsed_seconds = json.at("elapsed_seconds").get<double>();
  entry.score_loss = json.at("score_loss").get<double>();
  entry.box_loss = json.at("box_loss").get<double>();
  Quality& q = entry.quality;
  q.conf = json.at("conf").get<double>();
  q.iou = json.at("iou").get<double>();
  q.recall = json.at("recall").get<double>();
  q.precision = json.at("precision").get<double>();
  q.overlap = json.at("overlap").get<double>();
  q.ap50 = json.at("ap50").get<double>();
  q.ap75 = json.at("ap75").get<double>();
  q.people = json.at("people").get<int>();
  return entry;
}

// The plot's area, pixels.
constexpr double kWidth = 720, kHeight = 360, kMargin = 44;

struct Curve {
  const char* name;
  const char* colour;
  std::function<double(const HistoryEntry&)> value;
};

std::string curve_svg(const Curve& curve, std::size_t index,
                      const std::vector<HistoryEntry>& history, double seconds_max) {
  std::string points;
  for (const HistoryEntry& entry : history) {
    points += fmt::format("{:.1f},{:.1f} ", kMargin + kWidth * entry.elapsed_seconds / seconds_max,
                          kMargin + kHeight * (1 - curve.value(entry)));
  }
  const double last = history.empty() ? 0 : curve.value(history.back());
  return fmt::format(
      "<polyline fill=\"none\" stroke=\"{0}\" stroke-width=\"2\" points=\"{1}\"/>\n"
      "<text x=\"{2}\" y=\"{3}\" fill=\"{0}\">{4} {5:.3f}</text>\n",
      curve.colour, points, kMargin + kWidth + 12, kMargin + 20 * static_cast<double>(index + 1),
      curve.name, last);
}

}  // namespace

Status append_history(const std::filesystem::path& jsonl, const HistoryEntry& entry) {
  std::ofstream file(jsonl, std::ios::app);
  file << to_json(entry).dump() << "\n" << std::flush;
  if (!file) {
    return retry(fmt::format("cannot write {}: {}", jsonl.string(), std::strerror(errno)));
  }
  return done();
}

Result<std::vector<HistoryEntry>> read_history(const std::filesystem::path& jsonl) {
  std::vector<HistoryEntry> history;
  std::error_code ignored;
  if (!std::filesystem::exists(jsonl, ignored)) return history;
  POSEFLEET_TRY(const std::string text, read_whole_file(jsonl, kHistoryBytesMax));
  int line = 0;
  for (std::size_t start = 0; start < text.size();) {
    ++line;
    const std::size_t end = text.find('\n', start);
    if (end == std::string::npos) break;
    try {
      history.push_back(from_json(Json::parse(text.substr(start, end - start))));
    } catch (const Json::exception& error) {
      return rejected(
          fmt::format("{}:{}: {}; remove that line", jsonl.string(), line, error.what()));
    }
    start = end + 1;
  }
  return history;
}

std::string history_plot(const std::vector<HistoryEntry>& history) {
  const double seconds_max = history.empty() ? 60 : std::max(60.0, history.back().elapsed_seconds);
  const std::array<Curve, 4> curves = {
      Curve{"recall", "#1b6ca8", [](const HistoryEntry& e) { return e.quality.recall; }},
      Curve{"precision", "#c0392b", [](const HistoryEntry& e) { return e.quality.precision; }},
      Curve{"AP 0.5", "#2e8b57", [](const HistoryEntry& e) { return e.quality.ap50; }},
      Curve{"AP 0.75", "#8e5aa8", [](const HistoryEntry& e) { return e.quality.ap75; }}};
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
      kWidth + 2 * kMargin + 110, kHeight + 2 * kMargin);
  for (int i = 0; i <= 5; ++i) {
    const double y = kMargin + kHeight * (1 - i / 5.0);
    svg += fmt::format(
        "<line x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#ddd\"/>\n"
        "<text x=\"12\" y=\"{3:.1f}\">{4:.1f}</text>\n",
        kMargin, kMargin + kWidth, y, y + 4, i / 5.0);
    svg +=
        fmt::format("<text x=\"{:.1f}\" y=\"{}\">{:.0f} min</text>\n", kMargin + kWidth * i / 5.0,
                    kMargin + kHeight + 20, seconds_max / 60 * i / 5.0);
  }
  for (std::size_t i = 0; i < curves.size(); ++i) {
    svg += curve_svg(curves[i], i, history, seconds_max);
  }
  return svg + "</svg>\n";
}

}  // namespace posefleet::training::detect
