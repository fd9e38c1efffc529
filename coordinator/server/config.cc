#include "coordinator/server/config.h"

namespace posefleet {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

Fields<CoordinatorConfig> make_fields() {
  using Config = CoordinatorConfig;
  Fields<Config> fields;
  fields.path("data_dir", &Config::data_dir)
      .help("folder of the store and of all jobs' files; a local disk, not NFS");
  fields.text("workers.listen", &Config::workers_listen)
      .fallback("tcp://127.0.0.1:5555")
      .help("where workers connect; without keys only ipc:// or loopback");
  fields.path("workers.key", &Config::workers_key)
      .fallback("")
      .help("file of the coordinator's secret key (posefleet keygen); empty: no keys");
  fields.path("workers.allowed", &Config::workers_allowed)
      .fallback("")
      .help(
          "public keys that may connect: a folder of NAME.pub files, or one file with a key a "
          "line; "
          "changes take effect within a second");
  fields.text("clients.listen", &Config::clients_listen)
      .fallback("tcp://127.0.0.1:5556")
      .help("where clients on this machine connect; only ipc:// or loopback");
  fields.text("http.listen", &Config::http_listen)
      .fallback("")
      .help(
          "where sources are served to workers that do not see the files, such as 10.0.0.1:5580 or "
          "*:5580; empty: nowhere; beyond loopback only with keys");
  fields.text("http.public_url", &Config::http_public_url)
      .fallback("")
      .help(
          "how workers reach it, such as http://coordinator.lan:5580; empty: by the address of "
          "http.listen");
  fields.seconds("rules.heartbeat", &Config::heartbeat)
      .fallback(milliseconds(1000))
      .range(milliseconds(50), milliseconds(60'000))
      .help("how often a worker speaks; 2 missed: no more work for it, 6 missed: it is dead");
  fields.seconds("rules.lease", &Config::lease)
      .fallback(milliseconds(30'000))
      .range(milliseconds(1000), milliseconds(3'600'000))
      .help("how long a range may show no progress before another worker gets it");
  fields.seconds("rules.range_time_max", &Config::range_time_max)
      .fallback(milliseconds(3'600'000))
      .range(milliseconds(1000), milliseconds(86'400'000))
      .help("how long one worker may take for a range, however much it moves");
  fields.integer("rules.fails_max", &Config::fails_max)
      .fallback(3)
      .range(1, 100)
      .help("failures of one range that cut it in halves, or take its single frame out");
  fields.integer("rules.quarantine_max", &Config::quarantine_max)
      .fallback(16)
      .range(0, 1'000'000)
      .help(
          "frames of a job that may be taken out in each stage, never more than one in eight; "
          "beyond that the job fails");
  fields.integer("limits.sessions", &Config::sessions_max)
      .fallback(1024)
      .range(1, 100'000)
      .help("workers that may be connected at the same time");
  fields.integer("limits.jobs", &Config::jobs_max)
      .fallback(1000)
      .range(1, 1'000'000)
      .help("unfinished jobs; more are refused when they are submitted");
  fields.integer("limits.results", &Config::results_max)
      .fallback(1024)
      .range(1, 100'000)
      .help("results that may arrive at the same time; each takes a file and its descriptor");
  fields.integer("limits.http_connections", &Config::http_connections_max)
      .fallback(256)
      .range(4, 10'000)
      .help("connections to http.listen; one that asks for nothing makes room for a new one");
  fields.integer("limits.result_mib", &Config::result_mib_max)
      .unit("MiB")
      .fallback(256)
      .range(1, 16'384)
      .help("size of one range's result");
  fields.integer("disk.free_min_mib", &Config::disk_free_mib_min)
      .unit("MiB")
      .fallback(128)
      .range(0, 1'048'576)
      .help(
          "room on the disk of data_dir below which nothing new is begun, until there is a quarter "
          "more; 0: never stop");
  fields.seconds("retention.keep", &Config::retention_keep)
      .fallback(std::chrono::hours(24 * 30))
      .range(milliseconds(0), std::chrono::hours(24 * 3650))
      .help("how long a finished job's output is kept; 0: for ever");
  fields.integer("retention.quota_gib", &Config::retention_gib_max)
      .unit("GiB")
      .fallback(0)
      .range(0, 1'048'576)
      .help("of all finished jobs' outputs together; beyond it the oldest go; 0: no quota");
  fields
      .choice("log.level", &Config::log_level,
              {{"debug", LogLevel::Debug},
               {"info", LogLevel::Info},
               {"warn", LogLevel::Warn},
               {"error", LogLevel::Error}})
      .fallback(LogLevel::Info)
      .help("what is written to standard error");
  return fields;
}

Status check_public_url(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  const bool is_base = url.substr(0, kScheme.size()) == kScheme && url.size() > kScheme.size() &&
                       url.find_first_of(" ?#\"\\", 0) == std::string::npos && url.back() != '/';
  if (is_base) return done();
  return rejected("http.public_url is '" + url +
                  "'; write http://HOST:PORT, as workers reach it, without a slash at the end");
}

Result<std::optional<SourceServerConfig>> sources_of(const CoordinatorConfig& config) {
  if (config.http_listen.empty()) {
    if (config.http_public_url.empty()) return std::optional<SourceServerConfig>();
    return rejected("http.public_url is given without http.listen, where to listen");
  }
  SourceServerConfig sources;
  auto listen = parse_listen_address(config.http_listen);
  if (!listen) return in_context("http.listen", listen.error());
  sources.listen = *listen;
  sources.connections_max = config.http_connections_max;
  sources.public_url = config.http_public_url;
  if (!sources.listen.is_loopback && config.workers_key.empty()) {
    return rejected("http.listen is " + config.http_listen +
                    ": without workers.key and workers.allowed only loopback addresses "
                    "(127.0.0.1:PORT) are taken");
  }
  if (!sources.public_url.empty()) {
    POSEFLEET_TRY_DO(check_public_url(sources.public_url));
  } else if (sources.listen.is_any) {
    return rejected("http.listen is " + config.http_listen +
                    ", which does not say how workers reach it: give http.public_url "
                    "(http://HOST:PORT)");
  }
  return std::optional<SourceServerConfig>(std::move(sources));
}

}  // namespace

const Fields<CoordinatorConfig>& coordinator_fields() {
  static const Fields<CoordinatorConfig> fields = make_fields();
  return fields;
}

Result<ServerConfig> server_config(const CoordinatorConfig& config) {
  ServerConfig server;
  if (config.workers_key.empty() != config.workers_allowed.empty()) {
    return rejected(
        config.workers_key.empty()
            ? "workers.allowed is given without workers.key, the coordinator's secret "
              "key"
            : "workers.key is given without workers.allowed, the keys that may connect");
  }
  if (!config.workers_key.empty()) {
    server.worker_keys = WorkerKeys{config.workers_key, config.workers_allowed};
  }
  POSEFLEET_TRY(server.sources, sources_of(config));
  server.data_dir = config.data_dir;
  server.worker_endpoint = config.workers_listen;
  server.client_endpoint = config.clients_listen;
  server.rules.heartbeat = config.heartbeat;
  server.rules.lease = config.lease;
  server.rules.range_time_max = config.range_time_max;
  server.rules.fails_max = config.fails_max;
  server.rules.troubles_max = config.fails_max;
  server.rules.quarantine_max = config.quarantine_max;
  server.rules.sessions_max = config.sessions_max;
  server.jobs_max = config.jobs_max;
  server.results_max = config.results_max;
  server.disk_free_min = config.disk_free_mib_min << 20;
  server.retention.keep = std::chrono::duration_cast<std::chrono::seconds>(config.retention_keep);
  server.retention.quota_bytes = config.retention_gib_max << 30;
  server.rules.result_bytes_max = config.result_mib_max << 20;
  return server;
}

}  // namespace posefleet
