#include "worker/detect/decode.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include <fmt/format.h>

namespace posefleet {
namespace {

// Rounding in half precision may lift a probability a little above one.
constexpr float kScoreMax = 1.01f;
constexpr float kScoreMin = -0.01f;

Error wrong(const RawOutput& output, const std::string& what) {
  return rejected(
      fmt::format("the detector's output {} {}; check decoder and scores in the "
                  "manifest's detector section, and how the file was exported",
                  shapes_text(output), what));
}

// A matrix in a tensor's numbers, whichever way it lies.
struct Matrix {
  const float* values = nullptr;
  std::size_t rows = 0;  // boxes
  std::size_t columns = 0;
  bool is_transposed = false;

  float at(std::size_t row, std::size_t column) const {
    return is_transposed ? values[column * rows + row] : values[row * columns + column];
  }
};

Matrix matrix_of(const RawTensor& tensor, bool is_transposed) {
  const auto first = static_cast<std::size_t>(tensor.shape[0]);
  const auto second = static_cast<std::size_t>(tensor.shape[1]);
  if (is_transposed) return {tensor.values.data(), second, first, true};
  return {tensor.values.data(), first, second, false};
}

// The two tensors of a DETR, or one that holds boxes and then scores.
struct DetrParts {
  Matrix boxes;
  Matrix scores;
  std::size_t first_score = 0;  // column
};

bool names_boxes(const RawTensor& tensor) {
  return tensor.name.find("box") != std::string::npos || tensor.name == "dets";
}

Result<DetrParts> detr_parts(const RawOutput& output) {
  if (output.size() == 1) {
    const Matrix both = matrix_of(output[0], false);
    if (both.columns < 5) return wrong(output, "has no class scores beside its boxes");
    return DetrParts{both, both, 4};
  }
  if (output[0].shape[0] != output[1].shape[0]) {
    return wrong(output, "has not as many boxes as class scores");
  }
  const bool first_fits = output[0].shape[1] == 4;
  const bool second_fits = output[1].shape[1] == 4;
  if (!first_fits && !second_fits) return wrong(output, "has no boxes of four numbers");
  // Four classes look like boxes: then only names tell.
  if (first_fits && second_fits && names_boxes(output[0]) == names_boxes(output[1])) {
    return wrong(output, "does not say which of the two are the boxes");
  }
  const bool first_is_boxes = first_fits && !(second_fits && names_boxes(output[1]));
  return DetrParts{matrix_of(output[first_is_boxes ? 0 : 1], false),
                   matrix_of(output[first_is_boxes ? 1 : 0], false), 0};
}

Status check_output(const RawOutput& output) {
  if (output.empty()) return wrong(output, "is empty");
  for (const RawTensor& tensor : output) {
    for (const float value : tensor.values) {
      if (!std::isfinite(value)) {
        return rejected(fmt::format(
            "the detector's output {} holds {}, which is no number; its weights are damaged, or "
            "too large for half precision",
            shapes_text(output), value));
      }
    }
  }
  return done();
}

// The class of a row with the highest number; the first of equal ones.
struct Best {
  std::size_t column = 0;
  float value = 0;
};

Best best_of(const Matrix& matrix, std::size_t row, std::size_t first, std::size_t end) {
  Best best{0, matrix.at(row, first)};
  for (std::size_t column = first + 1; column < end; ++column) {
    const float value = matrix.at(row, column);
    if (value > best.value) best = {column - first, value};
  }
  return best;
}

// exp() in double, rounded once: equal on every machine for all but one number in many millions.
float sigmoid(float x) {
  return static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(x))));
}

float softmax(const Matrix& matrix, std::size_t row, float highest) {
  double sum = 0;
  for (std::size_t column = 0; column < matrix.columns; ++column) {
    sum += std::exp(static_cast<double>(matrix.at(row, column)) - static_cast<double>(highest));
  }
  return static_cast<float>(1.0 / sum);
}

