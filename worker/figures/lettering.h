// What is written into a picture: who somebody is, how far their limbs are bent, time and frame.
//
// Private to worker/figures.
#pragma once

#include <map>
#include <string>

#include "common/body/camera.h"
#include "common/protocol/draw_settings.h"
#include "worker/figures/figures.h"
#include "worker/render/flat_layer.h"
#include "worker/text/font.h"

namespace posefleet::figures {

struct FrameTime {
  double seconds = 0;       // since the film's first frame
  std::uint32_t frame = 0;  // counted from 0
  std::uint32_t frames = 0;
};

// Owned and called by one thread. Keeps the words that it drew last, since most are drawn again.
class Lettering final {
 public:
  explicit Lettering(Font font) : font_(std::move(font)) {}

  // Before the first of a frame's words. Layers borrow words until the next frame begins.
  void begin_frame();
  // One line a label, above the person's head, or inside the frame where there is no room.
  Status add_labels(const Figure& figure, const DrawSettings& settings, const FlatColour& colour,
                    const FrameSize& frame, FlatLayer& layer);
  Status add_caption(const FrameTime& time, const FrameSize& frame, FlatLayer& layer);

 private:
  Result<const TextMask*> written(const std::string& text, int size);

  Font font_;
  std::map<std::pair<std::string, int>, TextMask> words_;
};

// "0:00:03.467"
std::string clock_text(double seconds);

}  // namespace posefleet::figures
