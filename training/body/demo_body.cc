// posefleet-demo-body: writes the free body into a model folder, and draws it in ten poses.
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "training/body/free_body.h"
#include "training/body/pose_sheet.h"

namespace posefleet::training {
namespace {

constexpr const char* kUsage =
    "usage: posefleet-demo-body FOLDER [--sheet FILE.png]\n"
    "Writes FOLDER/body.safetensors: a body in SMPL's layout made from formulas, free of "
    "anybody's\n"
    "licence. --sheet also draws it in ten poses from three sides.\n";

Status run(const std::filesystem::path& folder, const std::filesystem::path& sheet) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return rejected("cannot make the folder " + folder.string() + ": " + error.message());
  const BodyData body = make_free_body();
  POSEFLEET_TRY_DO(write_body(folder / "body.safetensors", body));
  std::printf("%s: %lld vertices, %lld faces\n", (folder / "body.safetensors").c_str(),
              static_cast<long long>(body.vertex_count()),
              static_cast<long long>(body.face_count()));
  if (sheet.empty()) return done();
  return write_pose_sheet(sheet, body);
}

}  // namespace
}  // namespace posefleet::training

int main(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  const bool with_sheet = argc == 4 && std::string_view(argv[2]) == "--sheet";
  if ((argc != 2 && !with_sheet) || first.starts_with("-")) {
    const bool asked = first == "--help";
    std::fputs(posefleet::training::kUsage, asked ? stdout : stderr);
    return asked ? 0 : 2;
  }
  const posefleet::Status status = posefleet::training::run(argv[1], with_sheet ? argv[3] : "");
  if (status) return 0;
  std::fprintf(stderr, "posefleet-demo-body: %s\n", status.error().message.c_str());
  return 2;
}
