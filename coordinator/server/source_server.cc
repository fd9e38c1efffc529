#include "coordinator/server/source_server.h"

#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <sys/random.h>

#include "common/base/check.h"
#include "common/files/files.h"
#include "common/files/sha256.h"

namespace posefleet {
namespace {

constexpr const char* kSecretFile = "source.secret";
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kTokenDigits = 32;  // hex: 128 bits

std::string random_hex() {
  unsigned char bytes[kSecretBytes];
  POSEFLEET_CHECK(getrandom(bytes, sizeof bytes, 0) == static_cast<ssize_t>(sizeof bytes));
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

Result<std::string> open_secret(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    POSEFLEET_TRY_DO(write_private_file(path, random_hex()));
  }
  POSEFLEET_TRY(const std::string secret, read_whole_file(path, 1024));
  const bool is_whole = secret.size() == 2 * kSecretBytes &&
                        secret.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (is_whole) return secret;
  return rejected(fmt::format("{} is not {} hex digits; remove it, a new one is made",
                              path.string(), 2 * kSecretBytes));
}

// Takes as long wherever the first difference is, so that it cannot be found digit by digit.
bool is_equal(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

struct Wanted {
  JobId job{};
  std::string_view token;
};

// "/v1/jobs/7/source/0123...": that and nothing else.
std::optional<Wanted> parse_path(std::string_view path) {
  constexpr std::string_view kBefore = "/v1/jobs/";
  constexpr std::string_view kBetween = "/source/";
  if (path.substr(0, kBefore.size()) != kBefore) return std::nullopt;
  path.remove_prefix(kBefore.size());
  std::uint64_t job = 0;
  const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), job);
  if (error != std::errc()) return std::nullopt;
  path.remove_prefix(static_cast<std::size_t>(end - path.data()));
  if (path.substr(0, kBetween.size()) != kBetween) return std::nullopt;
  return Wanted{JobId{job}, path.substr(kBetween.size())};
}

HttpAnswer not_found() {
  return {.status = 404, .body = "there is nothing here\n"};
}

}  // namespace

Result<std::unique_ptr<SourceServer>> SourceServer::start(const SourceServerConfig& config,
                                                          const std::filesystem::path& data_dir) {
  POSEFLEET_TRY(std::string secret, open_secret(data_dir / kSecretFile));
  std::unique_ptr<SourceServer> server(new SourceServer(std::move(secret)));
  POSEFLEET_TRY(
      server->http_,
      HttpServer::start(
          {.listen = config.listen, .connections_max = config.connections_max},
          [server = server.get()](const HttpRequest& request) { return server->answer(request); }));
  server->base_url_ =
      config.public_url.empty() ? url_of(server->http_->address()) : config.public_url;
  return server;
}

std::string SourceServer::token_of(JobId job) const {
  return sha256_hex(fmt::format("posefleet source {} {}", secret_, number(job)))
      .substr(0, kTokenDigits);
}

std::string SourceServer::add(JobId job, const SourceFile& source, const std::string& sha256) {
  auto entry = std::make_shared<Entry>();
  entry->path = source.path;
  entry->stamp = {.size = source.size, .modified_ns = source.modified_ns};
  // If it cannot be opened now, no inode fits, and it is refused when it is asked for.
  if (const auto file = OpenFile::open(source.path)) entry->stamp.inode = file->stamp().inode;
  entry->etag = "\"" + sha256 + "\"";
  entry->token = token_of(job);
  const std::string url =
      fmt::format("{}/v1/jobs/{}/source/{}", base_url_, number(job), entry->token);
  const std::scoped_lock lock(mutex_);
  entries_[job] = std::move(entry);
  return url;
}

void SourceServer::remove(JobId job) {
  const std::scoped_lock lock(mutex_);
  entries_.erase(job);
}

HttpAnswer SourceServer::answer(const HttpRequest& request) const {
  const std::optional<Wanted> wanted = parse_path(request.path);
  if (!wanted) return not_found();
  std::shared_ptr<const Entry> entry;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = entries_.find(wanted->job);
    if (found != entries_.end()) entry = found->second;
  }
  if (entry == nullptr || !is_equal(entry->token, wanted->token)) return not_found();
  auto file = OpenFile::open(entry->path);
  if (!file) return {.status = 410, .body = file.error().message + "\n"};
  if (file->stamp() != entry->stamp) {
    return {.status = 410,
            .body = entry->path.string() + " changed while it was being used; submit it again\n"};
  }
  return {.file = HttpFile{std::move(*file), entry->stamp, entry->etag}};
}

}  // namespace posefleet
