// What a model folder says about its detector: a TorchScript file that somebody exported from any
// of a dozen projects, whose input and output only its exporter knows.
//
// Three sources tell: the manifest's `detector` section, the file's own `config.txt`, which one
// family of exporters writes, and the shape of the output. So every field may be absent here; what
// is absent is asked of the next source, and the last word is a default.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace posefleet {

inline constexpr const char* kDetectorName = "detector.torchscript";

// Limits on what a detector may want. Larger inputs than any published detector's; a picture of
// 4096 takes 200 MB as numbers.
inline constexpr std::int64_t kDetectorInputMax = 4096;
inline constexpr std::int64_t kDetectorBatchMax = 256;
inline constexpr std::int64_t kDetectorClassMax = 100'000;
inline constexpr std::size_t kDetectorPeopleMax = 100;  // classes that are people

// How the output's numbers are laid out. B pictures, nc classes.
enum class DetectorDecoder {
  YoloRaw,   // (B, 4+nc, N): centre and size in input pixels, then class scores; overlaps remain
  EndToEnd,  // (B, N, 6): x0, y0, x1, y1 in input pixels, score, class; overlaps are gone
  Detr,      // boxes (B, N, 4): centre and size in 0..1 of the input; and scores (B, N, nc)
};

// How a frame becomes the network's square.
enum class DetectorResize {
  Letterbox,  // in proportion, centred, the rest grey
  Square,     // stretched
};

// What the numbers of a class say.
enum class DetectorScores { Probability, Sigmoid, Softmax };

struct DetectorManifest {
  std::optional<std::string> file;  // in the model folder; kDetectorName
  std::optional<DetectorDecoder> decoder;
  std::optional<DetectorResize> resize;
  std::optional<DetectorScores> scores;
  std::optional<std::int64_t> imgsz;   // side of the input, pixels
  std::optional<std::int64_t> stride;  // a side must be a multiple of it
  std::optional<bool> dynamic;         // takes other sides than imgsz
  std::optional<std::int64_t> batch;   // pictures that a file of fixed shape wants at once
  std::optional<bool> half;            // exported with half-precision weights
  std::optional<std::vector<std::int64_t>> people;  // classes that are people
  std::optional<std::int64_t> class_count;
  // A number of the input is (p / 255 - mean) / deviation, RGB.
  std::optional<std::vector<float>> mean;
  std::optional<std::vector<float>> std;
  std::optional<double> conf;  // when the job names none
  std::optional<double> iou;

  bool operator==(const DetectorManifest&) const = default;
};

// What `first` says; what it leaves open, `second` says.
DetectorManifest merged(const DetectorManifest& first, const DetectorManifest& second);

// From the JSON of a file's config.txt (stride, imgsz, names, task, batch, args). Unknown fields
// are passed over. An error, which names `file`, when it is no JSON, or says that the file looks
// for no people: another task, an input that is not square.
Result<DetectorManifest> read_detector_config(std::string_view config_txt, const std::string& file);

// One line in a fixed spelling, with all that changes results: part of the model's hash.
std::string to_text(const DetectorManifest& detector);

std::string_view name_of(DetectorDecoder decoder);
std::string_view name_of(DetectorResize resize);
std::string_view name_of(DetectorScores scores);
inline constexpr std::array kDetectorDecoders = {DetectorDecoder::YoloRaw,
                                                 DetectorDecoder::EndToEnd, DetectorDecoder::Detr};
inline constexpr std::array kDetectorResizes = {DetectorResize::Letterbox, DetectorResize::Square};
inline constexpr std::array kDetectorScores = {DetectorScores::Probability, DetectorScores::Sigmoid,
                                               DetectorScores::Softmax};

}  // namespace posefleet
