// posefleet: everything a person types.
#include <CLI/CLI.hpp>

#include "cli/evaluate_command.h"
#include "cli/exit_code.h"
#include "cli/keygen_command.h"
#include "cli/model_command.h"
#include "cli/pose_command.h"
#include "cli/run_command.h"
#include "cli/workers_command.h"

namespace {

using namespace posefleet::cli;
using posefleet::DetectorSettings;

void add_detector(CLI::App& command, DetectorSettings& settings) {
  using namespace posefleet;
  command
      .add_option("--conf", settings.conf,
                  "detector: lower scores are nobody (default: the model's, 0.25)")
      ->check(CLI::Range(0.0, 1.0));
  command
      .add_option("--iou", settings.iou,
                  "detector: boxes that overlap more are one person (default: the model's, 0.7)")
      ->check(CLI::Range(0.0, 1.0));
  command
      .add_option("--imgsz", settings.imgsz,
                  "detector: side of its input in pixels (default: the model's)")
      ->check(CLI::Range(kDetectorSideMin, kDetectorSideMax));
  command.add_flag("--half", settings.half,
                   "detector: half precision, on devices that compute in it");
  command.add_option("--max-people", settings.max_people, "detector: people of a frame at most")
      ->check(CLI::Range(1u, kPeopleMax))
      ->capture_default_str();
  command
      .add_option("--tiles", settings.tiles,
                  "detector: also look at so many overlapping pieces along the longer side, for "
                  "small people")
      ->check(CLI::Range(1u, kDetectorTilesMax))
      ->capture_default_str();
}

// Apart, since `evaluate` has another --min-height: who is asked for, not who is found.
void add_detector_sides(CLI::App& command, DetectorSettings& settings) {
  using namespace posefleet;
  command
      .add_option("--min-width", settings.min_width, "detector: narrower boxes are nobody, pixels")
      ->check(CLI::Range(0.0, kBoxSideMax));
  command
      .add_option("--min-height", settings.min_height, "detector: lower boxes are nobody, pixels")
      ->check(CLI::Range(0.0, kBoxSideMax));
}

// What `run` and `evaluate` say alike about the network and who runs it.
template <typename Options>
void add_pose_workers(CLI::App& command, Options& options) {
  command.add_option("--model", options.model,
                     "model folder (default: $POSEFLEET_MODEL, then the demo model)");
  command.add_option("--pose-workers", options.pose_workers, "pose worker processes")
      ->check(CLI::Range(1, 64));
  command
      .add_option("--models-per-worker", options.models_per_worker,
                  "networks resident in each pose worker")
      ->check(CLI::Range(1, 2));
  command.add_option("--batch-size", options.batch_size, "crops that go through a network at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command
      .add_option("--device", options.device,
                  "where the network computes: auto (a CUDA device if the worker can use one), "
                  "cpu, cuda or cuda:N")
      ->capture_default_str();
  command
      .add_option(
          "--precision", options.precision,
          "of the network: auto (float32), float32 or bfloat16, which is nearly twice as fast "
          "on processors that have it and several times on a GPU")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16", "float16"}))
      ->capture_default_str();
  command
      .add_option("--steady", options.steady,
                  "poses as means over a tenth of a second; with a detector also people filled in "
                  "who were missed for a frame or two, and left out who flicker: on, off, auto "
                  "(on where a detector finds the people)")
      ->check(CLI::IsMember({"auto", "on", "off"}))
      ->capture_default_str();
  command
      .add_option("--range-frames", options.range_frames,
                  "frames that a pose worker takes at once (default: by the plan)")
      ->check(CLI::Range(1, 1'000'000));
}

void add_drawing(CLI::App& command, DrawOptions& options) {
  std::vector<std::string> styles(posefleet::kDrawStyleNames.begin(),
                                  posefleet::kDrawStyleNames.end());
  command
      .add_option(
          "--style", options.style,
          "how people are drawn: mesh, skeleton, mesh-skeleton, wireframe over the picture; "
          "mesh-only, side-view, top-view on a plain ground; depth; side-by-side")
      ->check(CLI::IsMember(styles))
      ->capture_default_str();
  command
      .add_option("--samples", options.samples, "of each pixel's edges: more are smoother, slower")
      ->check(CLI::IsMember({1, 4, 8, 16}))
      ->capture_default_str();
  command.add_option("--opacity", options.opacity, "of bodies, per cent")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  command.add_option("--palette", options.palette,
                     "colours by person, like '#ffaa00,#22cc88'; used again from the front");
  command.add_option("--ground", options.ground, "colour of plain grounds, like '#26292e'");
  command.add_option("--trail", options.trail, "so many earlier poses behind each person, paler")
      ->check(CLI::Range(0U, posefleet::kTrailMax))
      ->capture_default_str();
  command.add_option("--trail-step", options.trail_step, "frames between two of them")
      ->check(CLI::Range(1U, posefleet::kTrailStepMax))
      ->capture_default_str();
  command.add_option("--labels", options.labels,
                     "written beside each person, e.g. id,left_knee,right_knee,spine");
  command.add_flag("--caption", options.caption, "a strip below with time and frame number");
}

void add_output(CLI::App& command, OutputOptions& options) {
  using namespace posefleet;
  command
      .add_option("--output-format", options.format,
                  "video; png: a folder with a picture for each frame; overlay: the bodies alone "
                  "on a transparent ground (ProRes 4444 in .mov, VP9 in .webm)")
      ->check(CLI::IsMember({"video", "png", "overlay"}))
      ->capture_default_str();
  command.add_option("--codec", options.codec,
                     "h264, hevc, av1, vp9, prores, ffv1 (lossless) or png; default: h264, or what "
                     "the output's name and format ask for");
  command
      .add_option("--preset", options.preset,
                  "the encoder's speed against size, ultrafast to placebo")
      ->capture_default_str();
  command.add_option("--crf", options.crf,
                     "quality, lower is better; default: 20 (h264), 24 (hevc), 30 (av1), 28 (vp9)");
  command.add_option("--tune", options.tune, "x264's or x265's, e.g. film, animation, grain");
  command.add_flag("--keep-depth", options.keep_depth,
                   "10-bit sources stay 10-bit (prores and ffv1: always)");
  command
      .add_option("--encoder", options.encoder,
                  "software, or nvenc or qsv where all render workers have that hardware (h264, "
                  "hevc)")
      ->capture_default_str();
}

void add_run(CLI::App& app, RunOptions& options) {
  CLI::App* run = app.add_subcommand(
      "run", "Draw people's bodies on videos, with a cluster of processes on this machine");
  run->add_option("video", options.videos,
                  "video files; folders of PNG or JPEG pictures, or patterns (frames/%05d.png)")
      ->required();
  run->add_option("-o,--output", options.output,
                  "output file (.mp4, .m4v, .mov, .mkv, .webm; a folder for png), for one video");
  run->add_option("-d,--output-dir", options.output_dir,
                  "folder for the outputs, made if it is not there");
  add_pose_workers(*run, options);
  run->add_option("--render-workers", options.render_workers, "render worker processes")
      ->check(CLI::Range(1, 256));
  run->add_option("--boxes", options.boxes,
                  "file of lines frame,x0,y0,x1,y1[,score]; without it the model's detector looks "
                  "for people, or the whole frame is one person's box if there is none");
  add_detector(*run, options.detector);
  add_detector_sides(*run, options.detector);
  run->add_option(
      "--fps", options.fps,
      "only so many frames a second (2, 0.5 or 30000/1001); of a set of pictures: its rate");
  run->add_option("--start", options.start,
                  "from here on: seconds or h:mm:ss.sss after the video's first frame");
  run->add_option("--end", options.end, "up to here");
  run->add_option("--max-frames", options.max_frames, "only so many frames, from the first")
      ->check(CLI::Range(1, 1'000'000'000));
  add_drawing(*run, options.drawing);
  add_output(*run, options.output_options);
  run->add_flag("--live", options.live,
                "say where the output can be watched while it grows (h264, hevc, av1)");
  run->add_option("--on-quarantine", options.on_quarantine,
                  "a frame that no worker can compute keeps its original picture (keep, with a "
                  "warning) or ends the job (fail)")
      ->check(CLI::IsMember({"keep", "fail"}))
      ->capture_default_str();
  run->add_option("--work-dir", options.work_dir,
                  "where working files go (default: $TMPDIR, then /var/tmp)");
  run->add_option("--progress", options.progress, "auto, bar, lines or none")
      ->capture_default_str();
  run->add_flag("--json", options.json, "print the result as JSON, one line a video");
}

void add_pose(CLI::App& app, PoseOptions& options) {
  CLI::App* pose =
      app.add_subcommand("pose", "Print the poses of the people in one picture as JSON");
  pose->add_option("image", options.image, "PNG, JPEG, WebP, BMP or TIFF")->required();
  pose->add_option("--model", options.model,
                   "model folder (default: $POSEFLEET_MODEL, then the demo model)");
  pose->add_option("--device", options.device,
                   "where the network computes: auto, cpu, cuda or cuda:N")
      ->capture_default_str();
  pose->add_option("--precision", options.precision, "of the network: auto, float32 or bfloat16")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16", "float16"}))
      ->capture_default_str();
  pose->add_option(
      "--boxes", options.boxes,
      "\"x0,y0,x1,y1;...\" in pixels; without it the model's detector looks for people, or "
      "the whole picture is one person's box if there is none");
  add_detector(*pose, options.detector);
  add_detector_sides(*pose, options.detector);
  pose->add_option("--vertices", options.vertices,
                   "also write the meshes to this .npy file: float32 (people, vertices, 3)");
  pose->add_option("--work-dir", options.work_dir, "where working files go");
  pose->add_flag("--json", options.json, "JSON is the only output form; accepted for symmetry");
}

void add_evaluate(CLI::App& app, EvaluateOptions& options) {
  CLI::App* evaluate = app.add_subcommand(
      "evaluate", "Compare the poses that are found in a video with the true ones");
  evaluate->add_option("video", options.video, "video file")->required();
  evaluate
      ->add_option("--truth", options.truth,
                   "the video's true people, boxes and bodies (docs/accuracy.md)")
      ->required();
  evaluate->add_option("--boxes", options.boxes,
                       "\"truth\" gives the network the true boxes, so that it is judged alone; "
                       "otherwise a file, or the model's detector, as in run");
  evaluate
      ->add_option("--min-height", options.height_min,
                   "true people lower than this many pixels are ignored, found or not")
      ->check(CLI::Range(0.0, posefleet::kBoxSideMax))
      ->capture_default_str();
  evaluate->add_option("--truth-body", options.truth_body,
                       "body.safetensors that the truth was made with, where the model has "
                       "another; vertices are not compared then");
  evaluate->add_option("--write-found", options.write_found,
                       "also write what was found, as a truth file to compare other runs with");
  add_pose_workers(*evaluate, options);
  add_detector(*evaluate, options.detector);
  evaluate->add_option("--work-dir", options.work_dir,
                       "where working files go (default: $TMPDIR, then /var/tmp)");
  evaluate->add_option("--progress", options.progress, "auto, bar, lines or none")
      ->capture_default_str();
  evaluate->add_flag("--json", options.json, "print the report as JSON, in one line");
}

void add_model(CLI::App& app, ModelImportOptions& import, ModelShowOptions& show) {
  CLI::App* model = app.add_subcommand("model", "Make and look at model folders");
  model->require_subcommand(1);
  CLI::App* make = model->add_subcommand(
      "import", "Make a model folder from 4D-Humans' and SMPL's files; no Python is needed");
  make->add_option("--checkpoint", import.checkpoint, "4D-Humans' .ckpt")->required();
  make->add_option("--config", import.config, "model_config.yaml beside it")->required();
  make->add_option("--mean-params", import.mean_params, "smpl_mean_params.npz")->required();
  make->add_option("--smpl", import.smpl, "SMPL's pickle, e.g. SMPL_NEUTRAL.pkl")->required();
  make->add_option("--joint-regressor", import.joint_regressor, "SMPL_to_J19.pkl");
  make->add_option("--detector", import.detector, "a TorchScript file, kept with the model");
  make->add_option("--out", import.out, "the folder to make")->required();
  make->add_flag("--json", import.json, "print the report as JSON");
  CLI::App* look = model->add_subcommand("show", "Check a model folder and describe it");
  look->add_option("folder", show.folder, "model folder")->required();
  look->add_flag("--json", show.json, "print the description as JSON");
}

void add_keygen(CLI::App& app, KeygenOptions& options) {
  CLI::App* keygen = app.add_subcommand(
      "keygen", "Make keys for a coordinator and its workers, which may then be on other machines");
  keygen->add_option("folder", options.folder, "where the keys go, made if it is not there")
      ->required();
  keygen->add_option("--name", options.name, "the worker's, or coordinator for that alone")
      ->capture_default_str();
  keygen->add_flag("--force", options.force, "replace the key of --name if it is there");
  keygen->add_flag("--json", options.json, "print what was made as JSON");
}

void add_workers(CLI::App& app, WorkersOptions& options) {
  CLI::App* workers = app.add_subcommand("workers", "List who works for a running coordinator");
  workers->add_option("--server", options.server, "the coordinator's clients.listen")
      ->capture_default_str();
  workers->add_flag("--json", options.json, "print the list as JSON, in one line");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Posefleet turns videos into 3D human motion.", "posefleet");
  app.require_subcommand(1);
  app.set_version_flag("--version", "posefleet " POSEFLEET_VERSION);
  RunOptions run;
  PoseOptions pose;
  EvaluateOptions evaluate;
  ModelImportOptions import;
  ModelShowOptions show;
  KeygenOptions keygen;
  WorkersOptions workers;
  add_run(app, run);
  add_pose(app, pose);
  add_evaluate(app, evaluate);
  add_model(app, import, show);
  add_keygen(app, keygen);
  add_workers(app, workers);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version end with 0; everything else is wrong usage.
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  if (app.got_subcommand("run")) return run_videos(run);
  if (app.got_subcommand("evaluate")) return evaluate_video(evaluate);
  if (app.got_subcommand("pose")) {
    pose.has_boxes = app.get_subcommand("pose")->count("--boxes") > 0;
    return pose_image(pose);
  }
  if (app.got_subcommand("keygen")) return make_keys(keygen);
  if (app.got_subcommand("workers")) return list_workers(workers);
  CLI::App* model = app.get_subcommand("model");
  return model->got_subcommand("import") ? import_model_folder(import) : show_model_folder(show);
}
