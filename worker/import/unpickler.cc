#include "worker/import/unpickler.h"

#include <charconv>

#include <fmt/format.h>

#include "worker/import/pickle_text.h"

namespace posefleet {
namespace {

// The released checkpoint takes some 50,000 opcodes, a training checkpoint with its optimizer three
// times that. An opcode makes at most one node of about 100 bytes and one entry of the memo, so
// this also bounds the memory, to about 300 MB.
constexpr std::size_t kOpcodesMax = 2'000'000;
// Python itself does not read a pickle nested more deeply than about a thousand levels.
constexpr std::size_t kMarkDepthMax = 1000;
// Unescaping at most doubles a text, and a text that is converted to bytes is kept in both forms. A
// file that makes more of its texts converts one of them over and over, to fill the memory.
constexpr std::uint64_t kOwnTextRatioMax = 4;
// Module and class; real ones have some 50 bytes. They are put together whenever somebody asks.
constexpr std::size_t kGlobalLengthMax = 1000;

}  // namespace

Result<PickleDocument> Unpickler::run() {
  for (std::size_t count = 0; count < kOpcodesMax; ++count) {
    const std::size_t at = input_.size() - rest_.size();
    if (rest_.empty()) return rejected("the pickle was cut: it has no end");
    const auto opcode = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    if (opcode == '.') {
      auto root = pop();
      if (!root) return in_context(fmt::format("pickle byte {}", at), root.error());
      document_.root_ = *root;
      return std::move(document_);
    }
    if (const Status status = step(opcode); !status) {
      return in_context(fmt::format("pickle byte {}, opcode 0x{:02x}", at, opcode), status.error());
    }
  }
  return rejected(fmt::format("the pickle has more than {} opcodes", kOpcodesMax));
}

Result<std::string_view> Unpickler::take(std::uint64_t size) {
  if (size > rest_.size()) {
    return rejected(
        fmt::format("{} bytes are announced, {} are left; the file was cut or is "
                    "damaged",
                    size, rest_.size()));
  }
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

Result<std::string_view> Unpickler::take_line() {
  const std::size_t end = rest_.find('\n');
  if (end == std::string_view::npos) return rejected("a line without an end; the file was cut");
  std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return line;
}

Status Unpickler::push(PickleNode made) {
  document_.nodes_.push_back(std::move(made));
  return push_id(static_cast<NodeId>(document_.nodes_.size() - 1));
}

Status Unpickler::push_id(NodeId id) {
  stack_.push_back(id);
  return done();
}

Result<NodeId> Unpickler::top() const {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) {
    return rejected("it takes from an empty stack; this is no pickle or it is damaged");
  }
  return stack_.back();
}

Result<NodeId> Unpickler::pop() {
  auto id = top();
  if (id) stack_.pop_back();
  return id;
}

Status Unpickler::push_mark() {
  if (marks_.size() >= kMarkDepthMax) {
    return rejected(fmt::format("more than {} nested marks", kMarkDepthMax));
  }
  marks_.push_back(stack_.size());
  return done();
}

Result<std::vector<NodeId>> Unpickler::pop_to_mark() {
  if (marks_.empty()) return rejected("there is no mark; this is no pickle or it is damaged");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<NodeId> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

Status Unpickler::push_text(PickleKind kind, std::string_view text) {
  return push({.kind = kind, .text = text});
}

Status Unpickler::push_own_text(PickleKind kind, std::optional<std::string> text) {
  if (!text) return rejected("a text with a malformed escape");
  own_text_size_ += text->size();
  if (own_text_size_ > kOwnTextRatioMax * input_.size()) {
    return rejected("its texts take more memory than they have bytes; the file is forged");
  }
  document_.texts_.push_back(std::move(*text));
  return push_text(kind, document_.texts_.back());
}

// Two's complement of any length; none of our numbers needs more than 64 bits.
Status Unpickler::push_integer(std::string_view bytes) {
  if (bytes.size() > 8) return push({.kind = PickleKind::BigInt});
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  const bool is_negative = !bytes.empty() && (bytes.back() & 0x80) != 0;
  if (is_negative && bytes.size() < 8) value |= ~std::uint64_t{0} << (8 * bytes.size());
  return push({.kind = PickleKind::Int, .integer = static_cast<std::int64_t>(value)});
}

Status Unpickler::push_decimal(std::string_view digits) {
  if (digits == "00" || digits == "01") {  // how protocol 0 writes False and True
    return push({.kind = PickleKind::Bool, .integer = digits == "01"});
  }
  if (digits.ends_with('L')) digits.remove_suffix(1);
  std::int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value);
  if (error == std::errc::result_out_of_range) return push({.kind = PickleKind::BigInt});
  if (error != std::errc() || at != end) return rejected("a malformed integer");
  return push({.kind = PickleKind::Int, .integer = value});
}

Status Unpickler::push_float_line() {
  POSEFLEET_TRY(const std::string_view digits, take_line());
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || at != end) return rejected("a malformed number");
  return push({.kind = PickleKind::Float, .number = value});
}

Status Unpickler::push_tuple(std::size_t size) {
  PickleNode tuple{.kind = PickleKind::Tuple};
  tuple.items.resize(size);
  for (std::size_t i = size; i-- > 0;) {
    POSEFLEET_TRY(tuple.items[i], pop());
  }
  return push(std::move(tuple));
}

Status Unpickler::push_collection(PickleKind kind, bool from_mark) {
  PickleNode made{.kind = kind};
  if (from_mark) {
    POSEFLEET_TRY(auto items, pop_to_mark());
    if (kind == PickleKind::Dict && items.size() % 2 != 0) {
      return rejected("a dictionary with a key without a value");
    }
    (kind == PickleKind::Dict ? made.pairs : made.items) = std::move(items);
  }
  return push(std::move(made));
}

