// One resident instance of a model: HMR2 and, if the model has one, the detector, by turns on the
// same threads. Side by side they would ask for twice the processors that there are.
//
// Two ranges use an engine at a time (two PoseStages), so that the one's frames are decoded and
// cropped while the other's batch runs, across the ends of ranges as well.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/model_folder/model_folder.h"
#include "common/protocol/messages.h"
#include "common/protocol/precision.h"
#include "common/protocol/tasks.h"
#include "worker/detect/torchscript_network.h"
#include "worker/model/pose_estimator.h"
#include "worker/stages/people_finder.h"
#include "worker/stages/resident_network.h"

namespace posefleet {

// Ranges that one engine is given at a time.
inline constexpr int kRangesPerEngine = 2;

struct PoseEngineOptions {
  int threads = 1;              // of the detector's network
  SharedDetectorFile detector;  // null: none, whole frames are taken where one is asked for
};

// Any thread. Owned by main; outlives the stages that use it.
class PoseEngine final {
 public:
  // `make` makes networks of that folder that compute in `precision` (networks.h).
  static Result<std::unique_ptr<PoseEngine>> create(const ModelFolder& folder, Precision precision,
                                                    ResidentNetwork::Make make,
                                                    const PoseEngineOptions& options);
  PoseEngine(const PoseEngine&) = delete;
  PoseEngine& operator=(const PoseEngine&) = delete;

  const std::string& id() const { return id_; }  // a network_id
  const EstimatorSettings& settings() const { return settings_; }
  ResidentNetwork& network() { return network_; }

  std::uint32_t pictures_at_once(const PoseTask& task) const {
    return finder_.frames_at_once(task);
  }
  // As PeopleFinder::find; waits for its turn where the detector is needed. `on_step` is called
  // while it waits and while it works; its error ends the detection.
  Result<std::vector<std::vector<PersonBox>>> find_people(const PoseTask& task,
                                                          std::uint32_t first_frame,
                                                          std::span<const BgrView> pictures,
                                                          RangeStats& stats,
                                                          const std::function<Status()>& on_step);

 private:
  PoseEngine(std::string id, const EstimatorSettings& settings, ResidentNetwork::Make make,
             std::unique_ptr<Detector> detector);

  std::string id_;
  EstimatorSettings settings_;
  ResidentNetwork network_;
  PeopleFinder finder_;  // its detector: only who has the network's turn
};

}  // namespace posefleet