std::array<float, 4> from_centre(float x, float y, float width, float height) {
  return {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

// Collects what is somebody.
class Collector final {
 public:
  Collector(const DetectorTraits& traits, double conf)
      : traits_(traits), conf_(static_cast<float>(conf)) {}

  bool is_wanted(int class_index, float score) const {
    return score > conf_ && std::find(traits_.people.begin(), traits_.people.end(), class_index) !=
                                traits_.people.end();
  }
  void add(const std::array<float, 4>& box, float score, int class_index) {
    found_.push_back({box, std::min(score, 1.0f), class_index});
  }
  std::vector<Candidate> take() {
    std::sort(found_.begin(), found_.end(), is_before);
    if (found_.size() > kCandidatesMax) found_.resize(kCandidatesMax);
    return std::move(found_);
  }

 private:
  const DetectorTraits& traits_;
  float conf_;
  std::vector<Candidate> found_;
};

bool is_probability(float value) {
  return value >= kScoreMin && value <= kScoreMax;
}

Status decode_yolo(const RawOutput& output, const DetectorTraits& traits, Collector& people) {
  const Matrix rows = matrix_of(output[0], true);
  // Beyond the classes some files carry key points or mask weights: their count must be known.
  const std::size_t known = static_cast<std::size_t>(traits.class_count);
  const std::size_t end = known > 0 ? 4 + known : rows.columns;
  if (end > rows.columns || end < 5) {
    return wrong(output, fmt::format("has no room for {} classes", traits.class_count));
  }
  for (std::size_t row = 0; row < rows.rows; ++row) {
    const Best best = best_of(rows, row, 4, end);
    if (!is_probability(best.value)) {
      return wrong(output, fmt::format("has the score {}, no probability", best.value));
    }
    const auto class_index = static_cast<int>(best.column);
    if (!people.is_wanted(class_index, best.value)) continue;
    people.add(from_centre(rows.at(row, 0), rows.at(row, 1), rows.at(row, 2), rows.at(row, 3)),
               best.value, class_index);
  }
  return done();
}

Status decode_end_to_end(const RawOutput& output, Collector& people) {
  const Matrix rows = matrix_of(output[0], false);
  // More than six numbers are those of masks or key points; more numbers than rows are another
  // layout.
  if (rows.columns < 6 || (rows.columns > 6 && rows.columns > rows.rows)) {
    return wrong(output, "has no rows of box, score and class");
  }
  for (std::size_t row = 0; row < rows.rows; ++row) {
    const float score = rows.at(row, 4);
    const float class_number = rows.at(row, 5);
    if (!is_probability(score)) {
      return wrong(output, fmt::format("has the score {}, no probability", score));
    }
    // Empty rows of some exporters have class -1.
    if (class_number < -1 || class_number > 1e6f || class_number != std::floor(class_number)) {
      return wrong(output, fmt::format("has the class {}, no class's number", class_number));
    }
    const auto class_index = static_cast<int>(class_number);
    if (!people.is_wanted(class_index, score)) continue;
    people.add({rows.at(row, 0), rows.at(row, 1), rows.at(row, 2), rows.at(row, 3)}, score,
               class_index);
  }
  return done();
}

Status decode_detr(const RawOutput& output, const DetectorTraits& traits, int side,
                   Collector& people) {
  POSEFLEET_TRY(const DetrParts parts, detr_parts(output));
  const auto kind = traits.scores.value_or(output.size() == 1 ? DetectorScores::Probability
                                                              : DetectorScores::Sigmoid);
  const auto pixels = static_cast<float>(side);
  for (std::size_t row = 0; row < parts.boxes.rows; ++row) {
    const Best best = best_of(parts.scores, row, parts.first_score, parts.scores.columns);
    float score = best.value;
    if (kind == DetectorScores::Sigmoid) score = sigmoid(best.value);
    if (kind == DetectorScores::Softmax) score = softmax(parts.scores, row, best.value);
    if (!is_probability(score)) {
      return wrong(output, fmt::format("has the score {}, no probability", score));
    }
    const auto class_index = static_cast<int>(best.column);
    if (!people.is_wanted(class_index, score)) continue;
    std::array<float, 4> part{};
    for (std::size_t i = 0; i < 4; ++i) {
      part[i] = parts.boxes.at(row, i);
      // Somewhat outside is an object at the edge; far outside are pixels.
      if (part[i] < -1 || part[i] > 2) {
        return wrong(output, fmt::format("has the coordinate {}, expected 0 to 1", part[i]));
      }
    }
    people.add(from_centre(part[0] * pixels, part[1] * pixels, part[2] * pixels, part[3] * pixels),
               score, class_index);
  }
  return done();
}

bool has_matrices(const RawOutput& output) {
  return std::all_of(output.begin(), output.end(), [](const RawTensor& tensor) {
    return tensor.shape.size() == 2 && tensor.shape[0] > 0 && tensor.shape[1] > 0 &&
           tensor.values.size() == static_cast<std::size_t>(tensor.shape[0] * tensor.shape[1]);
  });
}

}  // namespace

bool is_before(const Candidate& a, const Candidate& b) {
  return std::tuple(-a.score, a.box[1], a.box[0], a.box[3], a.box[2], a.class_index) <
         std::tuple(-b.score, b.box[1], b.box[0], b.box[3], b.box[2], b.class_index);
}

std::string shapes_text(const RawOutput& output) {
  std::string text;
  for (const RawTensor& tensor : output) {
    text += (text.empty() ? "" : " and ") + fmt::format("({})", fmt::join(tensor.shape, ", "));
  }
  return text.empty() ? "()" : text;
}

Result<DetectorDecoder> layout_of(const RawOutput& output, const DetectorTraits& traits) {
  if (traits.decoder) return *traits.decoder;
  if (output.empty() || !has_matrices({output.front()})) {
    return wrong(output, "has no layout that is known");
  }
  const std::int64_t first = output[0].shape[0];
  const std::int64_t second = output[0].shape[1];
  if (output.size() == 2 && has_matrices(output) && first == output[1].shape[0] &&
      (second == 4 || output[1].shape[1] == 4)) {
    return DetectorDecoder::Detr;
  }
  // What follows the first tensor (masks, feature maps) is not about boxes.
  if (second == 6) return DetectorDecoder::EndToEnd;
  // A grid has thousands of places and at most hundreds of classes; a list of queries has more
  // queries than classes, each row a query.
  if (first >= 5 && second > first) return DetectorDecoder::YoloRaw;
  if (second >= 5 && first > second) return DetectorDecoder::Detr;
  return wrong(output, "has no layout that is known");
}

Result<std::vector<Candidate>> decode_people(const RawOutput& output, DetectorDecoder layout,
                                             const DetectorTraits& traits,
                                             const DecodeOptions& options) {
  // Only what the layout speaks of is looked at.
  const std::size_t count = layout == DetectorDecoder::Detr && output.size() >= 2 ? 2 : 1;
  RawOutput used(output.begin(),
                 output.begin() + static_cast<std::ptrdiff_t>(std::min(count, output.size())));
  if (used.empty() || !has_matrices(used)) {
    return wrong(output, fmt::format("is not that of the decoder {}", name_of(layout)));
  }
  POSEFLEET_TRY_DO(check_output(used));
  Collector people(traits, options.conf);
  switch (layout) {
    case DetectorDecoder::YoloRaw:
      POSEFLEET_TRY_DO(decode_yolo(used, traits, people));
      break;
    case DetectorDecoder::EndToEnd:
      POSEFLEET_TRY_DO(decode_end_to_end(used, people));
      break;
    case DetectorDecoder::Detr:
      POSEFLEET_TRY_DO(decode_detr(used, traits, options.side, people));
      break;
  }
  return people.take();
}

}  // namespace posefleet
