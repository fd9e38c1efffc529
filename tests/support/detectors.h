// Small TorchScript detectors, written by the tests themselves: their programs are given as source,
// so that what they answer can be read beside what is expected.
#pragma once

#include <filesystem>
#include <string>

namespace posefleet::tests {

// Saves a module whose forward is `source` ("def forward(self, x): ..."), with `config_txt` as its
// extra file when it is not empty. Ends the test process when the source does not compile.
void write_detector(const std::filesystem::path& path, const std::string& source,
                    const std::string& config_txt = "");

// The box around all pixels brighter than 0.9, with a score of 0.9; as a grid of ten places with
// one class. For any side and batch.
std::string bright_detector_source();

// What an exporter would say of it.
std::string bright_detector_config(int side, bool is_dynamic);

// Adds a detector to an existing model folder: the file is written by the caller beforehand.
void add_detector_to_model(const std::filesystem::path& model);

}  // namespace posefleet::tests
