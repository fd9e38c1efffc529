#include "common/config/loader.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/config/describe.h"
#include "common/config/entries.h"

namespace posefleet::config_detail {
namespace {

constexpr std::uintmax_t kFileSizeMax = 1 << 20;
constexpr std::size_t kTextLengthMax = 4096;
constexpr std::size_t kProblemsMax = 10;

// How many letters must be typed, left out or changed to get from one word to the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// " (did you mean X?)", or nothing where no word is close: a third of the letters may be wrong.
std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  if (word.size() > 100) return "";
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  const std::string* found = nullptr;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best) {
      best = distance;
      found = &candidate;
    }
  }
  return found == nullptr ? "" : fmt::format(" (did you mean {}?)", *found);
}

// As it may stand in a message: one line, and not the whole file.
std::string shown(std::string_view value) {
  constexpr std::size_t kShownMax = 60;
  std::string out;
  for (const char c : value.substr(0, kShownMax)) {
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  if (value.size() > kShownMax) out += "...";
  return out.empty() ? "empty" : out;
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

bool is_printable(std::string_view text) {
  return text.size() <= kTextLengthMax && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

bool is_allowed(const FieldRow& row, const FieldValue& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    return *whole >= row.integer_min && *whole <= row.integer_max;
  }
  if (const auto* real = std::get_if<double>(&value)) {
    return *real >= row.real_min && *real <= row.real_max;  // false for NaN
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (row.kind != FieldKind::Choice) return is_printable(*text);
    return std::find(row.words.begin(), row.words.end(), *text) != row.words.end();
  }
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    return std::all_of(texts->begin(), texts->end(), is_printable);
  }
  return true;
}

// What the text means for this row, if it is something the row allows.
std::optional<FieldValue> parse_value(const FieldRow& row, const std::string& text) {
  std::optional<FieldValue> value;
  switch (row.kind) {
    case FieldKind::Text:
    case FieldKind::Path:
    case FieldKind::Choice:
      value = text;
      break;
    case FieldKind::Integer:
      if (const auto number = parse_number<std::int64_t>(text)) value = *number;
      break;
    case FieldKind::Real:
    case FieldKind::Seconds:
      if (const auto number = parse_number<double>(text)) value = *number;
      break;
    case FieldKind::Boolean:
      if (text == "true" || text == "false") value = text == "true";
      break;
    case FieldKind::TextList:
      break;
  }
  if (value && !is_allowed(row, *value)) return std::nullopt;
  return value;
}

class Filler final {
 public:
  Filler(const FieldTable& table, const std::string& file_name, void* config)
      : file_name_(file_name), config_(config) {
    for (const FieldRow& row : table) {
      rows_[row.name] = &row;
      known_.push_back(row.name);
      for (std::size_t dot = row.name.find('.'); dot != std::string::npos;
           dot = row.name.find('.', dot + 1)) {
        sections_.insert(row.name.substr(0, dot));
      }
    }
    known_.insert(known_.end(), sections_.begin(), sections_.end());
  }

  void take(const ConfigEntry& entry) {
    // Below a section that is unknown, everything is; once is enough.
    if (!unknown_section_.empty() && entry.key.starts_with(unknown_section_ + ".")) return;
    const bool is_section = entry.kind == ConfigEntry::Kind::Section;
    if (sections_.contains(entry.key)) {
      if (is_section && !first_lines_.emplace(entry.key, entry.line).second) return repeated(entry);
      if (is_section || entry.kind == ConfigEntry::Kind::Nothing) return;
      return problem(entry, fmt::format("{} is a section: write its keys below it", entry.key));
    }
    const auto found = rows_.find(entry.key);
    if (found == rows_.end()) {
      if (is_section) unknown_section_ = entry.key;
      return problem(
          entry, fmt::format("unknown key {}{}", shown(entry.key), suggestion(entry.key, known_)));
    }
    if (!first_lines_.emplace(entry.key, entry.line).second) return repeated(entry);
    take_value(entry, *found->second);
  }

  void take_fallbacks() {
    for (const auto& [name, row] : rows_) {
      if (first_lines_.contains(name)) continue;
      if (row->fallback) {
        row->set(config_, *row->fallback);
      } else {
        problems_.push_back(fmt::format("{}: {} is missing: {}", file_name_, name, row->help));
      }
    }
  }

  Status finish() const {
    if (problems_.empty()) return done();
    const std::size_t shown_count = std::min(problems_.size(), kProblemsMax);
    std::string message =
        fmt::format("{}", fmt::join(problems_.begin(), problems_.begin() + shown_count, "\n"));
    if (problems_.size() > shown_count) {
      message += fmt::format("\nand {} more", problems_.size() - shown_count);
    }
    return rejected(message);
  }

 private:
  void take_value(const ConfigEntry& entry, const FieldRow& row) {
    const auto needs = [&](std::string_view what) {
      problem(entry, fmt::format("{} {}, allowed {}", row.name, what, allowed_text(row)));
    };
    switch (entry.kind) {
      case ConfigEntry::Kind::Section:
        unknown_section_ = entry.key;
        return needs("is a section");
      case ConfigEntry::Kind::Nothing:
        return needs("has no value");
      case ConfigEntry::Kind::List: {
        if (row.kind != FieldKind::TextList) return needs("is a list");
        const FieldValue value = entry.values;
        if (!is_allowed(row, value)) return needs("has an item that is not");
        return row.set(config_, value);
      }
      case ConfigEntry::Kind::Text:
        break;
    }
    const std::string& text = entry.values.front();
    if (const auto value = parse_value(row, text)) return row.set(config_, *value);
    problem(entry, fmt::format("{} is {}, allowed {}{}", row.name, shown(text), allowed_text(row),
                               suggestion(text, row.words)));
  }

  void problem(const ConfigEntry& entry, const std::string& what) {
    problems_.push_back(fmt::format("{}:{}: {}", file_name_, entry.line, what));
  }
  void repeated(const ConfigEntry& entry) {
    problem(entry, fmt::format("{} is given twice, first in line {}", entry.key,
                               first_lines_.at(entry.key)));
  }

  const std::string file_name_;
  void* const config_;
  std::map<std::string, const FieldRow*> rows_;
  std::set<std::string> sections_;
  std::vector<std::string> known_;  // names and sections, for suggestions
  std::map<std::string, int> first_lines_;
  std::string unknown_section_;
  std::vector<std::string> problems_;
};

// A wrong row is a bug; it must not wait for the file that shows it.
void check_table(const FieldTable& table) {
  std::set<std::string> names;
  for (const FieldRow& row : table) {
    POSEFLEET_CHECK(!row.name.empty() && names.insert(row.name).second);
    POSEFLEET_CHECK(!row.help.empty() && row.help.find('\n') == std::string::npos);
    POSEFLEET_CHECK(row.integer_min <= row.integer_max && row.real_min <= row.real_max);
    POSEFLEET_CHECK(!row.fallback || is_allowed(row, *row.fallback));
  }
  for (const std::string& name : names) {
    // A key cannot be a section as well.
    const auto next = names.lower_bound(name + ".");
    POSEFLEET_CHECK(next == names.end() || !next->starts_with(name + "."));
  }
}

}  // namespace

