// How long drawing takes: people standing at 60 % of the frame's height, camera of HMR2, 4:2:0.
#include <cstring>

#include <benchmark/benchmark.h>

#include "tests/support/mannequin.h"
#include "worker/render/rasteriser.h"

namespace posefleet {
namespace {

struct Frame {
  std::vector<std::uint8_t> bytes;
  YuvPlanes planes;

  Frame(int width, int height) : bytes(static_cast<std::size_t>(width) * height * 3 / 2, 90) {
    planes.width = width;
    planes.height = height;
    planes.data[0] = bytes.data();
    planes.data[1] = planes.data[0] + static_cast<std::size_t>(width) * height;
    planes.data[2] = planes.data[1] + static_cast<std::size_t>(width) * height / 4;
    planes.stride[0] = width;
    planes.stride[1] = planes.stride[2] = width / 2;
  }
};

void draw_people(benchmark::State& state, int height, int people, int samples, CpuPath path,
                 double share_of_height) {
  const int width = height * 16 / 9;
  Frame frame(width, height);
  const tests::Mannequin body = tests::make_mannequin();
  const MeshTopology topology = MeshTopology::create(body.faces, body.vertex_count()).value();
  const Camera camera = {5000.f / 256.f * static_cast<float>(width)};
  const double distance = camera.focal_length * 1.72 / (share_of_height * height);
  std::vector<std::vector<float>> vertices;
  std::vector<Mesh> meshes;
  for (int i = 0; i < people; ++i) {
    const double pixels = width * (i + 0.5) / people - width / 2.0;
    vertices.push_back(tests::placed(
        body, {.x = pixels * distance / camera.focal_length, .z = distance, .yaw = 0.4 * i}));
    meshes.push_back({&topology, vertices.back(), person_colour(static_cast<std::size_t>(i))});
  }
  auto rasteriser = Rasteriser::create({.samples = samples, .path = path});
  if (!rasteriser) return state.SkipWithError(rasteriser.error().message.c_str());
  for (auto _ : state) {
    const auto report = rasteriser->draw(meshes, camera, frame.planes);
    benchmark::DoNotOptimize(report->triangles);
  }
  state.counters["triangles"] =
      static_cast<double>(rasteriser->draw(meshes, camera, frame.planes)->triangles);
}

void people_720p(benchmark::State& state) {
  draw_people(state, 720, static_cast<int>(state.range(0)), 4, CpuPath::Best, 0.6);
}
void people_1080p(benchmark::State& state) {
  draw_people(state, 1080, static_cast<int>(state.range(0)), 4, CpuPath::Best, 0.6);
}
void samples_720p(benchmark::State& state) {
  draw_people(state, 720, 1, static_cast<int>(state.range(0)), CpuPath::Best, 0.6);
}
void height_percent_720p(benchmark::State& state) {
  draw_people(state, 720, 1, 4, CpuPath::Best, static_cast<double>(state.range(0)) / 100);
}
void portable_720p(benchmark::State& state) {
  draw_people(state, 720, 1, 4, CpuPath::Portable, 0.6);
}

BENCHMARK(people_720p)->Arg(1)->Arg(2)->Arg(5)->Unit(benchmark::kMillisecond);
BENCHMARK(people_1080p)->Arg(1)->Arg(5)->Unit(benchmark::kMillisecond);
BENCHMARK(samples_720p)->Arg(1)->Arg(8)->Arg(16)->Unit(benchmark::kMillisecond);
BENCHMARK(height_percent_720p)->Arg(20)->Arg(100)->Arg(200)->Unit(benchmark::kMillisecond);
BENCHMARK(portable_720p)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace posefleet

BENCHMARK_MAIN();
