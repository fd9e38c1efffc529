// How the system's BLAS is set up for training, before it is loaded.
//
// LibTorch's float32 products, and the convolutions that it makes of them, call the system's BLAS.
// Debian's OpenBLAS takes its older kernels on processors that it does not know (half the rate on a
// Zen 5), and starts threads of its own beside ours, which wait for each other by spinning: where
// others compute too, that cost the detector's training a sixth of its processor time. It reads its
// settings when it is loaded, which is before main; so a program starts itself once more.
#pragma once

namespace posefleet::training {

// First thing in main, with main's own arguments. Returns in the process that was started anew, or
// at once where it cannot be: then training is slower and no worse. What the user has set stays.
void restart_with_blas_settings(char** argv);

}  // namespace posefleet::training
