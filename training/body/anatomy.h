// The measures of the free body: which parts its surface consists of.
//
// The left half and what lies in the middle; the field mirrors. See field.h for what a part is.
#pragma once

#include <vector>

#include "training/body/field.h"

namespace posefleet::training {

std::vector<Part> body_parts();

// How long the edges of the mesh should be around a place, metres: shorter where the skin has
// smaller features (face, fingers, toes), so that the vertices go where they show.
double edge_length_at(const Vec& place);

// Finger tips of the left hand from thumb to little finger; toe tips of the left foot from the big
// toe to the small one.
inline constexpr int kFingerCount = 5;
Vec finger_tip(int finger);
Vec toe_tip(int toe);

}  // namespace posefleet::training
