#include "common/job/draw_json.h"

#include <span>
#include <string>

#include "common/job/json_rows.h"

namespace posefleet {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLabelsMax = 10;

bool read_style(DrawSettings& settings, const Json& value) {
  if (!value.is_string()) return false;
  const auto style = parse_draw_style(value.get<std::string>());
  if (style) settings.style = *style;
  return style.has_value();
}

bool read_colour(const Json& value, Rgb& colour) {
  if (!value.is_string()) return false;
  const auto parsed = parse_rgb(value.get<std::string>());
  if (parsed) colour = *parsed;
  return parsed.has_value();
}

bool read_palette(DrawSettings& settings, const Json& value) {
  if (!value.is_array() || value.size() > kPaletteMax) return false;
  settings.palette.resize(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (!read_colour(value[i], settings.palette[i])) return false;
  }
  return true;
}

bool read_labels(DrawSettings& settings, const Json& value) {
  if (!value.is_array() || value.size() > kLabelsMax) return false;
  for (const Json& label : value) {
    if (!label.is_string() || !is_label(label.get<std::string>())) return false;
    settings.labels.push_back(label.get<std::string>());
  }
  return true;
}

bool read_samples(DrawSettings& settings, const Json& value) {
  if (!value.is_number_integer()) return false;
  const auto number = value.get<std::int64_t>();
  if (number != 1 && number != 4 && number != 8 && number != 16) return false;
  settings.samples = static_cast<std::uint32_t>(number);
  return true;
}

std::string joined(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

const JsonRows<DrawSettings>& rows() {
  static const JsonRows<DrawSettings> table = {
      {"style", {read_style, joined(kDrawStyleNames)}},
      {"samples", {read_samples, "1, 4, 8 or 16"}},
      {"opacity", {count_into(&DrawSettings::opacity, 0, 100), "0 to 100, per cent"}},
      {"palette", {read_palette, "a list of up to 64 colours like \"#ffaa00\""}},
      {"ground",
       {[](DrawSettings& settings, const Json& value) {
          return read_colour(value, settings.ground);
        },
        "a colour like \"#26292e\""}},
      {"trail", {count_into(&DrawSettings::trail, 0, kTrailMax), "0 to 20 earlier poses"}},
      {"trail_step", {count_into(&DrawSettings::trail_step, 1, kTrailStepMax), "1 to 120 frames"}},
      {"labels", {read_labels, "a list of up to ten of: " + joined(kLabelNames)}},
      {"caption",
       {[](DrawSettings& settings, const Json& value) {
          if (value.is_boolean()) settings.has_caption = value.get<bool>();
          return value.is_boolean();
        },
        "true or false"}},
  };
  return table;
}

}  // namespace

nlohmann::json to_json(const DrawSettings& settings) {
  Json palette = Json::array();
  for (const Rgb& colour : settings.palette) palette.push_back(to_text(colour));
  return {{"style", name_of(settings.style)},   {"samples", settings.samples},
          {"opacity", settings.opacity},        {"palette", palette},
          {"ground", to_text(settings.ground)}, {"trail", settings.trail},
          {"trail_step", settings.trail_step},  {"labels", settings.labels},
          {"caption", settings.has_caption}};
}

Result<DrawSettings> draw_settings_of(const nlohmann::json& value) {
  return read_rows("draw", value, rows());
}

}  // namespace posefleet
