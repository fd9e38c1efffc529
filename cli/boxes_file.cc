#include "cli/boxes_file.h"

#include <charconv>
#include <cmath>
#include <map>

#include "common/files/files.h"

namespace posefleet::cli {
namespace {

constexpr std::uint64_t kFileBytesMax = 256ULL << 20;
// As many as a job may bring (common/job/job_spec.cc): ten people in every frame of a four-hour
// film.
constexpr std::size_t kBoxesMax = 4'000'000;
constexpr std::uint32_t kFrameMax = UINT32_MAX - 1;
// frame, x0, y0, x1, y1, score
constexpr std::size_t kNumbersMax = 6;

// Takes what stands before the separator, or all of it, off the front of `text`, and the separator.
std::string_view take_piece(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view piece = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return piece;
}

// One more piece than a line may have says that there are too many: no line makes a long list.
std::vector<std::string_view> numbers_of(std::string_view line) {
  std::vector<std::string_view> pieces;
  bool has_more = true;
  while (has_more && pieces.size() <= kNumbersMax) {
    has_more = line.find(',') != std::string_view::npos;
    pieces.push_back(take_piece(line, ','));
  }
  return pieces;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

template <typename Number>
bool parse(std::string_view text, Number& number) {
  text = trimmed(text);
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

// x0, y0, x1, y1 and perhaps a score.
Result<PersonBox> box_of(const std::vector<std::string_view>& numbers, const std::string& where) {
  PersonBox box;
  float* const fields[] = {&box.x0, &box.y0, &box.x1, &box.y1, &box.score};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!parse(numbers[i], *fields[i]) || !std::isfinite(*fields[i])) {
      return rejected(where + ": '" + std::string(numbers[i].substr(0, 60)) + "' is not a number");
    }
  }
  if (box.x1 <= box.x0 || box.y1 <= box.y0) {
    return rejected(where + ": the box is empty; x0 < x1 and y0 < y1 are needed");
  }
  return box;
}

}  // namespace

Result<std::vector<FrameBoxes>> read_boxes_file(const std::filesystem::path& path) {
  POSEFLEET_TRY(const std::string text, read_whole_file(path, kFileBytesMax));
  std::map<std::uint32_t, std::vector<PersonBox>> by_frame;
  std::size_t line_number = 0;
  std::size_t count = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view line = trimmed(take_piece(rest, '\n'));
    ++line_number;
    if (line.empty() || line.front() == '#') continue;
    const std::string where = path.string() + ":" + std::to_string(line_number);
    if (++count > kBoxesMax) {
      return rejected(where + ": this is box " + std::to_string(count) + ", at most " +
                      std::to_string(kBoxesMax) + " are allowed");
    }
    std::vector<std::string_view> numbers = numbers_of(line);
    if (numbers.size() < 5 || numbers.size() > kNumbersMax) {
      return rejected(where + ": '" + std::string(line.substr(0, 60)) +
                      "' is not frame,x0,y0,x1,y1 or frame,x0,y0,x1,y1,score");
    }
    std::uint32_t frame = 0;
    if (!parse(numbers.front(), frame) || frame > kFrameMax) {
      return rejected(where + ": '" + std::string(numbers.front().substr(0, 60)) +
                      "' is not a frame number (0, 1, 2 ...)");
    }
    numbers.erase(numbers.begin());
    POSEFLEET_TRY(const PersonBox box, box_of(numbers, where));
    by_frame[frame].push_back(box);
  }
  std::vector<FrameBoxes> boxes;
  for (auto& [frame, list] : by_frame) boxes.push_back({frame, std::move(list)});
  return boxes;
}

Result<std::vector<FrameBoxes>> parse_boxes(std::string_view text) {
  FrameBoxes frame;
  while (!text.empty()) {
    const std::string_view piece = take_piece(text, ';');
    if (trimmed(piece).empty()) continue;
    const std::string where = "--boxes '" + std::string(piece.substr(0, 60)) + "'";
    const std::vector<std::string_view> numbers = numbers_of(piece);
    if (numbers.size() != 4) return rejected(where + ": x0,y0,x1,y1 is expected");
    POSEFLEET_TRY(const PersonBox box, box_of(numbers, where));
    frame.boxes.push_back(box);
  }
  if (frame.boxes.empty()) return std::vector<FrameBoxes>{};
  return std::vector<FrameBoxes>{frame};
}

}  // namespace posefleet::cli
