#include "common/body/joints.h"
#include "tests/fuzz/corpus.h"
#include "tests/worker/import/checkpoint_builder.h"

namespace posefleet::fuzz {
namespace {

using namespace std::string_literals;
using tests::array_of_bytes;
using tests::array_of_numbers;
using tests::dict_of;
using tests::object_of;
using tests::pickled;
using tests::Piece;
using tests::raw_bytes;
using tests::tensor;
using tests::tuple_of;

std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

std::string chumpy(const std::string& array) {
  return object_of("chumpy.ch", "Ch", dict_of({{"x", array}}));
}

std::string select(const std::string& array, const std::string& indices, const std::string& shape) {
  return object_of("chumpy.reordering", "Select",
                   dict_of({{"a", array}, {"idxs", indices}, {"preferred_shape", shape}}));
}

std::string sparse(const std::string& module, const std::string& shape,
                   const std::vector<double>& data, const std::vector<std::int32_t>& rows,
                   const std::vector<std::int32_t>& starts) {
  const auto size = [](const auto& values) { return static_cast<std::int64_t>(values.size()); };
  return object_of(module, "csc_matrix",
                   dict_of({{"_shape", shape},
                            {"data", array_of_numbers("f8", {size(data)}, data)},
                            {"indices", array_of_numbers("i4", {size(rows)}, rows)},
                            {"indptr", array_of_numbers("i4", {size(starts)}, starts)}}));
}

// The dictionary {'a': [1, 2.5, True, None], 'b': b'\x01'} as each protocol writes it.
std::vector<Seed> protocols() {
  return {
      {"pickle", "protocol-0", "(dp0\nVa\np1\n(lp2\nI1\naF2.5\naI01\naNasVb\np3\nS'\\x01'\np4\ns."},
      {"pickle", "protocol-1",
       "}q\0(X\1\0\0\0aq\1]q\2(K\1G@\4\0\0\0\0\0\0I01\nNeX\1\0\0\0bU\1\1u."s},
      {"pickle", "protocol-2",
       "\x80\2}q\0(X\1\0\0\0aq\1]q\2(K\1G@\4\0\0\0\0\0\0\x88NeX\1\0\0\0bc_codecs\nencode\n"
       "X\1\0\0\0\1X\6\0\0\0latin1\x86Ru."s},
      {"pickle", "protocol-3",
       "\x80\3}q\0(X\1\0\0\0aq\1]q\2(K\1G@\4\0\0\0\0\0\0\x88NeX\1\0\0\0bC\1\1u."s},
      {"pickle", "protocol-4",
       "\x80\4\x95\x23\0\0\0\0\0\0\0}\x94(\x8c\1a\x94]\x94(K\1G@\4\0\0\0\0\0\0\x88Ne\x8c\1bC\1\1u."s},
      {"pickle", "protocol-4-objects",
       "\x80\4\x8c\7pathlib\x94\x8c\15PurePosixPath\x94\x93\x94\x8c\1/\x85R}\x92\x8f(K\1K\2\x90"
       "(K\1K\2\x91\x86."s},
  };
}

void add_plain_pickles(std::vector<Seed>& corpus) {
  for (const Seed& seed : protocols()) corpus.push_back(seed);
  const std::string plain = array_of_numbers<double>("f8", {2, 3}, {1, 2, 3, 4, 5, 6});
  const std::string indices = array_of_numbers<std::int64_t>("i8", {2}, {5, 0});
  const std::pair<const char*, std::string> values[] = {
      {"array", plain},
      {"array-fortran", array_of_numbers<double>("f8", {2, 3}, {1, 4, 2, 5, 3, 6}, true)},
      {"chumpy", chumpy(plain)},
      {"chumpy-select", select(chumpy(plain), indices, tuple_of({1, 2}))},
      {"sparse", sparse("scipy.sparse.csc", tuple_of({2, 3}), {7, 3, 5}, {0, 1, 1}, {0, 1, 3, 3})},
      {"sparse-new-path", sparse("scipy.sparse._csc", tuple_of({1, 1}), {2}, {0}, {0, 1})},
      {"text-array",
       "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n"
       "(I2\ntcnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n"
       "S'\\x00\\x00\\x80?\\x00\\x00\\x00@'\ntb"},
      {"inst-and-obj", "(K\1ios\nstat\n(cos\nstat\nK\1o\x86"},
  };
  for (const auto& [name, value] : values) corpus.push_back({"pickle", name, value + "."});
}

void add_hostile_pickles(std::vector<Seed>& corpus) {
  const std::string long_text = pickled(std::string(300, 'x'));
  const std::pair<const char*, std::string> values[] = {
      {"hostile-deep-tuples", "N" + std::string(2000, '\x85')},
      {"hostile-deep-marks", std::string(1100, '(')},
      {"hostile-doubling", "N" + repeated("2\x86", 60)},
      {"hostile-list-of-itself", "]q\0h\0a"s},
      {"hostile-object-of-itself", "cchumpy.ch\nCh\n)\x81q\5}U\1xh\5sb"},
      {"hostile-text-length", "\x8d\xff\xff\xff\xff\xff\xff\xff\x7f"s},
      {"hostile-integer-length", "\x8b\xff\xff\xff\xff"},
      {"hostile-memo", "\x80\2h\7j\xff\xff\xff\xffg99999999999999999999\n"},
      {"hostile-encode-again",
       "c_codecs\nencode\nq\0"s + long_text + "\x85q\1" + repeated("h\0h\1R0"s, 200) + "N"},
      {"hostile-class-name", long_text + long_text + "\x93)\x81}b"},
      {"hostile-shape", array_of_bytes("f8", tuple_of({1LL << 62, 16, 0}), "")},
      {"hostile-negative-shape", array_of_bytes("f8", tuple_of({-1, -1}), "12345678")},
      {"hostile-fortran", array_of_bytes("u1", tuple_of({0, 1LL << 40, 7}), "", true)},
      {"hostile-sparse-size",
       sparse("scipy.sparse.csc", tuple_of({1LL << 25, 1}), {2}, {0}, {0, 1})},
      {"hostile-sparse-starts",
       sparse("scipy.sparse.csc", tuple_of({2, 2}), {2, 3}, {0, 1}, {0, -5, 2})},
      {"hostile-select-of-selects",
       array_of_bytes("u1", tuple_of({4}), std::string(4, '\0')) + "q\0" +
           repeated("0cchumpy.reordering\nSelect\n)\x81}(" + pickled("a"s) + "h\0" +
                        pickled("idxs"s) + "h\0" + pickled("preferred_shape"s) + tuple_of({4}) +
                        "ubq\0",
                    8)},
  };
  for (const auto& [name, value] : values) corpus.push_back({"pickle", name, value + "."});
  corpus.push_back({"pickle", "hostile-cut", "\x80\2}(U\1a"});
}

void add_checkpoint_pickles(std::vector<Seed>& corpus) {
  const std::string parameter = "ctorch._utils\n_rebuild_parameter\n" +
                                tuple_of({tensor({}), "\x88", "ccollections\nOrderedDict\n)R"}) +
                                "R";
  const std::pair<const char*, std::vector<std::pair<std::string, std::string>>> files[] = {
      {"float", {{"x", tensor({})}}},
      {"transposed", {{"x", tensor({.shape = tuple_of({3, 2}), .strides = tuple_of({1, 3})})}}},
      {"half", {{"x", tensor({.storage_type = "HalfStorage", .count = 32})}}},
      {"bfloat16", {{"x", tensor({.storage_type = "BFloat16Storage", .count = 32})}}},
      {"double-and-long",
       {{"a", tensor({.storage_type = "DoubleStorage", .count = 8})},
        {"b", tensor({.storage_type = "LongStorage", .count = 8})}}},
      {"bool-and-scalar",
       {{"a", tensor({.storage_type = "BoolStorage", .count = 64})},
        {"b", tensor({.count = 16, .offset = 15, .shape = ")", .strides = ")"})}}},
      {"shared", {{"a", tensor({})}, {"b", parameter}, {"c", tensor({.key = "1"})}}},
      {"hostile-outside", {{"x", tensor({.offset = 12})}}},
      {"hostile-strides", {{"x", tensor({.strides = tuple_of({1LL << 47, 1})})}}},
      {"hostile-negative-stride", {{"x", tensor({.strides = tuple_of({-3, 1})})}}},
      // The pickle's count allows it, the storage's bytes do not.
      {"hostile-stretched",
       {{"x", tensor({.count = 1LL << 40,
                      .shape = tuple_of({1LL << 20, 1LL << 19}),
                      .strides = tuple_of({0, 0})})}}},
      {"hostile-empty-far-away",
       {{"x", tensor({.count = 1LL << 40,
                      .offset = 1LL << 39,
                      .shape = tuple_of({0}),
                      .strides = tuple_of({1})})}}},
      {"hostile-no-storage", {{"x", tensor({.key = "7"})}}},
      {"hostile-dimensions",
       {{"x", tensor({.shape = tuple_of(std::vector<std::string>(17, "K\1")),
                      .strides = tuple_of(std::vector<std::string>(17, "K\1"))})}}},
  };
  for (const auto& [name, tensors] : files) {
    corpus.push_back(
        {"checkpoint_pickle", name, dict_of({{"state_dict", dict_of(tensors)}}) + "."});
  }
  // What else a training run leaves in the file.
  corpus.push_back(
      {"checkpoint_pickle", "lightning",
       dict_of({{"epoch", "K\x23"},
                {"hyper_parameters",
                 dict_of({{"cfg", object_of("omegaconf.dictconfig", "DictConfig",
                                            dict_of({{"_content", dict_of({})},
                                                     {"_metadata", "ctyping\nAny\n"}}))}})},
                {"state_dict", "ccollections\nOrderedDict\n)R(" + pickled("x"s) + tensor({}) +
                                   "u}" + pickled("_metadata"s) + "}sb"}}) +
           "."});
}

// A body of two vertices.
void add_bodies(std::vector<Seed>& corpus) {
  const std::vector<float> zeros(2 * 3 * 207);
  std::vector<std::int64_t> tree(48);
  for (std::size_t j = 0; j < 24; ++j) tree[j] = j == 0 ? 4294967295 : kJointParents[j];
  const auto floats = [](std::initializer_list<std::int64_t> shape, std::size_t count,
                         float value) {
    return array_of_numbers<float>("f4", shape, std::vector<float>(count, value));
  };
  std::vector<std::pair<std::string, std::string>> parts = {
      {"v_template", floats({2, 3}, 6, 1)},
      {"shapedirs", floats({2, 3, 10}, 60, 0.5f)},
      {"posedirs", array_of_numbers<float>("f4", {2, 3, 207}, zeros)},
      {"J_regressor", floats({24, 2}, 48, 0.5f)},
      {"weights", floats({2, 24}, 48, 1.0f / 24)},
      {"kintree_table", array_of_numbers<std::int64_t>("i8", {2, 24}, tree)},
      {"f", array_of_numbers<std::uint32_t>("u4", {1, 3}, {0, 1, 0})}};
  corpus.push_back({"smpl_file", "plain", dict_of(parts) + "."});
  parts[0].second = chumpy(parts[0].second);
  parts[1].second = chumpy(floats({2, 3, 12}, 72, 0.5f));
  parts[3].second = sparse("scipy.sparse.csc", tuple_of({24, 2}), {0.25, 1}, {3, 7}, {0, 1, 2});
  parts[4].second =
      select(floats({48}, 48, 1.0f / 24),
             array_of_bytes("u1", tuple_of({48}), std::string(48, '\3')), tuple_of({2, 24}));
  corpus.push_back({"smpl_file", "chumpy", dict_of(parts) + "."});
  parts[6].second = array_of_numbers<std::uint32_t>("u4", {1, 3}, {0, 1, 2});
  corpus.push_back({"smpl_file", "hostile-face", dict_of(parts) + "."});
  corpus.push_back({"smpl_file", "regressor", floats({19, 2}, 38, 0.5f) + "."});
}

}  // namespace

void add_pickles(std::vector<Seed>& corpus) {
  add_plain_pickles(corpus);
  add_hostile_pickles(corpus);
  add_checkpoint_pickles(corpus);
  add_bodies(corpus);
}

}  // namespace posefleet::fuzz
