#include <array>
#include <bit>
#include <charconv>

#include "worker/import/pickle_text.h"
#include "worker/import/unpickler.h"

namespace posefleet {

// What each opcode does, one row each (Python's Lib/pickletools.py describes them).
struct OpcodeTable {
  using Row = Status (*)(Unpickler&);

  static std::uint64_t as_index(std::string_view digits) {
    std::uint64_t value = 0;
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return end == digits.data() + digits.size() ? value : ~std::uint64_t{0};
  }

  static void numbers(std::array<Row, 256>& rows) {
    using U = Unpickler;
    rows['N'] = [](U& u) { return u.push({.kind = PickleKind::None}); };
    rows[0x88] = [](U& u) { return u.push({.kind = PickleKind::Bool, .integer = 1}); };
    rows[0x89] = [](U& u) { return u.push({.kind = PickleKind::Bool}); };
    rows['I'] = rows['L'] = [](U& u) -> Status {
      POSEFLEET_TRY(const auto line, u.take_line());
      return u.push_decimal(line);
    };
    rows['J'] = [](U& u) -> Status {
      POSEFLEET_TRY(const auto bytes, u.take(4));
      return u.push_integer(bytes);
    };
    rows['K'] = [](U& u) -> Status {
      POSEFLEET_TRY(const auto value, u.take_number<std::uint8_t>());
      return u.push({.kind = PickleKind::Int, .integer = value});
    };
    rows['M'] = [](U& u) -> Status {
      POSEFLEET_TRY(const auto value, u.take_number<std::uint16_t>());
      return u.push({.kind = PickleKind::Int, .integer = value});
    };
    rows[0x8a] = [](U& u) -> Status {
      POSEFLEET_TRY(const auto bytes, u.take_sized<std::uint8_t>());
      return u.push_integer(bytes);
    };
    rows[0x8b] = [](U& u) -> Status {
      POSEFLEET_TRY(const auto bytes, u.take_sized<std::uint32_t>());
      return u.push_integer(bytes);
    };
    rows['F'] = [](U& u) { return u.push_float_line(); };
    rows['G'] = [](U& u) -> Status {  // the one big-endian field of the format
      POSEFLEET_TRY(const auto bits, u.take_number<std::uint64_t>());
      const double value = std::bit_cast<double>(__builtin_bswap64(bits));
      return u.push({.kind = PickleKind::Float, .number = value});
    };
  }

  template <PickleKind kKind, typename Size>
  static Status sized_text(Unpickler& u) {
    POSEFLEET_TRY(const auto text, u.take_sized<Size>());
    return u.push_text(kKind, text);
  }

  static void texts(std::array<Row, 256>& rows) {
    using U = Unpickler;
    rows['S'] = [](U& u) -> Status {
      POSEFLEET_TRY(const auto line, u.take_line());
      return u.push_own_text(PickleKind::Bytes, unescape_quoted(line));
    };
    rows['V'] = [](U& u) -> Status {
      POSEFLEET_TRY(const auto line, u.take_line());
      return u.push_own_text(PickleKind::Text, unescape_unicode(line));
    };
    rows['T'] = rows['B'] = sized_text<PickleKind::Bytes, std::uint32_t>;
    rows['U'] = rows['C'] = sized_text<PickleKind::Bytes, std::uint8_t>;
    rows[0x8e] = rows[0x96] = sized_text<PickleKind::Bytes, std::uint64_t>;
    rows['X'] = sized_text<PickleKind::Text, std::uint32_t>;
    rows[0x8c] = sized_text<PickleKind::Text, std::uint8_t>;
    rows[0x8d] = sized_text<PickleKind::Text, std::uint64_t>;
  }

