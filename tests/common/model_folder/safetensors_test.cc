#include "common/model_folder/safetensors.h"

#include <cstring>

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"

namespace posefleet {
namespace {

using tests::TempDir;

// A file with this head and so many bytes of data.
std::string file_of(const std::string& head, std::size_t data_size) {
  const std::uint64_t size = head.size();
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof(size));
  return bytes + head + std::string(data_size, '\1');
}

// A head filled with spaces, so that the data starts at a multiple of 8.
std::string padded(std::string head) {
  head.resize((head.size() + 7) / 8 * 8, ' ');
  return head;
}

template <typename T>
TensorView view(DType dtype, Shape shape, const std::vector<T>& values) {
  return {dtype, std::move(shape), std::as_bytes(std::span(values))};
}

TEST(Safetensors, ReadsBackWhatWasWritten) {
  const TempDir folder;
  const std::vector<float> weights(48, 0.5f);
  const std::vector<std::int64_t> ids = {-1, 0, 7};
  const std::vector<std::int32_t> faces = {0, 1, 2};
  const std::vector<float> scalar = {3.0f};
  const std::vector<float> nothing;
  ASSERT_TRUE(write_safetensors(folder / "a",
                                {{"w", view(DType::F32, {3, 16}, weights)},
                                 {"ids", view(DType::I64, {3}, ids)},
                                 {"f", view(DType::I32, {1, 3}, faces)},
                                 {"s", view(DType::F32, {}, scalar)},
                                 {"none", view(DType::F32, {4, 0}, nothing)}},
                                {{"who", "a \"test\""}}));

  const auto file = Safetensors::open(folder / "a");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ((*file)->metadata().at("who"), "a \"test\"");
  EXPECT_EQ((*file)->tensors().size(), 5u);
  const auto w = (*file)->floats("w", {3, 16});
  ASSERT_TRUE(w);
  EXPECT_EQ(std::vector<float>(w->begin(), w->end()), weights);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(w->data()) % 64, 0u);
  EXPECT_EQ((*file)->integers("ids", {3}).value()[0], -1);
  EXPECT_EQ((*file)->small_integers("f", {1, 3}).value()[2], 2);
  EXPECT_EQ((*file)->floats("s", {}).value()[0], 3.0f);
  EXPECT_TRUE((*file)->floats("none", {4, 0}).value().empty());
}

TEST(Safetensors, WritesTheSameBytesForTheSameTensors) {
  const TempDir folder;
  const std::vector<float> values = {1, 2, 3};
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(write_safetensors(folder / name, {{"x", view(DType::F32, {3}, values)}}, {}));
  }
  EXPECT_EQ(tests::read_file(folder / "a"), tests::read_file(folder / "b"));
}

TEST(Safetensors, SaysWhichTensorHasTheWrongShape) {
  const TempDir folder;
  const std::vector<float> values(6);
  ASSERT_TRUE(write_safetensors(folder / "a", {{"x", view(DType::F32, {2, 3}, values)}}, {}));
  const auto file = Safetensors::open(folder / "a");
  ASSERT_TRUE(file);
  const struct {
    const char* name;
    DType dtype;
    Shape shape;
    const char* expected;
  } cases[] = {
      {"x", DType::F32, {3, 2}, "tensor 'x' is F32 (2, 3), expected F32 (3, 2)"},
      {"x", DType::I64, {2, 3}, "tensor 'x' is F32 (2, 3), expected I64 (2, 3)"},
      {"y", DType::F32, {2, 3}, "there is no tensor 'y'; expected F32 (2, 3)"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.expected);
    const auto found = (*file)->get(c.name, c.dtype, c.shape);
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().message.find(c.expected), std::string::npos) << found.error().message;
  }
}

