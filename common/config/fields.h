// The keys of a program's configuration: each is declared once, in one row.
//
//   struct WorkerConfig { std::string connect; int batch_size; std::chrono::milliseconds lease; };
//
//   Fields<WorkerConfig> fields;
//   fields.text("connect", &WorkerConfig::connect).help("where the coordinator listens");
//   fields.integer("batch_size", &WorkerConfig::batch_size).unit("crops").fallback(16)
//       .range(1, 256).help("crops that go through the network at once");
//   fields.seconds("zmq.lease", &WorkerConfig::lease).fallback(10s).range(100ms, 10min)
//       .help("how long ...").live();
//
// Reading a file, --help, --print-config and the table in configs/README.md all come from that row
// (loader.h), so none of them can say something else. A dot in a name is a section of the file. A
// row without a fallback is a key that must be given.
//
// Values. The member's type is the type in the program; what the file may hold is checked by the
// row, so a struct that came out of the loader is sound. A mistake in a row (a name twice, a
// fallback out of range) is a bug and stops the program when the table is first used.
#pragma once

#include <charconv>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/check.h"

namespace posefleet {

enum class FieldKind { Text, Path, Integer, Real, Boolean, Seconds, Choice, TextList };

// A value on its way between file and struct. Durations are seconds, choices their words.
using FieldValue = std::variant<std::string, std::int64_t, double, bool, std::vector<std::string>>;

struct FieldRow {
  std::string name;  // "batch_size", "zmq.listen"
  FieldKind kind = FieldKind::Text;
  std::string unit;  // "pixels", "MiB"; empty: none. Durations have "s"
  std::string help;  // one line
  bool needs_restart = true;
  std::optional<FieldValue> fallback;
  // Inclusive; integers and reals (durations are reals).
  std::int64_t integer_min = 0, integer_max = 0;
  double real_min = 0, real_max = 0;
  std::vector<std::string> words;  // what a choice may be

  std::function<void(void* config, const FieldValue&)> set;
  std::function<FieldValue(const void* config)> get;
};

// Rows stay where they are, since the builders below point to them.
using FieldTable = std::deque<FieldRow>;

// What is said about a row, in any order: f.integer(...).unit(...).fallback(...).help(...).
// `Value` is the member's type.
template <typename Value>
class FieldBuilder final {
 public:
  FieldBuilder(FieldRow& row, std::function<FieldValue(const Value&)> convert)
      : row_(row), convert_(std::move(convert)) {}

  FieldBuilder& unit(std::string unit) {
    row_.unit = std::move(unit);
    return *this;
  }
  FieldBuilder& help(std::string help) {
    row_.help = std::move(help);
    return *this;
  }
  FieldBuilder& fallback(const Value& value) {
    row_.fallback = convert_(value);
    return *this;
  }
  // Both ends are allowed.
  FieldBuilder& range(const Value& low, const Value& high) {
    const FieldValue from = convert_(low), to = convert_(high);
    if (const auto* whole = std::get_if<std::int64_t>(&from)) {
      row_.integer_min = *whole;
      row_.integer_max = std::get<std::int64_t>(to);
    } else {
      POSEFLEET_CHECK(std::holds_alternative<double>(from));  // words and lists have no range
      row_.real_min = std::get<double>(from);
      row_.real_max = std::get<double>(to);
    }
    return *this;
  }
  // A change takes effect while the program runs.
  FieldBuilder& live() {
    row_.needs_restart = false;
    return *this;
  }

 private:
  FieldRow& row_;
  std::function<FieldValue(const Value&)> convert_;
};

// The rows of one program. Built once at start, then read only; may be shared by threads.
template <typename Config>
class Fields final {
 public:
  const FieldTable& table() const { return table_; }

  FieldBuilder<std::string> text(std::string name, std::string Config::*member) {
    return add<std::string>(std::move(name), FieldKind::Text, member, same<std::string>,
                            [](const FieldValue& v) { return std::get<std::string>(v); });
  }

  FieldBuilder<std::filesystem::path> path(std::string name,
                                           std::filesystem::path Config::*member) {
    using Path = std::filesystem::path;
    return add<Path>(
        std::move(name), FieldKind::Path, member,
        [](const Path& v) -> FieldValue { return v.string(); },
        [](const FieldValue& v) { return Path(std::get<std::string>(v)); });
  }