Status Unpickler::push_global(std::string_view module, std::string_view name) {
  if (module.size() + name.size() > kGlobalLengthMax) {
    return rejected(fmt::format("a class whose name has {} bytes, the longest allowed has {}",
                                module.size() + name.size(), kGlobalLengthMax));
  }
  return push({.kind = PickleKind::Global, .text = module, .name = name});
}

Status Unpickler::push_global_from_stack() {
  POSEFLEET_TRY(const NodeId name, pop());
  POSEFLEET_TRY(const NodeId module, pop());
  const auto name_text = document_.text(name);
  const auto module_text = document_.text(module);
  if (!name_text || !module_text) return rejected("a class whose name is no text");
  return push_global(*module_text, *name_text);
}

// INST: the class is in the line, its arguments lie above the mark.
Status Unpickler::push_inst() {
  POSEFLEET_TRY(const std::string_view module, take_line());
  POSEFLEET_TRY(const std::string_view name, take_line());
  POSEFLEET_TRY_DO(push_collection(PickleKind::Tuple, true));
  POSEFLEET_TRY(const NodeId arguments, pop());
  POSEFLEET_TRY_DO(push_global(module, name));
  POSEFLEET_TRY_DO(push_id(arguments));
  return push_call(false);
}

// OBJ: the class lies above the mark, then its arguments.
Status Unpickler::push_obj() {
  POSEFLEET_TRY(auto items, pop_to_mark());
  if (items.empty()) return rejected("an object without a class");
  const NodeId callable = items.front();
  items.erase(items.begin());
  POSEFLEET_TRY_DO(push({.kind = PickleKind::Tuple, .items = std::move(items)}));
  POSEFLEET_TRY(const NodeId arguments, pop());
  return push({.kind = PickleKind::Object, .callable = callable, .arguments = arguments});
}

// REDUCE, NEWOBJ and NEWOBJ_EX: a callable and its arguments become an object that says so.
Status Unpickler::push_call(bool has_keywords) {
  if (has_keywords) POSEFLEET_TRY_DO(pop());
  POSEFLEET_TRY(const NodeId arguments, pop());
  POSEFLEET_TRY(const NodeId callable, pop());
  // Python 3 writes bytes as text in protocols that know only text. This is the one call that is
  // carried out, since otherwise every reader of bytes would have to know it.
  if (document_.global_name(callable) == "_codecs.encode") {
    const std::vector<NodeId>& items = node(arguments).items;
    const auto text = items.empty() ? std::nullopt : document_.text(items.front());
    if (text) return push_own_text(PickleKind::Bytes, latin1_bytes(*text));
  }
  return push({.kind = PickleKind::Object, .callable = callable, .arguments = arguments});
}

Status Unpickler::push_persistent() {
  POSEFLEET_TRY(const NodeId id, pop());
  return push({.kind = PickleKind::Persistent, .items = {id}});
}

// POP takes a mark off when nothing lies above it.
Status Unpickler::pop_one() {
  if (!marks_.empty() && marks_.back() == stack_.size()) {
    marks_.pop_back();
    return done();
  }
  POSEFLEET_TRY_DO(pop());
  return done();
}

Status Unpickler::duplicate() {
  POSEFLEET_TRY(const NodeId id, top());
  return push_id(id);
}

// The state of something that is no object of ours, say a dictionary's attributes, has no reader.
Status Unpickler::build() {
  POSEFLEET_TRY(const NodeId state, pop());
  POSEFLEET_TRY(const NodeId target, top());
  if (node(target).kind == PickleKind::Object) node(target).state = state;
  return done();
}

Status Unpickler::append(bool from_mark) {
  std::vector<NodeId> items(1);
  if (from_mark) {
    POSEFLEET_TRY(items, pop_to_mark());
  } else {
    POSEFLEET_TRY(items.front(), pop());
  }
  POSEFLEET_TRY(const NodeId target, top());
  PickleNode& list = node(target);
  if (list.kind != PickleKind::List && list.kind != PickleKind::Set &&
      list.kind != PickleKind::Object) {
    return rejected(fmt::format("it appends to {}", name_of(list.kind)));
  }
  list.items.insert(list.items.end(), items.begin(), items.end());
  return done();
}

Status Unpickler::set_items(bool from_mark) {
  std::vector<NodeId> pairs(2);
  if (from_mark) {
    POSEFLEET_TRY(pairs, pop_to_mark());
    if (pairs.size() % 2 != 0) return rejected("a key without a value");
  } else {
    POSEFLEET_TRY(pairs[1], pop());
    POSEFLEET_TRY(pairs[0], pop());
  }
  POSEFLEET_TRY(const NodeId target, top());
  PickleNode& dict = node(target);
  if (dict.kind != PickleKind::Dict && dict.kind != PickleKind::Object) {
    return rejected(fmt::format("it sets items of {}", name_of(dict.kind)));
  }
  dict.pairs.insert(dict.pairs.end(), pairs.begin(), pairs.end());
  return done();
}

Status Unpickler::put(std::uint64_t index) {
  POSEFLEET_TRY(const NodeId id, top());
  memo_[index] = id;
  return done();
}

Status Unpickler::get(std::uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) return rejected(fmt::format("memo {} was never set", index));
  return push_id(found->second);
}

Status Unpickler::check_protocol() {
  POSEFLEET_TRY(const auto protocol, take_number<std::uint8_t>());
  if (protocol > 5) return rejected(fmt::format("protocol {}, known are 0 to 5", protocol));
  return done();
}

}  // namespace posefleet
