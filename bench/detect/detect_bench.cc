// What finding people costs beside the network, and a network of a small detector's size.
#include <benchmark/benchmark.h>

#include "common/base/check.h"
#include "common/base/random.h"
#include "tests/support/detectors.h"
#include "tests/support/fixtures.h"
#include "worker/detect/decode.h"
#include "worker/detect/letterbox.h"
#include "worker/detect/nms.h"
#include "worker/detect/torchscript_network.h"

namespace posefleet {
namespace {

// A frame of 1080p to the square.
void make_square(benchmark::State& state) {
  const int side = static_cast<int>(state.range(0));
  const std::vector<std::uint8_t> pixels(1920 * 1080 * 3, 77);
  const BgrView frame{pixels.data(), 1920, 1080, 5760};
  const InputGeometry geometry = input_geometry(1920, 1080, side, DetectorResize::Letterbox);
  std::vector<float> input(std::size_t{3} * static_cast<std::size_t>(side) *
                           static_cast<std::size_t>(side));
  for (auto _ : state) {
    make_input(frame, geometry, {}, input);
    benchmark::DoNotOptimize(input.data());
  }
}
BENCHMARK(make_square)->Arg(640)->Arg(1280)->Unit(benchmark::kMillisecond);

// 80 classes over the grid of a side, fifty places of which are somebody.
void decode_grid(benchmark::State& state) {
  const std::int64_t places = 21 * (state.range(0) / 32) * (state.range(0) / 32);
  RawTensor grid{"", {84, places}, std::vector<float>(static_cast<std::size_t>(84 * places))};
  Random random(1);
  for (int i = 0; i < 50; ++i) {
    const std::size_t place = random.below(static_cast<std::uint64_t>(places));
    const auto set = [&](std::size_t row, float value) {
      grid.values[row * static_cast<std::size_t>(places) + place] = value;
    };
    for (std::size_t row = 0; row < 4; ++row) set(row, static_cast<float>(random.below(300)));
    set(4, 0.5f);
  }
  for (auto _ : state) {
    const auto people =
        decode_people({grid}, DetectorDecoder::YoloRaw, {}, {.side = 640, .conf = 0.25});
    POSEFLEET_CHECK(people.has_value());
    benchmark::DoNotOptimize(without_overlaps(*people, 0.7, 300));
  }
}
BENCHMARK(decode_grid)->Arg(640)->Arg(1280)->Unit(benchmark::kMillisecond);

// 7.6 GFLOP, half of them in 1x1 convolutions: a small published detector's work.
constexpr const char* kNetwork = R"(
def forward(self, x):
    stem = torch.full([64, 3, 3, 3], 0.01)
    wide = torch.full([64, 64, 3, 3], 0.001)
    point = torch.full([64, 64, 1, 1], 0.01)
    y = torch.relu(torch.conv2d(x, stem, None, [4, 4], [1, 1]))
    for i in range(2):
        y = torch.relu(torch.conv2d(y, wide, None, [1, 1], [1, 1]))
    for i in range(18):
        y = torch.relu(torch.conv2d(y, point))
    places = torch.flatten(torch.max_pool2d(y, [8, 8]), 2)
    return places[:, :6] * 0.0
)";

void run_network(benchmark::State& state) {
  const tests::TempDir folder;
  tests::write_detector(folder / kDetectorName, kNetwork);
  ModelFolder model{.path = folder.path()};
  model.manifest.detector = DetectorManifest{.imgsz = 640};
  const auto file = load_detector_file(model);
  POSEFLEET_CHECK(file.has_value());
  const int threads = static_cast<int>(state.range(0));
  auto network = make_detection_network(*file, threads);
  POSEFLEET_CHECK(network.has_value());
  const std::vector<float> pictures(static_cast<std::size_t>(threads) * 3 * 640 * 640, 0.5f);
  for (auto _ : state) {
    const auto outputs = (*network)->run(pictures, threads, 640);
    POSEFLEET_CHECK(outputs.has_value());
  }
  state.SetItemsProcessed(state.iterations() * threads);
}
BENCHMARK(run_network)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace posefleet

BENCHMARK_MAIN();
