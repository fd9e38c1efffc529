@0x99725b0ff373da36;
# The contents of grants and results, and of the artifacts that the coordinator keeps: what common/protocol/poses.h,
# video.h and tasks.h say, in bytes. The coordinator's rules never look inside.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("posefleet::schema");

struct Rational {
  num @0 :Int64;
  den @1 :Int64;
}

struct FrameTable {
  pts @0 :List(Int64);
  keyPts @1 :List(Int64);
  keyOrdinals @2 :List(UInt32);
  timeBase @3 :Rational;
  averageRate @4 :Rational;
  streamIndex @5 :Int32;
  width @6 :UInt32;
  height @7 :UInt32;
  rotationQuarters @8 :Int32;
  codec @9 :Text;
  needsSequentialDecode @10 :Bool;
  sourceFrames @11 :List(UInt32);
  # Of a selection: which of the source's frames these are, one number for each of pts. Absent: all of them.
  isCut @12 :Bool;
  cutBegin @13 :Int64;
  cutEnd @14 :Int64;
  cutShift @15 :Int64;
  # Of a selection: the sound from begin up to end goes along, and shift is taken from all times of the output. Without isCut: all of it.
}

struct Box {
  x0 @0 :Float32;
  y0 @1 :Float32;
  x1 @2 :Float32;
  y1 @3 :Float32;
  score @4 :Float32;
}

struct Person {
  box @0 :Box;
  numbers @1 :List(Float32);
  # In this order: global_orient 9, body_pose 23 x 9, betas 10, pred_cam 3, camera_translation 3, focal_length 1.
  track @2 :UInt32;
  # Who it is, counted from 1 through the film; 0: nobody has looked yet.
}

struct FramePoses {
  frame @0 :UInt32;
  people @1 :List(Person);
  isDamaged @2 :Bool;
  # The source's packets of this frame are damaged: the decoder made the picture up, or the one before it was taken.
}

struct RangePoses {
  frames @0 :List(FramePoses);
}

struct Packet {
  pts @0 :Int64;
  isKey @1 :Bool;
  bytes @2 :Data;
  alpha @3 :Data;
  # Of transparent VP9: the packet of the second picture, whose brightness is the opacity. Else absent.
}

struct Segment {
  codec @0 :Text;
  extradata @1 :Data;
  width @2 :UInt32;
  height @3 :UInt32;
  packets @4 :List(Packet);
}

struct TaskFrames {
  path @0 :Text;
  size @1 :UInt64;
  modifiedNs @2 :Int64;
  isImage @3 :Bool;
  window @4 :FrameTable;
  firstFrame @5 :UInt32;
  frameCount @6 :UInt32;
  url @7 :Text;
  # Where I serve the source, for workers that do not see its file; empty: nowhere. It holds a secret of the job.
  sha256 @8 :Text;
  fingerprint @9 :Text;
  # Of the size and both ends of the file: a file that a worker finds at the path is the source if it has this one.
}

struct FrameBoxes {
  frame @0 :UInt32;
  boxes @1 :List(Box);
}

struct DetectorSettings {
  conf @0 :Float64;
  iou @1 :Float64;
  imgsz @2 :UInt32;
  # 0 in these three: as the model's manifest says.
  half @3 :Bool;
  maxPeople @4 :UInt32;
  minWidth @5 :Float64;
  minHeight @6 :Float64;
  tiles @7 :UInt32;
}

struct PoseTask {
  frames @0 :TaskFrames;
  modelHash @1 :Text;
  batchSize @2 :UInt32;
  boxesGiven @3 :Bool;
  boxes @4 :List(FrameBoxes);
  detector @5 :DetectorSettings;
  # Present: look for the people. Never together with boxesGiven.
}

struct RenderTask {
  frames @0 :TaskFrames;
  modelHash @1 :Text;
  codec @2 :Text;
  preset @3 :Text;
  crf @4 :Int32;
  # -1: the codec's usual quality.
  poses @5 :RangePoses;
  tune @6 :Text;
  keepDepth @7 :Bool;
  isOverlay @8 :Bool;
  encoder @9 :Text;
  # Absent, from an older coordinator: software.
  draw @10 :Draw;
  # Absent, from an older coordinator: bodies in the built-in colours.
  before @11 :RangePoses;
  # Poses of the frames just before, oldest first, for those that are drawn behind the present ones.
  filmPts @12 :Int64;
  # Of the film's first frame.
  filmFrames @13 :UInt32;
}

struct Draw {
  # common/protocol/draw_settings.h. Colours as 0xrrggbb.
  style @0 :Text;
  samples @1 :UInt32;
  opacity @2 :UInt32;
  palette @3 :List(UInt32);
  ground @4 :UInt32;
  trail @5 :UInt32;
  trailStep @6 :UInt32;
  labels @7 :List(Text);
  hasCaption @8 :Bool;
}
