#include "common/model_folder/model_folder.h"

#include <gtest/gtest.h>

#include "common/model_folder/manifest.h"
#include "common/model_folder/network_layout.h"
#include "tests/support/fixtures.h"

namespace posefleet {
namespace {

using tests::TempDir;

Manifest small_manifest() {
  Manifest manifest;
  manifest.name = "tiny";
  manifest.network.backbone_width = 64;
  manifest.network.backbone_heads = 4;
  manifest.licence = "free: \"yes\"\nfor everybody";
  manifest.note = "a test";
  return manifest;
}

void make_folder(const TempDir& folder) {
  tests::write_file(folder / "hmr2.safetensors", "weights");
  tests::write_file(folder / "body.safetensors", "body");
  const Status written =
      write_manifest(folder.path(), small_manifest(), {"hmr2.safetensors", "body.safetensors"});
  ASSERT_TRUE(written) << written.error().message;
}

TEST(ModelFolder, ReadsBackWhatWasWritten) {
  const TempDir folder;
  make_folder(folder);
  for (const HashCheck check : {HashCheck::SizesOnly, HashCheck::Full}) {
    const auto model = open_model_folder(folder.path(), check);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->manifest.name, "tiny");
    EXPECT_EQ(model->manifest.network, small_manifest().network);
    EXPECT_EQ(model->manifest.licence, small_manifest().licence);
    EXPECT_EQ(model->manifest.image_mean, small_manifest().image_mean);
    EXPECT_EQ(model->manifest.image_std, small_manifest().image_std);
    EXPECT_EQ(model->manifest.file_sizes.at("body.safetensors"), 4u);
    EXPECT_EQ(model->model_hash.size(), 64u);
  }
}

TEST(ModelFolder, HasAnotherHashWhenItsNumbersChangeButNotWhenItsLicenceTextDoes) {
  const TempDir folder;
  make_folder(folder);
  const auto hash_with = [&](auto change) {
    Manifest manifest = small_manifest();
    change(manifest);
    EXPECT_TRUE(write_manifest(folder.path(), manifest, {"hmr2.safetensors", "body.safetensors"}));
    return open_model_folder(folder.path(), HashCheck::SizesOnly).value().model_hash;
  };
  const std::string hash = hash_with([](Manifest&) {});
  EXPECT_EQ(hash, hash_with([](Manifest& m) { m.licence = "other"; }));
  EXPECT_NE(hash, hash_with([](Manifest& m) { m.network.backbone_heads = 8; }));
  const auto detector = [](double conf) {
    return [conf](Manifest& m) { m.detector = {.file = "body.safetensors", .conf = conf}; };
  };
  EXPECT_NE(hash, hash_with(detector(0.25)));
  EXPECT_NE(hash_with(detector(0.3)), hash_with(detector(0.25)));
  EXPECT_NE(hash, hash_with([](Manifest& m) { m.image_mean[0] = 0.5f; }));
  tests::write_file(folder / "body.safetensors", "BODY");
  EXPECT_NE(hash, hash_with([](Manifest&) {}));
}

TEST(ModelFolder, RefusesAMissingCutOrChangedFileByName) {
  const struct {
    const char* name;
    const char* file;
    const char* bytes;  // null: removed
    HashCheck check;
    const char* expected;
  } cases[] = {
      {"missing", "hmr2.safetensors", nullptr, HashCheck::SizesOnly, "is missing"},
      {"cut", "hmr2.safetensors", "wei", HashCheck::SizesOnly, "has 3 bytes, the manifest says 7"},
      {"changed", "body.safetensors", "bodY", HashCheck::Full, "is damaged or was changed"},
      {"no manifest", "manifest.yaml", nullptr, HashCheck::SizesOnly, "is no model folder"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const TempDir folder;
    make_folder(folder);
    if (c.bytes == nullptr) {
      std::filesystem::remove(folder / c.file);
    } else {
      tests::write_file(folder / c.file, c.bytes);
    }
    const auto model = open_model_folder(folder.path(), c.check);
    ASSERT_FALSE(model);
    EXPECT_NE(model.error().message.find(c.expected), std::string::npos) << model.error().message;
    EXPECT_NE(model.error().message.find(c.file), std::string::npos) << model.error().message;
  }
}

TEST(ModelFolder, RefusesAPathThatIsNoFolder) {
  const TempDir folder;
  EXPECT_FALSE(open_model_folder(folder / "missing", HashCheck::SizesOnly));
  tests::write_file(folder / "file", "");
  EXPECT_FALSE(open_model_folder(folder / "file", HashCheck::SizesOnly));
}

TEST(ModelFolder, RefusesAManifestWithoutTheWeights) {
  const TempDir folder;
  tests::write_file(folder / "body.safetensors", "body");
  ASSERT_TRUE(write_manifest(folder.path(), small_manifest(), {"body.safetensors"}));
  const auto model = open_model_folder(folder.path(), HashCheck::SizesOnly);
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("hmr2.safetensors"), std::string::npos);
}

// The good manifest with one piece of text replaced.
std::string with(const std::string& from, const std::string& to) {
  Manifest manifest = small_manifest();
  manifest.files["a.bin"] = std::string(64, 'a');
  manifest.file_sizes["a.bin"] = 5;
  std::string text = format_manifest(manifest);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Manifest, KeepsWhatItSaysOfADetector) {
  Manifest manifest = small_manifest();
  manifest.files["d.pt"] = std::string(64, 'a');
  manifest.file_sizes["d.pt"] = 5;
  const DetectorManifest full = {.file = "d.pt",
                                 .decoder = DetectorDecoder::Detr,
                                 .resize = DetectorResize::Square,
                                 .scores = DetectorScores::Softmax,
                                 .imgsz = 560,
                                 .stride = 14,
                                 .dynamic = true,
                                 .batch = 3,
                                 .half = true,
                                 .people = std::vector<std::int64_t>{1, 7},
                                 .class_count = 91,
                                 .mean = std::vector<float>{0.485f, 0.456f, 0.406f},
                                 .std = std::vector<float>{0.229f, 0.224f, 0.225f},
                                 .conf = 0.15,
                                 .iou = 0.5};
  for (const DetectorManifest& detector : {full, DetectorManifest{.file = "d.pt"}}) {
    manifest.detector = detector;
    const auto parsed = parse_manifest(format_manifest(manifest), "m.yaml");
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->detector, detector);
  }
}

