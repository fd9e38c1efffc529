#include "worker/import/checkpoint.h"

#include <limits>

#include <gtest/gtest.h>

#include "common/model_folder/network_layout.h"
#include "tests/support/fixtures.h"
#include "tests/worker/import/checkpoint_builder.h"
#include "tests/worker/import/zip_builder.h"

namespace posefleet {
namespace {

using tests::dict_of;
using tests::pickled;
using tests::Piece;
using tests::raw_bytes;
using tests::TempDir;
using tests::tensor;
using tests::tuple_of;
using tests::ZipItem;

std::string state_dict(const std::string& pairs) {
  return dict_of({{"state_dict", pairs}}) + ".";
}

Result<std::unique_ptr<Checkpoint>> open_items(const TempDir& folder,
                                               const std::vector<ZipItem>& items) {
  tests::write_file(folder / "model.ckpt", tests::zip_of(items));
  return Checkpoint::open(folder / "model.ckpt");
}

// One tensor named x over one storage.
Result<std::unique_ptr<Checkpoint>> open_one(const TempDir& folder, const Piece& piece,
                                             const std::string& bytes) {
  return open_items(folder, {{"archive/data.pkl", state_dict(dict_of({{"x", tensor(piece)}}))},
                             {"archive/data/0", bytes}});
}

const std::string kSix = raw_bytes<float>({1, 2, 3, 4, 5, 6});

TEST(Checkpoint, ReadsEveryTensorOfTheFixture) {
  const auto folder = tests::require_folder(POSEFLEET_SHARED_DIR "/fixtures/hmr2_tiny");
  const auto checkpoint = Checkpoint::open(folder / "checkpoint.ckpt");
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  NetworkSizes sizes{.backbone_width = 64,
                     .backbone_depth = 3,
                     .backbone_heads = 4,
                     .backbone_mlp = 256,
                     .decoder_width = 96,
                     .decoder_depth = 2,
                     .decoder_heads = 4,
                     .decoder_head_width = 16,
                     .decoder_mlp = 128};
  for (const auto& [name, shape] : network_layout(sizes)) {
    SCOPED_TRACE(name);
    const CheckpointTensor* found = (*checkpoint)->find(name);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->shape, shape);
  }
  std::size_t numbers = 0;
  for (const auto& [name, found] : (*checkpoint)->tensors()) {
    SCOPED_TRACE(name);
    if (found.dtype == DType::F32) {
      const auto values = (*checkpoint)->floats(name);
      ASSERT_TRUE(values) << values.error().message;
      numbers += values->size();
    } else {
      const auto values = (*checkpoint)->integers(name);
      ASSERT_TRUE(values) << values.error().message;
      numbers += values->size();
    }
  }
  EXPECT_GT(numbers, 500'000u);
  EXPECT_EQ((*checkpoint)->integers("initialized").value(), std::vector<std::int64_t>{0});
  EXPECT_EQ((*checkpoint)->integers("smpl.joint_map").value()[0], 24);
}

TEST(Checkpoint, ConvertsEachNumberType) {
  const struct {
    const char* storage;
    std::string bytes;
    std::vector<float> expected;
  } cases[] = {
      {"FloatStorage", kSix, {1, 2, 3, 4, 5, 6}},
      {"DoubleStorage", raw_bytes<double>({1, 0.1, 3, 4, 5, 6}), {1, 0.1f, 3, 4, 5, 6}},
      // 1, -2, 65504 (the largest), 2^-24 (the smallest), -0, 2^-14
      {"HalfStorage",
       raw_bytes<std::uint16_t>({0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x0400}),
       {1, -2, 65504, 0x1p-24f, -0.0f, 0x1p-14f}},
      {"BFloat16Storage",
       raw_bytes<std::uint16_t>({0x3f80, 0xc000, 0x4049, 0x0000, 0x8000, 0x3f00}),
       {1, -2, 3.140625f, 0, -0.0f, 0.5f}},
  };
  const TempDir folder;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.storage);
    const auto checkpoint = open_one(folder, {.storage_type = c.storage}, c.bytes);
    ASSERT_TRUE(checkpoint) << checkpoint.error().message;
    const auto values = (*checkpoint)->floats("x");
    ASSERT_TRUE(values) << values.error().message;
    EXPECT_EQ(*values, c.expected);
    EXPECT_FALSE((*checkpoint)->integers("x"));
  }
}

