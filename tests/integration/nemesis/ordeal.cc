#include "tests/integration/nemesis/ordeal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>

#include "common/files/sha256.h"
#include "tests/support/fixtures.h"

namespace posefleet::nemesis {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Without any fault the job takes some seconds; a machine may be ten times slower than ours.
constexpr Instant kJobMax = 300s;
// What is still under way when a job ends (a second result of a range) is cleared away by then.
constexpr Instant kSettleMax = 10s;

}  // namespace

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
  is_interrupted_ |= stop_.take() != 0;
  return !is_interrupted_ && cluster_.failures().empty();
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
  // Of a frame that kills, and of nothing else, there is a word.
  const bool is_poisoned = world_.kills == "pose";
  bool is_good = last.state == JobState::Succeeded && last.warnings.size() == (is_poisoned ? 1 : 0);
  if (is_good && is_poisoned) is_good = last.warnings[0].starts_with("frame 37 has no pose and");
  if (!is_good) {
    say(false, fmt::format("the job {}: {}", name_of(last.state), last.error));
    for (const std::string& warning : last.warnings) say(false, "warning: " + warning);
  }
  JobAudit audit;
  const Instant limit = now() + kSettleMax;
  do {
    audit = audit_job(cluster_.data(), last.job, kFrames, is_poisoned);
  } while (!audit.faults.empty() && now() < limit && turn());
  if (audit.lost > 0 && !expects_damage) audit.faults.push_back("results were lost");
  for (const std::string& fault : audit.faults) is_good = say(false, fault);
  lost_ += audit.lost;
  grants_ += audit.grants;
  ranges_ += audit.ranges;
  if (!is_good) return std::nullopt;
  const auto result = nlohmann::json::parse(last.result);
  const auto sha256 = sha256_hex_of_file(result.at("output_path").get<std::string>());
  if (!sha256 || *sha256 != result.at("output_sha256").get<std::string>()) {
    say(false, "the output is not what the coordinator says that it is");
    return std::nullopt;
  }
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
  constexpr Step kOrder[] = {kPlanSaved,      kHalfAppended,  kBundleWritten, kBundleSynced,
                             kRowHalfWritten, kRowWritten,    kRowSynced,     kResultWritten,
                             kResultSynced,   kResultRenamed, kFolderSynced,  kOutputWritten,
                             kOutputRenamed,  kReleaseBegins, kReleaseHalf};
  std::optional<JobStatus> last;
  if (!follow_steps(kOrder, last)) return std::nullopt;
  return settle(*last, false);
}

// Enough splits come for all of these: 10 frames, 5, 2 and the one.
std::optional<Hashes> Ordeal::run_split_steps() {
  constexpr Step kOrder[] = {kSplitHalfWritten, kSplitWritten, kSplitSynced, kNobodyNamed};
  std::optional<JobStatus> last;
  if (!follow_steps(kOrder, last)) return std::nullopt;
  return settle(*last, false);
}

bool Ordeal::follow_steps(std::span<const Step> steps, std::optional<JobStatus>& last) {
  StepControl& control = *cluster_.steps();
  std::size_t next = 0;
  last = follow([&](bool) {
    if (control.armed.load() != kNoStep || next == steps.size()) return false;
    // The one before has struck: the next one in the coordinator's next life.
    Member& coordinator = cluster_.coordinator();
    if (cluster_.is_up(coordinator) && !coordinator.process->ended()) {
      control.armed.store(steps[next++]);
    }
    return true;
  });
  bool is_good = last.has_value();
  for (const Step step : steps) {
    if (control.killed[step].load() == 0) {
      is_good = say(false, fmt::format("the coordinator never came to the step '{}' (passed {} "
                                       "times)",
                                       name_of(step), control.passed[step].load()));
    }
  }
  control.armed.store(kNoStep);
  return is_good;
}

void Ordeal::keep_data() const {
  std::error_code ignored;
  fs::copy(cluster_.data(), world_.folder / name_ / "data-kept", fs::copy_options::recursive,
           ignored);
}

}  // namespace posefleet::nemesis
