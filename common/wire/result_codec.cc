#include <algorithm>
#include <functional>

#include "common/wire/codec.h"
#include "common/wire/framing.h"

#include "schemas/result.capnp.h"

namespace posefleet {
namespace {

using wire::data;
using wire::text;

// global_orient, body_pose, betas, pred_cam, camera_translation, focal_length.
constexpr unsigned kPersonNumbers = 9 + kBodyJointCount * 9 + kBetaCount + 3 + 3 + 1;

void put_rational(schema::Rational::Builder out, const Rational& value) {
  out.setNum(value.num);
  out.setDen(value.den);
}

void put_table(schema::FrameTable::Builder out, const FrameTable& table) {
  auto pts = out.initPts(table.pts.size());
  for (unsigned i = 0; i < table.pts.size(); ++i) pts.set(i, table.pts[i]);
  auto key_pts = out.initKeyPts(table.keys.size());
  auto ordinals = out.initKeyOrdinals(table.keys.size());
  for (unsigned i = 0; i < table.keys.size(); ++i) {
    key_pts.set(i, table.keys[i].pts);
    ordinals.set(i, table.keys[i].ordinal);
  }
  put_rational(out.initTimeBase(), table.time_base);
  put_rational(out.initAverageRate(), table.average_rate);
  out.setStreamIndex(table.stream_index);
  out.setWidth(table.width);
  out.setHeight(table.height);
  out.setRotationQuarters(table.rotation_quarters);
  out.setCodec(text(table.codec));
  out.setNeedsSequentialDecode(table.needs_sequential_decode);
  if (!table.source_frames.empty()) {
    auto frames = out.initSourceFrames(table.source_frames.size());
    for (unsigned i = 0; i < frames.size(); ++i) frames.set(i, table.source_frames[i]);
  }
  if (table.span) {
    out.setIsCut(true);
    out.setCutBegin(table.span->begin);
    out.setCutEnd(table.span->end);
    out.setCutShift(table.span->shift);
  }
}

Result<FrameTable> get_table(schema::FrameTable::Reader in) {
  FrameTable table;
  const auto pts = in.getPts();
  table.pts.reserve(pts.size());
  for (const std::int64_t time : pts) table.pts.push_back(time);
  const auto key_pts = in.getKeyPts();
  const auto ordinals = in.getKeyOrdinals();
  if (key_pts.size() != ordinals.size()) return rejected("key packets without ordinals");
  for (unsigned i = 0; i < key_pts.size(); ++i) table.keys.push_back({key_pts[i], ordinals[i]});
  table.time_base = {in.getTimeBase().getNum(), in.getTimeBase().getDen()};
  table.average_rate = {in.getAverageRate().getNum(), in.getAverageRate().getDen()};
  table.stream_index = in.getStreamIndex();
  table.width = in.getWidth();
  table.height = in.getHeight();
  table.rotation_quarters = in.getRotationQuarters();
  table.codec = text(in.getCodec());
  table.needs_sequential_decode = in.getNeedsSequentialDecode();
  for (const std::uint32_t frame : in.getSourceFrames()) table.source_frames.push_back(frame);
  if (in.getIsCut())
    table.span = PresentationSpan{in.getCutBegin(), in.getCutEnd(), in.getCutShift()};
  if (!table.source_frames.empty() && table.source_frames.size() != table.pts.size()) {
    return rejected("a frame table of " + std::to_string(table.pts.size()) + " frames with " +
                    std::to_string(table.source_frames.size()) + " numbers");
  }
  if (table.time_base.num <= 0 || table.time_base.den <= 0) {
    return rejected("a frame table with a time base that is not positive");
  }
  if (table.rotation_quarters < 0 || table.rotation_quarters > 3) {
    return rejected("a frame table turned by " + std::to_string(table.rotation_quarters) +
                    " quarters, expected 0 to 3");
  }
  const auto stuck =
      std::adjacent_find(table.pts.begin(), table.pts.end(), std::greater_equal<std::int64_t>());
  if (stuck != table.pts.end()) return rejected("a frame table whose times do not rise");
  return table;
}

void put_box(schema::Box::Builder out, const PersonBox& box) {
  out.setX0(box.x0);
  out.setY0(box.y0);
  out.setX1(box.x1);
  out.setY1(box.y1);
  out.setScore(box.score);
}

PersonBox get_box(schema::Box::Reader in) {
  return {in.getX0(), in.getY0(), in.getX1(), in.getY1(), in.getScore()};
}

// Calls `visit` with every number of a person, in the order that the schema fixes.
template <typename Person, typename Visit>
void for_each_number(Person& person, Visit&& visit) {
  for (auto& value : person.global_orient) visit(value);
  for (auto& rotation : person.body_pose) {
    for (auto& value : rotation) visit(value);
  }
  for (auto& value : person.betas) visit(value);
  for (auto& value : person.pred_cam) visit(value);
  for (auto& value : person.camera_translation) visit(value);
  visit(person.focal_length);
}

void put_poses(schema::RangePoses::Builder out, const RangePoses& poses) {
  auto frames = out.initFrames(poses.size());
  for (unsigned i = 0; i < poses.size(); ++i) {
    frames[i].setFrame(poses[i].frame);
    frames[i].setIsDamaged(poses[i].is_damaged);
    auto people = frames[i].initPeople(poses[i].people.size());
    for (unsigned p = 0; p < people.size(); ++p) {
      put_box(people[p].initBox(), poses[i].people[p].box);
      auto numbers = people[p].initNumbers(kPersonNumbers);
      unsigned next = 0;
      for_each_number(poses[i].people[p], [&](float value) { numbers.set(next++, value); });
      people[p].setTrack(poses[i].people[p].track);
    }
  }
}

Result<RangePoses> get_poses(schema::RangePoses::Reader in) {
  RangePoses poses;
  for (const auto frame : in.getFrames()) {
    FramePoses& out = poses.emplace_back();
    out.frame = frame.getFrame();
    out.is_damaged = frame.getIsDamaged();
    for (const auto person : frame.getPeople()) {
      const auto numbers = person.getNumbers();
      if (numbers.size() != kPersonNumbers) {
        return rejected("a person with " + std::to_string(numbers.size()) + " numbers, expected " +
                        std::to_string(kPersonNumbers));
      }
      PersonPose& pose = out.people.emplace_back();
      pose.box = get_box(person.getBox());
      unsigned next = 0;
      for_each_number(pose, [&](float& value) { value = numbers[next++]; });
      pose.track = person.getTrack();
    }
  }
  return poses;
}

void put_frames(schema::TaskFrames::Builder out, const TaskFrames& frames) {
  out.setPath(text(frames.source.path));
  out.setSize(frames.source.size);
  out.setModifiedNs(frames.source.modified_ns);
  out.setIsImage(frames.is_image);
  put_table(out.initWindow(), frames.window);
  out.setFirstFrame(frames.first_frame);
  out.setFrameCount(frames.frame_count);
  out.setUrl(text(frames.url));
  out.setSha256(text(frames.sha256));
  out.setFingerprint(text(frames.fingerprint));
}

Result<TaskFrames> get_frames(schema::TaskFrames::Reader in) {
  TaskFrames frames;
  frames.source = {text(in.getPath()), in.getSize(), in.getModifiedNs()};
  frames.fingerprint = text(in.getFingerprint());
  frames.sha256 = text(in.getSha256());
  frames.url = text(in.getUrl());
  frames.is_image = in.getIsImage();
  POSEFLEET_TRY(frames.window, get_table(in.getWindow()));
  frames.first_frame = in.getFirstFrame();
  frames.frame_count = in.getFrameCount();
  const bool is_inside =
      frames.frame_count <= frames.window.frame_count() &&
      frames.in_window().first <= frames.window.frame_count() - frames.frame_count;
  if (frames.frame_count == 0 || !is_inside) {
    return rejected("a task of " + std::to_string(frames.frame_count) + " frames over a table of " +
                    std::to_string(frames.window.frame_count()));
  }
  return frames;
}

void put_detector(schema::DetectorSettings::Builder out, const DetectorSettings& settings) {
  out.setConf(settings.conf);
  out.setIou(settings.iou);
  out.setImgsz(settings.imgsz);
  out.setHalf(settings.half);
  out.setMaxPeople(settings.max_people);
  out.setMinWidth(settings.min_width);
  out.setMinHeight(settings.min_height);
  out.setTiles(settings.tiles);
}

Result<DetectorSettings> get_detector(schema::DetectorSettings::Reader in) {
  const DetectorSettings settings{in.getConf(),      in.getIou(),       in.getImgsz(),
                                  in.getHalf(),      in.getMaxPeople(), in.getMinWidth(),
                                  in.getMinHeight(), in.getTiles()};
  POSEFLEET_TRY_DO(check_detector_settings(settings));
  return settings;
}

}  // namespace

std::string encode(const PoseTask& task) {
  capnp::MallocMessageBuilder builder;
  auto out = builder.initRoot<schema::PoseTask>();
  put_frames(out.initFrames(), task.frames);
  out.setModelHash(text(task.model_hash));
  out.setBatchSize(task.batch_size);
  out.setBoxesGiven(task.box_source == BoxSource::Given);
  if (task.box_source == BoxSource::Detect) put_detector(out.initDetector(), task.detector);
  auto frames = out.initBoxes(task.boxes.size());
  for (unsigned i = 0; i < task.boxes.size(); ++i) {
    frames[i].setFrame(task.boxes[i].frame);
    auto boxes = frames[i].initBoxes(task.boxes[i].boxes.size());
    for (unsigned b = 0; b < boxes.size(); ++b) put_box(boxes[b], task.boxes[i].boxes[b]);
  }
  return wire::to_bytes(builder);
}

Result<PoseTask> decode_pose_task(std::string_view bytes) {
  const auto read = [](schema::PoseTask::Reader in) -> Result<PoseTask> {
    PoseTask task;
    POSEFLEET_TRY(task.frames, get_frames(in.getFrames()));
    task.model_hash = text(in.getModelHash());
    task.batch_size = in.getBatchSize();
    if (task.batch_size == 0) return rejected("a pose task with batches of 0 crops");
    task.box_source = in.getBoxesGiven() ? BoxSource::Given : BoxSource::WholeFrame;
    if (in.hasDetector()) {
      if (in.getBoxesGiven()) return rejected("a pose task with boxes and with a detector");
      task.box_source = BoxSource::Detect;
      POSEFLEET_TRY(task.detector, get_detector(in.getDetector()));
    }
    for (const auto frame : in.getBoxes()) {
      FrameBoxes& out = task.boxes.emplace_back();
      out.frame = frame.getFrame();
      for (const auto box : frame.getBoxes()) out.boxes.push_back(get_box(box));
    }
    return task;
  };
  return wire::read_message<schema::PoseTask>("pose task", bytes, read);
}

std::uint32_t packed(const Rgb& colour) {
  return std::uint32_t{colour[0]} << 16 | std::uint32_t{colour[1]} << 8 | colour[2];
}

Rgb unpacked(std::uint32_t colour) {
  return {static_cast<std::uint8_t>(colour >> 16), static_cast<std::uint8_t>(colour >> 8),
          static_cast<std::uint8_t>(colour)};
}

void put_draw(schema::Draw::Builder out, const DrawSettings& draw) {
  out.setStyle(std::string(name_of(draw.style)));
  out.setSamples(draw.samples);
  out.setOpacity(draw.opacity);
  auto palette = out.initPalette(static_cast<unsigned>(draw.palette.size()));
  for (unsigned i = 0; i < palette.size(); ++i) palette.set(i, packed(draw.palette[i]));
  out.setGround(packed(draw.ground));
  out.setTrail(draw.trail);
  out.setTrailStep(draw.trail_step);
  auto labels = out.initLabels(static_cast<unsigned>(draw.labels.size()));
  for (unsigned i = 0; i < labels.size(); ++i) labels.set(i, text(draw.labels[i]));
  out.setHasCaption(draw.has_caption);
}

Result<DrawSettings> get_draw(schema::Draw::Reader in) {
  DrawSettings draw;
  const auto style = parse_draw_style(text(in.getStyle()));
  if (!style) {
    return rejected("a style called " + text(in.getStyle()) + ", which this worker does not know");
  }
  draw.style = *style;
  draw.samples = in.getSamples();
  draw.opacity = std::min(in.getOpacity(), 100U);
  for (const std::uint32_t colour : in.getPalette()) draw.palette.push_back(unpacked(colour));
  draw.ground = unpacked(in.getGround());
  draw.trail = std::min(in.getTrail(), kTrailMax);
  draw.trail_step = std::clamp(in.getTrailStep(), 1U, kTrailStepMax);
  for (const auto label : in.getLabels()) draw.labels.push_back(text(label));
  draw.has_caption = in.getHasCaption();
  return draw;
}

std::string encode(const RenderTask& task) {
  capnp::MallocMessageBuilder builder;
  auto out = builder.initRoot<schema::RenderTask>();
  put_frames(out.initFrames(), task.frames);
  out.setModelHash(text(task.model_hash));
  out.setCodec(text(task.encode.codec));
  out.setPreset(text(task.encode.preset));
  out.setCrf(task.encode.crf);
  out.setTune(text(task.encode.tune));
  out.setKeepDepth(task.encode.keep_depth);
  out.setIsOverlay(task.encode.is_overlay);
  out.setEncoder(text(task.encode.encoder));
  put_poses(out.initPoses(), task.poses);
  put_draw(out.initDraw(), task.draw);
  put_poses(out.initBefore(), task.before);
  out.setFilmPts(task.film_pts);
  out.setFilmFrames(task.film_frames);
  return wire::to_bytes(builder);
}

Result<RenderTask> decode_render_task(std::string_view bytes) {
  const auto read = [](schema::RenderTask::Reader in) -> Result<RenderTask> {
    RenderTask task;
    POSEFLEET_TRY(task.frames, get_frames(in.getFrames()));
    task.model_hash = text(in.getModelHash());
    task.encode = {text(in.getCodec()),  text(in.getPreset()), in.getCrf(),
                   text(in.getTune()),   in.getKeepDepth(),    in.getIsOverlay(),
                   text(in.getEncoder())};
    if (task.encode.encoder.empty()) task.encode.encoder = "software";
    POSEFLEET_TRY(task.poses, get_poses(in.getPoses()));
    if (in.hasDraw()) {
      POSEFLEET_TRY(task.draw, get_draw(in.getDraw()));
    }
    POSEFLEET_TRY(task.before, get_poses(in.getBefore()));
    task.film_pts = in.getFilmPts();
    task.film_frames = in.getFilmFrames();
    return task;
  };
  return wire::read_message<schema::RenderTask>("render task", bytes, read);
}

std::string encode(const RangePoses& poses) {
  capnp::MallocMessageBuilder builder;
  put_poses(builder.initRoot<schema::RangePoses>(), poses);
  return wire::to_bytes(builder);
}

Result<RangePoses> decode_range_poses(std::string_view bytes) {
  return wire::read_message<schema::RangePoses>("poses", bytes, get_poses);
}

std::string encode(const EncodedSegment& segment) {
  capnp::MallocMessageBuilder builder;
  auto out = builder.initRoot<schema::Segment>();
  out.setCodec(text(segment.codec));
  out.setExtradata(data(segment.extradata));
  out.setWidth(segment.width);
  out.setHeight(segment.height);
  auto packets = out.initPackets(segment.packets.size());
  for (unsigned i = 0; i < segment.packets.size(); ++i) {
    packets[i].setPts(segment.packets[i].pts);
    packets[i].setIsKey(segment.packets[i].is_key);
    packets[i].setBytes(data(segment.packets[i].bytes));
    if (!segment.packets[i].alpha.empty()) packets[i].setAlpha(data(segment.packets[i].alpha));
  }
  return wire::to_bytes(builder);
}

Result<EncodedSegment> decode_segment(std::string_view bytes) {
  const auto read = [](schema::Segment::Reader in) -> Result<EncodedSegment> {
    EncodedSegment segment;
    segment.codec = text(in.getCodec());
    segment.extradata = data(in.getExtradata());
    segment.width = in.getWidth();
    segment.height = in.getHeight();
    for (const auto packet : in.getPackets()) {
      segment.packets.push_back(
          {packet.getPts(), packet.getIsKey(), data(packet.getBytes()), data(packet.getAlpha())});
    }
    return segment;
  };
  return wire::read_message<schema::Segment>("segment", bytes, read);
}

std::string encode(const FrameTable& table) {
  capnp::MallocMessageBuilder builder;
  put_table(builder.initRoot<schema::FrameTable>(), table);
  return wire::to_bytes(builder);
}

Result<FrameTable> decode_frame_table(std::string_view bytes) {
  return wire::read_message<schema::FrameTable>("frame table", bytes, get_table);
}

}  // namespace posefleet
