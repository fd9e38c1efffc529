// The arrays inside a pickle: NumPy's own, and the two kinds of objects that hold one in SMPL
// files.
//
// What a body file calls an array may be a numpy.ndarray, a chumpy.ch.Ch (an array with a history
// for derivatives; the numbers are its state's `x`), a chumpy Select (some elements of another
// array) or a scipy.sparse.csc_matrix. Callers want the numbers, whichever it is.
#pragma once

#include "common/base/result.h"
#include "worker/import/nd_array.h"
#include "worker/import/pickle.h"

namespace posefleet {

// The array that this node stands for, dense and row-major. An error says what it is instead.
Result<NdArray> array_of(const PickleDocument& document, NodeId id);

}  // namespace posefleet
