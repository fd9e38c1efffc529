#include <map>

#include "tests/fuzz/corpus.h"
#include "tests/worker/import/pickle_builder.h"
#include "tests/worker/import/zip_builder.h"

namespace posefleet::fuzz {
namespace {

using namespace std::string_literals;
using tests::append_number;
using tests::raw_bytes;
using tests::zip_of;
using tests::ZipItem;

constexpr const char* kDirectoryMark = "PK\1\2";

// `value` over the bytes at `at`.
template <typename T>
std::string with(std::string bytes, std::size_t at, T value) {
  return bytes.replace(at, sizeof(T), reinterpret_cast<const char*>(&value), sizeof(T));
}

std::string npy(const std::string& header, const std::string& data, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  if (version == 1) {
    append_number(bytes, static_cast<std::uint16_t>(header.size()));
  } else {
    append_number(bytes, static_cast<std::uint32_t>(header.size()));
  }
  return bytes + header + data;
}

std::string header(const std::string& dtype, const std::string& order, const std::string& shape) {
  return "{'descr': '" + dtype + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

void add_npz(std::vector<Seed>& corpus) {
  const std::string floats = npy(header("<f4", "False", "(2,)"), raw_bytes<float>({1, 2}));
  const std::string zeros = npy(header("|u1", "False", "(4000,)"), std::string(4000, '\0'));
  corpus.push_back({"npz", "npy-float", floats});
  corpus.push_back(
      {"npz", "npy-fortran-v2", npy(header("|u1", "True", "(2, 3)"), "\1\4\2\5\3\6", 2)});
  corpus.push_back({"npz", "npy-scalar-v3", npy(header("<i8", "False", "()"), "12345678", 3)});
  corpus.push_back(
      {"npz", "npy-hostile-shape", npy(header("<f8", "False", "(9223372036854775807, 9, 0)"), "")});
  corpus.push_back({"npz", "npy-hostile-type", npy(header("|O", "False", "(1,)"), "12345678")});
  corpus.push_back(
      {"npz", "stored", zip_of({{"pose.npy", floats}, {"cam.npy", floats}, {"x", "1"}})});
  const std::string packed = zip_of({{"pose.npy", zeros, true}, {"shape.npy", floats, true}});
  corpus.push_back({"npz", "deflated", packed});
  corpus.push_back({"npz", "large-fields", zip_of({{"pose.npy", floats}}, true)});
  // An entry that says it unpacks to a gigabyte.
  corpus.push_back(
      {"npz", "hostile-size", with(packed, packed.find(kDirectoryMark) + 24, 0x3fffffffu)});
  corpus.push_back(
      {"npz", "hostile-packed-size", with(packed, packed.find(kDirectoryMark) + 20, 0x7fffffffu)});
  // Both entries claim the first one's bytes.
  const std::size_t second = packed.find(kDirectoryMark, packed.find(kDirectoryMark) + 4);
  corpus.push_back({"npz", "hostile-overlap", with(packed, second + 42, 0u)});
  corpus.push_back({"npz", "hostile-place", with(packed, second + 42, 0xfffffff0u)});
  const std::size_t end = packed.rfind("PK\5\6");
  corpus.push_back({"npz", "hostile-directory", with(packed, end + 16, 0xffffff00u)});
  corpus.push_back({"npz", "hostile-count", with(packed, end + 10, std::uint16_t{0xffff})});
  corpus.push_back({"npz", "hostile-empty-directory", packed.substr(end)});
}

std::string checkpoint_of(const std::string& pickle, bool is_large) {
  return zip_of({{"archive/data.pkl", pickle},
                 {"archive/byteorder", "little"},
                 {"archive/data/0", raw_bytes<float>({1, 2, 3, 4, 5, 6})},
                 {"archive/version", "3\n"}},
                is_large);
}

void add_checkpoints(std::vector<Seed>& corpus) {
  using tests::pickled;
  using tests::tuple_of;
  const std::string storage = tuple_of({pickled("storage"s), "ctorch\nFloatStorage\n"s,
                                        pickled("0"s), pickled("cpu"s), pickled(6)}) +
                              "Q";
  const std::string tensor =
      "ctorch._utils\n_rebuild_tensor_v2\n" +
      tuple_of({storage, pickled(0), tuple_of({2, 3}), tuple_of({3, 1}), "\x89", "}"}) + "R";
  const std::string pickle =
      tests::dict_of({{"state_dict", tests::dict_of({{"x", tensor}})}}) + ".";
  const std::string good = checkpoint_of(pickle, false);
  corpus.push_back({"checkpoint", "good", good});
  corpus.push_back({"checkpoint", "large-fields", checkpoint_of(pickle, true)});
  corpus.push_back(
      {"checkpoint", "big-endian", zip_of({{"a/data.pkl", pickle}, {"a/byteorder", "big"}})});
  corpus.push_back({"checkpoint", "no-pickle", zip_of({{"archive/version", "3\n"}})});
  corpus.push_back({"checkpoint", "old-form", "\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19."});
  corpus.push_back({"checkpoint", "hostile-cut", good.substr(0, good.size() / 2)});
  corpus.push_back({"checkpoint", "hostile-crc", with(good, good.find(kDirectoryMark) + 16, 0u)});
}

std::string safetensors(const std::string& head, const std::string& data) {
  std::string bytes;
  append_number(bytes, static_cast<std::uint64_t>(head.size()));
  return bytes + head + data;
}

void add_safetensors(std::vector<Seed>& corpus) {
  const std::string data(16, '\x3f');
  const std::map<std::string, std::string> heads = {
      {"two",
       R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
       R"("b":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}    )"},
      {"empty-tensor", R"({"a":{"dtype":"F16","shape":[0,3],"data_offsets":[0,0]},)"
                       R"("b":{"dtype":"U8","shape":[4,4],"data_offsets":[0,16]}})"},
      {"hostile-overlap", R"({"a":{"dtype":"U8","shape":[16],"data_offsets":[0,16]},)"
                          R"("b":{"dtype":"U8","shape":[8],"data_offsets":[8,16]}})"},
      {"hostile-shape",
       R"({"a":{"dtype":"F64","shape":[4294967296,4294967296,2],"data_offsets":[0,16]}})"},
      {"hostile-offsets",
       R"({"a":{"dtype":"U8","shape":[16],"data_offsets":[18446744073709551615,15]}})"},
      {"hostile-nesting", "{\"a\":{\"shape\":" + std::string(2000, '[')},
      {"hostile-twice", R"({"a":{"dtype":"U8","dtype":"U8"},"a":{}})"},
  };
  for (const auto& [name, head] : heads) {
    corpus.push_back({"safetensors", "head-" + name, head});
    corpus.push_back({"safetensors", "file-" + name, safetensors(head, data)});
  }
  corpus.push_back({"safetensors", "hostile-head-size", "\xff\xff\xff\xff\xff\xff\xff\x7f{}"s});
}

void add_detectors(std::vector<Seed>& corpus) {
  const ZipItem constants{"d/constants.pkl", "none"};
  const ZipItem code{"d/code/__torch__.py", "x"};
  const std::string config = R"({"stride": 32.0, "imgsz": [640, 640], "names": ["person"]})";
  corpus.push_back(
      {"detector", "archive", zip_of({constants, code, {"d/extra/config.txt", config}})});
  corpus.push_back({"detector", "archive-silent", zip_of({constants, code})});
  corpus.push_back({"detector", "archive-weights", zip_of({{"d/data.pkl", "N."}})});
}

void add_parameter_sets(std::vector<Seed>& corpus) {
  const std::string four = "\0\0\0\1"s;
  corpus.push_back({"parameter_sets", "x264",
                    four + "\x67\x64\0\x1f\xac\xd9"s + four + "\x68\xeb\xe3\xcb" + "\0\0\1"s +
                        "\x06\5\xff some settings" + four + "\x65\x88"});
  corpus.push_back({"parameter_sets", "no-unit", "\0\0\1\0\0\1\0\0\0"s});
  corpus.push_back({"parameter_sets", "no-start", "\x67\x68"});
}

}  // namespace

void add_files(std::vector<Seed>& corpus) {
  add_npz(corpus);
  add_checkpoints(corpus);
  add_safetensors(corpus);
  add_detectors(corpus);
  add_parameter_sets(corpus);
}

}  // namespace posefleet::fuzz
