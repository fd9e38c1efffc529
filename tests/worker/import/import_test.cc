#include "worker/import/import.h"

#include <gtest/gtest.h>

#include "common/body/body_model.h"
#include "common/files/files.h"
#include "common/model_folder/network_layout.h"
#include "tests/support/fixtures.h"
#include "tests/worker/import/zip_builder.h"
#include "worker/import/checkpoint.h"
#include "worker/import/import_body.h"
#include "worker/import/smpl_file.h"
#include "worker/import/zip.h"

namespace posefleet {
namespace {

using tests::TempDir;

std::filesystem::path fixture(const std::string& name) {
  return tests::require_folder(POSEFLEET_SHARED_DIR "/fixtures/hmr2_tiny") / name;
}

ImportSources tiny_sources() {
  return {.checkpoint = fixture("checkpoint.ckpt"),
          .config = fixture("model_config.yaml"),
          .mean_params = fixture("smpl_mean_params.npz"),
          .smpl = fixture("SMPL_NEUTRAL.pkl"),
          .joint_regressor = fixture("SMPL_to_J19.pkl"),
          .name = "tiny"};
}

// Nothing else is left beside the folder.
std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Import, MakesAModelFolderThatOpens) {
  const TempDir folder;
  const auto report = import_model(tiny_sources(), folder / "tiny");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->vertex_count, 263);
  EXPECT_EQ(report->face_count, 522);
  EXPECT_TRUE(report->body_from_checkpoint);
  EXPECT_TRUE(report->notes.empty()) << report->notes.front();
  for (const std::string& name : report->ignored) {
    EXPECT_TRUE(name.starts_with("discriminator.") || name == "initialized") << name;
  }
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"tiny"});

  const auto model = open_model_folder(folder / "tiny", HashCheck::Full);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->manifest.name, "tiny");
  EXPECT_EQ(model->manifest.network.backbone_heads, 4);
  EXPECT_NE(model->manifest.licence.find("non-commercial"), std::string::npos);
  EXPECT_EQ(model->model_hash, report->folder.model_hash);

  const auto weights = Safetensors::open(model->weights_path());
  ASSERT_TRUE(weights) << weights.error().message;
  const auto checkpoint = Checkpoint::open(tiny_sources().checkpoint);
  const auto layout = network_layout(model->manifest.network);
  EXPECT_EQ((*weights)->tensors().size(), layout.size());
  for (const auto& [name, shape] : layout) {
    SCOPED_TRACE(name);
    const auto values = (*weights)->floats(name, shape);
    ASSERT_TRUE(values) << values.error().message;
    EXPECT_EQ(std::vector<float>(values->begin(), values->end()),
              (*checkpoint)->floats(name).value());
  }
  const auto body = BodyModel::load(model->body_path());
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ((*body)->vertex_count(), 263);
}

TEST(Import, GivesTheSameBytesTwice) {
  const TempDir folder;
  const auto first = import_model(tiny_sources(), folder / "a");
  const auto second = import_model(tiny_sources(), folder / "b");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->folder.model_hash, second->folder.model_hash);
  EXPECT_EQ(tests::read_file(folder / "a/manifest.yaml"),
            tests::read_file(folder / "b/manifest.yaml"));
}

// As the exporters write it: more than we need, numbers as 32 and as 32.0, "Person" in any case.
constexpr const char* kDetectorConfig = R"({"description": "a detector", "stride": 32.0,
    "task": "detect", "batch": 1, "imgsz": [640, 640], "names": {"0": "dog", "1": "Person"},
    "args": {"half": true, "dynamic": false, "nms": false, "optimize": false}, "channels": 3})";

TEST(Import, CopiesADetector) {
  const TempDir folder;
  const std::string bytes = tests::zip_of({{"yolo/constants.pkl", "none"},
                                           {"yolo/code/__torch__.py", "program"},
                                           {"yolo/extra/config.txt", kDetectorConfig}});
  tests::write_file(folder / "detector.pt", bytes);
  ImportSources sources = tiny_sources();
  sources.detector = folder / "detector.pt";
  const auto report = import_model(sources, folder / "model/");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(tests::read_file(folder / "model/detector.torchscript"), bytes);
  const auto model = open_model_folder(folder / "model", HashCheck::Full);
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_TRUE(model->has_detector());
  EXPECT_EQ(model->detector_path(), folder / "model" / kDetectorName);
  const DetectorManifest expected = {.file = kDetectorName,
                                     .imgsz = 640,
                                     .stride = 32,
                                     .dynamic = false,
                                     .batch = 1,
                                     .half = true,
                                     .people = std::vector<std::int64_t>{1},
                                     .class_count = 2};
  EXPECT_EQ(model->manifest.detector, expected);
}

