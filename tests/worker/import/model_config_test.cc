#include "worker/import/model_config.h"

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"

namespace posefleet {
namespace {

TEST(ModelConfig, ReadsTheFixture) {
  const auto folder = tests::require_folder(POSEFLEET_SHARED_DIR "/fixtures/hmr2_tiny");
  const auto config = read_model_config(folder / "model_config.yaml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->network, (NetworkSizes{.backbone_width = 64,
                                           .backbone_depth = 3,
                                           .backbone_heads = 4,
                                           .backbone_mlp = 256,
                                           .decoder_width = 96,
                                           .decoder_depth = 2,
                                           .decoder_heads = 4,
                                           .decoder_head_width = 16,
                                           .decoder_mlp = 128}));
  ASSERT_TRUE(config->vertex_ids);
  EXPECT_EQ(config->vertex_ids->front(), 48);
  EXPECT_EQ(config->vertex_ids->at(5), 93);  // LBigToe
  EXPECT_EQ(config->vertex_ids->back(), 193);
}

// The keys that the released file has, some that it may have, and much that nobody reads.
TEST(ModelConfig, HasTheReleasedModelsValuesWhereKeysAreAbsent) {
  const auto config = parse_model_config(R"(
task_name: ${oc.env:TASK}
MODEL:
  IMAGE_SIZE: 256
  BACKBONE: {TYPE: vit, FREEZE: true, NUM_LAYERS: 50, OUT_CHANNELS: 2048}
  SMPL_HEAD:
    TYPE: transformer_decoder
    TRANSFORMER_DECODER: {depth: 6, heads: 8, mlp_dim: 1024, dim_head: 64, norm: layer, context_dim: 1280}
SMPL: {MODEL_PATH: data/smpl}
EXTRA: {PELVIS_IND: 39, FOCAL_LENGTH: 5000}
)",
                                         "c.yaml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->network, NetworkSizes{});
  EXPECT_EQ(config->focal_length, 5000);
  EXPECT_FALSE(config->vertex_ids);
}

TEST(ModelConfig, ReadsAnEmptyMap) {
  const auto config = parse_model_config("{}", "c.yaml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->network, NetworkSizes{});
}

// A few megabytes of YAML become gigabytes of tree.
TEST(ModelConfig, RefusesAFileOfImpossibleSize) {
  const tests::TempDir folder;
  tests::write_file(folder / "large.yaml", "{" + std::string(300'000, ',') + "}");
  const auto config = read_model_config(folder / "large.yaml");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message.find("has 300002 bytes; at most 262144 are read"),
            std::string::npos)
      << config.error().message;
}

TEST(ModelConfig, RefusesAnotherNetworkAndWrongValues) {
  const struct {
    const char* text;
    const char* expected;
  } cases[] = {
      {"", "no map of keys"},
      {"[1]", "no map of keys"},
      {"a: [", "c.yaml:"},
      {"MODEL:\n  BACKBONE:\n    TYPE: resnet",
       "c.yaml:3: MODEL.BACKBONE.TYPE is 'resnet'; supported: vit"},
      {"MODEL: {IMAGE_SIZE: 224}", "MODEL.IMAGE_SIZE is '224'; supported: 256"},
      {"MODEL: {BBOX_SHAPE: [256, 256]}", "MODEL.BBOX_SHAPE is a list or a map"},
      {"MODEL: {SMPL_HEAD: {IEF_ITERS: 3}}", "IEF_ITERS is '3'; supported: 1"},
      {"MODEL: {SMPL_HEAD: {JOINT_REP: aa}}", "JOINT_REP is 'aa'"},
      {"MODEL: {SMPL_HEAD: {TRANSFORMER_INPUT: mean_shape}}", "TRANSFORMER_INPUT is 'mean_shape'"},
      {"MODEL: {SMPL_HEAD: {TRANSFORMER_DECODER: {norm: batch}}}", "norm is 'batch'"},
      {"MODEL: {SMPL_HEAD: {TRANSFORMER_DECODER: {context_dim: 99}}}",
       "context_dim is '99'; supported: 1280"},
      {"MODEL: {SMPL_HEAD: {TRANSFORMER_DECODER: {depth: many}}}",
       "depth is 'many'; supported: whole numbers from 1 to 1024"},
      {"MODEL: {SMPL_HEAD: {TRANSFORMER_DECODER: {heads: 0}}}", "heads is '0'"},
      {"MODEL: {BACKBONE: {NUM_HEADS: 7}}", "divisors of the width 1280"},
      {"MODEL: {BACKBONE: {MLP_RATIO: .nan}}", "MLP_RATIO is '.nan'"},
      {"MODEL: {IMAGE_MEAN: [0.5, 0.5]}", "IMAGE_MEAN is a list or a map; supported: a list of 3"},
      {"MODEL: {IMAGE_STD: [0.5, 0.5, 0]}", "IMAGE_STD is '0'"},
      {"EXTRA:\n  FOCAL_LENGTH: ${x}", "c.yaml:2: EXTRA.FOCAL_LENGTH is '${x}'"},
      {"EXTRA: {FOCAL_LENGTH: -5}", "FOCAL_LENGTH is '-5'; supported: numbers from 1"},
      {"SMPL: {NUM_BODY_JOINTS: 21}", "NUM_BODY_JOINTS is '21'; supported: 23"},
      {"SMPL: {VERTEX_IDS: {nose: 1}}", "SMPL.VERTEX_IDS.reye"},
      {"SMPL: {VERTEX_IDS: {nose: -1}}", "SMPL.VERTEX_IDS.nose is '-1'"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto config = parse_model_config(c.text, "c.yaml");
    ASSERT_FALSE(config);
    EXPECT_NE(config.error().message.find(c.expected), std::string::npos) << config.error().message;
  }
}

}  // namespace
}  // namespace posefleet
