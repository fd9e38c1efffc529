#include "cli/keygen_command.h"

#include <cstdio>
#include <filesystem>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/exit_code.h"
#include "common/files/files.h"
#include "common/keys/key_file.h"

namespace posefleet::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kCoordinator = "coordinator";

struct Pair {
  std::string name;
  std::filesystem::path secret_file;
  std::filesystem::path public_file;
  std::string public_key;
  bool is_new = false;
};

Pair files_of(const std::filesystem::path& folder, const std::string& name) {
  return {name, folder / (name + ".key"), folder / (name + ".pub"), "", false};
}

// The secret first: the public half can always be made from it, by the same command.
Result<Pair> make_pair(Pair pair, bool may_replace) {
  const SecretKey secret = SecretKey::make();
  POSEFLEET_TRY_DO(write_private_file(pair.secret_file, secret_key_text({pair.name, secret}),
                                      {.may_replace = may_replace}));
  POSEFLEET_TRY_DO(
      write_file_durably(pair.public_file, public_key_text({pair.name, secret.public_key()})));
  pair.public_key = secret.public_key().text();
  pair.is_new = true;
  return pair;
}

// A pair that is there stays; a public half that got lost is written again.
Result<Pair> keep_pair(Pair pair) {
  POSEFLEET_TRY(const NamedSecret secret, read_secret_key(pair.secret_file));
  pair.public_key = secret.key.public_key().text();
  if (!std::filesystem::exists(pair.public_file)) {
    POSEFLEET_TRY_DO(write_file_durably(pair.public_file,
                                        public_key_text({secret.name, secret.key.public_key()})));
    return pair;
  }
  POSEFLEET_TRY(const NamedKey written, read_public_key(pair.public_file));
  if (written.key == secret.key.public_key()) return pair;
  return rejected(fmt::format("{} is not the public half of {}; remove the one that is wrong",
                              pair.public_file.string(), pair.secret_file.string()));
}

Result<std::vector<Pair>> make_pairs(const KeygenOptions& options) {
  if (!is_key_name(options.name)) {
    return rejected(fmt::format(
        "--name is '{}'; a name has 1 to 64 letters, digits, dots, dashes and underscores, and "
        "begins with a letter or digit",
        options.name));
  }
  const std::filesystem::path folder = options.folder;
  const Pair wanted = files_of(folder, options.name);
  // Before anything is made.
  if (!options.force && std::filesystem::exists(wanted.secret_file)) {
    return rejected(fmt::format("{} is there already; --force replaces it, another --name adds one",
                                wanted.secret_file.string()));
  }
  POSEFLEET_TRY_DO(make_writable_folder(folder));
  std::vector<Pair> pairs;
  if (options.name != kCoordinator) {
    const Pair coordinator = files_of(folder, kCoordinator);
    const bool is_there = std::filesystem::exists(coordinator.secret_file);
    POSEFLEET_TRY(Pair made, is_there ? keep_pair(coordinator) : make_pair(coordinator, false));
    pairs.push_back(std::move(made));
  }
  POSEFLEET_TRY(Pair made, make_pair(wanted, options.force));
  pairs.push_back(std::move(made));
  return pairs;
}

void print_json(const std::vector<Pair>& pairs) {
  Json keys = Json::array();
  for (const Pair& pair : pairs) {
    keys.push_back({{"name", pair.name},
                    {"public_key", pair.public_key},
                    {"secret_file", pair.secret_file.string()},
                    {"public_file", pair.public_file.string()},
                    {"is_new", pair.is_new}});
  }
  std::printf("%s\n", Json{{"keys", keys}}.dump().c_str());
}

void print_plain(const std::vector<Pair>& pairs) {
  for (const Pair& pair : pairs) {
    std::printf("%s %s\n  secret: %s\n  public: %s (%s)\n", pair.name.c_str(),
                pair.is_new ? "(new)" : "(kept)", pair.secret_file.c_str(),
                pair.public_file.c_str(), pair.public_key.c_str());
  }
}

}  // namespace

int make_keys(const KeygenOptions& options) {
  const auto pairs = make_pairs(options);
  if (!pairs) {
    std::fprintf(stderr, "posefleet: %s\n", pairs.error().message.c_str());
    return kUsage;
  }
  if (options.json) {
    print_json(*pairs);
  } else {
    print_plain(*pairs);
  }
  return kDone;
}

}  // namespace posefleet::cli
