#include "tests/integration/nemesis/hosts.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>

#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

namespace posefleet::nemesis {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIp = "/usr/sbin/ip";
constexpr const char* kTc = "/usr/sbin/tc";

std::string subnet(int index) {
  return "10.78." + std::to_string(index + 1) + ".";
}

bool write_text(const fs::path& path, const std::string& text) {
  std::ofstream out(path);
  out << text << std::flush;
  return out.good();
}

}  // namespace

// ---- networks -----------------------------------------------------------------------------------

Hosts::Hosts(int count, const fs::path& scratch) : scratch_(scratch) {
  has_network_ = enter_namespaces();
  for (int i = 0; has_network_ && i < count; ++i) has_network_ = make_host(i);
  if (!has_network_) {
    holders_.clear();
    missing_.push_back("network namespaces are not permitted here: no cuts, no slow links");
    return;
  }
  slow_down(0);
  if (!has_slow_links_) missing_.push_back("the kernel has no token bucket filter: no slow links");
  speed_up(0);
}

bool Hosts::enter_namespaces() {
  has_mounts_ =
      unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  if (!has_mounts_) {
    missing_.push_back(std::string("mounts are not permitted here: no full disk (") +
                       strerror(errno) + ")");
  }
  if (access(kIp, X_OK) != 0 || unshare(CLONE_NEWNET) != 0) return false;
  return tool({kIp, "link", "set", "lo", "up"});
}

// A process that does nothing keeps the host's namespaces while no worker is there.
bool Hosts::make_host(int index) {
  const std::string name = "host-" + std::to_string(index + 1);
  holders_.push_back(std::make_unique<Process>(
      std::vector<std::string>{"/usr/bin/unshare", "--net", "--uts", "/bin/sh", "-c",
                               "echo " + name +
                                   " > /proc/sys/kernel/hostname && echo ready && exec sleep "
                                   "infinity"},
      ProcessOptions{.log = scratch_ / (name + ".log")}));
  Process& holder = *holders_.back();
  const auto is_ready = [&] {
    std::ifstream log(scratch_ / (name + ".log"));
    std::string word;
    return static_cast<bool>(log >> word) && word == "ready";
  };
  for (int i = 0; i < 2000 && !is_ready(); ++i) {
    if (holder.ended()) return false;
    poll(nullptr, 0, 5);
  }
  const std::string pid = std::to_string(holder.pid());
  return is_ready() &&
         tool({kIp, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", pid}) &&
         tool({kIp, "address", "add", subnet(index) + "1/24", "dev", name}) &&
         tool({kIp, "link", "set", name, "up"}) &&
         tool({kIp, "address", "add", subnet(index) + "2/24", "dev", "eth0"}, holder.pid()) &&
         tool({kIp, "link", "set", "lo", "up"}, holder.pid()) &&
         tool({kIp, "link", "set", "eth0", "up"}, holder.pid());
}

bool Hosts::tool(const std::vector<std::string>& words, pid_t host) const {
  return run_process(words, {.log = scratch_ / "tools.log", .host = host}) == 0;
}

pid_t Hosts::host(int index) const {
  return has_network_ ? holders_.at(static_cast<std::size_t>(index))->pid() : 0;
}

std::string Hosts::coordinator_address(int index) const {
  return subnet(index) + "1";
}

void Hosts::cut(int index) {
  tool({kIp, "link", "set", "host-" + std::to_string(index + 1), "down"});
}

void Hosts::mend(int index) {
  tool({kIp, "link", "set", "host-" + std::to_string(index + 1), "up"});
}

void Hosts::slow_down(int index) {
  const std::string ours = "host-" + std::to_string(index + 1);
  const auto filter = [](const std::string& device) {
    return std::vector<std::string>{kTc,    "qdisc",   "add",   "dev",  device,  "root", "tbf",
                                    "rate", "100kbit", "burst", "3000", "limit", "9000"};
  };
  has_slow_links_ = tool(filter(ours)) && tool(filter("eth0"), host(index));
}

void Hosts::speed_up(int index) {
  tool({kTc, "qdisc", "del", "dev", "host-" + std::to_string(index + 1), "root"});
  tool({kTc, "qdisc", "del", "dev", "eth0", "root"}, host(index));
}

bool Hosts::mount_disk(const fs::path& folder, int megabytes) {
  const std::string options = "size=" + std::to_string(megabytes) + "m";
  return has_mounts_ && mount("nemesis", folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

void Hosts::unmount_disk(const fs::path& folder) {
  umount2(folder.c_str(), MNT_DETACH);
}

// ---- memory -------------------------------------------------------------------------------------

MemoryGroup::MemoryGroup() {
  constexpr const char* kPrefix = "posefleet-nemesis-";
  // Version 1 has a tree for memory alone, version 2 one for everything.
  const fs::path first = "/sys/fs/cgroup/memory";
  const bool is_first = fs::exists(first / "memory.limit_in_bytes");
  parent_ = is_first ? first : fs::path("/sys/fs/cgroup");
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(parent_, error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix)) continue;
    const int pid = std::atoi(name.c_str() + std::strlen(kPrefix));
    if (kill(pid, 0) != 0 && errno == ESRCH) rmdir(entry.path().c_str());
  }
  folder_ = parent_ / (kPrefix + std::to_string(getpid()));
  // Less than any worker takes for its next range.
  const char* limit = is_first ? "memory.limit_in_bytes" : "memory.max";
  if (fs::create_directory(folder_, error) && fs::exists(folder_ / limit) &&
      write_text(folder_ / limit, std::to_string(256 << 10))) {
    return;
  }
  rmdir(folder_.c_str());
  folder_.clear();
  missing_ = "groups of limited memory are not permitted here: nobody is killed for its memory";
}

MemoryGroup::~MemoryGroup() {
  // The kernel takes its time with the last one that died in it.
  for (int i = 0; is_there() && rmdir(folder_.c_str()) != 0 && i < 400; ++i) poll(nullptr, 0, 5);
}

bool MemoryGroup::take_in(pid_t pid) const {
  return is_there() && write_text(folder_ / "cgroup.procs", std::to_string(pid));
}

void MemoryGroup::let_go(pid_t pid) const {
  if (is_there()) write_text(parent_ / "cgroup.procs", std::to_string(pid));
}

bool stop_memory(pid_t pid) {
  std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
  rlim_t pages = 0;
  if (!(statm >> pages) || pages == 0) return false;
  rlimit limit{};
  if (prlimit(pid, RLIMIT_AS, nullptr, &limit) != 0) return false;
  limit.rlim_cur = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
  return prlimit(pid, RLIMIT_AS, &limit, nullptr) == 0;
}

void give_memory(pid_t pid) {
  rlimit limit{};
  if (prlimit(pid, RLIMIT_AS, nullptr, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  prlimit(pid, RLIMIT_AS, &limit, nullptr);
}

}  // namespace posefleet::nemesis
