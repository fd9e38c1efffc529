// posefleet-coordinator: store, scheduler, sockets, assembly.
#include "common/config/program.h"
#include "common/process/log.h"
#include "common/process/wake.h"
#include "coordinator/server/config.h"
#include "coordinator/server/server.h"

int main(int argc, char** argv) {
  using namespace posefleet;
  const auto start = start_program(argc, argv, coordinator_fields(),
                                   "splits videos into frame ranges and gives them to workers");
  if (!start.config) return start.exit_code;
  StopSignal stop;
  start_log("coordinator", start.config->log_level);
  const auto config = server_config(*start.config);
  if (!config) {
    log_error(config.error().message);
    return kExitUsage;
  }
  auto server = Server::start(*config);
  if (!server) {
    log_error(server.error().message);
    return kExitFailed;
  }
  const Status status = (*server)->run(stop.fd());
  if (!status) {
    log_error(status.error().message);
    return kExitFailed;
  }
  log_info("stopped");
  return 0;
}
