// Two hosts on one machine: network namespaces with nothing between them but a cable, 10.77.0.1 on
// the left and 10.77.0.2 on the right. Where that is not permitted, the test program ends as
// skipped.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "tests/support/programs.h"

namespace posefleet::tests {

inline constexpr const char* kIp = "/usr/sbin/ip";

// Ends the test program with 77, which is shown as skipped.
[[noreturn]] inline void skip(const std::string& reason) {
  std::fprintf(stderr, "not checked: %s\n", reason.c_str());
  std::exit(77);
}

// Words to put before a program's name, to run it on one of the hosts. The namespaces' names hold
// our process number: tests run side by side.
class TwoHosts final {
 public:
  TwoHosts() {
    if (access(kIp, X_OK) != 0) skip(std::string(kIp) + " is not on this machine");
    must({"netns", "add", left()});
    must({"netns", "add", right()});
    must({"link", "add", "eth0", "netns", left(), "type", "veth", "peer", "name", "eth0", "netns",
          right()});
    for (const auto& [host, address] :
         {std::pair{left(), "10.77.0.1/24"}, {right(), "10.77.0.2/24"}}) {
      must({"-n", host, "address", "add", address, "dev", "eth0"});
      must({"-n", host, "link", "set", "eth0", "up"});
    }
  }
  ~TwoHosts() { remove(); }

  std::vector<std::string> on_left() const { return {kIp, "netns", "exec", left()}; }
  std::vector<std::string> on_right() const { return {kIp, "netns", "exec", right()}; }

 private:
  std::string left() const { return "posefleet-left-" + std::to_string(getpid()); }
  std::string right() const { return "posefleet-right-" + std::to_string(getpid()); }

  void must(const std::vector<std::string>& arguments) {
    const Ended ended = run(kIp, arguments);
    if (ended.exit_code == 0) return;
    remove();
    skip("network namespaces are not permitted here: " + ended.err);
  }
  void remove() {
    run(kIp, {"netns", "del", left()});
    run(kIp, {"netns", "del", right()});
  }
};

}  // namespace posefleet::tests
