#include "worker/runtime/config.h"

#include "common/keys/key_file.h"
#include "common/net/socket.h"

namespace posefleet {
namespace {

template <typename Config>
void add_common_rows(Fields<Config>& fields) {
  fields.text("coordinator", &Config::coordinator)
      .fallback("tcp://127.0.0.1:5555")
      .help("where the coordinator listens for workers");
  fields.path("key", &Config::key)
      .fallback("")
      .help("file of this worker's secret key (posefleet keygen); empty: no keys");
  fields.path("coordinator_key", &Config::coordinator_key)
      .fallback("")
      .help("file of the coordinator's public key: nobody else is talked to");
  fields.path("model", &Config::model).help("model folder, as posefleet model import writes it");
  fields.integer("source_cache_mib", &Config::source_cache_mib)
      .unit("MiB")
      .fallback(64)
      .range(1, 1 << 20)
      .help("bytes of sources that lie on another machine, kept in memory for the next range");
  fields.integer("limits.task_mib", &Config::task_mib_max)
      .unit("MiB")
      .fallback(256)
      .range(1, 16'384)
      .help("size of one range's task, what it is computed from; larger ranges go elsewhere");
  fields.integer("limits.result_mib", &Config::result_mib_max)
      .unit("MiB")
      .fallback(256)
      .range(1, 16'384)
      .help(
          "size of one range's result, kept in memory until it is stored; the coordinator's "
          "own limit holds as well");
  fields
      .choice("log.level", &Config::log_level,
              {{"debug", LogLevel::Debug},
               {"info", LogLevel::Info},
               {"warn", LogLevel::Warn},
               {"error", LogLevel::Error}})
      .fallback(LogLevel::Info)
      .help("what is written to standard error");
}

}  // namespace

const Fields<PoseWorkerConfig>& pose_worker_fields() {
  static const Fields<PoseWorkerConfig> fields = [] {
    Fields<PoseWorkerConfig> rows;
    add_common_rows(rows);
    rows.integer("models_per_worker", &PoseWorkerConfig::models_per_worker)
        .fallback(1)
        .range(1, 2)
        .help("networks that stay in memory and run side by side; they share the weights");
    rows.text("device", &PoseWorkerConfig::device)
        .fallback("auto")
        .help(
            "where the network computes: auto, cpu, cuda or cuda:N; auto is the first CUDA device "
            "that this build and this machine have, else cpu");
    rows.choice("precision", &PoseWorkerConfig::precision,
                {{"auto", "auto"},
                 {"float32", "float32"},
                 {"bfloat16", "bfloat16"},
                 {"float16", "float16"}})
        .fallback("auto")
        .help(
            "of the network; auto is float32 on a processor and bfloat16 on a GPU; bfloat16 needs "
            "AVX512_BF16, AMX or a GPU, float16 a GPU; "
            "jobs of another precision go to other workers");
    rows.integer("threads", &PoseWorkerConfig::threads)
        .fallback(0)
        .range(0, 256)
        .help("threads of each network; 0: the machine's cores divided by models_per_worker");
    return rows;
  }();
  return fields;
}

const Fields<RenderWorkerConfig>& render_worker_fields() {
  static const Fields<RenderWorkerConfig> fields = [] {
    Fields<RenderWorkerConfig> rows;
    add_common_rows(rows);
    return rows;
  }();
  return fields;
}

Result<std::optional<ClientKeys>> check_coordinator(const CoordinatorAddress& address) {
  if (address.key.empty() != address.coordinator_key.empty()) {
    return rejected(address.key.empty() ? "coordinator_key is given without key, the worker's own"
                                        : "key is given without coordinator_key, whom to expect");
  }
  if (!address.key.empty()) {
    auto own = read_secret_key(address.key);
    if (!own) return in_context("key", own.error());
    auto coordinator = read_public_key(address.coordinator_key);
    if (!coordinator) return in_context("coordinator_key", coordinator.error());
    return std::optional<ClientKeys>(ClientKeys{own->key, coordinator->key});
  }
  if (is_local_endpoint(address.endpoint)) return std::optional<ClientKeys>();
  return rejected("coordinator is " + address.endpoint +
                  ": without key and coordinator_key only ipc:// and loopback addresses "
                  "(tcp://127.0.0.1:PORT) are allowed");
}

}  // namespace posefleet