TEST(Manifest, RefusesADetectorSectionThatCannotBeMeant) {
  Manifest manifest = small_manifest();
  manifest.files["d.pt"] = std::string(64, 'a');
  manifest.file_sizes["d.pt"] = 5;
  const std::string text = format_manifest(manifest);
  const struct {
    const char* section;
    const char* expected;
  } cases[] = {
      {"3", "detector is no map"},
      {"{imgsz: 640}", "detector.file is missing"},
      {"{file: e.pt}", "detector.file is 'e.pt', which is not among the files"},
      {"{file: ../d.pt}", "detector.file is '../d.pt'; allowed: the name of a file"},
      {"{file: d.pt, decoder: yolo}", "'yolo'; allowed: yolo_raw, end_to_end, detr"},
      {"{file: d.pt, resize: crop}", "allowed: letterbox, square"},
      {"{file: d.pt, scores: logit}", "allowed: probability, sigmoid, softmax"},
      {"{file: d.pt, imgsz: 99999}", "detector.imgsz is '99999'; allowed: whole numbers from 1"},
      {"{file: d.pt, half: maybe}", "detector.half is 'maybe'; allowed: true or false"},
      {"{file: d.pt, people: []}", "detector.people is not a list of 1 to 100 class numbers"},
      {"{file: d.pt, people: [person]}", "detector.people is not a list"},
      {"{file: d.pt, std: [0, 1, 1]}", "detector.std is not a list of three numbers"},
      {"{file: d.pt, conf: 0}", "detector.conf is '0'; allowed: numbers above 0, at most 1"},
      {"{file: d.pt, confidence: 0.5}", "detector.confidence is no known key; known: file,"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.section);
    const auto parsed = parse_manifest(text + "detector: " + c.section + "\n", "m.yaml");
    ASSERT_FALSE(parsed);
    EXPECT_NE(parsed.error().message.find(c.expected), std::string::npos) << parsed.error().message;
  }
}