  static void collections(std::array<Row, 256>& rows) {
    using U = Unpickler;
    rows[')'] = [](U& u) { return u.push_tuple(0); };
    rows[0x85] = [](U& u) { return u.push_tuple(1); };
    rows[0x86] = [](U& u) { return u.push_tuple(2); };
    rows[0x87] = [](U& u) { return u.push_tuple(3); };
    rows['t'] = [](U& u) { return u.push_collection(PickleKind::Tuple, true); };
    rows[']'] = [](U& u) { return u.push_collection(PickleKind::List, false); };
    rows['l'] = [](U& u) { return u.push_collection(PickleKind::List, true); };
    rows['}'] = [](U& u) { return u.push_collection(PickleKind::Dict, false); };
    rows['d'] = [](U& u) { return u.push_collection(PickleKind::Dict, true); };
    rows[0x8f] = [](U& u) { return u.push_collection(PickleKind::Set, false); };
    rows[0x91] = [](U& u) { return u.push_collection(PickleKind::Set, true); };
    rows['a'] = [](U& u) { return u.append(false); };
    rows['e'] = rows[0x90] = [](U& u) { return u.append(true); };
    rows['s'] = [](U& u) { return u.set_items(false); };
    rows['u'] = [](U& u) { return u.set_items(true); };
  }

  static void objects(std::array<Row, 256>& rows) {
    using U = Unpickler;
    rows['c'] = [](U& u) -> Status {
      POSEFLEET_TRY(const auto module, u.take_line());
      POSEFLEET_TRY(const auto name, u.take_line());
      return u.push_global(module, name);
    };
    rows[0x93] = [](U& u) { return u.push_global_from_stack(); };
    rows['R'] = rows[0x81] = [](U& u) { return u.push_call(false); };
    rows[0x92] = [](U& u) { return u.push_call(true); };
    rows['i'] = [](U& u) { return u.push_inst(); };
    rows['o'] = [](U& u) { return u.push_obj(); };
    rows['b'] = [](U& u) { return u.build(); };
    rows['Q'] = [](U& u) { return u.push_persistent(); };
    rows['P'] = [](U& u) -> Status {
      POSEFLEET_TRY(const auto line, u.take_line());
      POSEFLEET_TRY_DO(u.push_text(PickleKind::Text, line));
      return u.push_persistent();
    };
  }

  template <typename Size>
  static Status put_at(Unpickler& u) {
    POSEFLEET_TRY(const Size index, u.take_number<Size>());
    return u.put(index);
  }

  template <typename Size>
  static Status get_at(Unpickler& u) {
    POSEFLEET_TRY(const Size index, u.take_number<Size>());
    return u.get(index);
  }

  static void stack_and_memo(std::array<Row, 256>& rows) {
    using U = Unpickler;
    rows['('] = [](U& u) { return u.push_mark(); };
    rows['0'] = [](U& u) { return u.pop_one(); };
    rows['1'] = [](U& u) -> Status {
      POSEFLEET_TRY_DO(u.pop_to_mark());
      return done();
    };
    rows['2'] = [](U& u) { return u.duplicate(); };
    rows['p'] = [](U& u) -> Status {
      POSEFLEET_TRY(const auto line, u.take_line());
      return u.put(as_index(line));
    };
    rows['g'] = [](U& u) -> Status {
      POSEFLEET_TRY(const auto line, u.take_line());
      return u.get(as_index(line));
    };
    rows['q'] = put_at<std::uint8_t>;
    rows['r'] = put_at<std::uint32_t>;
    rows['h'] = get_at<std::uint8_t>;
    rows['j'] = get_at<std::uint32_t>;
    rows[0x94] = [](U& u) { return u.put(u.memo_.size()); };
    rows[0x80] = [](U& u) { return u.check_protocol(); };
    rows[0x95] = [](U& u) -> Status {  // FRAME: how much to read ahead; all is read already
      POSEFLEET_TRY_DO(u.take(8));
      return done();
    };
  }

  static std::array<Row, 256> make() {
    std::array<Row, 256> rows{};
    numbers(rows);
    texts(rows);
    collections(rows);
    objects(rows);
    stack_and_memo(rows);
    return rows;
  }
};

Status Unpickler::step(unsigned char opcode) {
  static const std::array<OpcodeTable::Row, 256> rows = OpcodeTable::make();
  if (rows[opcode] == nullptr) {
    return rejected("unknown opcode; this is no pickle, or it is damaged");
  }
  return rows[opcode](*this);
}

}  // namespace posefleet
