#include "common/accuracy/json_pieces.h"

#include <optional>
#include <vector>

#include <fmt/format.h>

namespace posefleet {
namespace {

using Json = nlohmann::json;

// A message quotes no more of a file than this.
constexpr std::size_t kMessageMax = 300;

// Receives what the library reads, in order; the answer false stops it.
class PieceBuilder final : public nlohmann::json_sax<Json> {
 public:
  PieceBuilder(const std::string& name, const JsonPieces& pieces,
               const std::function<Status(const Json&)>& on_element)
      : name_(name), pieces_(pieces), on_element_(on_element) {}

  Result<Json> result() {
    if (error_) return *error_;
    return std::move(root_);
  }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return fail(name_ + ": binary data"); }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& value) override {
    if (open_.back()->contains(value)) {
      return fail(name_ + ": the key '" + value.substr(0, kMessageMax) + "' is there twice");
    }
    if (open_.size() == 1) is_in_list_ = value == pieces_.list;
    key_ = std::move(value);
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const Json::exception& error) override {
    // Says line and column.
    return fail(name_ + ": " + error.what());
  }

 private:
  bool fail(std::string message) {
    if (message.size() > kMessageMax) message = message.substr(0, kMessageMax) + "...";
    error_ = rejected(std::move(message));
    return false;
  }

  // The root is open, and the list in it.
  bool is_between_elements() const { return is_in_list_ && open_.size() == 2; }

  // Where a new value goes; nothing when there are too many.
  Json* place(Json value) {
    if (++values_ > pieces_.values_max) {
      fail(fmt::format("{}: more than {} values in element {} of {}, or before it", name_,
                       pieces_.values_max, elements_, pieces_.list));
      return nullptr;
    }
    if (open_.empty()) return &(root_ = std::move(value));
    Json& parent = *open_.back();
    if (parent.is_object()) return &(parent[key_] = std::move(value));
    parent.push_back(std::move(value));
    return &parent.back();
  }

  bool add(Json value) { return place(std::move(value)) != nullptr && hand_over(); }

  bool open(Json container) {
    if (open_.size() >= pieces_.nesting_max) {
      return fail(fmt::format("{}: brackets nest more than {} deep", name_, pieces_.nesting_max));
    }
    // A value stays where it is while it is open: only the innermost grows.
    Json* const placed = place(std::move(container));
    if (placed == nullptr) return false;
    open_.push_back(placed);
    return true;
  }

  bool close() {
    open_.pop_back();
    return hand_over();
  }

  // After a value is whole: an element of the list is taken out of it.
  bool hand_over() {
    if (!is_between_elements() || !open_.back()->is_array()) return true;
    const Status taken = on_element_(open_.back()->back());
    open_.back()->clear();
    values_ = 0;
    ++elements_;
    if (!taken) error_ = taken.error();
    return taken.has_value();
  }

  const std::string& name_;
  const JsonPieces& pieces_;
  const std::function<Status(const Json&)>& on_element_;
  Json root_;
  std::vector<Json*> open_;  // from the root to the innermost
  std::string key_;          // of the next value
  std::optional<Error> error_;
  std::size_t values_ = 0;  // since the last element
  std::size_t elements_ = 0;
  bool is_in_list_ = false;
};

}  // namespace

Result<Json> parse_in_pieces(const std::string& text, const std::string& name,
                             const JsonPieces& pieces,
                             const std::function<Status(const Json&)>& on_element) {
  PieceBuilder builder(name, pieces, on_element);
  Json::sax_parse(text, &builder);
  return builder.result();
}

}  // namespace posefleet
