// A network that stays in memory, serves several ranges by turns and gets along with less memory
// than it was promised.
//
// Its memory is laid out for a batch when the first job says how large batches are. If memory runs
// out, there or in the middle of a batch, the batch is halved once and the work goes on: results do
// not depend on the batch. If it runs out again, that is an error of this worker and not of the
// range's frames: the range goes to somebody else.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/model/model.h"
#include "worker/stages/turns.h"

namespace posefleet {

// Any thread.
class ResidentNetwork final {
 public:
  // Overloaded when there is no memory for such a batch.
  using Make = std::function<Result<std::unique_ptr<PoseModel>>(int batch_size)>;
  // Gets a sentence when the batch was halved: what happened and what goes on.
  using Report = std::function<void(const std::string&)>;

  ResidentNetwork(Make make, Report report) : make_(std::move(make)), report_(std::move(report)) {}

  // Who wants the network, or other work on its threads, takes a turn first.
  Turns& turns() { return turns_; }

  // Runs `count` crops, in batches of `batch_size` or of what memory allows. `turn` is the caller's
  // and of this network's turns().
  Result<std::vector<NetworkOutput>> run(Turns::Turn& turn, std::span<const float> crops, int count,
                                         int batch_size, const OnStep& on_step);

 private:
  Status lay_out(int batch_size);
  Result<std::vector<NetworkOutput>> run_pieces(std::span<const float> crops, int count,
                                                int batch_size, const OnStep& on_step);

  Make make_;
  Report report_;
  Turns turns_;
  // Below here: only who has the turn.
  std::unique_ptr<PoseModel> model_;
  int batch_max_ = 0;  // 0: not limited; else half of what memory did not suffice for
};

}  // namespace posefleet
