#include "common/accuracy/truth.h"
#include "common/job/job_spec.h"
#include "common/model_folder/manifest.h"
#include "tests/fuzz/corpus.h"

namespace posefleet::fuzz {
namespace {

using namespace std::string_literals;

std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

// What any YAML reader must stand.
void add_hostile_yaml(std::vector<Seed>& corpus, const std::string& target) {
  corpus.push_back({target, "hostile-nesting", repeated("[", 1000)});
  corpus.push_back({target, "hostile-map-nesting", repeated("{a: ", 1000)});
  corpus.push_back({target, "hostile-indents", [] {
                      std::string text;
                      for (int i = 0; i < 40; ++i) text += std::string(i, ' ') + "a:\n";
                      return text;
                    }()});
  corpus.push_back({target, "hostile-aliases",
                    "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\ne: &e {f: *e}\n"});
  corpus.push_back(
      {target, "hostile-tags", "!!binary a: !<tag> b\n? [k]\n: |\n  text\n--- \n...\n"});
  corpus.push_back(
      {target, "hostile-quotes", "a: \"\\x41\\u0041\\U00000041\\\n b\"\n'it''s': >-\n  x\n"});
  corpus.push_back({target, "hostile-utf16",
                    "\xff\xfe"
                    "a\0:\0 \0b\0"s});
}

Manifest full_manifest() {
  Manifest manifest;
  manifest.name = "tiny";
  manifest.image_mean = {0.485f, 0.456f, 0.406f};
  manifest.image_std = {0.229f, 0.224f, 0.225f};
  manifest.licence = "free";
  manifest.note = "a \"note\"\nof two lines";
  for (const char* name : {"hmr2.safetensors", "body.safetensors", kDetectorName}) {
    manifest.files[name] = std::string(64, 'a');
    manifest.file_sizes[name] = 123;
  }
  return manifest;
}

void add_manifests(std::vector<Seed>& corpus) {
  Manifest manifest = full_manifest();
  corpus.push_back({"manifest", "plain", format_manifest(manifest)});
  manifest.detector = DetectorManifest{.file = kDetectorName,
                                       .decoder = DetectorDecoder::Detr,
                                       .resize = DetectorResize::Square,
                                       .scores = DetectorScores::Softmax,
                                       .imgsz = 640,
                                       .stride = 32,
                                       .dynamic = true,
                                       .batch = 1,
                                       .half = false,
                                       .people = std::vector<std::int64_t>{0, 3},
                                       .class_count = 80,
                                       .mean = std::vector<float>{0.5f, 0.5f, 0.5f},
                                       .std = std::vector<float>{0.5f, 0.5f, 0.5f},
                                       .conf = 0.25,
                                       .iou = 0.5};
  corpus.push_back({"manifest", "detector", format_manifest(manifest)});
  add_hostile_yaml(corpus, "manifest");
}

void add_configs(std::vector<Seed>& corpus) {
  corpus.push_back(
      {"model_config", "released",
       "MODEL:\n  IMAGE_SIZE: 256\n  IMAGE_MEAN: [0.485, 0.456, 0.406]\n"
       "  IMAGE_STD: [0.229, 0.224, 0.225]\n  BACKBONE:\n    TYPE: vit\n"
       "    NUM_LAYERS: 50\n  SMPL_HEAD:\n    TYPE: transformer_decoder\n"
       "    TRANSFORMER_DECODER:\n      depth: 6\n      heads: 8\n      mlp_dim: 1024\n"
       "      dim_head: 64\n      context_dim: 1280\n      norm: layer\n"
       "EXTRA:\n  FOCAL_LENGTH: 5000\nSMPL:\n  NUM_BODY_JOINTS: 23\n"
       "paths:\n  root: ${oc.env:ROOT}\n"});
  corpus.push_back(
      {"model_config", "small",
       "{MODEL: {BBOX_SHAPE: [192, 256], BACKBONE: {EMBED_DIM: 64, DEPTH: 3, NUM_HEADS: 4, "
       "MLP_RATIO: 2.5}, SMPL_HEAD: {IEF_ITERS: 1, JOINT_REP: 6d, TRANSFORMER_INPUT: zero, "
       "TRANSFORMER_DECODER: {dim: 96, context_dim: 64}}}, SMPL: {VERTEX_IDS: {nose: 1}}}\n"});
  add_hostile_yaml(corpus, "model_config");
  corpus.push_back(
      {"program_config", "coordinator",
       "data_dir: /var/lib/posefleet\nworkers:\n  listen: \"tcp://127.0.0.1:5555\"\n"
       "rules:\n  heartbeat: 0.5\n  lease: 30\n  fails_max: 3\nlog:\n  level: debug\n"});
  corpus.push_back({"program_config", "pose-worker",
                    "model: models/demo\nmodels_per_worker: 2\nprecision: bfloat16\nthreads: 4\n"
                    "coordinator: 'ipc:///tmp/a b'\n"});
  corpus.push_back(
      {"program_config", "render-worker", "model: \"a \\\"b\\\" \\\\ \\t\"\nlog: {level: warn}\n"});
  corpus.push_back({"program_config", "hostile-numbers",
                    "data_dir: x\nrules:\n  heartbeat: 1e400\n  lease: .nan\n  fails_max: "
                    "99999999999999999999\n"});
  add_hostile_yaml(corpus, "program_config");
}

void add_job_specs(std::vector<Seed>& corpus) {
  JobSpec spec;
  spec.source_path = "/videos/a \"b\".mp4";
  spec.model_hash = std::string(64, 'a');
  corpus.push_back({"job_spec", "plain", to_json(spec)});
  spec.precision = Precision::BFloat16;
  spec.box_source = BoxSource::Given;
  spec.boxes = {{0, {{1, 2, 30.5f, 40, 0.9f}, {-5, -6, 7, 8}}}, {7, {{0, 0, 1e-20f, 1e20f}}}};
  corpus.push_back({"job_spec", "boxes", to_json(spec)});
  spec.box_source = BoxSource::Detect;
  spec.pipeline = Pipeline::Pose;
  spec.is_image = true;
  corpus.push_back({"job_spec", "detector", to_json(spec)});
  const std::string head = R"({"source":{"path":"/a"},"model":"m",)";
  corpus.push_back(
      {"job_spec", "hostile-numbers",
       head + R"("boxes":[[0,1e308,-1e308,1e999,1]],"batch_size":-9223372036854775808})"});
  corpus.push_back({"job_spec", "hostile-frames",
                    head + R"("boxes":[[18446744073709551615,0,0,1,1]],"range_frames":1e6})"});
  corpus.push_back({"job_spec", "hostile-nesting", head + "\"boxes\":" + std::string(2000, '[')});
  corpus.push_back({"job_spec", "hostile-text", head + "\"container\":\"\\ud800\\u0000\xff\"}"});
  corpus.push_back({"job_spec", "hostile-both", head + R"("boxes":[],"detector":{"conf":0.5}})"});
}

void add_detector_configs(std::vector<Seed>& corpus) {
  corpus.push_back(
      {"detector", "config",
       R"({"description":"x","stride":32.0,"task":"detect","batch":1,"imgsz":[640,640],)"
       R"("names":{"0":"dog","1":"Person"},"args":{"half":true,"dynamic":false,"nms":true}})"});
  corpus.push_back(
      {"detector", "config-list", R"({"imgsz":320,"names":["person","car","PERSON"]})"});
  corpus.push_back(
      {"detector", "config-hostile-sizes", R"({"imgsz":999999,"stride":65536,"batch":1e6})"});
  corpus.push_back(
      {"detector", "config-hostile-names", R"({"names":{"999999":"person","-1":"x","":"y"}})"});
  corpus.push_back({"detector", "config-hostile-nesting",
                    "{\"imgsz\":" + std::string(1000, '[') + std::string(1000, ']') + "}"});
  corpus.push_back({"detector", "config-hostile-task", "{\"task\":[[\"\\ud83d\\ude00\"]]}"});
}

void add_boxes(std::vector<Seed>& corpus) {
  corpus.push_back(
      {"boxes", "file",
       "# frame,x0,y0,x1,y1,score\n0,1,2,3,4\n0, 5,6,7.5,8 ,0.25\r\n\n3,-1e3,0,1e3,9\n"});
  corpus.push_back({"boxes", "option", "1,2,3,4; 5,6,7,8;"});
  corpus.push_back(
      {"boxes", "hostile-numbers", "4294967295,0,0,1,1\n1,nan,0,1,1\n2,inf,0,1e39,1\n"});
  corpus.push_back({"boxes", "hostile-last-frame", "4294967295,0,0,1,1\n"});
  corpus.push_back({"boxes", "hostile-commas", std::string(3000, ',')});
  corpus.push_back({"boxes", "hostile-lines", std::string(3000, '\n') + "1"});
}

void add_http(std::vector<Seed>& corpus) {
  corpus.push_back({"http", "range", "bytes=10-19"});
  corpus.push_back({"http", "range-open", "bytes=90-"});
  corpus.push_back({"http", "range-suffix", "bytes=-18446744073709551615"});
  corpus.push_back({"http", "hostile-ranges", "bytes=0-,0-,0-"});
  corpus.push_back(
      {"http", "hostile-range-numbers", "bytes=18446744073709551614-18446744073709551616"});
  corpus.push_back({"http", "address", "127.0.0.1:5580"});
  corpus.push_back({"http", "address-v6", "[::ffff:10.0.0.1]:65535"});
  corpus.push_back({"http", "address-any", "*:0"});
  corpus.push_back({"http", "hostile-address-zero", "127.0.0.1\0.example.org:80"s});
}

Truth walk() {
  Truth truth = {.width = 640,
                 .height = 360,
                 .focal_length = 1234.5,
                 .frames_per_second = 29.97,
                 .body_sha256 = std::string(64, 'a'),
                 .made_by = "posefleet-make-corpus"};
  TruePerson person = {.id = 7, .box = {10, 20.25f, 110, 300}, .visible = 0.75};
  const Rotation upright = {1, 0, 0, 0, -1, 0, 0, 0, -1};
  person.pose.global_orient = upright;
  person.pose.body_pose.fill({1, 0, 0, 0, 1, 0, 0, 0, 1});
  person.pose.betas[1] = -1.5f;
  person.translation = {0.5f, -0.25f, 12};
  truth.frames = {{0, {person}}, {1, {}}};
  return truth;
}

void add_truths(std::vector<Seed>& corpus) {
  const std::string text = truth_to_text(walk(), "corpus").value();
  corpus.push_back({"truth", "walk", text});
  corpus.push_back({"truth", "hostile-cut", text.substr(0, text.size() / 2)});
  corpus.push_back({"truth", "hostile-nesting", "{\"frames\":" + std::string(3000, '[')});
  corpus.push_back(
      {"truth", "hostile-list", text.substr(0, text.find('[') + 1) + std::string(3000, '{') + "}"});
}

}  // namespace

void add_texts(std::vector<Seed>& corpus) {
  add_manifests(corpus);
  add_configs(corpus);
  add_job_specs(corpus);
  add_detector_configs(corpus);
  add_boxes(corpus);
  add_http(corpus);
  add_truths(corpus);
}

}  // namespace posefleet::fuzz
