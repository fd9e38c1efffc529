// HMR 2.0: a vision transformer that looks at a crop of a person, and a small decoder that reads
// the body's parameters from it. Any size of that design, on the CPU, in float32 or
// with the large products in bfloat16.
//
// Nearly all of its time is matrix products. They go to oneDNN and not to LibTorch's linear layers,
// because those call the system's BLAS, and Debian's OpenBLAS falls back to a kernel four times
// slower on processors that it does not know. Each product is cut into tiles of fixed size that one
// thread computes alone, one crop at a time: so the bytes of a crop's result do not depend on the
// number of threads, on the batch size, nor on the other crops of its batch. They may differ
// between processors with different vector instructions (description() names them).
//
// LibTorch and oneDNN stay behind this header.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/model_folder/model_folder.h"
#include "common/protocol/precision.h"
#include "worker/model/model.h"

namespace posefleet {

class Hmr2Weights;  // weights.h

// What a configuration's `precision` means here: auto, float32, bfloat16 or float16. The error says
// what this processor lacks. `auto` is float32 on a processor, though bfloat16 is nearly twice as
// fast where there are instructions for it (docs/performance.md): its results are a little off, and
// every worker must come to the same answer.
Result<Precision> choose_precision(std::string_view name);

// Two instances in a process share one copy; it lives as long as the last of them.
using SharedWeights = std::shared_ptr<const Hmr2Weights>;

// Maps the folder's hmr2.safetensors and checks every tensor's shape against the manifest's sizes;
// the error names file, tensor, expected and found shape. Reads no weights of float32: pages come
// when the first crop needs them. Those stored in 16 bits (F16, BF16) are read and widened, exactly.
// Precision BFloat16 reads all of them once, for a rounded copy of 1.3 GB.
Result<SharedWeights> load_weights(const ModelFolder& folder,
                                   Precision precision = Precision::Float32);

// Weights of the right sizes that mean nothing, the same for the same seed: for benchmarks and
// tests. In BFloat16 the float32 numbers stay in memory as well.
Result<SharedWeights> random_weights(const NetworkSizes& sizes, std::uint64_t seed,
                                     Precision precision = Precision::Float32);

Precision precision_of(const Hmr2Weights& weights);

// Every inner value that a reference records, for `count` crops.
struct NetworkTrace {
  std::vector<float> tokens_after_pos_embed;    // (count, 192, width)
  std::vector<std::vector<float>> after_block;  // one per block, (count, 192, width)
  std::vector<float> features;                  // (count, 192, width), after the last norm
  std::vector<float> token_out;                 // (count, decoder width)
  std::vector<float> pose6d;                    // (count, 144), the mean added
};

// What an instance takes for itself besides the weights.
std::uint64_t instance_bytes(const NetworkSizes& sizes, int batch_size);
// What the weights take: of the file's pages, which the kernel shares and may drop, or of a rounded
// copy.
std::uint64_t weight_bytes(const NetworkSizes& sizes, Precision precision);

struct Hmr2Options {
  int threads = 1;     // 1 to 256; of this instance
  int batch_size = 4;  // 1 to 256; memory grows with it, about 16 MB a crop for the released model
};

// One owner, one thread at a time; the thread that calls `run` works along with threads - 1 helpers
// of the instance's own.
class Hmr2 final : public PoseModel {
 public:
  // `weights` of any size; memory for one batch is taken here.
  static Result<std::unique_ptr<Hmr2>> create(SharedWeights weights, const Hmr2Options& options);
  // load_weights and create in one.
  static Result<std::unique_ptr<Hmr2>> load(const ModelFolder& folder, const Hmr2Options& options);
  ~Hmr2() override;
  Hmr2(const Hmr2&) = delete;
  Hmr2& operator=(const Hmr2&) = delete;

  int batch_size() const override;
  // E.g. "hmr2 1280x32, float32, oneDNN 2.6.3 avx512_core (brg:avx512_core), LibTorch 1.13.1,
  // 2 threads, batch 4": size, library, instruction set, kernel.
  std::string description() const override;
  // A step is one of the backbone's blocks.
  Result<std::vector<NetworkOutput>> run(std::span<const float> crops, int count,
                                         const OnStep& on_step = {}) override;

  // The same computation, keeping what lies between.
  Result<NetworkTrace> trace(std::span<const float> crops, int count);

 private:
  class Network;
  explicit Hmr2(std::unique_ptr<Network> network);
  std::unique_ptr<Network> network_;
};

}  // namespace posefleet
