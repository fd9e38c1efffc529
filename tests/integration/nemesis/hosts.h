// Hosts that are network namespaces, with cables that can be cut and made slow; and disks and
// memory that can run out.
//
// None of it has a name outside this process: the namespaces live as long as processes in them, the
// mounts as long as our own mount namespace. So there is nothing to clean up, not even after a
// SIGKILL; only the folder of a memory group has a name, and the next run removes those of the
// dead.
//
// What the machine forbids is left out, and `missing` says why.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/integration/nemesis/process.h"

namespace posefleet::nemesis {

// The coordinator's host is our own process's network; workers are on the others.
class Hosts final {
 public:
  // Call it first of all, while there is one thread: it moves this process into namespaces of its
  // own. `count` hosts for workers; `scratch`: a folder for the tools' output.
  Hosts(int count, const std::filesystem::path& scratch);

  bool has_network() const { return has_network_; }
  bool has_mounts() const { return has_mounts_; }
  bool has_slow_links() const { return has_slow_links_; }
  // A sentence for each part that this machine forbids.
  const std::vector<std::string>& missing() const { return missing_; }

  // For ProcessOptions::host; 0 without networks.
  pid_t host(int index) const;
  // Of the coordinator, as seen from that host.
  std::string coordinator_address(int index) const;

  void cut(int index);
  void mend(int index);
  // 100 kbit/s both ways, and what does not fit into a short queue is dropped.
  void slow_down(int index);
  void speed_up(int index);

  // A disk of that size at `folder`. False: not permitted.
  bool mount_disk(const std::filesystem::path& folder, int megabytes);
  void unmount_disk(const std::filesystem::path& folder);

 private:
  bool enter_namespaces();
  bool make_host(int index);
  bool tool(const std::vector<std::string>& words, pid_t host = 0) const;

  std::filesystem::path scratch_;
  bool has_network_ = false;
  bool has_mounts_ = false;
  bool has_slow_links_ = false;
  std::vector<std::string> missing_;
  std::vector<std::unique_ptr<Process>> holders_;
};

// A group of processes that may take no more memory: whoever asks for some is killed by the kernel.
class MemoryGroup final {
 public:
  MemoryGroup();
  ~MemoryGroup();
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;

  bool is_there() const { return !folder_.empty(); }
  const std::string& missing() const { return missing_; }
  // Puts the process in; what it has it keeps, more it does not get.
  bool take_in(pid_t pid) const;
  // Back to the group that it came from.
  void let_go(pid_t pid) const;

 private:
  std::filesystem::path parent_;
  std::filesystem::path folder_;
  std::string missing_;
};

// Whoever asks for memory gets none, and is told: std::bad_alloc. False: the process is gone.
bool stop_memory(pid_t pid);
void give_memory(pid_t pid);

}  // namespace posefleet::nemesis