Status fill(const FieldTable& table, std::string_view yaml, const std::string& file_name,
            void* config) {
  check_table(table);
  if (yaml.size() > kFileSizeMax) {
    return rejected(fmt::format("{}: {} bytes, a configuration has at most {}", file_name,
                                yaml.size(), kFileSizeMax));
  }
  POSEFLEET_TRY(const std::vector<ConfigEntry> entries, read_entries(yaml, file_name));
  Filler filler(table, file_name, config);
  for (const ConfigEntry& entry : entries) filler.take(entry);
  filler.take_fallbacks();
  return filler.finish();
}

Result<std::string> read_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return rejected(fmt::format("{}: no such file: name a YAML file", path.string()));
  }
  std::ifstream stream(path, std::ios::binary);
  // One byte more than is allowed, so that a file that grew is refused and not cut.
  std::string bytes(kFileSizeMax + 1, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!stream.is_open() || stream.bad()) {
    return rejected(fmt::format("{}: cannot be read: check its permissions", path.string()));
  }
  bytes.resize(static_cast<std::size_t>(stream.gcount()));
  if (bytes.size() > kFileSizeMax) {
    return rejected(fmt::format("{}: more than {} bytes, which is no configuration", path.string(),
                                kFileSizeMax));
  }
  return bytes;
}

}  // namespace posefleet::config_detail
