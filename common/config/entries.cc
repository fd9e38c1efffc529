#include "common/config/entries.h"

#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace posefleet {
namespace {

constexpr std::size_t kDepthMax = 8;

// Follows the parser's events and remembers the first thing that is not allowed; what comes after
// it is ignored, since the parser cannot be stopped without an exception.
class EntryCollector final : public YAML::EventHandler {
 public:
  explicit EntryCollector(const std::string& file_name) : file_name_(file_name) {}

  bool has_failed() const { return !error_.empty(); }
  const std::string& error() const { return error_; }
  std::vector<ConfigEntry>& entries() { return entries_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) fail(mark, "a second document begins: a configuration is one document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (!is_allowed(mark, "?", anchor)) return;
    if (levels_.empty()) return;  // an empty file
    Level& level = levels_.back();
    if (level.is_list) return fail(mark, fmt::format("{} has an empty item", level.prefix));
    if (level.expects_key) return fail(mark, "a key is empty");
    add(level.key_line, ConfigEntry::Kind::Nothing);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    fail(mark, "aliases (*name) are not allowed in a configuration");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (!is_allowed(mark, tag, anchor)) return;
    if (levels_.empty()) {
      return fail(mark, "the file is a single value: write `key: value` lines");
    }
    Level& level = levels_.back();
    if (level.is_list) {
      entries_.back().values.push_back(value);
    } else if (level.expects_key) {
      level.key = level.prefix.empty() ? value : level.prefix + "." + value;
      level.key_line = mark.line + 1;
      level.expects_key = false;
    } else {
      add(level.key_line, ConfigEntry::Kind::Text);
      entries_.back().values.push_back(value);
    }
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, true);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, false);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    bool is_list = false;
    std::string prefix;  // the key that this list or mapping belongs to
    bool expects_key = true;
    std::string key;
    int key_line = 0;
  };

  void fail(const YAML::Mark& mark, const std::string& what) {
    if (error_.empty()) error_ = fmt::format("{}:{}: {}", file_name_, mark.line + 1, what);
  }

  // False, with the reason remembered, or when something was wrong before.
  bool is_allowed(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) fail(mark, "anchors (&name) are not allowed in a configuration");
    // "?" is what the parser calls a plain value, "!" a quoted one.
    if (!tag.empty() && tag != "?" && tag != "!") {
      fail(mark, fmt::format("the tag {} is not allowed in a configuration", tag));
    }
    return !has_failed();
  }

  void add(int line, ConfigEntry::Kind kind) {
    entries_.push_back({levels_.back().key, line, kind, {}});
    levels_.back().expects_key = true;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, bool is_list) {
    if (!is_allowed(mark, tag, anchor)) return;
    if (levels_.empty()) {
      if (is_list) return fail(mark, "the file is a list: write `key: value` lines");
      levels_.push_back({});
      return;
    }
    if (levels_.size() >= kDepthMax) {
      return fail(mark, fmt::format("sections are nested deeper than {} levels", kDepthMax));
    }
    Level& level = levels_.back();
    if (level.is_list) {
      return fail(mark, fmt::format("{} is a list of plain values, not of {}", level.prefix,
                                    is_list ? "lists" : "sections"));
    }
    if (level.expects_key) return fail(mark, "a key must be a plain word");
    add(level.key_line, is_list ? ConfigEntry::Kind::List : ConfigEntry::Kind::Section);
    const std::string prefix = level.key;
    levels_.push_back({.is_list = is_list, .prefix = prefix});
  }

  // After a failure levels are no longer opened, so they are no longer closed either.
  void close() {
    if (!has_failed()) levels_.pop_back();
  }

  const std::string file_name_;
  std::string error_;
  int documents_ = 0;
  std::vector<Level> levels_;
  std::vector<ConfigEntry> entries_;
};

}  // namespace

Result<std::vector<ConfigEntry>> read_entries(std::string_view yaml, const std::string& file_name) {
  if (const std::size_t zero = yaml.find('\0'); zero != std::string_view::npos) {
    return rejected(fmt::format("{}: byte {} is zero: this is not a text file", file_name, zero));
  }
  EntryCollector collector(file_name);
  try {
    std::istringstream stream{std::string(yaml)};
    YAML::Parser parser(stream);
    while (!collector.has_failed() && parser.HandleNextDocument(collector)) {
    }
  } catch (const YAML::Exception& exception) {
    // Also when something else was wrong before: where the text is broken, its events mislead.
    return rejected(fmt::format("{}:{}: not valid YAML: {}", file_name, exception.mark.line + 1,
                                exception.msg));
  }
  if (collector.has_failed()) return rejected(collector.error());
  return std::move(collector.entries());
}

}  // namespace posefleet
