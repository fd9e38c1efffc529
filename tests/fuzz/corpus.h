// What corpus/ is made of: small inputs that our own encoders and the tests' builders write, and
// hostile ones that somebody thought of. The fuzzer finds the rest by changing these.
#pragma once

#include <string>
#include <vector>

namespace posefleet::fuzz {

struct Seed {
  std::string target;  // its folder
  std::string name;    // its file
  std::string bytes;
};

void add_pickles(std::vector<Seed>& corpus);
void add_files(std::vector<Seed>& corpus);
void add_texts(std::vector<Seed>& corpus);
void add_messages(std::vector<Seed>& corpus);

}  // namespace posefleet::fuzz