TEST(Checkpoint, HonoursOffsetsAndStrides) {
  const struct {
    const char* name;
    Piece piece;
    std::vector<float> expected;
  } cases[] = {
      {"transposed", {.shape = tuple_of({3, 2}), .strides = tuple_of({1, 3})}, {1, 4, 2, 5, 3, 6}},
      {"part", {.offset = 2, .shape = tuple_of({2}), .strides = tuple_of({1})}, {3, 4}},
      {"every second", {.offset = 1, .shape = tuple_of({3}), .strides = tuple_of({2})}, {2, 4, 6}},
      {"scalar", {.offset = 5, .shape = ")", .strides = ")"}, {6}},
      {"empty", {.offset = 6, .shape = tuple_of({0, 4}), .strides = tuple_of({4, 1})}, {}},
      {"stride of one element",
       {.offset = 0, .shape = tuple_of({1, 2}), .strides = tuple_of({9, 1})},
       {1, 2}},
  };
  const TempDir folder;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto checkpoint = open_one(folder, c.piece, kSix);
    ASSERT_TRUE(checkpoint) << checkpoint.error().message;
    const auto values = (*checkpoint)->floats("x");
    ASSERT_TRUE(values) << values.error().message;
    EXPECT_EQ(*values, c.expected);
  }
}

TEST(Checkpoint, ReadsSharedStoragesParametersAndPlainDictionaries) {
  const std::string parameter = "ctorch._utils\n_rebuild_parameter\n" +
                                tuple_of({tensor({}), "\x88", "ccollections\nOrderedDict\n)R"}) +
                                "R";
  const std::string pairs = "ccollections\nOrderedDict\n)R(" + pickled(std::string("a")) +
                            parameter + pickled(std::string("b")) + tensor({}) +
                            pickled(std::string("c")) + "K\x07u}" +
                            pickled(std::string("_metadata")) + "}sb.";
  const TempDir folder;
  const auto checkpoint = open_items(folder, {{"stem/data.pkl", pairs},
                                              {"stem/data/0", kSix},
                                              {"stem/version", "3"},
                                              {"stem/byteorder", "little"}});
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ((*checkpoint)->tensors().size(), 2u);
  EXPECT_EQ((*checkpoint)->floats("a").value(), (*checkpoint)->floats("b").value());
}

TEST(Checkpoint, SaysWhatIsWrongWithATensor) {
  const struct {
    const char* name;
    Piece piece;
    const char* expected;
  } cases[] = {
      {"beyond the storage", {.offset = 1}, "leaves its storage of 6 elements"},
      {"too large", {.shape = tuple_of({3, 3})}, "leaves its storage"},
      {"stretched",
       {.shape = tuple_of({1000, 1000}), .strides = tuple_of({0, 0})},
       "leaves its storage"},
      {"stride overflows",
       {.shape = tuple_of({2, 3}), .strides = tuple_of({1LL << 47, 1})},
       "leaves its storage"},
      {"stride beyond all", {.strides = tuple_of({1LL << 62, 1})}, "impossible"},
      {"negative stride", {.strides = tuple_of({-3, 1})}, "impossible"},
      {"negative offset", {.offset = -1}, "offset is impossible"},
      {"fewer strides", {.strides = tuple_of({1})}, "leaves its storage"},
      {"negative count", {.count = -1}, "no name or no size"},
      {"unknown type", {.storage_type = "QInt8Storage"}, "torch.QInt8Storage"},
  };
  const TempDir folder;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto checkpoint = open_one(folder, c.piece, kSix);
    ASSERT_FALSE(checkpoint);
    EXPECT_NE(checkpoint.error().message.find("tensor 'x'"), std::string::npos);
    EXPECT_NE(checkpoint.error().message.find(c.expected), std::string::npos)
        << checkpoint.error().message;
  }
}

