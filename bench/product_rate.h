// What oneDNN's matrix products reach on this machine for the shapes that make up the network: the
// rate that the network is compared with.
//
// The whole batch is one product, its weights packed as oneDNN likes them best and in the cache:
// more favourable than a network can have it.
#pragma once

#include "common/model_folder/model_folder.h"
#include "common/protocol/precision.h"

namespace posefleet::bench {

// Operations per second over the four products of a block, in the proportion a block has them.
double product_rate(const NetworkSizes& sizes, Precision precision, int threads, int batch_size);

}  // namespace posefleet::bench
