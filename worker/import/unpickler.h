// The stack machine of pickle.h: its stack, its memo and what it does to them. Which opcode does
// what is in opcode_table.cc. Only pickle.cc uses it.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "worker/import/pickle.h"

namespace posefleet {

// Used once: construct, run. The bytes must outlive the document.
class Unpickler final {
 public:
  explicit Unpickler(std::string_view bytes) : input_(bytes), rest_(bytes) {}
  Unpickler(const Unpickler&) = delete;
  Unpickler& operator=(const Unpickler&) = delete;

  Result<PickleDocument> run();

 private:
  friend struct OpcodeTable;

  Status step(unsigned char opcode);

  // Input: each takes what it returns off the front.
  Result<std::string_view> take(std::uint64_t size);
  Result<std::string_view> take_line();
  template <typename T>
  Result<T> take_number();  // little-endian
  template <typename T>
  Result<std::string_view> take_sized();  // a T that says how many bytes follow, and those

  // Stack. Nothing below the last mark can be popped.
  Status push(PickleNode node);
  Status push_id(NodeId id);
  Result<NodeId> pop();
  Result<NodeId> top() const;
  Status push_mark();
  Result<std::vector<NodeId>> pop_to_mark();

  // The opcodes that do more than push a value.
  Status push_text(PickleKind kind, std::string_view text);
  Status push_own_text(PickleKind kind, std::optional<std::string> text);
  Status push_integer(std::string_view little_endian);
  Status push_decimal(std::string_view digits);
  Status push_float_line();
  Status push_tuple(std::size_t size);
  Status push_collection(PickleKind kind, bool from_mark);
  Status push_global(std::string_view module, std::string_view name);
  Status push_global_from_stack();
  Status push_inst();
  Status push_obj();
  Status push_call(bool has_keywords);
  Status push_persistent();
  Status pop_one();
  Status duplicate();
  Status build();
  Status append(bool from_mark);
  Status set_items(bool from_mark);
  Status put(std::uint64_t index);
  Status get(std::uint64_t index);
  Status check_protocol();

  PickleNode& node(NodeId id) { return document_.nodes_[id]; }

  std::string_view input_;
  std::string_view rest_;
  PickleDocument document_;
  std::vector<NodeId> stack_;
  std::vector<std::size_t> marks_;  // stack sizes at which a mark was set
  std::unordered_map<std::uint64_t, NodeId> memo_;
  std::uint64_t own_text_size_ = 0;  // of document_.texts_, in bytes
};

template <typename T>
Result<T> Unpickler::take_number() {
  POSEFLEET_TRY(const std::string_view bytes, take(sizeof(T)));
  T value{};
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

template <typename T>
Result<std::string_view> Unpickler::take_sized() {
  POSEFLEET_TRY(const T size, take_number<T>());
  return take(size);
}

}  // namespace posefleet
