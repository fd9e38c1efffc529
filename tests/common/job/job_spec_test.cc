#include "common/job/job_spec.h"

#include <gtest/gtest.h>

namespace posefleet::tests {
namespace {

// A good spec with one more field.
std::string with(const std::string& field) {
  return R"({"source":{"path":"/v.mp4"},"model":"m",)" + field + "}";
}

TEST(JobSpec, TheShortestSpecGetsTheDefaults) {
  const auto spec = parse_job_spec(R"({"source":{"path":"/v.mp4"},"model":"m"})");
  ASSERT_TRUE(spec) << spec.error().message;
  JobSpec expected;
  expected.source_path = "/v.mp4";
  expected.model_hash = "m";
  EXPECT_EQ(*spec, expected);
}

TEST(JobSpec, ASpecComesBackAsItWas) {
  JobSpec spec;
  spec.source_path = "/a \"b\"/\xc3\xbc.mp4";
  spec.model_hash = "m";
  spec.batch_size = 3;
  spec.range_frames = 7;
  spec.encode = {"hevc", "slow", 33, "grain", true, false, "nvenc"};
  spec.container = "mkv";
  spec.live = true;
  spec.priority = 100;
  spec.workers_max = 3;
  spec.on_quarantine = OnQuarantine::Fail;
  JobSpec picture = spec;
  picture.pipeline = Pipeline::Pose;
  picture.is_image = true;
  picture.live = false;
  JobSpec boxes = spec;
  boxes.box_source = BoxSource::Given;
  boxes.boxes = {{0, {{0.1f, -2, 3.25f, 1e6f, 0.3f}, {1, 1, 2, 2, 1}}}, {9, {{1, 2, 3, 4, 0}}}};
  JobSpec nobody = spec;
  nobody.box_source = BoxSource::Given;
  JobSpec detect = spec;
  detect.box_source = BoxSource::Detect;
  detect.detector = {.conf = 0.15,
                     .iou = 0.5,
                     .imgsz = 1280,
                     .half = true,
                     .max_people = 7,
                     .min_width = 50,
                     .min_height = 100,
                     .tiles = 3};
  JobSpec some = spec;
  some.frames = {.fps = Rational{30000, 1001},
                 .start = std::chrono::microseconds(90'000'001),
                 .end = std::chrono::microseconds(3'600'000'000),
                 .max_frames = 7};
  JobSpec rough = detect;
  rough.steady = false;
  JobSpec drawn = spec;
  drawn.draw = {.style = DrawStyle::SideBySide,
                .samples = 16,
                .opacity = 70,
                .palette = {{255, 170, 0}, {0, 1, 254}},
                .ground = {1, 2, 3},
                .trail = 5,
                .trail_step = 9,
                .labels = {"id", "spine"},
                .has_caption = true};
  for (const JobSpec& one : {spec, picture, boxes, nobody, detect, rough, some, drawn}) {
    const auto parsed = parse_job_spec(to_json(one));
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(*parsed, one);
  }
}

TEST(JobSpec, ADetectorObjectAsksForTheDetectorUnlessThereAreBoxes) {
  const auto detect = parse_job_spec(with(R"("detector":{})"));
  ASSERT_TRUE(detect) << detect.error().message;
  EXPECT_EQ(detect->box_source, BoxSource::Detect);
  EXPECT_EQ(detect->detector, DetectorSettings{});
  const auto boxes = parse_job_spec(with(R"("detector":{"conf":0.5},"boxes":[[0,0,0,1,1]])"));
  ASSERT_TRUE(boxes) << boxes.error().message;
  EXPECT_EQ(boxes->box_source, BoxSource::Given);
}

TEST(JobSpec, PosesAreSteadiedWhereADetectorFindsPeopleUnlessTheSpecSaysOtherwise) {
  const std::string head = R"({"source":{"path":"/v.mp4"},"model":"m")";
  const std::string boxes = R"(,"boxes":[[0,1,2,3,4]])";
  const std::string image = R"(,"is_image":true,"pipeline":"pose")";
  EXPECT_FALSE(is_steadied(*parse_job_spec(head + "}")));
  EXPECT_TRUE(is_steadied(*parse_job_spec(head + R"(,"detector":{}})")));
  EXPECT_FALSE(is_steadied(*parse_job_spec(head + R"(,"detector":{},"steady":false})")));
  EXPECT_FALSE(is_steadied(*parse_job_spec(head + boxes + "}")));
  EXPECT_TRUE(is_steadied(*parse_job_spec(head + boxes + R"(,"steady":true})")));
  EXPECT_FALSE(is_steadied(*parse_job_spec(head + image + R"(,"detector":{},"steady":true})")));
}

TEST(JobSpec, BoxesOfAFrameAreGatheredAndSorted) {
  const auto spec = parse_job_spec(with(R"("boxes":[[5,0,0,1,1],[2,0,0,9,9,0.5],[5,2,2,3,3]])"));
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->boxes, (std::vector<FrameBoxes>{{2, {{0, 0, 9, 9, 0.5f}}},
                                                  {5, {{0, 0, 1, 1, 1}, {2, 2, 3, 3, 1}}}}));
}

TEST(JobSpec, AWrongSpecIsRefusedByFieldAndValue) {
  struct Case {
    std::string json;
    const char* message;  // after "job spec: "
  };
  const char* row = "allowed: [frame, x0, y0, x1, y1] or [frame, x0, y0, x1, y1, score]";
  for (const Case& one : {
           Case{"", "this is no valid JSON"},
           Case{"{", "this is no valid JSON"},
           Case{"{\"model\":\"\xff\"}", "this is no valid JSON"},
           Case{"[]", "it is not a JSON object"},
           Case{"{}", "source is missing"},
           Case{R"({"source":{"path":"/v"}})", "model is missing"},
           Case{R"({"source":"/v"})", R"(source is "/v", allowed: {"path": "/absolute/path"})"},
           Case{R"({"source":{"path":"/v","x":1}})", "allowed: {\"path\""},
           Case{R"({"source":{"path":"v"}})", R"(source.path is "v", allowed: an absolute path)"},
           Case{R"({"source":{"path":1}})", "source.path is 1, allowed: a text"},
           Case{with(R"("sauce":1)"), "unknown field sauce, allowed: batch_size, boxes,"},
           Case{with(R"("pipeline":"mash")"), R"(pipeline is "mash", allowed: mesh, pose)"},
           Case{with(R"("is_image":1)"), "is_image is 1, allowed: true or false"},
           Case{with(R"("is_image":true)"), "a picture has no mesh pipeline, only pose"},
           Case{with(R"("steady":"on")"), R"(steady is "on", allowed: true or false)"},
           Case{with(R"("batch_size":0)"), "batch_size is 0, allowed: 1 to 256"},
           Case{with(R"("batch_size":2.5)"), "batch_size is 2.5, allowed: 1 to 256"},
           Case{with(R"("batch_size":18446744073709551615)"), "allowed: 1 to 256"},
           Case{with(R"("batch_size":"8")"), R"(batch_size is "8", allowed: 1 to 256)"},
           Case{with(R"("range_frames":-1)"), "range_frames is -1, allowed: 0 to 1000000"},
           Case{with(R"("priority":101)"), "priority is 101, allowed: 0 to 100"},
           Case{with(R"("priority":"high")"), R"(priority is "high", allowed: 0 to 100)"},
           Case{with(R"("num_workers":-1)"), "num_workers is -1, allowed: 0 to 1000000"},
           Case{with(R"("on_quarantine":"drop")"),
                R"(on_quarantine is "drop", allowed: keep, fail)"},
           Case{with(R"("container":"avi")"), R"(container is "avi", allowed: mp4, m4v, mov)"},
           Case{with(R"("encode":{"crf":52})"),
                "job spec: encoder quality crf is 52, not within 0 to 51"},
           Case{with(R"("encode":{"crf":64})"), "encode.crf is 64, allowed: 0 to 63"},
           Case{with(R"("encode":{"codec":"vp8"})"), "output codec 'vp8' is unknown"},
           Case{with(R"("encode":{"codec":"ffv1"})"), "ffv1 does not go into .mp4"},
           Case{with(R"("encode":{"codec":"ffv1","crf":3},"container":"mkv")"), "ffv1 has none"},
           Case{with(R"("encode":{"overlay":true})"), "an overlay needs transparency"},
           Case{with(R"("encode":{"tune":"film","codec":"av1"})"), "av1 has none"},
           Case{with(R"("encode":{"encoder":"gpu"})"), "encode.encoder is \"gpu\", allowed: soft"},
           Case{with(R"("encode":{"keep_depth":1})"), "encode.keep_depth is 1, allowed: true"},
           Case{with(R"("live":1)"), "live is 1, allowed: true or false"},
           Case{with(R"("live":true,"container":"mov","encode":{"codec":"prores"})"),
                "live is true, but only videos in h264, hevc or av1"},
           Case{with(R"("encode":{"preset":"warp"})"), R"(encode.preset is "warp", allowed: ult)"},
           Case{with(R"("encode":{"x":1})"), "unknown field encode.x, allowed: codec, preset"},
           Case{with(R"("encode":[])"), "encode is [], allowed:"},
           Case{with(R"("draw":[])"), "draw is no object, allowed: {caption, ground,"},
           Case{with(R"("draw":{"stile":1})"), "unknown field draw.stile, allowed: caption,"},
           Case{with(R"("draw":{"style":"mash"})"), "draw.style is \"mash\", allowed: mesh, skel"},
           Case{with(R"("draw":{"samples":2})"), "draw.samples is 2, allowed: 1, 4, 8 or 16"},
           Case{with(R"("draw":{"opacity":101})"), "draw.opacity is 101, allowed: 0 to 100"},
           Case{with(R"("draw":{"palette":["red"]})"), "draw.palette is [\"red\"], allowed: a li"},
           Case{with(R"("draw":{"trail":21})"), "draw.trail is 21, allowed: 0 to 20"},
           Case{with(R"("draw":{"labels":["nose"]})"), "draw.labels is [\"nose\"], allowed: a lis"},
           Case{with(R"("detector":true)"), "detector is no object, allowed: {conf, half, imgsz,"},
           Case{with(R"("detector":{"conv":0.1})"), "unknown field detector.conv, allowed: conf,"},
           Case{with(R"("detector":{"conf":1.5})"), "detector conf is 1.5, allowed: 0"},
           Case{with(R"("detector":{"conf":"high"})"), R"(detector.conf is "high", allowed:)"},
           Case{with(R"("detector":{"imgsz":16})"), "detector imgsz is 16, allowed: 0"},
           Case{with(R"("detector":{"imgsz":640.5})"), "detector.imgsz is 640.5, allowed: a whole"},
           Case{with(R"("detector":{"max_people":0})"), "detector max_people is 0, allowed: 1"},
           Case{with(R"("detector":{"max_people":-1})"), "detector.max_people is -1"},
           Case{with(R"("detector":{"tiles":9})"), "detector tiles is 9, allowed: 1 to 8"},
           Case{with(R"("detector":{"half":1})"), "detector.half is 1, allowed: true or false"},
           Case{with(R"("detector":{"min_width":-1})"), "detector min_width is -1, allowed: 0"},
           Case{with(R"("boxes":{})"), "boxes is {}, allowed: a list of at most 4000000 rows"},
           Case{with(R"("boxes":[1])"), row},
           Case{with(R"("boxes":[[0,0,0,1]])"), row},
           Case{with(R"("boxes":[[0,0,0,1,1,1,1]])"), row},
           Case{with(R"("boxes":[[0,0,0,1,"1"]])"), row},
           Case{with(R"("boxes":[[-1,0,0,1,1]])"), "boxes[0][0] is -1, allowed: 0 to 4294967294"},
           Case{with(R"("boxes":[[0.5,0,0,1,1]])"), "boxes[0][0] is 0.5"},
           Case{with(R"("boxes":[[0,0,0,1,1],[0,5,0,5,1]])"), "boxes[1] is [0,5,0,5,1], allowed:"},
           Case{with(R"("boxes":[[0,0,0,1e300,1]])"), "x0 < x1 and y0 < y1"},
           Case{with(R"("boxes":[[0,0,0,1,1,1e300]])"), "boxes[0] is"},
           Case{with("\"boxes\":" + std::string(1'000'000, '[')), "nests deeper than 16 levels"},
           Case{with("\"boxes\":" + std::string(40, '[') + std::string(40, ']')), "nests deeper"},
       }) {
    SCOPED_TRACE(one.json.substr(0, 100));
    const auto spec = parse_job_spec(one.json);
    ASSERT_FALSE(spec);
    EXPECT_EQ(spec.error().code, ErrorCode::Rejected);
    EXPECT_TRUE(spec.error().message.starts_with("job spec: ")) << spec.error().message;
    EXPECT_NE(spec.error().message.find(one.message), std::string::npos) << spec.error().message;
    EXPECT_LT(spec.error().message.size(), 300u);
  }
}

TEST(JobSpec, TimesAndRatesAreReadAsPeopleWriteThem) {
  const struct {
    const char* text;
    std::int64_t microseconds;
  } times[] = {{"0", 0},
               {"90", 90'000'000},
               {"90.5", 90'500'000},
               {"1:30.000001", 90'000'001},
               {"0:01:30.5", 90'500'000},
               {"100:00", 6'000'000'000},
               {"1000:00:00", 3'600'000'000'000}};
  for (const auto& test : times) {
    SCOPED_TRACE(test.text);
    const auto time = parse_time(test.text);
    ASSERT_TRUE(time) << time.error().message;
    EXPECT_EQ(time->count(), test.microseconds);
  }
  for (const char* text : {"", "-1", "1e3", "nan", "1:60", "1:2:3:4", "0:60:00", "1.0000001", " 1",
                           "1.", ".5", "1:", ":1", "1001:00:00", "99999999999999999999"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(parse_time(text));
  }
  const struct {
    const char* text;
    Rational rate;
  } rates[] = {
      {"2", {2, 1}}, {"0.5", {1, 2}}, {"29.97", {2997, 100}}, {"60000/2002", {30000, 1001}}};
  for (const auto& test : rates) {
    SCOPED_TRACE(test.text);
    const auto rate = parse_rate(test.text);
    ASSERT_TRUE(rate) << rate.error().message;
    EXPECT_EQ(*rate, test.rate);
  }
  for (const char* text : {"", "0", "-2", "1/0", "0/1", "1001", "inf", "1/2/3", "2 "}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(parse_rate(text));
  }
}

TEST(JobSpec, BracketsInsideATextAreNoNesting) {
  JobSpec spec;
  spec.source_path = "/[[[[[[[[[[[[[[[[[[[[[[\"[[[[[[\\";
  spec.model_hash = "m";
  const auto parsed = parse_job_spec(to_json(spec));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->source_path, spec.source_path);
}

TEST(JobSpec, APathThatIsNotUtf8DoesNotEndTheProcess) {
  JobSpec spec;
  spec.source_path = "/\xff\xfe.mp4";
  spec.model_hash = "m";
  EXPECT_TRUE(parse_job_spec(to_json(spec)));
}

}  // namespace
}  // namespace posefleet::tests
