// Pieces of pickles (protocol 2) for tests: each function gives the opcodes that push one value.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace posefleet::tests {

template <typename T>
std::string raw_bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline std::string pickled(std::int64_t value) {
  return std::string("\x8a\x08") + raw_bytes<std::int64_t>({value});
}

inline std::string pickled(const std::string& bytes) {
  return "T" + raw_bytes<std::uint32_t>({static_cast<std::uint32_t>(bytes.size())}) + bytes;
}

inline std::string tuple_of(const std::vector<std::string>& items) {
  std::string text = "(";
  for (const std::string& item : items) text += item;
  return text + "t";
}

inline std::string tuple_of(std::initializer_list<std::int64_t> items) {
  std::vector<std::string> values;
  for (const std::int64_t item : items) values.push_back(pickled(item));
  return tuple_of(values);
}

inline std::string dict_of(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string text = "}(";
  for (const auto& [key, value] : items) text += pickled(key) + value;
  return text + "u";
}

// module and class, arguments, state
inline std::string object_of(const std::string& module, const std::string& name,
                             const std::string& state) {
  return "c" + module + "\n" + name + "\n)\x81" + state + "b";
}

inline std::string array_of_bytes(const std::string& dtype, const std::string& shape,
                                  const std::string& data, bool is_fortran_order = false,
                                  const std::string& order = "<") {
  const std::string type = "cnumpy\ndtype\n" + tuple_of({pickled(dtype), pickled(0), pickled(1)}) +
                           "R" + tuple_of({pickled(3), pickled(order), "N", "N", "N"}) + "b";
  return "cnumpy.core.multiarray\n_reconstruct\n" +
         tuple_of({"cnumpy\nndarray\n", tuple_of({0}), pickled(std::string("b"))}) + "R" +
         tuple_of({pickled(1), shape, type, is_fortran_order ? "\x88" : "\x89", pickled(data)}) +
         "b";
}

template <typename T>
std::string array_of_numbers(const std::string& dtype, std::initializer_list<std::int64_t> shape,
                             const std::vector<T>& values, bool is_fortran_order = false) {
  return array_of_bytes(dtype, tuple_of(shape), raw_bytes(values), is_fortran_order);
}

}  // namespace posefleet::tests
