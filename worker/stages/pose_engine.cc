#include "worker/stages/pose_engine.h"

#include <utility>

#include "common/process/log.h"

namespace posefleet {

PoseEngine::PoseEngine(std::string id, const EstimatorSettings& settings,
                       ResidentNetwork::Make make, std::unique_ptr<Detector> detector)
    : id_(std::move(id)),
      settings_(settings),
      network_(std::move(make), [](const std::string& what) { log_warn(what); }),
      finder_(std::move(detector)) {}

Result<std::unique_ptr<PoseEngine>> PoseEngine::create(const ModelFolder& folder,
                                                       Precision precision,
                                                       ResidentNetwork::Make make,
                                                       const PoseEngineOptions& options) {
  POSEFLEET_TRY(const EstimatorSettings settings, estimator_settings(folder.manifest));
  std::unique_ptr<Detector> detector;
  if (options.detector != nullptr) {
    POSEFLEET_TRY(std::unique_ptr<DetectionNetwork> network,
                  make_detection_network(options.detector, options.threads));
    detector = std::make_unique<Detector>(std::move(network));
  }
  return std::unique_ptr<PoseEngine>(new PoseEngine(
      network_id(folder.model_hash, precision), settings, std::move(make), std::move(detector)));
}

Result<std::vector<std::vector<PersonBox>>> PoseEngine::find_people(
    const PoseTask& task, std::uint32_t first_frame, std::span<const BgrView> pictures,
    RangeStats& stats, const std::function<Status()>& on_step) {
  if (task.box_source != BoxSource::Detect) {
    return finder_.find(task, first_frame, pictures, stats, on_step);
  }
  Turns::Turn turn = network_.turns().take([&] { (void)on_step(); });
  return finder_.find(task, first_frame, pictures, stats, [&] {
    turn.step();
    return on_step();
  });
}

}  // namespace posefleet
