// Does faults to a cluster of real processes, by a seed, and holds the results against those of a
// run without any: docs/reliability.md.
//
//   nemesis [--seed N] [--faults N] [--keep]
//
// First one job without faults. Then one in which the coordinator dies at each step of a commit, of
// saving a plan, of joining the output and of clearing up, one after the other; before that, one
// with a frame that kills, and the coordinator dying while ranges are cut. Then job after job
// under faults of all kinds, until there were as many as asked for. After each: the same bytes,
// each range committed once, nothing left behind.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "common/job/job_spec.h"
#include "common/model_folder/model_folder.h"
#include "tests/integration/nemesis/ordeal.h"
#include "tests/support/fixtures.h"

namespace posefleet::nemesis {
namespace {

namespace fs = std::filesystem;
// In one job; then it is let go to its end, which shows that work ends when faults do.
constexpr int kFaultsPerJob = 30;

struct Options {
  std::uint64_t seed = 1;
  int faults = 30;
  bool keeps_folder = false;
};

template <typename Number>
bool is_read(const std::string& word, Number& number) {
  const char* const end = word.data() + word.size();
  const auto [at, error] = std::from_chars(word.data(), end, number);
  return error == std::errc() && at == end;
}

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (word == "--keep") {
      options.keeps_folder = true;
    } else if ((word == "--seed" && is_read(value, options.seed)) ||
               (word == "--faults" && is_read(value, options.faults))) {
      ++i;
    } else {
      std::fprintf(stderr, "usage: nemesis [--seed N] [--faults N] [--keep]\n");
      return std::nullopt;
    }
  }
  return options;
}

// A model and a clip, as all clusters use them.
World make_world(const fs::path& folder, Hosts& hosts) {
  World world{folder, hosts, POSEFLEET_BIN_DIR, POSEFLEET_NEMESIS_SHIM, folder / "model", ""};
  const ProcessOptions quiet{.log = folder / "tools.log"};
  const bool is_made =
      run_process({(world.programs / "posefleet-random-model").string(), world.model.string()},
                  quiet) == 0 &&
      run_process({"/usr/bin/ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                   // With noise, so that a drawn segment is too large to share a file.
                   fmt::format("testsrc2=size=160x96:rate={}:duration={},"
                               "noise=alls=24:allf=t:all_seed=7",
                               kFramesPerSecond, kFrames / kFramesPerSecond),
                   "-c:v", "libx264", "-g", "16", "-bf", "2", "-y", (folder / "clip.mp4").string()},
                  quiet) == 0;
  const auto model = open_model_folder(world.model, HashCheck::SizesOnly);
  if (!is_made || !model) {
    std::fprintf(stderr, "no model or clip could be made:\n%s",
                 tests::read_file(folder / "tools.log").c_str());
    std::exit(1);
  }
  JobSpec spec;
  spec.source_path = (folder / "clip.mp4").string();
  spec.model_hash = model->model_hash;
  spec.range_frames = kRangeFrames;
  world.spec = to_json(spec);
  return world;
}

// ---- the run ------------------------------------------------------------------------------------

bool is_same(const std::optional<Hashes>& found, const Hashes& expected, const std::string& what) {
  if (!found) return false;
  return say(*found == expected,
             fmt::format("{}: output {}, poses {}", what, found->output.substr(0, 16),
                         found->poses.substr(0, 16)));
}

bool report(Ordeal& ordeal) {
  const Faults& faults = ordeal.faults();
  std::printf("faults: %d\n", faults.count_all());
  for (int i = 0; i < kFaultKinds; ++i) {
    const auto kind = static_cast<FaultKind>(i);
    std::printf("  %-38s %d\n", name_of(kind), faults.count(kind));
  }
  Cluster& cluster = ordeal.cluster();
  const Measures measures =
      measure(cluster.log(), cluster.data(), faults.troubles(), cluster.starts());
  std::printf("seen: killed %s\n", measures.kill_seen.text().c_str());
  std::printf("seen: frozen %s\n", measures.freeze_seen.text().c_str());
  std::printf("seen: cut off %s\n", measures.cut_seen.text().c_str());
  std::printf("coordinator's restart to the first worker: %s\n",
              measures.restart_to_worker.text().c_str());
  std::printf("coordinator's restart to the first grant: %s\n",
              measures.restart_to_grant.text().c_str());
  std::printf("ranges %d, grants %d, results lost to damage and computed again %d\n",
              ordeal.ranges(), ordeal.grants(), ordeal.lost());
  for (const auto& [ranges, deaths] : measures.redone) {
    std::printf("%d range(s) went back: %d times\n", ranges, deaths);
  }
  for (const std::string& fault : measures.faults) say(false, fault);
  const int damages = faults.count(FaultKind::DamageResult) + faults.count(FaultKind::DamageSpool);
  bool is_good = measures.faults.empty();
  if (ordeal.lost() > damages) {
    is_good =
        say(false, fmt::format("{} results were lost, {} were damaged", ordeal.lost(), damages));
  }
  return is_good;
}

