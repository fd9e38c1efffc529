// posefleet-make-corpus FOLDER: writes the corpus anew. Same bytes each time; files of other names,
// which findings are, stay.
#include <cstdio>
#include <filesystem>

#include "tests/fuzz/corpus.h"
#include "tests/support/fixtures.h"

int main(int argc, char** argv) {
  using namespace posefleet;
  if (argc != 2) {
    std::fprintf(stderr, "usage: posefleet-make-corpus FOLDER\n");
    return 2;
  }
  std::vector<fuzz::Seed> corpus;
  fuzz::add_pickles(corpus);
  fuzz::add_files(corpus);
  fuzz::add_texts(corpus);
  fuzz::add_messages(corpus);
  std::size_t total = 0;
  for (const fuzz::Seed& seed : corpus) {
    const std::filesystem::path folder = std::filesystem::path(argv[1]) / seed.target;
    std::filesystem::create_directories(folder);
    tests::write_file(folder / seed.name, seed.bytes);
    total += seed.bytes.size();
  }
  std::printf("%zu inputs, %zu bytes\n", corpus.size(), total);
  return 0;
}
