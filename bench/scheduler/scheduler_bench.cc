// How many grants and commits the coordinator makes durable in a second, and how long a range that
// is ready waits for its grant.
#include <algorithm>
#include <cstdio>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include "bench/scheduler/coordinator_process.h"
#include "bench/scheduler/fleet.h"
#include "tests/support/fixtures.h"

namespace posefleet::bench {
namespace {

struct Options {
  std::vector<std::uint32_t> sessions = {1, 8, 64};
  std::vector<std::uint32_t> idle = {0};
  std::vector<std::string> transports = {"ipc"};
  std::vector<double> rates = {0};
  std::uint32_t credit = 4;
  std::uint32_t people = 0;
  std::uint32_t threads = 2;
  std::uint32_t ranges = 100'000;
  double seconds = 5;
  std::string coordinator;
  bool json = false;
};

struct Row {
  FleetOptions fleet;
  std::string transport;
  double measured_seconds = 0;
  Figures figures;
  ProcessUse use;
};

float quantile(std::vector<float>& values, double share) {
  if (values.empty()) return 0;
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

Result<Row> measure(const Options& options, Row row) {
  const tests::TempDir folder;
  CoordinatorProcess::Options process;
  process.program = options.coordinator.empty()
                        ? own_program_folder().parent_path() / "bin/posefleet-coordinator"
                        : std::filesystem::path(options.coordinator);
  process.folder = folder.path();
  process.is_tcp = row.transport == "tcp";
  POSEFLEET_TRY(const auto coordinator,
                CoordinatorProcess::start(
                    process, {.pose_ranges = options.ranges, .is_drawn = row.fleet.sessions >= 8}));
  row.fleet.endpoint = coordinator->worker_endpoint();
  row.fleet.pose_ranges = options.ranges;
  Fleet fleet(row.fleet);
  if (!fleet.wait_for_sessions()) {
    return internal_error("not every session was welcomed:\n" + coordinator->log());
  }
  fleet.go();
  std::this_thread::sleep_for(std::chrono::seconds(1));  // everything is warm from here on
  POSEFLEET_TRY(const ProcessUse before, coordinator->use());
  fleet.begin_counting();
  const Instant begun = now();
  std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
  row.measured_seconds = seconds(now() - begun);
  POSEFLEET_TRY(row.use, coordinator->use());
  row.use.cpu_seconds -= before.cpu_seconds;
  row.use.bytes_to_disk -= before.bytes_to_disk;
  row.figures = fleet.stop();
  return row;
}

void print(Row& row, bool json) {
  const double rate = static_cast<double>(row.figures.commits) / row.measured_seconds;
  auto& credit = row.figures.credit_to_grant_ms;
  auto& result = row.figures.result_to_grant_ms;
  auto& ready = row.figures.ready_to_grant_ms;
  const double cpu = 100 * row.use.cpu_seconds / row.measured_seconds;
  const double bytes = row.figures.commits == 0 ? 0
                                                : static_cast<double>(row.use.bytes_to_disk) /
                                                      static_cast<double>(row.figures.commits);
  if (json) {
    const nlohmann::json line = {
        {"transport", row.transport},
        {"sessions", row.fleet.sessions},
        {"idle_sessions", row.fleet.idle},
        {"credit", row.fleet.credit},
        {"people", row.fleet.people},
        {"results_per_second_max", row.fleet.results_per_second},
        {"commits_per_second", rate},
        {"credit_to_grant_ms", {{"p50", quantile(credit, 0.5)}, {"p99", quantile(credit, 0.99)}}},
        {"result_to_grant_ms", {{"p50", quantile(result, 0.5)}, {"p99", quantile(result, 0.99)}}},
        {"ready_to_grant_ms",
         {{"p50", quantile(ready, 0.5)}, {"p99", quantile(ready, 0.99)}, {"count", ready.size()}}},
        {"coordinator_cpu_percent", cpu},
        {"disk_bytes_per_commit", bytes}};
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print(
        "{:>4} {:>8} {:>5} {:>6} {:>7.0f} {:>9.0f} {:>8.2f} {:>8.2f} {:>8.2f} {:>8.2f} "
        "{:>8.2f} {:>8.2f} {:>6.0f} {:>8.0f}\n",
        row.transport, row.fleet.sessions, row.fleet.idle, row.fleet.people,
        row.fleet.results_per_second, rate, quantile(credit, 0.5), quantile(credit, 0.99),
        quantile(result, 0.5), quantile(result, 0.99), quantile(ready, 0.5), quantile(ready, 0.99),
        cpu, bytes);
  }
  std::fflush(stdout);
}

// What the times below are to be held against: each grant waits for one forced write or more.
void print_disk() {
  const tests::TempDir folder;
  const std::string file = (folder / "probe").string();
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const std::string block(4096, 'x');
  std::vector<float> times;
  for (int i = 0; i < 200; ++i) {
    if (write(fd, block.data(), block.size()) < 0) break;
    const Instant begun = now();
    fdatasync(fd);
    times.push_back(static_cast<float>(1000 * seconds(now() - begun)));
  }
  close(fd);
  fmt::print(
      "a forced write of 4 KiB: median {:.2f} ms, 99 of 100 within {:.2f} ms; all times below "
      "in ms, median and 99 of 100\n",
      quantile(times, 0.5), quantile(times, 0.99));
}

Status run_all(const Options& options) {
  if (!options.json) {
    print_disk();
    fmt::print("{:>4} {:>8} {:>5} {:>6} {:>7} {:>9} {:>17} {:>17} {:>17} {:>6} {:>8}\n", "",
               "sessions", "idle", "people", "paced/s", "commits/s", "credit>grant", "result>grant",
               "ready>grant", "CPU %", "B/commit");
  }
  for (const std::string& transport : options.transports) {
    for (const std::uint32_t idle : options.idle) {
      for (const std::uint32_t sessions : options.sessions) {
        for (const double rate : options.rates) {
          Row row;
          row.transport = transport;
          row.fleet.sessions = sessions;
          row.fleet.idle = idle;
          row.fleet.credit = options.credit;
          row.fleet.people = options.people;
          row.fleet.threads = std::min(options.threads, sessions);
          row.fleet.results_per_second = rate;
          POSEFLEET_TRY(Row measured, measure(options, std::move(row)));
          print(measured, options.json);
        }
      }
    }
  }
  return done();
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace posefleet::bench

int main(int argc, char** argv) {
  posefleet::bench::Options options;
  CLI::App app("Measures the coordinator with a fleet that answers each grant at once.");
  app.add_option("--sessions", options.sessions, "sessions that work; every eighth draws")
      ->delimiter(',')
      ->check(CLI::Range(1, 1000));
  app.add_option("--idle", options.idle, "sessions beside them that get nothing")
      ->delimiter(',')
      ->check(CLI::Range(0, 3000));
  app.add_option("--transport", options.transports, "ipc, tcp (loopback)")
      ->delimiter(',')
      ->check(CLI::IsMember({"ipc", "tcp"}));
  app.add_option("--rate", options.rates,
                 "pose results a second that are sent at most; 0: no limit")
      ->delimiter(',');
  app.add_option("--credit", options.credit, "ranges that a session holds at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--people", options.people, "in each frame: a result has a kilobyte for each")
      ->check(CLI::Range(0, 60))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "of the fleet")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--ranges", options.ranges, "pose ranges of the job")
      ->check(CLI::Range(1'000, 1'000'000))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "of each measurement, after one of warming up")
      ->capture_default_str();
  app.add_option("--coordinator", options.coordinator, "the program; default: the one beside");
  app.add_flag("--json", options.json, "one JSON object a line");
  CLI11_PARSE(app, argc, argv);
  posefleet::bench::raise_descriptor_limit();
  if (const auto status = posefleet::bench::run_all(options); !status) {
    fmt::print(stderr, "scheduler_bench: {}\n", status.error().message);
    return 1;
  }
  return 0;
}
