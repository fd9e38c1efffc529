#include "coordinator/pipeline/select.h"

#include <algorithm>

namespace posefleet {
namespace {

// Products of ticks, rates and microseconds do not fit into 64 bits.
__extension__ using Wide = __int128;

constexpr std::int64_t kMicroseconds = 1'000'000;

// Beyond all times that a table may hold, and far enough from overflowing.
constexpr std::int64_t kForever = std::int64_t{1} << 61;

// The first tick at or after a time, counted from tick 0.
std::int64_t ticks_from(std::chrono::microseconds time, const Rational& time_base) {
  const Wide scale = Wide{kMicroseconds} * time_base.num;
  const Wide product = Wide{time.count()} * time_base.den;
  return static_cast<std::int64_t>((product + scale - 1) / scale);
}

// When a frame gives way to the next; the last one lasts as long as the one before.
std::int64_t shown_until(const FrameTable& all, std::uint32_t frame) {
  if (frame + 1 < all.frame_count()) return all.pts[frame + 1];
  return frame > 0 ? 2 * all.pts[frame] - all.pts[frame - 1] : all.pts[frame] + 1;
}

// For each tick of the rate, counted from the first frame, the frame that is shown then.
std::vector<std::uint32_t> at_rate(const FrameTable& all, const std::vector<std::uint32_t>& frames,
                                   const Rational& rate) {
  const std::int64_t origin = all.pts[frames.front()];
  const Wide num = Wide{all.time_base.num} * rate.num;
  const Wide den = Wide{all.time_base.den} * rate.den;
  std::vector<std::uint32_t> chosen;
  Wide next = 0;  // the first tick that has no frame yet
  for (const std::uint32_t frame : frames) {
    // The first tick that this frame is not shown at any more.
    const Wide end = ((Wide{shown_until(all, frame)} - origin) * num + den - 1) / den;
    if (end <= next) continue;
    chosen.push_back(frame);
    next = end;
  }
  return chosen;
}

bool is_slower(const Rational& a, const Rational& b) {
  return Wide{a.num} * b.den < Wide{b.num} * a.den;
}

}  // namespace

Result<FrameTable> select_frames(const FrameTable& all, const FrameSelection& selection,
                                 const std::string& name) {
  if (selection.is_all() || all.pts.empty()) return all;
  POSEFLEET_TRY_DO(check_selection(selection));
  const std::int64_t origin = all.pts.front();
  const std::int64_t begin =
      selection.start ? origin + ticks_from(*selection.start, all.time_base) : origin;
  const std::int64_t end =
      selection.end ? origin + ticks_from(*selection.end, all.time_base) : kForever;
  std::vector<std::uint32_t> frames;
  for (std::uint32_t i = 0; i < all.frame_count(); ++i) {
    if (all.pts[i] >= begin && all.pts[i] < end) frames.push_back(i);
  }
  if (frames.empty()) {
    const double seconds = static_cast<double>(all.pts.back() - origin) *
                           static_cast<double>(all.time_base.num) /
                           static_cast<double>(all.time_base.den);
    return rejected("no frame of " + name + " is selected: its last frame is shown at " +
                    std::to_string(seconds) + " s; set start and end inside it");
  }
  FrameTable table = all;
  if (selection.fps) {
    frames = at_rate(all, frames, *selection.fps);
    if (all.average_rate.num <= 0 || is_slower(*selection.fps, all.average_rate)) {
      table.average_rate = *selection.fps;
    }
  }
  // Without a start, sound that comes before the first frame goes along.
  PresentationSpan span{.begin = selection.start ? begin : -kForever, .end = end};
  if (selection.start) span.shift = begin - origin;
  if (selection.max_frames && frames.size() > *selection.max_frames) {
    // The sound ends where the first frame would begin that is left out.
    span.end = all.pts[frames[*selection.max_frames]];
    frames.resize(*selection.max_frames);
  }
  table.pts.clear();
  for (const std::uint32_t frame : frames) table.pts.push_back(all.pts[frame]);
  table.source_frames = std::move(frames);
  const bool is_cut = selection.start || span.end != kForever;
  if (is_cut) table.span = span;
  return table;
}

FrameTable output_table(const FrameTable& selected) {
  FrameTable table = selected;
  if (!selected.span) return table;
  for (std::int64_t& pts : table.pts) pts -= selected.span->shift;
  return table;
}

void move_to_output(const FrameTable& selected, EncodedSegment& segment) {
  if (!selected.span) return;
  for (EncodedPacket& packet : segment.packets) packet.pts -= selected.span->shift;
}

}  // namespace posefleet