TEST(Import, SaysWhatADetectorDoesNotSayOfItself) {
  const TempDir folder;
  tests::write_file(folder / "detector.pt",
                    tests::zip_of({{"d/constants.pkl", "none"}, {"d/code/__torch__.py", "x"}}));
  ImportSources sources = tiny_sources();
  sources.detector = folder / "detector.pt";
  const auto report = import_model(sources, folder / "model");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->folder.manifest.detector, DetectorManifest{.file = kDetectorName});
  ASSERT_FALSE(report->notes.empty());
  EXPECT_NE(report->notes.front().find("does not describe itself"), std::string::npos);
}

TEST(Import, RefusesADetectorThatIsNoTorchScript) {
  const tests::ZipItem constants = {"d/constants.pkl", "none"};
  const tests::ZipItem code = {"d/code/__torch__.py", "x"};
  const struct {
    const char* name;
    std::string bytes;
    const char* message;
  } cases[] = {
      {"a text", "network", "the detector is no TorchScript file"},
      {"a checkpoint of weights", tests::zip_of({{"d/data.pkl", "x"}}), "no TorchScript program"},
      {"a code without constants", tests::zip_of({code}), "no TorchScript program"},
      {"a config that is no JSON",
       tests::zip_of({constants, code, {"d/extra/config.txt", "imgsz: 640"}}),
       "its config.txt is no JSON object"},
      {"another task",
       tests::zip_of({constants, code, {"d/extra/config.txt", R"({"task": "obb"})"}}),
       "its task is \"obb\""},
      {"an input that no manifest holds",
       tests::zip_of({constants, code, {"d/extra/config.txt", R"({"imgsz": 5000})"}}),
       "an imgsz of 5000, allowed: 1 to 4096 pixels"},
      {"a million brackets",
       tests::zip_of({constants,
                      code,
                      {"d/extra/config.txt", "{\"imgsz\":" + std::string(500'000, '[') +
                                                 std::string(500'000, ']') + "}"}}),
       "nests deeper than 32 levels"},
      {"an input that is not square",
       tests::zip_of({constants, code, {"d/extra/config.txt", R"({"imgsz": [480, 640]})"}}),
       "only square ones"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const TempDir folder;
    tests::write_file(folder / "detector.pt", c.bytes);
    ImportSources sources = tiny_sources();
    sources.detector = folder / "detector.pt";
    const auto report = import_model(sources, folder / "model");
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find(c.message), std::string::npos) << report.error().message;
    EXPECT_NE(report.error().message.find("detector.pt"), std::string::npos);
    EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"detector.pt"});
  }
}

TEST(Import, ReplacesAModelFolderOrAnEmptyOneAndNothingElse) {
  const TempDir folder;
  std::filesystem::create_directory(folder / "model");
  ASSERT_TRUE(import_model(tiny_sources(), folder / "model"));
  tests::write_file(folder / "model/hmr2.safetensors", "damaged");
  const auto again = import_model(tiny_sources(), folder / "model");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(open_model_folder(folder / "model", HashCheck::Full));
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"model"});

  const struct {
    const char* name;
    std::filesystem::path path;
    const char* expected;
  } cases[] = {
      {"a file", folder / "file", "is no model folder"},
      {"a folder with other things", folder / "other", "is no model folder"},
      {"a model folder with a file of somebody's", folder / "model", "holds 'notes.txt'"},
  };
  tests::write_file(folder / "file", "text");
  std::filesystem::create_directory(folder / "other");
  tests::write_file(folder / "other/a", "text");
  tests::write_file(folder / "model/notes.txt", "text");
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto report = import_model(tiny_sources(), c.path);
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find(c.expected), std::string::npos) << report.error().message;
  }
  EXPECT_EQ(tests::read_file(folder / "other/a"), "text");
  EXPECT_EQ(tests::read_file(folder / "model/notes.txt"), "text");
}

TEST(Import, NamesTheFileThatIsMissingOrDamagedAndLeavesNothing) {
  const TempDir folder;
  tests::write_file(folder / "damaged", "not what it should be");
  const struct {
    const char* name;
    std::filesystem::path ImportSources::*member;
  } cases[] = {{"checkpoint", &ImportSources::checkpoint},
               {"config", &ImportSources::config},
               {"mean parameters", &ImportSources::mean_params},
               {"body", &ImportSources::smpl}};
  for (const auto& c : cases) {
    for (const char* file : {"missing", "damaged"}) {
      SCOPED_TRACE(std::string(c.name) + " " + file);
      ImportSources sources = tiny_sources();
      sources.*c.member = folder / file;
      const auto report = import_model(sources, folder / "model");
      ASSERT_FALSE(report);
      EXPECT_NE(report.error().message.find((folder / file).string()), std::string::npos)
          << report.error().message;
      EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"damaged"});
    }
  }
  ImportSources sources = tiny_sources();
  sources.detector = folder / "missing";
  EXPECT_FALSE(import_model(sources, folder / "model"));
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"damaged"});
}

