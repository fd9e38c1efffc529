#include "worker/import/pickled_arrays.h"

#include <gtest/gtest.h>

#include "tests/worker/import/pickle_builder.h"

namespace posefleet {
namespace {

using tests::array_of_bytes;
using tests::array_of_numbers;
using tests::dict_of;
using tests::object_of;
using tests::pickled;
using tests::tuple_of;

Result<NdArray> read(const std::string& value) {
  const std::string bytes = value + ".";
  const auto document = PickleDocument::parse(bytes);
  if (!document) return document.error();
  return array_of(*document, document->root());
}

std::string sparse(const std::string& module, const std::string& shape,
                   const std::vector<double>& data, const std::vector<std::int32_t>& rows,
                   const std::vector<std::int32_t>& starts) {
  return object_of(
      module, "csc_matrix",
      dict_of({{"_shape", shape},
               {"data", array_of_numbers("f8", {static_cast<std::int64_t>(data.size())}, data)},
               {"indices", array_of_numbers("i4", {static_cast<std::int64_t>(rows.size())}, rows)},
               {"indptr",
                array_of_numbers("i4", {static_cast<std::int64_t>(starts.size())}, starts)}}));
}

const std::string kPlain = array_of_numbers<double>("f8", {2, 3}, {1, 2, 3, 4, 5, 6});

TEST(PickledArrays, ReadsEveryFormOfAnArray) {
  const std::string indices = array_of_numbers<std::int64_t>("i8", {2}, {5, 0});
  const struct {
    const char* name;
    std::string value;
    Shape shape;
    std::vector<double> expected;
  } cases[] = {
      {"plain", kPlain, {2, 3}, {1, 2, 3, 4, 5, 6}},
      {"Fortran order",
       array_of_numbers<double>("f8", {2, 3}, {1, 4, 2, 5, 3, 6}, true),
       {2, 3},
       {1, 2, 3, 4, 5, 6}},
      {"unsigned", array_of_numbers<std::uint32_t>("u4", {1}, {4294967295}), {1}, {4294967295.0}},
      {"chumpy",
       object_of("chumpy.ch", "Ch", dict_of({{"x", kPlain}})),
       {2, 3},
       {1, 2, 3, 4, 5, 6}},
      {"chumpy in chumpy",
       object_of("chumpy.ch", "Ch",
                 dict_of({{"x", object_of("chumpy.ch", "Ch", dict_of({{"x", kPlain}}))}})),
       {2, 3},
       {1, 2, 3, 4, 5, 6}},
      {"select",
       object_of("chumpy.reordering", "Select",
                 dict_of({{"a", object_of("chumpy.ch", "Ch", dict_of({{"x", kPlain}}))},
                          {"idxs", indices},
                          {"preferred_shape", tuple_of({1, 2})}})),
       {1, 2},
       {6, 1}},
      // Columns: (7, 0), (0, 8), (): element (0, 1) comes in two parts.
      {"sparse",
       sparse("scipy.sparse.csc", tuple_of({2, 3}), {7, 3, 5}, {0, 1, 1}, {0, 1, 3, 3}),
       {2, 3},
       {7, 0, 0, 0, 8, 0}},
      {"sparse, newer path",
       sparse("scipy.sparse._csc", tuple_of({1, 1}), {2}, {0}, {0, 1}),
       {1, 1},
       {2}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto array = read(c.value);
    ASSERT_TRUE(array) << array.error().message;
    EXPECT_EQ(array->shape, c.shape);
    EXPECT_EQ(array->to_doubles(), c.expected);
  }
}

TEST(PickledArrays, SaysWhatItFoundInstead) {
  const std::string shape = tuple_of({2, 3});
  const struct {
    const char* name;
    std::string value;
    const char* expected;
  } cases[] = {
      {"number", "K\x01", "expected an array, found an integer"},
      {"other class", object_of("os", "system", "}"), "found an object of class os.system"},
      {"no state", "cnumpy.core.multiarray\n_reconstruct\n" + tuple_of({"cnumpy\nndarray\n"}) + "R",
       "without its numbers"},
      {"bytes missing", array_of_bytes("f8", shape, "12345678"), "in 8 bytes"},
      {"impossible shape", array_of_bytes("f8", tuple_of({-1}), ""), "impossible sizes"},
      {"overflowing shape", array_of_bytes("f8", tuple_of({1LL << 62, 16}), ""), "in 0 bytes"},
      {"big-endian", array_of_bytes("f8", tuple_of({1}), "12345678", false, ">"), "type '>f8'"},
      {"objects", array_of_bytes("O8", tuple_of({1}), "12345678"), "type 'O8'"},
      {"chumpy without x", object_of("chumpy.ch", "Ch", "}"), "chumpy.ch.Ch without 'x'"},
      {"chumpy of itself", "cchumpy.ch\nCh\n)\x81q\x05}U\x01xh\x05sb", "nested too deeply"},
      {"select outside",
       object_of("chumpy.reordering", "Select",
                 dict_of({{"a", kPlain},
                          {"idxs", array_of_numbers<std::int64_t>("i8", {1}, {6})},
                          {"preferred_shape", tuple_of({1})}})),
       "selects element 6 of 6"},
      {"select of another shape",
       object_of("chumpy.reordering", "Select",
                 dict_of({{"a", kPlain},
                          {"idxs", array_of_numbers<std::int64_t>("i8", {1}, {0})},
                          {"preferred_shape", tuple_of({1LL << 40})}})),
       "in 8 bytes"},
      {"huge sparse", sparse("scipy.sparse.csc", tuple_of({1LL << 40, 1}), {2}, {0}, {0, 1}),
       "sparse matrix of shape"},
      {"large sparse", sparse("scipy.sparse.csc", tuple_of({(1LL << 22) + 1, 1}), {2}, {0}, {0, 1}),
       "sparse matrix of shape"},
      {"row outside", sparse("scipy.sparse.csc", tuple_of({2, 1}), {2}, {2}, {0, 1}), "row 2 of 2"},
      {"columns overlap", sparse("scipy.sparse.csc", tuple_of({2, 2}), {2, 3}, {0, 1}, {0, 2, 1}),
       "columns overlap"},
      {"too many entries", sparse("scipy.sparse.csc", tuple_of({2, 1}), {2}, {0}, {0, 2}),
       "do not fit together"},
      {"no columns", sparse("scipy.sparse.csc", tuple_of({2, 1}), {2}, {0}, {0}),
       "do not fit together"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto array = read(c.value);
    ASSERT_FALSE(array);
    EXPECT_NE(array.error().message.find(c.expected), std::string::npos) << array.error().message;
  }
}

// Each level takes its indices from the level below, which doubles the work: 2^30 arrays if one
// read them all.
TEST(PickledArrays, RefusesIndicesOfIndicesOfIndices) {
  std::string value = array_of_bytes("u1", tuple_of({4}), std::string(4, '\0')) + "q" + '\0';
  for (int level = 0; level < 30; ++level) {
    value += "0cchumpy.reordering\nSelect\n)\x81}(" + pickled(std::string("a")) + "h" + '\0' +
             pickled(std::string("idxs")) + "h" + '\0' + pickled(std::string("preferred_shape")) +
             tuple_of({4}) + "ubq" + '\0';
  }
  const auto array = read(value);
  ASSERT_FALSE(array);
  EXPECT_NE(array.error().message.find("nested too deeply"), std::string::npos)
      << array.error().message;
}

}  // namespace
}  // namespace posefleet
