#include "tests/integration/keyed_cluster.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/job_client.h"
#include "common/job/job_spec.h"
#include "common/model_folder/model_folder.h"
#include "common/process/wake.h"

namespace posefleet::tests {
namespace {

namespace fs = std::filesystem;

// The word after `before` in a log.
std::string word_after(const std::string& log, const std::string& before) {
  const std::size_t at = log.find(before);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + before.size();
  return log.substr(begin, log.find_first_of(", \n", begin) - begin);
}

template <typename Value>
Value must(Result<Value> result) {
  EXPECT_TRUE(result) << result.error().message;
  if (!result) std::abort();
  return std::move(*result);
}

// Asks until there is an answer: on a disk that others keep busy a commit may take seconds.
template <typename Ask>
auto answer_to(const std::filesystem::path& endpoint, Ask&& ask) {
  WakeEvent never;
  const auto client = must(cli::JobClient::connect("ipc://" + endpoint.string()));
  auto answer = ask(*client, never.fd());
  const auto is_answered = [&] { return answer || answer.error().code == ErrorCode::Rejected; };
  eventually([&] {
    if (!is_answered()) answer = ask(*client, never.fd());
    return is_answered();
  });
  return must(std::move(answer));
}

}  // namespace

void make_key(const fs::path& folder, const std::string& name) {
  const Ended ended = run("posefleet", {"keygen", folder.string(), "--name", name});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
}

int count_of(const std::string& text, const std::string& word) {
  int count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    ++count;
  }
  return count;
}

std::unique_ptr<Program> start_program_after(const std::vector<std::string>& prefix,
                                             const std::string& program,
                                             const std::vector<std::string>& arguments) {
  if (prefix.empty()) return std::make_unique<Program>(program, arguments);
  std::vector<std::string> words(prefix.begin() + 1, prefix.end());
  words.push_back(std::string(POSEFLEET_BIN_DIR) + "/" + program);
  words.insert(words.end(), arguments.begin(), arguments.end());
  return std::make_unique<Program>(prefix.front(), words);
}

KeyedCluster::KeyedCluster(const KeyedOptions& options) {
  make_key(keys(), "coordinator");
  fs::create_directory(folder_ / "allowed");
  write_file(folder_ / "coordinator.yaml",
             "data_dir: " + (folder_ / "data").string() + "\nworkers:\n  listen: " +
                 options.listen + "\n  key: " + (keys() / "coordinator.key").string() +
                 "\n  allowed: " + (folder_ / "allowed").string() + "\nclients:\n  listen: ipc://" +
                 (folder_ / "clients").string() + "\n" + options.more);
  coordinator_ = start_program_after(options.prefix, "posefleet-coordinator",
                                     {"--config", (folder_ / "coordinator.yaml").string()});
  EXPECT_TRUE(waits_for(*coordinator_, "listening for workers on "));
  endpoint_ = word_after(coordinator_->err_so_far(), "listening for workers on ");
}

void KeyedCluster::allow(const std::string& name) {
  if (!fs::exists(keys() / (name + ".key"))) make_key(keys(), name);
  fs::copy(keys() / (name + ".pub"), folder_ / "allowed" / (name + ".new"));
  fs::rename(folder_ / "allowed" / (name + ".new"), folder_ / "allowed" / (name + ".pub"));
  EXPECT_TRUE(waits_for(*coordinator_, "key " + name + " is allowed"));
}

void KeyedCluster::revoke(const std::string& name) {
  fs::remove(folder_ / "allowed" / (name + ".pub"));
  EXPECT_TRUE(waits_for(*coordinator_, "key " + name + " is revoked"));
}

std::unique_ptr<Program> KeyedCluster::start_worker(const WorkerOptions& options) {
  const fs::path model = folder_ / "model";
  if (!fs::exists(model)) {
    EXPECT_EQ(run("posefleet-random-model", {model.string()}).exit_code, 0);
  }
  const fs::path config = folder_ / ("worker-" + std::to_string(++workers_) + ".yaml");
  std::string text = "coordinator: " + (options.endpoint.empty() ? endpoint_ : options.endpoint) +
                     "\nmodel: " + model.string() + "\n";
  if (!options.key.empty()) {
    text += "key: " + (keys() / (options.key + ".key")).string() +
            "\ncoordinator_key: " + (keys() / (options.coordinator + ".pub")).string() + "\n";
  }
  if (options.program == "posefleet-pose-worker") text += "threads: 1\n";
  write_file(config, text);
  return start_program_after(options.prefix, options.program, {"--config", config.string()});
}

bool KeyedCluster::waits_for(Program& program, const std::string& text) {
  const bool is_there = eventually([&] {
    return program.err_so_far().find(text) != std::string::npos || !program.is_running();
  });
  const std::string log = program.err_so_far();
  const bool is_found = is_there && log.find(text) != std::string::npos;
  EXPECT_TRUE(is_found) << "no '" << text << "' in:\n" << log;
  return is_found;
}

JobId KeyedCluster::submit(int seconds_of_video, const std::string& name) {
  fs::create_directory(clip().parent_path());
  if (!fs::exists(clip())) {
    const Ended made =
        run("/usr/bin/ffmpeg",
            {"-v", "error", "-f", "lavfi", "-i",
             "testsrc2=size=320x180:rate=25:duration=" + std::to_string(seconds_of_video), "-c:v",
             "libx264", "-g", "25", "-y", clip().string()});
    EXPECT_EQ(made.exit_code, 0) << made.err;
  }
  JobSpec spec;
  spec.source_path = clip().string();
  spec.model_hash = must(open_model_folder(folder_ / "model", HashCheck::SizesOnly)).model_hash;
  spec.range_frames = 5;
  return answer_to(folder_ / "clients", [&](cli::JobClient& client, int never) {
    return client.submit(name, to_json(spec), never);
  });
}

JobStatus KeyedCluster::status(JobId job) {
  return answer_to(folder_ / "clients",
                   [&](cli::JobClient& client, int never) { return client.status(job, never); });
}

std::string KeyedCluster::wait_for_output(JobId job) {
  JobStatus last;
  EXPECT_TRUE(eventually([&] { return is_final((last = status(job)).state); }));
  EXPECT_EQ(last.state, JobState::Succeeded) << last.error << coordinator_->err_so_far();
  if (last.state != JobState::Succeeded) return "";
  return nlohmann::json::parse(last.result).at("output_sha256").get<std::string>();
}

}  // namespace posefleet::tests
