#include "cli/workers_command.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/exit_code.h"
#include "cli/job_client.h"
#include "cli/session.h"
#include "common/process/wake.h"

namespace posefleet::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kColumns = 9;
using Row = std::array<std::string, kColumns>;

// Enough to tell models and sessions apart; --json has all of it.
constexpr std::size_t kDigitsShown = 8;

std::string session_text(SessionId session) {
  return fmt::format("{:016x}", number(session));
}

std::string shown(std::string text) {
  for (char& letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < ' ' || byte == 0x7f) letter = '?';
  }
  return text;
}

std::string work_text(const WorkerInfo& worker) {
  if (worker.job == JobId{}) return "-";
  return fmt::format("job {} frames {}-{}, {} done", number(worker.job), worker.frames.first,
                     worker.frames.end - 1, worker.frames_done);
}

Row row_of(const WorkerInfo& worker) {
  return {shown(worker.host),
          name_of(worker.role),
          fmt::format("{}", worker.pid),
          shown(worker.device),
          worker.models == 0 ? "-" : fmt::format("{}", worker.models),
          shown(worker.model_hash.substr(0, kDigitsShown)),
          name_of(worker.state),
          fmt::format("{:.1f}", worker.frames_per_second),
          work_text(worker)};
}

Json json_of(const WorkerInfo& worker) {
  Json json = {{"session", session_text(worker.session)},
               {"worker", worker.worker},
               {"host", worker.host},
               {"pid", worker.pid},
               {"role", name_of(worker.role)},
               {"device", worker.device},
               {"models", worker.models},
               {"model_hash", worker.model_hash},
               {"key", worker.key_name},
               {"state", name_of(worker.state)},
               {"frames_per_second", worker.frames_per_second},
               {"ranges_held", worker.ranges_held},
               {"range", nullptr}};
  if (worker.job != JobId{}) {
    json["range"] = {{"job", number(worker.job)},
                     {"first_frame", worker.frames.first},
                     {"end_frame", worker.frames.end},
                     {"frames_done", worker.frames_done}};
  }
  return json;
}

// Part by part. Who joins or leaves meanwhile may be missed or shown twice: it is a look, no count.
Result<std::vector<WorkerInfo>> ask_for_all(const std::string& server) {
  StopSignal stop;
  POSEFLEET_TRY(const std::unique_ptr<JobClient> client, JobClient::connect(server));
  std::vector<WorkerInfo> workers;
  while (true) {
    POSEFLEET_TRY(WorkerList part,
                  client->workers(static_cast<std::uint32_t>(workers.size()), stop.fd()));
    const bool is_last = part.workers.empty();
    std::move(part.workers.begin(), part.workers.end(), std::back_inserter(workers));
    if (is_last || workers.size() >= part.total) return workers;
  }
}

}  // namespace

std::string workers_table(const std::vector<WorkerInfo>& workers) {
  std::vector<Row> rows = {
      {"HOST", "ROLE", "PID", "DEVICE", "MODELS", "MODEL", "STATE", "FRAMES/S", "WORK"}};
  for (const WorkerInfo& worker : workers) rows.push_back(row_of(worker));
  std::array<std::size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < kColumns; ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string workers_json(const std::vector<WorkerInfo>& workers) {
  Json list = Json::array();
  for (const WorkerInfo& worker : workers) list.push_back(json_of(worker));
  return Json{{"workers", list}}.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

int list_workers(const WorkersOptions& options) {
  if (!is_local_endpoint(options.server)) {
    std::fprintf(
        stderr,
        "posefleet: --server is %s; a coordinator answers clients on its own machine only: "
        "ipc:// or a loopback address (tcp://127.0.0.1:PORT), its clients.listen\n",
        options.server.c_str());
    return kUsage;
  }
  const auto workers = ask_for_all(options.server);
  if (!workers) {
    std::fprintf(stderr, "posefleet: %s\n", workers.error().message.c_str());
    return is_interruption(workers.error())                  ? kInterrupted
           : workers.error().code == ErrorCode::Disconnected ? kUnreachable
                                                             : kJobFailed;
  }
  std::fputs((options.json ? workers_json(*workers) : workers_table(*workers)).c_str(), stdout);
  if (!options.json && workers->empty()) std::fprintf(stderr, "no worker is connected\n");
  return kDone;
}

}  // namespace posefleet::cli
