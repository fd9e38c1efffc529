// A coordinator and workers with keys, as real processes, for the tests of keys.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/protocol/client.h"
#include "tests/support/fixtures.h"
#include "tests/support/programs.h"

namespace posefleet::tests {

// "NAME.key" and "NAME.pub" in `folder`; the coordinator's with the first.
void make_key(const std::filesystem::path& folder, const std::string& name);

struct KeyedOptions {
  std::string listen = "tcp://127.0.0.1:*";
  // Words before the program's name: {"/usr/sbin/ip", "netns", "exec", "left"}.
  std::vector<std::string> prefix;
  std::string more = "";  // lines of the coordinator's configuration
};

// Keys, a model, a clip, and the coordinator, in a folder of their own. Whoever lies in allowed()
// may connect; at first nobody does.
class KeyedCluster final {
 public:
  explicit KeyedCluster(const KeyedOptions& options = {});

  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }
  std::filesystem::path keys() const { return folder_ / "keys"; }

  // Makes the key if it is new, and puts its public half where it counts, as one should: by a
  // rename.
  void allow(const std::string& name);
  void revoke(const std::string& name);

  struct WorkerOptions {
    std::string program = "posefleet-render-worker";
    std::string key;  // a name; empty: none
    // A name whose public half is taken for the coordinator's.
    std::string coordinator = "coordinator";
    std::string endpoint;  // empty: the coordinator's
    std::vector<std::string> prefix;
  };
  std::unique_ptr<Program> start_worker(const WorkerOptions& options);

  Program& coordinator() { return *coordinator_; }
  // Where it listens for workers, as it says itself.
  const std::string& endpoint() const { return endpoint_; }
  // Waits for a line; fails the test, with the log, when it does not come.
  bool waits_for(Program& program, const std::string& text);

  // What jobs have as their source; alone in its folder, so that the folder can be hidden.
  std::filesystem::path clip() const { return folder_ / "videos" / "clip.mp4"; }
  // Makes the clip if it is not there. The same name again is the same job.
  JobId submit(int seconds_of_video, const std::string& name = "one");
  JobStatus status(JobId job);
  // Its result's hash.
  std::string wait_for_output(JobId job);

 private:
  TempDir owner_;
  std::filesystem::path folder_ = owner_.path();
  std::unique_ptr<Program> coordinator_;
  std::string endpoint_;
  int workers_ = 0;
};

std::unique_ptr<Program> start_program_after(const std::vector<std::string>& prefix,
                                             const std::string& program,
                                             const std::vector<std::string>& arguments);

// How often `word` stands in `text`.
int count_of(const std::string& text, const std::string& word);

}  // namespace posefleet::tests
