// Tensors as the pickle of a PyTorch checkpoint writes them.
#pragma once

#include "tests/worker/import/pickle_builder.h"

namespace posefleet::tests {

struct Piece {
  std::string storage_type = "FloatStorage";
  std::string key = "0";
  std::int64_t count = 6;  // elements of the storage
  std::int64_t offset = 0;
  std::string shape = tuple_of({2, 3});
  std::string strides = tuple_of({3, 1});
};

inline std::string tensor(const Piece& piece) {
  const std::string storage =
      tuple_of({pickled(std::string("storage")), "ctorch\n" + piece.storage_type + "\n",
                pickled(piece.key), pickled(std::string("cuda:0")), pickled(piece.count)}) +
      "Q";
  return "ctorch._utils\n_rebuild_tensor_v2\n" +
         tuple_of({storage, pickled(piece.offset), piece.shape, piece.strides, "\x89",
                   "ccollections\nOrderedDict\n)R"}) +
         "R";
}

}  // namespace posefleet::tests
