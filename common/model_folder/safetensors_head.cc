#include "common/model_folder/safetensors_head.h"

#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace posefleet {
namespace {

// No tensor of ours has more than 4 dimensions.
constexpr std::size_t kDimensionsMax = 8;

// Called by the JSON parser; returning false ends the parsing. `depth_` counts open braces and
// brackets: 1 inside the head, 2 inside an entry, 3 inside an entry's list.
class HeadReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return fail("null"); }
  bool boolean(bool /*value*/) override { return fail("a boolean"); }
  bool number_integer(number_integer_t value) override { return fail(fmt::format("{}", value)); }
  bool number_float(number_float_t value, const string_t& /*text*/) override {
    return fail(fmt::format("{}", value));
  }
  bool binary(binary_t& /*value*/) override { return fail("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ != 3) return fail(fmt::format("{}", value));
    if (list_->size() >= kDimensionsMax) return fail("a list of more than 8 numbers");
    list_->push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (depth_ != 2) return fail("a string");
    if (in_metadata_) {
      head_.metadata[key_] = value;
      return true;
    }
    if (key_ != "dtype") return fail("a string");
    entry_->dtype = value;
    return true;
  }

  bool start_object(std::size_t /*elements*/) override {
    if (depth_ >= 2) return fail("an object");
    ++depth_;
    return true;
  }

  bool key(string_t& name) override {
    if (depth_ == 1) return start_entry(name);
    if (!seen_keys_.insert(name).second) return refuse("key '" + name + "' twice");
    key_ = name;
    if (in_metadata_ || name == "dtype" || name == "shape" || name == "data_offsets") return true;
    return refuse(fmt::format("unknown key '{}' (known: dtype, shape, data_offsets)", name));
  }

  bool end_object() override {
    if (--depth_ == 1) return end_entry();
    return true;
  }

  bool start_array(std::size_t /*elements*/) override {
    if (depth_ != 2 || in_metadata_ || key_ == "dtype") return fail("a list");
    list_ = key_ == "shape" ? &entry_->shape : &entry_->data_offsets;
    ++depth_;
    return true;
  }

  bool end_array() override {
    --depth_;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::json::exception& /*error*/) override {
    error_ = fmt::format("not valid JSON at byte {} of the head", position);
    return false;
  }

  const std::string& error() const { return error_; }
  SafetensorsHead take_head() { return std::move(head_); }

 private:
  bool start_entry(const std::string& name) {
    entry_name_ = name;
    key_.clear();
    seen_keys_.clear();
    in_metadata_ = name == "__metadata__";
    if (in_metadata_) {
      if (metadata_seen_) return refuse("__metadata__ twice");
      metadata_seen_ = true;
      return true;
    }
    const auto [place, is_new] = head_.entries.try_emplace(name);
    entry_ = &place->second;
    return is_new || refuse("the name twice");
  }

  bool end_entry() {
    if (in_metadata_) return true;
    for (const char* needed : {"dtype", "shape", "data_offsets"}) {
      if (!seen_keys_.contains(needed)) return refuse(fmt::format("no key '{}'", needed));
    }
    if (entry_->data_offsets.size() != 2) return refuse("data_offsets that are not two numbers");
    return true;
  }

  // An unexpected value where the reader stands.
  bool fail(std::string_view found) {
    if (key_.empty()) return refuse(fmt::format("{} where an object is expected", found));
    return refuse(fmt::format("{} as value of '{}'", found, key_));
  }

  bool refuse(std::string_view what) {
    error_ = depth_ == 0 ? fmt::format("the head is {}", what)
                         : fmt::format("entry '{}' has {}", entry_name_, what);
    return false;
  }

  SafetensorsHead head_;
  HeadEntry* entry_ = nullptr;
  std::vector<std::uint64_t>* list_ = nullptr;
  std::string entry_name_;
  std::string key_;
  std::set<std::string> seen_keys_;
  std::string error_;
  int depth_ = 0;
  bool in_metadata_ = false;
  bool metadata_seen_ = false;
};

}  // namespace

Result<SafetensorsHead> parse_safetensors_head(std::string_view json) {
  HeadReader reader;
  try {
    if (!nlohmann::json::sax_parse(json.begin(), json.end(), &reader)) {
      return rejected(reader.error());
    }
  } catch (const std::exception& error) {
    return rejected(fmt::format("the head cannot be read: {}", error.what()));
  }
  return reader.take_head();
}

}  // namespace posefleet
