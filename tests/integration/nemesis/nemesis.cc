// Does faults to a cluster of real processes, by a seed, and holds the results against those of a
// run without any: docs/reliability.md.
//
//   nemesis [--seed N] [--faults N] [--keep]
//
// First one job without faults. Then one in which the coordinator dies at each step of a commit, of
// saving a plan, of joining the output and of clearing up, one after the other. Then job after job
// under faults of all kinds, until there were as many as asked for. After each: the same bytes,
// each range committed once, nothing left behind.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>

#include "common/job/job_spec.h"
#include "common/model_folder/model_folder.h"
#include "tests/integration/nemesis/audit.h"
#include "tests/support/fixtures.h"

namespace posefleet::nemesis {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// 96 pose ranges and 30 render ranges (of 4 s): some ten seconds' work when nothing goes wrong.
constexpr std::uint32_t kFrames = 960;
constexpr std::uint32_t kFramesPerSecond = 8;
constexpr std::uint32_t kRangeFrames = 10;
// In one job; then it is let go to its end, which shows that work ends when faults do.
constexpr int kFaultsPerJob = 30;
// Without any fault the job takes some seconds; a machine may be ten times slower than ours.
constexpr Instant kJobMax = 300s;
// What is still under way when a job ends (a second result of a range) is cleared away by then.
constexpr Instant kSettleMax = 10s;

volatile std::sig_atomic_t interrupted = 0;

struct Options {
  std::uint64_t seed = 1;
  int faults = 30;
  bool keeps_folder = false;
};

struct Hashes {
  std::string output;
  std::string poses;
  bool operator==(const Hashes&) const = default;
};

bool say(bool is_good, const std::string& line) {
  std::printf("%s%s\n", is_good ? "" : "WRONG: ", line.c_str());
  std::fflush(stdout);
  return is_good;
}

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--keep") {
      options.keeps_folder = true;
    } else if (i + 1 < argc && word == "--seed") {
      options.seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (i + 1 < argc && word == "--faults") {
      options.faults = std::atoi(argv[++i]);
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
                   fmt::format("testsrc2=size=160x96:rate={}:duration={}", kFramesPerSecond,
                               kFrames / kFramesPerSecond),
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

// One cluster, the jobs that it gets, and what is done to it meanwhile.
class Ordeal final {
 public:
  Ordeal(const World& world, const std::string& name, const MemoryGroup& memory, std::uint64_t seed)
      : world_(world),
        name_(name),
        cluster_(world, name),
        faults_(cluster_, world.hosts, memory, seed) {}

  // The store exists and is watched; everybody runs.
  bool begin();
  // Runs one job to its end with up to `faults` faults; nothing when something was wrong.
  std::optional<Hashes> run_job(int faults);
  // Runs one job, the coordinator dying at each step in turn.
  std::optional<Hashes> run_steps();

  Cluster& cluster() { return cluster_; }
  const Faults& faults() const { return faults_; }
  int lost() const { return lost_; }
  int grants() const { return grants_; }
  int ranges() const { return ranges_; }
  // For a look at what went wrong: the disk goes with this process.
  void keep_data() const {
    std::error_code ignored;
    fs::copy(cluster_.data(), world_.folder / name_ / "data-kept", fs::copy_options::recursive,
             ignored);
  }

 private:
  // On each turn, told whether the job is final: whether more is to be done to it.
  using OnTurn = std::function<bool(bool is_over)>;
  std::optional<JobStatus> follow(const OnTurn& on_turn);
  std::optional<Hashes> settle(const JobStatus& last, bool expects_damage);
  bool turn();

  const World& world_;
  std::string name_;
  Cluster cluster_;
  Faults faults_;
  int jobs_ = 0;
  int lost_ = 0;
  int grants_ = 0;
  int ranges_ = 0;
};

bool Ordeal::begin() {
  cluster_.start(cluster_.coordinator());
  const Instant limit = now() + 60s;
  const auto is_ready = [&] {
    return tests::read_file(cluster_.log()).find("listening for workers") != std::string::npos;
  };
  while (!is_ready() && now() < limit) poll(nullptr, 0, 10);
  if (!is_ready() || !cluster_.stop_coordinator() || !add_triggers(cluster_.data())) {
    return say(false, "the coordinator did not start:\n" + tests::read_file(cluster_.log()));
  }
  cluster_.start_all();
  return true;
}

bool Ordeal::turn() {
  cluster_.tend();
  poll(nullptr, 0, 5);
  return interrupted == 0 && cluster_.failures().empty();
}

// Submits a job and looks after everything until it is final and nothing is wrong any more.
std::optional<JobStatus> Ordeal::follow(const OnTurn& on_turn) {
  const std::string key = fmt::format("{}-{}", name_, ++jobs_);
  std::optional<JobId> job;
  std::optional<JobStatus> last;
  Instant limit = now() + kJobMax;
  Instant ask_at{};
  while (turn()) {
    const bool is_over = last && is_final(last->state);
    const bool is_calm = !on_turn(is_over);
    if (!is_calm) limit = now() + kJobMax;
    if (now() > limit) {
      say(false, fmt::format("the job did not end in {} s: {}", kJobMax / 1s,
                             last ? name_of(last->state) : "no answer"));
      return std::nullopt;
    }
    if (now() < ask_at || !cluster_.is_up(cluster_.coordinator())) continue;
    ask_at = now() + 200ms;
    if (!job) {
      job = cluster_.submit(key);
      continue;
    }
    const auto status = cluster_.status(*job);
    // What a client was told stays so.
    if (is_over && status && status->state != last->state) {
      say(false,
          fmt::format("the job was {}, and then {}", name_of(last->state), name_of(status->state)));
      return std::nullopt;
    }
    if (status) last = status;
    if (is_over && is_calm && status) return last;
  }
  for (const std::string& failure : cluster_.failures()) say(false, failure);
  return std::nullopt;
}

std::optional<Hashes> Ordeal::settle(const JobStatus& last, bool expects_damage) {
  bool is_good = last.state == JobState::Succeeded && last.warnings.empty();
  if (!is_good) say(false, fmt::format("the job {}: {}", name_of(last.state), last.error));
  for (const std::string& warning : last.warnings) say(false, "warning: " + warning);
  JobAudit audit;
  const Instant limit = now() + kSettleMax;
  do {
    audit = audit_job(cluster_.data(), last.job, kFrames);
  } while (!audit.faults.empty() && now() < limit && turn());
  if (audit.lost > 0 && !expects_damage) audit.faults.push_back("results were lost");
  for (const std::string& fault : audit.faults) is_good = say(false, fault);
  lost_ += audit.lost;
  grants_ += audit.grants;
  ranges_ += audit.ranges;
  if (!is_good) return std::nullopt;
  const auto result = nlohmann::json::parse(last.result);
  return Hashes{result.at("output_sha256"), result.at("poses_sha256")};
}

std::optional<Hashes> Ordeal::run_job(int faults) {
  const int until = faults_.count_all() + faults;
  const auto last = follow([&](bool is_over) {
    const bool may_begin = !is_over && faults_.count_all() < until;
    faults_.tend(may_begin);
    return may_begin || !faults_.is_calm();
  });
  if (!last) return std::nullopt;
  return settle(*last,
                faults_.count(FaultKind::DamageResult) + faults_.count(FaultKind::DamageSpool) > 0);
}

std::optional<Hashes> Ordeal::run_steps() {
  constexpr Step kOrder[] = {kPlanSaved,     kResultWritten,  kResultSynced,  kResultRenamed,
                             kFolderSynced,  kRowHalfWritten, kRowWritten,    kRowSynced,
                             kOutputWritten, kOutputRenamed,  kReleaseBegins, kReleaseHalf};
  StepControl& control = *cluster_.steps();
  std::size_t next = 0;
  const auto last = follow([&](bool) {
    if (control.armed.load() != kNoStep || next == std::size(kOrder)) return false;
    // The one before has struck: the next one in the coordinator's next life.
    Member& coordinator = cluster_.coordinator();
    if (cluster_.is_up(coordinator) && !coordinator.process->ended()) {
      control.armed.store(kOrder[next++]);
    }
    return true;
  });
  bool is_good = last.has_value();
  for (const Step step : kOrder) {
    if (control.killed[step].load() == 0) {
      is_good = say(false, fmt::format("the coordinator never came to the step '{}' (passed {} "
                                       "times)",
                                       name_of(step), control.passed[step].load()));
    }
  }
  control.armed.store(kNoStep);
  if (!is_good) return std::nullopt;
  return settle(*last, false);
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

bool run_all(const Options& options, const World& world, const MemoryGroup& memory) {
  Hashes expected;
  {
    Ordeal calm(world, "calm", memory, options.seed);
    if (!calm.begin()) return false;
    const auto found = calm.run_job(0);
    if (!found) return false;
    expected = *found;
    is_same(found, expected, "no faults");
  }
  Ordeal ordeal(world, "nemesis", memory, options.seed);
  bool is_good = ordeal.begin();
  if (is_good && ordeal.cluster().steps() != nullptr) {
    is_good = is_same(ordeal.run_steps(), expected, "killed at each step");
  }
  while (is_good && ordeal.faults().count_all() < options.faults) {
    const int left = options.faults - ordeal.faults().count_all();
    const auto found = ordeal.run_job(std::min(left, kFaultsPerJob));
    is_good = is_same(found, expected, fmt::format("after {} faults", ordeal.faults().count_all()));
  }
  if (interrupted != 0) return false;
  is_good &= report(ordeal);
  if (!is_good) ordeal.keep_data();
  return is_good;
}

int run(const Options& options) {
  std::string folder = (fs::temp_directory_path() / "posefleet-nemesis-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  bool is_good = false;
  {
    Hosts hosts(2, folder);
    const MemoryGroup memory;
    for (const std::string& missing : hosts.missing()) {
      std::printf("not checked: %s\n", missing.c_str());
    }
    if (!memory.is_there()) std::printf("not checked: %s\n", memory.missing().c_str());
    std::fflush(stdout);
    is_good = run_all(options, make_world(folder, hosts), memory);
  }
  if (interrupted != 0) {
    std::printf("interrupted\n");
  } else if (!is_good) {
    say(false, fmt::format("seed {}: run it again with --seed {} --faults {}; logs in {}",
                           options.seed, options.seed, options.faults, folder));
  }
  std::error_code ignored;
  if ((is_good && !options.keeps_folder) || interrupted != 0) fs::remove_all(folder, ignored);
  if (interrupted != 0) return 130;
  return is_good ? 0 : 1;
}

}  // namespace
}  // namespace posefleet::nemesis

int main(int argc, char** argv) {
  using namespace posefleet::nemesis;
  const auto options = parse(argc, argv);
  if (!options) return 2;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    std::signal(signal, [](int) { interrupted = 1; });
  }
  return run(*options);
}