// The checksum of a storage is only checked when its tensor is written.
TEST(Import, LeavesNothingWhenAWeightIsDamaged) {
  const TempDir folder;
  std::string bytes = tests::read_file(fixture("checkpoint.ckpt"));
  const auto checkpoint = Checkpoint::open(fixture("checkpoint.ckpt"));
  ASSERT_TRUE(checkpoint);
  const std::string entry = (*checkpoint)->find("backbone.pos_embed")->entry;
  const std::size_t at = bytes.find(entry) + entry.size() + 300;
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  tests::write_file(folder / "damaged.ckpt", bytes);
  ImportSources sources = tiny_sources();
  sources.checkpoint = folder / "damaged.ckpt";
  const auto report = import_model(sources, folder / "model");
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("'" + entry + "': its checksum is wrong"),
            std::string::npos)
      << report.error().message;
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"damaged.ckpt"});
}

TEST(Import, SaysWhereConfigurationAndCheckpointDiffer) {
  const std::string config = tests::read_file(fixture("model_config.yaml"));
  const struct {
    const char* from;
    const char* to;
    const char* expected;
  } cases[] = {
      {"DEPTH: 3", "DEPTH: 4", "its backbone depth is 3, the configuration says 4"},
      // Without the key the released width of 1280 holds.
      {"    EMBED_DIM: 64\n", "", "context_dim is '64'; supported: 1280"},
      {"MLP_RATIO: 4", "MLP_RATIO: 2", "its backbone MLP width is 256, the configuration says 128"},
      {"depth: 2", "depth: 1", "its decoder depth is 2, the configuration says 1"},
      {"dim: 96", "dim: 97", "its decoder width is 96, the configuration says 97"},
      {"dim_head: 16", "dim_head: 8", "its decoder attention width is 64"},
      {"mlp_dim: 128", "mlp_dim: 64", "its decoder MLP width is 128"},
  };
  const TempDir folder;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.to);
    std::string text = config;
    const std::size_t at = text.find(c.from);
    ASSERT_NE(at, std::string::npos);
    tests::write_file(folder / "config.yaml", text.replace(at, std::string(c.from).size(), c.to));
    ImportSources sources = tiny_sources();
    sources.config = folder / "config.yaml";
    const auto report = import_model(sources, folder / "model");
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find(c.expected), std::string::npos) << report.error().message;
  }
}

TEST(Import, RefusesABodyOfAnotherSizeThanTheCheckpoints) {
  const TempDir folder;
  auto checkpoint = Checkpoint::open(fixture("checkpoint.ckpt"));
  ASSERT_TRUE(checkpoint);
  const auto config = read_model_config(fixture("model_config.yaml"));
  // A regressor where a body is expected, and a body where a regressor is expected.
  const auto no_body = import_body(**checkpoint, *config, fixture("SMPL_to_J19.pkl"), {});
  ASSERT_FALSE(no_body);
  EXPECT_NE(no_body.error().message.find("there is no 'v_template'"), std::string::npos);
  const auto no_regressor =
      import_body(**checkpoint, *config, fixture("SMPL_NEUTRAL.pkl"), fixture("SMPL_NEUTRAL.pkl"));
  ASSERT_FALSE(no_regressor);
  EXPECT_NE(no_regressor.error().message.find("expected an array, found a dictionary"),
            std::string::npos)
      << no_regressor.error().message;
}

TEST(Import, DoesWithoutTheRegressorsFileWhenTheCheckpointHasOne) {
  const TempDir folder;
  ImportSources sources = tiny_sources();
  sources.joint_regressor.reset();
  const auto without = import_model(sources, folder / "a");
  ASSERT_TRUE(without) << without.error().message;
  const auto with = import_model(tiny_sources(), folder / "b");
  ASSERT_TRUE(with);
  EXPECT_EQ(without->folder.model_hash, with->folder.model_hash);
}