enum class Outcome { Good, Bad, Interrupted };

Outcome outcome_of(const Ordeal& ordeal, bool is_good) {
  if (ordeal.is_interrupted()) return Outcome::Interrupted;
  return is_good ? Outcome::Good : Outcome::Bad;
}

Outcome run_under_faults(const Options& options, const World& world, const MemoryGroup& memory,
                         StopSignal& stop, const Hashes& expected) {
  Ordeal ordeal(world, "nemesis", memory, options.seed, stop);
  bool is_good = ordeal.begin();
  if (is_good && ordeal.cluster().steps() != nullptr) {
    is_good = is_same(ordeal.run_steps(), expected, "killed at each step");
  }
  while (is_good && ordeal.faults().count_all() < options.faults) {
    const int left = options.faults - ordeal.faults().count_all();
    const auto found = ordeal.run_job(std::min(left, kFaultsPerJob));
    is_good = is_same(found, expected, fmt::format("after {} faults", ordeal.faults().count_all()));
  }
  if (!ordeal.is_interrupted()) is_good = report(ordeal) && is_good;
  if (!is_good) ordeal.keep_data();
  return outcome_of(ordeal, is_good);
}

// A frame that kills every pose worker, and a coordinator that dies within each step of taking it
// out: the same bytes as if nobody had stood in that frame.
Outcome run_splits(const Options& options, World world, const MemoryGroup& memory,
                   StopSignal& stop) {
  if (world.shim.empty()) return Outcome::Good;
  const fs::path real = std::exchange(world.programs, world.folder / "poison-bin");
  fs::create_directories(world.programs);
  for (const char* name : {"posefleet", "posefleet-coordinator"}) {
    fs::create_symlink(real / name, world.programs / name);
  }
  for (const char* name : {"posefleet-pose-worker", "posefleet-render-worker"}) {
    fs::create_symlink(POSEFLEET_POISON_WORKER, world.programs / name);
  }
  std::optional<Hashes> expected;
  {
    world.kills = "nobody";
    Ordeal calm(world, "nobody", memory, options.seed, stop);
    if (calm.begin()) expected = calm.run_job(0);
    if (!expected) return outcome_of(calm, false);
  }
  world.kills = "pose";
  Ordeal ordeal(world, "poison", memory, options.seed, stop);
  const bool is_good = ordeal.begin() && is_same(ordeal.run_split_steps(), *expected,
                                                 "killed at each step of a split");
  if (!is_good) ordeal.keep_data();
  return outcome_of(ordeal, is_good);
}

Outcome run_all(const Options& options, const World& world, const MemoryGroup& memory) {
  StopSignal stop;
  std::optional<Hashes> expected;
  {
    Ordeal calm(world, "calm", memory, options.seed, stop);
    if (calm.begin()) expected = calm.run_job(0);
    if (!expected) return outcome_of(calm, false);
  }
  is_same(expected, *expected, "no faults");
  const Outcome splits = run_splits(options, world, memory, stop);
  if (splits != Outcome::Good) return splits;
  return run_under_faults(options, world, memory, stop, *expected);
}

int run(const Options& options) {
  std::string folder = (fs::temp_directory_path() / "posefleet-nemesis-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  Outcome outcome = Outcome::Bad;
  {
    Hosts hosts(2, folder);
    const MemoryGroup memory;
    for (const std::string& missing : hosts.missing()) {
      std::printf("not checked: %s\n", missing.c_str());
    }
    if (!memory.is_there()) std::printf("not checked: %s\n", memory.missing().c_str());
    std::fflush(stdout);
    outcome = run_all(options, make_world(folder, hosts), memory);
  }
  if (outcome == Outcome::Interrupted) std::printf("interrupted\n");
  if (outcome == Outcome::Bad) {
    say(false, fmt::format("seed {}: run it again with --seed {} --faults {}; logs in {}",
                           options.seed, options.seed, options.faults, folder));
  }
  std::error_code ignored;
  if (outcome != Outcome::Bad && !options.keeps_folder) fs::remove_all(folder, ignored);
  if (outcome == Outcome::Interrupted) return 130;
  return outcome == Outcome::Good ? 0 : 1;
}

}  // namespace
}  // namespace posefleet::nemesis

int main(int argc, char** argv) {
  using namespace posefleet::nemesis;
  const auto options = parse(argc, argv);
  return options ? run(*options) : 2;
}