TEST(Manifest, NamesFileLineKeyAndWhatIsAllowed) {
  const std::string hash(64, 'a');
  const struct {
    const char* name;
    std::string text;
    const char* expected;
  } cases[] = {
      {"empty", "", "m.yaml:1: the document is no map"},
      {"no YAML", "a: [", "m.yaml:"},
      {"a list", "[1, 2]", "is no map"},
      {"unknown key", with("note:", "notes:"), "m.yaml:18: notes is no known key; known: format"},
      {"missing key", with("name: \"tiny\"\n", ""), "name is missing"},
      {"key twice", with("kind: hmr2", "kind: hmr2\nkind: hmr2"), "m.yaml:4: kind is there twice"},
      {"other format", with("format: 1", "format: 2"),
       "m.yaml:1: format is '2'; allowed: whole numbers from 1 to 1"},
      {"other kind", with("kind: hmr2", "kind: hmr3"), "m.yaml:3: kind is 'hmr3'; allowed: hmr2"},
      {"width no number", with("backbone_width: 64", "backbone_width: wide"),
       "m.yaml:5: network.backbone_width is 'wide'; allowed: whole numbers from 1"},
      {"width zero", with("backbone_width: 64", "backbone_width: 0"), "backbone_width is '0'"},
      {"width too large", with("backbone_width: 64", "backbone_width: 9999999999999999999999"),
       "backbone_width is '9999"},
      {"heads do not divide", with("backbone_heads: 4", "backbone_heads: 5"),
       "no multiple of backbone_heads 5"},
      {"unknown size", with("backbone_width", "backbone_breadth"),
       "network.backbone_breadth is no known key"},
      {"focal not finite", with("focal_length: 5000", "focal_length: .inf"),
       "focal_length is '.inf'"},
      {"focal negative", with("focal_length: 5000", "focal_length: -1"), "numbers above 0"},
      {"mean of two", with("0.485, ", ""), "image_mean is not a list of three numbers"},
      {"deviation zero", with("0.229", "0"), "image_std is not a list of three numbers"},
      {"hash too short", with(hash, "abc"), "files.a.bin.sha256 is 'abc'; allowed: 64"},
      {"file outside", with("\"a.bin\"", "\"../a\""), "'../a', which is no plain file name"},
      {"file of other letters", with("\"a.bin\"", "\"\xff.bin\""), "no plain file name"},
      {"hidden file", with("\"a.bin\"", "\".a\""), "no plain file name"},
      {"the manifest itself", with("\"a.bin\"", "\"manifest.yaml\""), "no plain file name"},
      {"negative size", with("bytes: 5", "bytes: -5"), "files.a.bin.bytes is '-5'"},
      {"deep", std::string(100000, '['), "m.yaml:"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto manifest = parse_manifest(c.text, "m.yaml");
    ASSERT_FALSE(manifest);
    EXPECT_NE(manifest.error().message.find(c.expected), std::string::npos)
        << manifest.error().message << "\n"
        << c.text.substr(0, 2000);
  }
}

TEST(NetworkLayout, HasTheReleasedModelsParameterCounts) {
  std::int64_t backbone = 0;
  std::int64_t head = 0;
  for (const auto& [name, shape] : network_layout({})) {
    (name.starts_with("backbone.") ? backbone : head) += element_count(shape);
  }
  // The reference's figures.
  EXPECT_EQ(backbone, 630'912'000);
  EXPECT_EQ(head, 39'547'194);
}

}  // namespace
}  // namespace posefleet
