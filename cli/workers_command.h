// `posefleet workers`: who works for a coordinator, and on what.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/protocol/client.h"

namespace posefleet::cli {

struct WorkersOptions {
  std::string server = "tcp://127.0.0.1:5556";
  bool json = false;
};

int list_workers(const WorkersOptions& options);

// What it prints, for tests. Texts of workers are shown without control characters: a terminal
// would obey them.
std::string workers_table(const std::vector<WorkerInfo>& workers);
std::string workers_json(const std::vector<WorkerInfo>& workers);

}  // namespace posefleet::cli
