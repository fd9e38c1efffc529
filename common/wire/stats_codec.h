// RangeStats stand in two schemas. Private to the folder.
#pragma once

#include "common/protocol/messages.h"

#include "schemas/control.capnp.h"

namespace posefleet::wire {

inline void put_stats(schema::RangeStats::Builder out, const RangeStats& stats) {
  out.setFramesWithPeople(stats.frames_with_people);
  out.setPeople(stats.people);
  out.setFramesKeptOriginal(stats.frames_kept_original);
  out.setDecodeSeconds(stats.decode_seconds);
  out.setWorkSeconds(stats.work_seconds);
  out.setEncodeSeconds(stats.encode_seconds);
  out.setFramesUndetected(stats.frames_undetected);
}

inline RangeStats get_stats(schema::RangeStats::Reader in) {
  return {in.getFramesWithPeople(), in.getPeople(),      in.getFramesKeptOriginal(),
          in.getDecodeSeconds(),    in.getWorkSeconds(), in.getEncodeSeconds(),
          in.getFramesUndetected()};
}

}  // namespace posefleet::wire