// The pickle says that the storage is larger than the file: where an empty tensor begins in it does
// not matter, and nothing there may be touched.
TEST(Checkpoint, ReadsAnEmptyTensorBehindTheEndOfItsStorage) {
  const TempDir folder;
  const auto checkpoint = open_one(
      folder,
      {.count = 1LL << 40, .offset = 1LL << 39, .shape = tuple_of({0}), .strides = tuple_of({1})},
      kSix);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const auto values = (*checkpoint)->floats("x");
  ASSERT_TRUE(values) << values.error().message;
  EXPECT_TRUE(values->empty());
}

// One long text, referred to by many tensors, must not be copied for each.
TEST(Checkpoint, RefusesNamesOfImpossibleLength) {
  const std::string text(2000, 'x');
  const struct {
    const char* name;
    std::string pickle;
    const char* expected;
  } cases[] = {
      {"tensor", state_dict(dict_of({{text, tensor({})}})), "a name of 2000 bytes"},
      {"storage", state_dict(dict_of({{"x", tensor({.key = text})}})), "impossible ones"},
  };
  const TempDir folder;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto checkpoint = open_items(folder, {{"archive/data.pkl", c.pickle}});
    ASSERT_FALSE(checkpoint);
    EXPECT_NE(checkpoint.error().message.find(c.expected), std::string::npos)
        << checkpoint.error().message.substr(0, 300);
  }
}

TEST(Checkpoint, SaysWhatIsWrongWithAFile) {
  const std::string good = state_dict(dict_of({{"x", tensor({})}}));
  const struct {
    const char* name;
    std::vector<ZipItem> items;
    const char* expected;
  } cases[] = {
      {"no pickle", {{"archive/other", "1"}}, "there is no data.pkl"},
      {"empty pickle", {{"archive/data.pkl", ""}}, "was cut"},
      {"no tensors", {{"archive/data.pkl", state_dict(dict_of({}))}}, "holds no tensors"},
      {"no dictionary", {{"archive/data.pkl", "K\x01."}}, "holds no tensors"},
      {"big-endian", {{"archive/data.pkl", good}, {"archive/byteorder", "big"}}, "big-endian"},
  };
  const TempDir folder;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto checkpoint = open_items(folder, c.items);
    ASSERT_FALSE(checkpoint);
    EXPECT_NE(checkpoint.error().message.find(c.expected), std::string::npos)
        << checkpoint.error().message;
    EXPECT_NE(checkpoint.error().message.find("model.ckpt"), std::string::npos);
  }
  tests::write_file(folder / "old.pt", "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.");
  const auto old = Checkpoint::open(folder / "old.pt");
  ASSERT_FALSE(old);
  EXPECT_NE(old.error().message.find("expected a PyTorch checkpoint in the zip form"),
            std::string::npos);
}

TEST(Checkpoint, SaysWhatIsWrongWithAStorage) {
  const float infinite = std::numeric_limits<float>::infinity();
  const struct {
    const char* name;
    std::vector<ZipItem> storage;
    const char* expected;
  } cases[] = {
      {"missing", {}, "is not in the archive"},
      {"short", {{"archive/data/0", kSix.substr(4)}}, "has 20 bytes, 6 elements of F32 are needed"},
      {"packed", {{"archive/data/0", kSix, true}}, "is deflated"},
      // Strides of zero: one number would do for any shape, so that a few bytes could claim any
      // size.
      {"stretched", {{"archive/data/0", "1234"}}, "has 4 bytes, 6 elements of F32 are needed"},
      {"not finite",
       {{"archive/data/0", raw_bytes<float>({1, 2, 3, infinite, 5, 6})}},
       "not finite"},
  };
  const TempDir folder;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<ZipItem> items = c.storage;
    const Piece piece = {.strides = c.name == std::string("stretched") ? tuple_of({0, 0})
                                                                       : tuple_of({3, 1})};
    items.push_back({"archive/data.pkl", state_dict(dict_of({{"x", tensor(piece)}}))});
    const auto checkpoint = open_items(folder, items);
    ASSERT_TRUE(checkpoint) << checkpoint.error().message;
    const auto values = (*checkpoint)->floats("x");
    ASSERT_FALSE(values);
    EXPECT_NE(values.error().message.find(c.expected), std::string::npos) << values.error().message;
  }
}

}  // namespace
}  // namespace posefleet
