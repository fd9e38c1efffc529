#include "worker/detect/torchscript_network.h"

#include <functional>

#include <gtest/gtest.h>

#include "tests/support/detectors.h"
#include "tests/support/fixtures.h"
#include "worker/detect/detector.h"

namespace posefleet::tests {
namespace {

// A folder of which only the detector matters here.
ModelFolder folder_with(const TempDir& folder, const DetectorManifest& detector = {}) {
  ModelFolder model{.path = folder.path()};
  model.manifest.detector = detector;
  return model;
}

struct Frame {
  std::vector<std::uint8_t> bgr = std::vector<std::uint8_t>(64 * 64 * 3);

  BgrView view() const { return {bgr.data(), 64, 64, 192}; }
};

// A frame of 64x64 with a bright rectangle.
Frame frame_with(int x0, int y0, int x1, int y1) {
  Frame frame;
  for (int y = y0; y < y1; ++y) {
    std::fill(frame.bgr.begin() + y * 192 + 3 * x0, frame.bgr.begin() + y * 192 + 3 * x1, 255);
  }
  return frame;
}

struct Found {
  std::vector<std::vector<PersonBox>> people;
  std::string error;
};

Found find(const ModelFolder& model, const std::vector<Frame>& frames,
           const DetectorSettings& settings = {}, int threads = 1) {
  auto file = load_detector_file(model);
  if (!file) return {{}, file.error().message};
  auto network = make_detection_network(*file, threads);
  if (!network) return {{}, network.error().message};
  Detector detector(*std::move(network));
  std::vector<BgrView> views;
  for (const Frame& frame : frames) views.push_back(frame.view());
  auto people = detector.detect(views, settings, [] { return done(); });
  if (!people) return {{}, people.error().message};
  return {*people, ""};
}

TEST(TorchScriptNetwork, FindsWhatTheFileFinds) {
  const TempDir folder;
  write_detector(folder / kDetectorName, bright_detector_source(),
                 bright_detector_config(64, false));
  const Found found =
      find(folder_with(folder), {frame_with(10, 12, 30, 50), Frame{}, frame_with(3, 5, 60, 61)});
  ASSERT_EQ(found.people.size(), 3u) << found.error;
  EXPECT_EQ(found.people[0], (std::vector<PersonBox>{{10, 12, 30, 50, 0.9f}}));
  EXPECT_TRUE(found.people[1].empty());
  EXPECT_EQ(found.people[2], (std::vector<PersonBox>{{3, 5, 60, 61, 0.9f}}));
}

TEST(TorchScriptNetwork, TakesSideAndClassesFromTheFileUnlessTheManifestSaysThem) {
  const TempDir folder;
  write_detector(folder / kDetectorName, bright_detector_source(),
                 bright_detector_config(96, true));
  const auto file = load_detector_file(folder_with(folder));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_NE(description_of(**file).find("yolo_raw, 96 px"), std::string::npos);
  const auto other = load_detector_file(folder_with(folder, {.imgsz = 128}));
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_NE(description_of(**other).find("128 px"), std::string::npos);
  // Dynamic: the job may ask for another side still.
  const auto frames = {frame_with(10, 12, 30, 50)};
  EXPECT_EQ(find(folder_with(folder), frames, {.imgsz = 64}).people[0],
            (std::vector<PersonBox>{{10, 12, 30, 50, 0.9f}}));
}

// One answer in several layouts, types and wrappings: a person at 16..48 x 8..56 with score 0.75,
// and a dog.
TEST(TorchScriptNetwork, ReadsEveryLayoutInEveryWrapping) {
  const std::string grid =
      "torch.cat([torch.tensor([[32.0, 32.0, 32.0, 48.0, 0.75, 0.125], [9.0, 9.0, 4.0, 4.0, 0.125, "
      "0.875]]).t(), torch.zeros([6, 20])], 1).unsqueeze(0).repeat([x.size(0), 1, 1])";
  const std::string rows =
      "torch.tensor([[[16.0, 8.0, 48.0, 56.0, 0.75, 0.0], [7.0, 7.0, 11.0, 11.0, 0.875, "
      "1.0]]]).repeat([x.size(0), 1, 1])";
  const std::string boxes =
      "torch.tensor([[[0.5, 0.5, 0.5, 0.75], [0.125, 0.125, 0.0625, 0.0625]]])";
  // The logit of 0.75 is ln 3.
  const std::string logits = "torch.tensor([[[1.0986123, -2.0], [-2.0, 2.0]]])";
  const struct {
    const char* name;
    std::string answer;
  } cases[] = {
      {"grid", grid},
      {"grid in half precision", "(" + grid + ").half()"},
      {"grid in double precision", "(" + grid + ").double()"},
      {"grid and feature maps", "(" + grid + ", [torch.zeros([1, 8, 4, 4])])"},
      {"rows", rows},
      {"rows in a list", "[" + rows + "]"},
      {"logits and boxes", "(" + logits + ", " + boxes + ")"},
      {"boxes and logits", "(" + boxes + ", " + logits + ")"},
      {"by name", R"({"pred_logits": )" + logits + R"(, "pred_boxes": )" + boxes + "}"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const TempDir folder;
    write_detector(folder / kDetectorName, "def forward(self, x):\n    return " + c.answer + "\n");
    const Found found = find(folder_with(folder, {.imgsz = 64}), {Frame{}});
    ASSERT_EQ(found.people.size(), 1u) << found.error;
    ASSERT_EQ(found.people[0].size(), 1u);
    const PersonBox& box = found.people[0][0];
    EXPECT_EQ((std::array<float, 4>{box.x0, box.y0, box.x1, box.y1}),
              (std::array<float, 4>{16, 8, 48, 56}));
    EXPECT_NEAR(box.score, 0.75f, 1e-6);
  }
}

// Convolutions of random weights: numbers whose last bits would show a different computation.
TEST(TorchScriptNetwork, GivesTheSameBytesWithAnyNumberOfThreads) {
  const TempDir folder;
  write_detector(folder / kDetectorName, R"(
def forward(self, x):
    index = torch.arange(3 * 16 * 9).float()
    first = torch.reshape(torch.sin(index * 12.9898), [16, 3, 3, 3])
    second = torch.reshape(torch.sin(torch.arange(16 * 5 * 9).float() * 78.233), [5, 16, 3, 3])
    y = torch.relu(torch.conv2d(x, first, None, [2, 2], [1, 1]))
    y = torch.sigmoid(torch.conv2d(y, second, None, [4, 4], [1, 1]))
    places = torch.flatten(y, 2)
    return torch.cat([places[:, :4] * 64.0, places[:, 4:]], 1)
)");
  std::vector<Frame> frames;
  for (int i = 0; i < 9; ++i) frames.push_back(frame_with(2 * i, 3 * i, 20 + 3 * i, 30 + 2 * i));
  const ModelFolder model = folder_with(folder, {.imgsz = 64});
  const DetectorSettings settings = {.conf = 0.5, .tiles = 2};
  const Found one = find(model, frames, settings, 1);
  ASSERT_EQ(one.people.size(), 9u) << one.error;
  EXPECT_GT(one.people[0].size(), 3u);
  EXPECT_NE(one.people[0], one.people[8]);
  for (const int threads : {2, 3, 16}) {
    SCOPED_TRACE(threads);
    EXPECT_EQ(find(model, frames, settings, threads).people, one.people);
  }
  EXPECT_EQ(find(model, {frames[4]}, settings, 2).people[0], one.people[4]);
}

TEST(TorchScriptNetwork, FillsTheBatchThatAFileOfFixedShapeWants) {
  const TempDir folder;
  // Wants three pictures at once.
  std::string source = bright_detector_source();
  const std::string head = "def forward(self, x):\n";
  source.replace(source.find(head), head.size(), head + "    x = x.view([3, 3, 64, 64])\n");
  write_detector(folder / kDetectorName, source);
  const std::vector<Frame> frames = {frame_with(1, 2, 30, 40), frame_with(5, 6, 31, 41),
                                     frame_with(7, 8, 32, 42), frame_with(9, 10, 33, 43)};
  const ModelFolder three = folder_with(folder, {.imgsz = 64, .batch = 3});
  for (const int threads : {1, 4}) {
    const Found found = find(three, frames, {}, threads);
    ASSERT_EQ(found.people.size(), 4u) << found.error;
    EXPECT_EQ(found.people[3], (std::vector<PersonBox>{{9, 10, 33, 43, 0.9f}}));
    EXPECT_EQ(found.people[0], (std::vector<PersonBox>{{1, 2, 30, 40, 0.9f}}));
  }
  EXPECT_NE(find(folder_with(folder, {.imgsz = 64}), frames).error, "");
}

TEST(TorchScriptNetwork, SaysWhyAFileCannotBeUsed) {
  const TempDir good;
  write_detector(good / kDetectorName, bright_detector_source(), bright_detector_config(64, false));
  const std::string whole = read_file(good / kDetectorName);
  const std::string nan_source =
      "def forward(self, x):\n    return torch.full([1, 5, 9], float('nan'))\n";
  const std::string answer = "def forward(self, x):\n    return ";
  const auto written = [](const std::string& source, const std::string& config) {
    return [source, config](const std::filesystem::path& path) {
      write_detector(path, source, config);
    };
  };
  const auto bytes = [](const std::string& content) {
    return [content](const std::filesystem::path& path) { write_file(path, content); };
  };
  const struct {
    const char* name;
    std::function<void(const std::filesystem::path&)> write;
    DetectorManifest manifest;
    const char* message;
  } cases[] = {
      {"no file", [](const auto&) {}, {}, "cannot be used as a TorchScript detector"},
      {"empty", bytes(""), {}, "cannot be used as a TorchScript detector"},
      {"text", bytes("once upon a time"), {}, "cannot be used as a TorchScript detector"},
      {"cut off", bytes(whole.substr(0, whole.size() / 2)), {}, "cannot be used"},
      {"cut at the end", bytes(whole.substr(0, whole.size() - 10)), {}, "cannot be used"},
      {"raises", written(answer + "x.view([7, 7])\n", ""), {.imgsz = 64}, "cannot be used"},
      {"a number", written(answer + "1\n", ""), {.imgsz = 64}, "no layout that is known"},
      {"a picture", written(answer + "x\n", ""), {.imgsz = 64}, "no layout that is known"},
      {"not finite", written(nan_source, ""), {.imgsz = 64}, "which is no number"},
      {"damaged config.txt", written(bright_detector_source(), "{"), {}, "config.txt is no JSON"},
      {"another task",
       written(bright_detector_source(), R"({"task": "classify"})"),
       {},
       "its task is \"classify\""},
      {"side and stride", bytes(whole), {.imgsz = 65}, "imgsz is 65, no multiple"},
      {"another layout than the manifest says",
       bytes(whole),
       {.decoder = DetectorDecoder::EndToEnd},
       "no rows of box, score and class"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const TempDir folder;
    c.write(folder / kDetectorName);
    const auto file = load_detector_file(folder_with(folder, c.manifest));
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().message.find(c.message), std::string::npos) << file.error().message;
    EXPECT_NE(file.error().message.find(kDetectorName), std::string::npos);
  }
}

TEST(TorchScriptNetwork, NamesTheFileWhenItFailsLater) {
  const TempDir folder;
  // Content with dark pictures; a bright one is too much for it.
  write_detector(folder / kDetectorName, R"(
def forward(self, x):
    more = int(torch.amax(x) * 1.05)
    return torch.zeros([1, 5, 9]).view([x.size(0), 5, 9 + more])
)");
  const ModelFolder model = folder_with(folder, {.imgsz = 64});
  EXPECT_EQ(find(model, {Frame{}}).error, "");
  const Found failed = find(model, {frame_with(1, 1, 9, 9)});
  EXPECT_NE(failed.error.find("detector.torchscript: the detector failed"), std::string::npos)
      << failed.error;
}

}  // namespace
}  // namespace posefleet::tests
