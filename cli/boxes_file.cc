#include "cli/boxes_file.h"

#include <charconv>
#include <cmath>
#include <map>

#include "common/files/files.h"

namespace posefleet::cli {
namespace {

constexpr std::uint64_t kFileBytesMax = 256ULL << 20;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (true) {
    const std::size_t end = text.find(separator);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
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
      return rejected(where + ": '" + std::string(numbers[i]) + "' is not a number");
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
  for (const std::string_view raw : split(text, '\n')) {
    const std::string where = path.string() + ":" + std::to_string(++line_number);
    const std::string_view line = trimmed(raw);
    if (line.empty() || line.front() == '#') continue;
    std::vector<std::string_view> numbers = split(line, ',');
    if (numbers.size() < 5 || numbers.size() > 6) {
      return rejected(where + ": '" + std::string(line.substr(0, 60)) +
                      "' is not frame,x0,y0,x1,y1 or frame,x0,y0,x1,y1,score");
    }
    std::uint32_t frame = 0;
    if (!parse(numbers.front(), frame)) {
      return rejected(where + ": '" + std::string(numbers.front()) +
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
  for (const std::string_view piece : split(text, ';')) {
    if (trimmed(piece).empty()) continue;
    const std::string where = "--boxes '" + std::string(piece) + "'";
    const std::vector<std::string_view> numbers = split(piece, ',');
    if (numbers.size() != 4) return rejected(where + ": x0,y0,x1,y1 is expected");
    POSEFLEET_TRY(const PersonBox box, box_of(numbers, where));
    frame.boxes.push_back(box);
  }
  if (frame.boxes.empty()) return std::vector<FrameBoxes>{};
  return std::vector<FrameBoxes>{frame};
}

}  // namespace posefleet::cli