  // Unless narrowed, the range is the type's, up to 2^63 - 1.
  template <std::integral Int>
  FieldBuilder<Int> integer(std::string name, Int Config::*member) {
    const auto to_value = [](const Int& v) -> FieldValue {
      POSEFLEET_CHECK(std::in_range<std::int64_t>(v));
      return static_cast<std::int64_t>(v);
    };
    auto builder =
        add<Int>(std::move(name), FieldKind::Integer, member, to_value,
                 [](const FieldValue& v) { return static_cast<Int>(std::get<std::int64_t>(v)); });
    FieldRow& row = table_.back();
    row.integer_min = static_cast<std::int64_t>(std::numeric_limits<Int>::min());
    row.integer_max = std::in_range<std::int64_t>(std::numeric_limits<Int>::max())
                          ? static_cast<std::int64_t>(std::numeric_limits<Int>::max())
                          : std::numeric_limits<std::int64_t>::max();
    return builder;
  }

  template <std::floating_point Real>
  FieldBuilder<Real> real(std::string name, Real Config::*member) {
    auto builder = add<Real>(
        std::move(name), FieldKind::Real, member,
        [](const Real& v) -> FieldValue { return as_written(v); },
        [](const FieldValue& v) { return static_cast<Real>(std::get<double>(v)); });
    table_.back().real_min = as_written(std::numeric_limits<Real>::lowest());
    table_.back().real_max = as_written(std::numeric_limits<Real>::max());
    return builder;
  }

  FieldBuilder<bool> boolean(std::string name, bool Config::*member) {
    return add<bool>(std::move(name), FieldKind::Boolean, member, same<bool>,
                     [](const FieldValue& v) { return std::get<bool>(v); });
  }

  // The file says seconds ("0.25"); the member may be finer, and gets the nearest tick. Unless
  // narrowed, the range is 0 to a year.
  template <typename Rep, typename Period>
  FieldBuilder<std::chrono::duration<Rep, Period>> seconds(
      std::string name, std::chrono::duration<Rep, Period> Config::*member) {
    using Duration = std::chrono::duration<Rep, Period>;
    using Seconds = std::chrono::duration<double>;
    auto builder = add<Duration>(
        std::move(name), FieldKind::Seconds, member,
        [](const Duration& v) -> FieldValue { return Seconds(v).count(); },
        [](const FieldValue& v) {
          const double ticks = std::get<double>(v) * Period::den / Period::num;
          return Duration(static_cast<Rep>(std::round(ticks)));
        });
    table_.back().unit = "s";
    table_.back().real_max = 365.0 * 24 * 3600;
    return builder;
  }

  // Words of the file for the values of an enumeration.
  template <typename Enum>
  FieldBuilder<Enum> choice(std::string name, Enum Config::*member,
                            std::vector<std::pair<std::string, Enum>> words) {
    auto builder = add<Enum>(
        std::move(name), FieldKind::Choice, member,
        [words](const Enum& v) -> FieldValue {
          for (const auto& [word, value] : words) {
            if (value == v) return word;
          }
          return std::string();  // in no row's words: stopped when the table is checked
        },
        [words](const FieldValue& v) {
          for (const auto& [word, value] : words) {
            if (word == std::get<std::string>(v)) return value;
          }
          POSEFLEET_CHECK(false);  // the loader lets only the words through
        });
    for (const auto& [word, value] : words) table_.back().words.push_back(word);
    return builder;
  }

  FieldBuilder<std::vector<std::string>> texts(std::string name,
                                               std::vector<std::string> Config::*member) {
    using Texts = std::vector<std::string>;
    return add<Texts>(std::move(name), FieldKind::TextList, member, same<Texts>,
                      [](const FieldValue& v) { return std::get<Texts>(v); });
  }

 private:
  template <typename Value>
  static FieldValue same(const Value& value) {
    return value;
  }

  // The double that prints as the float does: 0.1, not 0.10000000149.
  template <typename Real>
  static double as_written(Real value) {
    char text[64];
    const char* end = std::to_chars(text, text + sizeof text, value).ptr;
    double out = 0;
    std::from_chars(text, end, out);
    return out;
  }

  template <typename Value, typename ToFieldValue, typename FromFieldValue>
  FieldBuilder<Value> add(std::string name, FieldKind kind, Value Config::*member,
                          ToFieldValue to_value, FromFieldValue from_value) {
    FieldRow& row = table_.emplace_back();
    row.name = std::move(name);
    row.kind = kind;
    row.set = [member, from_value](void* config, const FieldValue& value) {
      static_cast<Config*>(config)->*member = from_value(value);
    };
    row.get = [member, to_value](const void* config) {
      return to_value(static_cast<const Config*>(config)->*member);
    };
    return FieldBuilder<Value>(row, to_value);
  }

  FieldTable table_;
};

}  // namespace posefleet