TEST(Safetensors, LeavesNoFileWhenATensorCannotBeHad) {
  const TempDir folder;
  const Status written =
      write_safetensors(folder / "a", {{"x", TensorHead{DType::F32, {1}}}}, {},
                        [](const std::string& name) -> Result<std::span<const std::byte>> {
                          return rejected(name + " is damaged");
                        });
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, "x is damaged");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Safetensors, RefusesHostileFiles) {
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  const std::string huge_length("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
  const struct {
    const char* name;
    std::string bytes;
    const char* expected;
  } cases[] = {
      {"empty", "", "0 bytes are no safetensors file"},
      {"short", "1234", "4 bytes are no safetensors file"},
      {"huge head", huge_length + "{}", "above the limit"},
      {"head behind the end", std::string("\x40\0\0\0\0\0\0\0{}", 10), "it was cut"},
      {"no JSON", file_of("not json", 0), "not valid JSON"},
      {"cut JSON", file_of("{\"a\":{\"dtype\"", 0), "not valid JSON"},
      {"a list", file_of("[]", 0), "the head is a list"},
      {"a number", file_of("1", 0), "the head is 1"},
      {"brackets", file_of(std::string(1 << 20, '['), 0), "the head is a list"},
      {"braces", file_of("{\"a\":{\"dtype\":{\"a\":{}}}}", 0), "an object as value of 'dtype'"},
      {"deep list", file_of("{\"a\":{\"shape\":[[1]]}}", 0), "a list as value of 'shape'"},
      {"many dimensions", file_of("{\"a\":{\"shape\":[1,1,1,1,1,1,1,1,1]}}", 0), "more than 8"},
      {"entry is a number", file_of("{\"a\":1}", 0), "1 where an object is expected"},
      {"unknown key", file_of("{\"a\":{\"size\":1}}", 0), "unknown key 'size'"},
      {"missing key", file_of("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 0),
       "no key 'data_offsets'"},
      {"name twice", file_of(padded("{\"a\":{" + good + "},\"a\":{" + good + "}}"), 8),
       "the name twice"},
      {"key twice", file_of("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 0),
       "key 'dtype' twice"},
      {"negative size", file_of(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8),
       "-2 as value of 'shape'"},
      {"fraction", file_of(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}})", 8),
       "1.5 as value of 'shape'"},
      {"unknown dtype",
       file_of(padded(R"({"a":{"dtype":"F8","shape":[8],"data_offsets":[0,8]}})"), 8),
       "dtype 'F8'"},
      {"behind the end",
       file_of(padded(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}})"), 8),
       "it is damaged or was cut"},
      {"backwards", file_of(padded(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})"), 8),
       "bytes 8 to 0"},
      {"overflowing shape",
       file_of(padded(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],)"
                      R"("data_offsets":[0,0]}})"),
               8),
       "more than a file holds"},
      {"shape and bytes differ",
       file_of(padded(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})"), 8),
       "takes 4 bytes, in 8 bytes"},
      {"overlap", file_of(padded("{\"a\":{" + good + "},\"b\":{" + good + "}}"), 8),
       "'a' and 'b' overlap"},
      {"bytes behind", file_of(padded("{\"a\":{" + good + "}}"), 16), "8 bytes follow"},
      {"bad alignment",
       file_of(padded(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                      R"("b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})"),
               6),
       "no multiple of 4"},
      {"metadata is a list", file_of("{\"__metadata__\":{\"a\":[]}}", 0), "a list as value of 'a'"},
      {"metadata twice", file_of("{\"__metadata__\":{},\"__metadata__\":{}}", 0),
       "__metadata__ twice"},
  };
  const TempDir folder;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    tests::write_file(folder / "bad", c.bytes);
    const auto file = Safetensors::open(folder / "bad");
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().message.find(c.expected), std::string::npos) << file.error().message;
    EXPECT_NE(file.error().message.find("/bad: "), std::string::npos) << file.error().message;
  }
}

TEST(Safetensors, RefusesEveryCutFile) {
  const TempDir folder;
  const std::vector<float> values = {1, 2, 3};
  ASSERT_TRUE(write_safetensors(folder / "a", {{"x", view(DType::F32, {3}, values)}}, {}));
  const std::string bytes = tests::read_file(folder / "a");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    tests::write_file(folder / "cut", bytes.substr(0, size));
    EXPECT_FALSE(Safetensors::open(folder / "cut")) << size;
  }
}

TEST(Safetensors, RefusesWhatIsNoFile) {
  const TempDir folder;
  EXPECT_FALSE(Safetensors::open(folder.path()));
  EXPECT_FALSE(Safetensors::open(folder / "missing"));
}

}  // namespace
}  // namespace posefleet
