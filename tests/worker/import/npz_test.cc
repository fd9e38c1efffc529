#include "worker/import/npz.h"

#include <cstring>

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"
#include "tests/worker/import/zip_builder.h"

namespace posefleet {
namespace {

using tests::TempDir;

template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string npy(const std::string& header, const std::string& data, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  if (version == 1) {
    tests::append_number(bytes, static_cast<std::uint16_t>(header.size()));
  } else {
    tests::append_number(bytes, static_cast<std::uint32_t>(header.size()));
  }
  return bytes + header + data;
}

std::string header(const std::string& dtype, const std::string& order, const std::string& shape) {
  return "{'descr': '" + dtype + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

TEST(Npy, ReadsEachTypeOrderAndVersion) {
  const struct {
    const char* name;
    std::string bytes;
    Shape shape;
    std::vector<double> expected;
  } cases[] = {
      {"float32",
       npy(header("<f4", "False", "(2, 1)"), bytes_of<float>({1.5f, -2})),
       {2, 1},
       {1.5, -2}},
      {"float64 v2",
       npy(header("<f8", "False", "(2,)"), bytes_of<double>({1e300, 0.1}), 2),
       {2},
       {1e300, 0.1}},
      {"int64 v3", npy(header("<i8", "False", "(1,)"), bytes_of<std::int64_t>({-7}), 3), {1}, {-7}},
      {"int32", npy(header("<i4", "False", "()"), bytes_of<std::int32_t>({9})), {}, {9}},
      {"uint8", npy(header("|u1", "False", "(3,)"), "\1\2\xff"), {3}, {1, 2, 255}},
      {"uint32", npy(header("<u4", "False", "(1,)"), "\xff\xff\xff\xff"), {1}, {4294967295.0}},
      {"bool", npy(header("|b1", "False", "(2,)"), std::string("\1\0", 2)), {2}, {1, 0}},
      {"Fortran", npy(header("|u1", "True", "(2, 3)"), "\1\4\2\5\3\6"), {2, 3}, {1, 2, 3, 4, 5, 6}},
      {"Fortran, three",
       npy(header("|u1", "True", "(2, 2, 2)"), "\1\5\3\7\2\6\4\x8"),
       {2, 2, 2},
       {1, 2, 3, 4, 5, 6, 7, 8}},
      {"empty", npy(header("<f4", "False", "(3, 0)"), ""), {3, 0}, {}},
      {"Python 2 shape", npy(header("|u1", "False", "(2L, 1L)"), "\1\2"), {2, 1}, {1, 2}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto array = parse_npy(c.bytes);
    ASSERT_TRUE(array) << array.error().message;
    EXPECT_EQ(array->shape, c.shape);
    EXPECT_EQ(array->to_doubles(), c.expected);
  }
}

TEST(Npy, RefusesWhatItCannotRead) {
  const struct {
    const char* name;
    std::string bytes;
    const char* expected;
  } cases[] = {
      {"empty", "", "no .npy array"},
      {"magic", "NUMPY.......", "no .npy array"},
      {"version", npy(header("<f4", "False", "()"), "1234", 4), ".npy version 4"},
      {"header cut", npy(header("<f4", "False", "()"), "").substr(0, 30), "header is cut"},
      {"no shape", npy("{'descr': '<f4', 'fortran_order': False}", "1234"), "damaged"},
      {"unknown key", npy("{'descr': '<f4', 'code': 1}", "1234"), "damaged"},
      {"negative size", npy(header("<f4", "False", "(-1,)"), "1234"), "damaged"},
      {"huge size", npy(header("<f4", "False", "(99999999999999999999,)"), "1234"), "damaged"},
      {"product overflows", npy(header("<f4", "False", "(4294967296, 4294967296)"), "1234"),
       "in 4 bytes"},
      {"too few bytes", npy(header("<f4", "False", "(2,)"), "1234"), "in 4 bytes"},
      {"too many bytes", npy(header("<f4", "False", "(1,)"), "12345"), "in 5 bytes"},
      {"big-endian", npy(header(">f4", "False", "(1,)"), "1234"), "type '>f4'"},
      {"objects", npy(header("|O", "False", "(1,)"), "1234"), "type '|O'"},
      {"text", npy(header("<U4", "False", "(1,)"), "1234"), "type '<U4'"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto array = parse_npy(c.bytes);
    ASSERT_FALSE(array);
    EXPECT_NE(array.error().message.find(c.expected), std::string::npos) << array.error().message;
  }
}

TEST(Npy, GivesNumbersOnlyAsTheTypeTheyHave) {
  const auto array = parse_npy(npy(header("<f4", "False", "(1,)"), bytes_of<float>({1.5f})));
  ASSERT_TRUE(array);
  EXPECT_EQ(array->as<float>().value()[0], 1.5f);
  EXPECT_FALSE(array->as<double>());
  EXPECT_FALSE(array->to_integers());
}

TEST(Npz, ReadsItsArraysByName) {
  const std::string one = npy(header("<f4", "False", "(1,)"), bytes_of<float>({1}));
  const TempDir folder;
  tests::write_file(folder / "a.npz",
                    tests::zip_of({{"x.npy", one}, {"y.npy", one, true}, {"readme", "no array"}}));
  const auto arrays = read_npz(folder / "a.npz");
  ASSERT_TRUE(arrays) << arrays.error().message;
  EXPECT_EQ(arrays->size(), 2u);
  EXPECT_EQ(arrays->at("y").to_doubles(), std::vector<double>{1});
}

TEST(Npz, NamesTheFileAndTheDamagedEntry) {
  const TempDir folder;
  tests::write_file(folder / "a.npz", tests::zip_of({{"x.npy", "no array"}}));
  const auto arrays = read_npz(folder / "a.npz");
  ASSERT_FALSE(arrays);
  EXPECT_NE(arrays.error().message.find("a.npz: entry 'x.npy'"), std::string::npos)
      << arrays.error().message;
}

}  // namespace
}  // namespace posefleet
