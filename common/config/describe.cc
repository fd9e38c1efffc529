#include "common/config/describe.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/config/loader.h"

namespace posefleet::config_detail {
namespace {

// Limits that nobody set are the type's, and not worth a line.
constexpr double kUnlimited = 1e30;

std::string with_unit(std::string text, const FieldRow& row) {
  return row.unit.empty() ? text : text + " " + row.unit;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string default_text(const FieldRow& row) {
  if (!row.fallback) return "must be given";
  return fmt::format("default {}", value_text(*row.fallback));
}

// One section's keys, then its sections, each with all of its rows, wherever they stand in the
// table: YAML does not allow a section to be continued later.
void print_section(const std::vector<const FieldRow*>& rows, const std::string& prefix,
                   const void* config, std::string& out) {
  const std::string indent(
      2 * static_cast<std::size_t>(std::count(prefix.begin(), prefix.end(), '.')), ' ');
  std::set<std::string> sections_done;
  for (const FieldRow* row : rows) {
    const std::string rest = row->name.substr(prefix.size());
    const std::size_t dot = rest.find('.');
    if (dot == std::string::npos) {
      out += fmt::format("{}# {}\n{}# ({}; {}{})\n{}{}: {}\n", indent, row->help, indent,
                         allowed_text(*row), default_text(*row),
                         row->needs_restart ? "" : "; changes without a restart", indent, rest,
                         value_text(row->get(config)));
      continue;
    }
    const std::string section = rest.substr(0, dot);
    if (!sections_done.insert(section).second) continue;
    std::vector<const FieldRow*> inner;
    for (const FieldRow* candidate : rows) {
      if (candidate->name.starts_with(prefix + section + ".")) inner.push_back(candidate);
    }
    out += fmt::format("{}{}:\n", indent, section);
    print_section(inner, prefix + section + ".", config, out);
  }
}

std::string escaped_cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string allowed_text(const FieldRow& row) {
  switch (row.kind) {
    case FieldKind::Text:
      return "text on one line";
    case FieldKind::Path:
      return "a path";
    case FieldKind::Integer:
      return with_unit(fmt::format("whole numbers {}..{}", row.integer_min, row.integer_max), row);
    case FieldKind::Real:
      if (row.real_max > kUnlimited) return with_unit("numbers", row);
      return with_unit(fmt::format("numbers {}..{}", row.real_min, row.real_max), row);
    case FieldKind::Seconds:
      return with_unit(fmt::format("{}..{}", row.real_min, row.real_max), row);
    case FieldKind::Boolean:
      return "true or false";
    case FieldKind::Choice:
      return fmt::format("one of {}", fmt::join(row.words, ", "));
    case FieldKind::TextList:
      return "a list [a, b] of texts on one line";
  }
  return "";
}

std::string value_text(const FieldValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return quoted(*text);
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *whole);
  // The shortest text that reads back to the same number.
  if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  std::string out = "[";
  for (const std::string& text : std::get<std::vector<std::string>>(value)) {
    out += (out.size() > 1 ? ", " : "") + quoted(text);
  }
  return out + "]";
}

std::string print(const FieldTable& table, const void* config) {
  std::vector<const FieldRow*> rows;
  for (const FieldRow& row : table) rows.push_back(&row);
  std::string out;
  print_section(rows, "", config, out);
  return out;
}

std::string help(const FieldTable& table) {
  std::string out;
  for (const FieldRow& row : table) {
    out += fmt::format("  {}: {}; {}\n      {}\n", row.name, allowed_text(row), default_text(row),
                       row.help);
  }
  return out;
}

std::string markdown(const FieldTable& table) {
  std::string out =
      "| Key | Meaning | Allowed | Default | Restart |\n| --- | --- | --- | --- | --- |\n";
  for (const FieldRow& row : table) {
    const std::string fallback =
        row.fallback ? fmt::format("`{}`", value_text(*row.fallback)) : "must be given";
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", row.name, escaped_cell(row.help),
                       escaped_cell(allowed_text(row)), escaped_cell(fallback),
                       row.needs_restart ? "yes" : "no");
  }
  return out;
}

}  // namespace posefleet::config_detail