// The fixture's checkpoint with names in its dictionary changed to others of the same length.
void write_renamed(const std::filesystem::path& path,
                   const std::vector<std::pair<std::string, std::string>>& names) {
  const auto archive = ZipArchive::open(fixture("checkpoint.ckpt"));
  ASSERT_TRUE(archive);
  std::vector<tests::ZipItem> items;
  for (const auto& [name, entry] : (*archive)->entries()) {
    std::string bytes = (*archive)->read(name, 1u << 30).value();
    if (name == "archive/data.pkl") {
      for (const auto& [from, to] : names) {
        ASSERT_EQ(from.size(), to.size());
        ASSERT_NE(bytes.find(from), std::string::npos) << from;
        for (std::size_t at = 0; (at = bytes.find(from, at)) != std::string::npos;) {
          bytes.replace(at, from.size(), to);
        }
      }
    }
    items.push_back({name, bytes});
  }
  tests::write_file(path, tests::zip_of(items));
}

TEST(Import, TakesBodyAndMeansFromTheirFilesWhenTheCheckpointHasNone) {
  const TempDir folder;
  write_renamed(folder / "bare.ckpt", {{"smpl.", "body."}, {"init_cam", "mean_cam"}});
  ImportSources sources = tiny_sources();
  sources.checkpoint = folder / "bare.ckpt";
  const auto bare = import_model(sources, folder / "bare");
  ASSERT_TRUE(bare) << bare.error().message;
  EXPECT_FALSE(bare->body_from_checkpoint);
  ASSERT_EQ(bare->notes.size(), 1u);
  EXPECT_NE(bare->notes[0].find("smpl_head.init_cam is taken from"), std::string::npos);
  // The files hold the same numbers, so it is the same model.
  const auto full = import_model(tiny_sources(), folder / "full");
  ASSERT_TRUE(full);
  EXPECT_EQ(bare->folder.model_hash, full->folder.model_hash);

  sources.joint_regressor.reset();
  const auto without = import_model(sources, folder / "without");
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().message.find("--joint-regressor"), std::string::npos);
}

TEST(Import, ListsTheTensorsThatAreMissing) {
  const TempDir folder;
  write_renamed(folder / "renamed.ckpt", {{"blocks.1.norm1", "blocks.1.nirm1"},
                                          {"smpl_head.deccam.bias", "smpl_head.deccam.bios"}});
  ImportSources sources = tiny_sources();
  sources.checkpoint = folder / "renamed.ckpt";
  const auto report = import_model(sources, folder / "model");
  ASSERT_FALSE(report);
  for (const char* expected :
       {"renamed.ckpt: 3 of the network's 87 tensors are missing or have another shape",
        "\n  backbone.blocks.1.norm1.weight is missing, expected (64)",
        "\n  smpl_head.deccam.bias is missing, expected (3)"}) {
    EXPECT_NE(report.error().message.find(expected), std::string::npos) << report.error().message;
  }
}

TEST(Import, SaysWhichShapeWasFoundAndWhichIsExpected) {
  const TempDir folder;
  const std::string mlp = "backbone.blocks.1.mlp.";
  write_renamed(folder / "swapped.ckpt", {{mlp + "fc1.weight", mlp + "fc9.weight"},
                                          {mlp + "fc2.weight", mlp + "fc1.weight"},
                                          {mlp + "fc9.weight", mlp + "fc2.weight"}});
  ImportSources sources = tiny_sources();
  sources.checkpoint = folder / "swapped.ckpt";
  const auto report = import_model(sources, folder / "model");
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("mlp.fc1.weight is (64, 256), expected (256, 64)"),
            std::string::npos)
      << report.error().message;
}

TEST(Import, PrefersTheCheckpointsBodyToTheFiles) {
  const TempDir folder;
  const auto checkpoint = Checkpoint::open(fixture("checkpoint.ckpt"));
  const auto archive = ZipArchive::open(fixture("checkpoint.ckpt"));
  ASSERT_TRUE(checkpoint && archive);
  const CheckpointTensor* tensor = (*checkpoint)->find("smpl.v_template");
  ASSERT_NE(tensor, nullptr);
  std::vector<tests::ZipItem> items;
  for (const auto& [name, entry] : (*archive)->entries()) {
    items.push_back({name, (*archive)->read(name, 1u << 30).value()});
    if (name != tensor->entry) continue;
    const float moved = 7.5f;
    const auto at = static_cast<std::size_t>(tensor->offset) * sizeof(float);
    items.back().bytes.replace(at, sizeof(float), reinterpret_cast<const char*>(&moved),
                               sizeof(float));
  }
  tests::write_file(folder / "moved.ckpt", tests::zip_of(items));
  ImportSources sources = tiny_sources();
  sources.checkpoint = folder / "moved.ckpt";
  const auto report = import_model(sources, folder / "model");
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->notes.size(), 1u);
  EXPECT_NE(report->notes[0].find("smpl.v_template differs from the SMPL file"), std::string::npos)
      << report->notes[0];
  const auto body = read_body(report->folder.body_path());
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->v_template[0], 7.5f);
}

}  // namespace
}  // namespace posefleet
