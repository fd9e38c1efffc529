#include "tests/support/detectors.h"

#include <torch/script.h>

#include "common/base/result.h"
#include "common/model_folder/model_folder.h"

namespace posefleet::tests {

void write_detector(const std::filesystem::path& path, const std::string& source,
                    const std::string& config_txt) {
  torch::jit::Module module("detector");
  module.define(source);
  torch::jit::ExtraFilesMap extra_files;
  if (!config_txt.empty()) extra_files["config.txt"] = config_txt;
  module.save(path.string(), extra_files);
}

std::string bright_detector_source() {
  return R"(
def forward(self, x):
    index = torch.arange(x.size(3)).float()
    bright = torch.gt(torch.mean(x, [1]), 0.9).float()
    far_columns = (1.0 - torch.amax(bright, [1])) * 100000.0
    far_rows = (1.0 - torch.amax(bright, [2])) * 100000.0
    x0 = torch.amin(index + far_columns, [1])
    x1 = torch.amax(index - far_columns, [1]) + 1.0
    y0 = torch.amin(index + far_rows, [1])
    y1 = torch.amax(index - far_rows, [1]) + 1.0
    score = torch.amax(bright, [1, 2]) * 0.9
    box = torch.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0, score], 1)
    return torch.cat([torch.unsqueeze(box, 2), torch.zeros([x.size(0), 5, 9])], 2)
)";
}

std::string bright_detector_config(int side, bool is_dynamic) {
  const std::string number = std::to_string(side);
  return R"({"stride": 32, "task": "detect", "batch": 1, "imgsz": [)" + number + ", " + number +
         R"(], "names": {"0": "person"}, "args": {"half": false, "dynamic": )" +
         (is_dynamic ? "true" : "false") + "}}";
}

void add_detector_to_model(const std::filesystem::path& model) {
  auto manifest = read_manifest(model / "manifest.yaml");
  POSEFLEET_CHECK(manifest.has_value());
  const Status written =
      write_manifest(model, *manifest, {"hmr2.safetensors", "body.safetensors", kDetectorName});
  POSEFLEET_CHECK(written.has_value());
}

}  // namespace posefleet::tests
