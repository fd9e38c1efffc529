#include "cli/draw_options.h"

#include <algorithm>
#include <vector>

#include "worker/text/font.h"

namespace posefleet::cli {
namespace {

std::vector<std::string> parts_of(const std::string& list) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  while (from <= list.size() && !list.empty()) {
    const std::size_t comma = std::min(list.find(',', from), list.size());
    parts.push_back(list.substr(from, comma - from));
    from = comma + 1;
  }
  return parts;
}

Result<Rgb> colour_of(const char* option, const std::string& text) {
  const auto colour = parse_rgb(text);
  if (colour) return *colour;
  return rejected(std::string(option) + ": " + text + " is no colour, e.g. #ffaa00");
}

}  // namespace

Result<DrawSettings> draw_settings_of(const DrawOptions& options) {
  DrawSettings draw;
  const auto style = parse_draw_style(options.style);
  if (!style) return rejected("--style: there is no style " + options.style);
  draw.style = *style;
  draw.samples = options.samples;
  draw.opacity = options.opacity;
  for (const std::string& text : parts_of(options.palette)) {
    POSEFLEET_TRY(const Rgb colour, colour_of("--palette", text));
    draw.palette.push_back(colour);
  }
  if (draw.palette.size() > kPaletteMax) {
    return rejected("--palette: " + std::to_string(draw.palette.size()) + " colours, at most " +
                    std::to_string(kPaletteMax));
  }
  if (!options.ground.empty()) {
    POSEFLEET_TRY(draw.ground, colour_of("--ground", options.ground));
  }
  draw.trail = options.trail;
  draw.trail_step = options.trail_step;
  for (const std::string& label : parts_of(options.labels)) {
    if (!is_label(label)) {
      std::string known;
      for (const std::string_view name : kLabelNames) {
        known += (known.empty() ? "" : ", ") + std::string(name);
      }
      return rejected("--labels: there is no label " + label + ", allowed: " + known);
    }
    draw.labels.push_back(label);
  }
  if (draw.labels.size() > kLabelNames.size()) {
    return rejected("--labels: " + std::to_string(draw.labels.size()) + " labels, at most " +
                    std::to_string(kLabelNames.size()));
  }
  draw.has_caption = options.caption;
  // The workers are on this machine: what they lack is said before they are started.
  if (draw.has_caption || !draw.labels.empty()) {
    POSEFLEET_TRY([[maybe_unused]] const Font font, Font::open(Font::usual_file()));
  }
  return draw;
}

}  // namespace posefleet::cli
