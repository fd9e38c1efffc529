#include "common/model_folder/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "common/model_folder/safetensors_head.h"

namespace posefleet {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t kHeadSizeMax = 16u << 20;

struct DTypeRow {
  DType type;
  std::string_view name;
  std::size_t size;
};

constexpr DTypeRow kDTypes[] = {
    {DType::F64, "F64", 8},   {DType::F32, "F32", 4},   {DType::F16, "F16", 2},
    {DType::BF16, "BF16", 2}, {DType::I64, "I64", 8},   {DType::I32, "I32", 4},
    {DType::U8, "U8", 1},     {DType::Bool, "BOOL", 1},
};

const DTypeRow& row_of(DType type) {
  const auto row = std::find_if(std::begin(kDTypes), std::end(kDTypes),
                                [type](const DTypeRow& r) { return r.type == type; });
  POSEFLEET_CHECK(row != std::end(kDTypes));
  return *row;
}

// One entry's meaning. `data` is everything behind the head.
Result<TensorView> view_of(const HeadEntry& entry, std::span<const std::byte> data) {
  const auto row = std::find_if(std::begin(kDTypes), std::end(kDTypes),
                                [&](const DTypeRow& r) { return r.name == entry.dtype; });
  if (row == std::end(kDTypes)) {
    return rejected(
        fmt::format("dtype '{}' (known: F64, F32, F16, BF16, I64, I32, U8, BOOL)", entry.dtype));
  }
  const std::uint64_t begin = entry.data_offsets[0];
  const std::uint64_t end = entry.data_offsets[1];
  if (begin > end || end > data.size()) {
    return rejected(
        fmt::format("bytes {} to {}, but the file has {} bytes of data; it is damaged or was cut",
                    begin, end, data.size()));
  }
  TensorView view{.dtype = row->type};
  for (const std::uint64_t size : entry.shape) {
    view.shape.push_back(static_cast<std::int64_t>(size));
  }
  const auto expected = byte_count(view.shape, row->size);
  if (!expected) {
    return rejected(
        fmt::format("shape ({}), which is more than a file holds", fmt::join(entry.shape, ", ")));
  }
  if (*expected != end - begin) {
    return rejected(fmt::format("shape {} of {}, which takes {} bytes, in {} bytes",
                                to_text(view.shape), entry.dtype, *expected, end - begin));
  }
  view.bytes = data.subspan(begin, end - begin);
  if (reinterpret_cast<std::uintptr_t>(view.bytes.data()) % row->size != 0) {
    return rejected(fmt::format("its data at an offset that is no multiple of {}", row->size));
  }
  return view;
}

// The tensors must fill the data: overlapping ones hint at a forged file, bytes behind the last
// one at a damaged one.
Status check_layout(const std::map<std::string, TensorView>& tensors,
                    std::span<const std::byte> data) {
  struct Piece {
    const std::byte* begin;
    const std::byte* end;
    const std::string* name;
  };
  std::vector<Piece> pieces;
  for (const auto& [name, view] : tensors) {
    if (!view.bytes.empty()) {
      pieces.push_back({view.bytes.data(), view.bytes.data() + view.bytes.size(), &name});
    }
  }
  std::sort(pieces.begin(), pieces.end(),
            [](const Piece& a, const Piece& b) { return a.begin < b.begin; });
  const std::byte* end = data.data();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].begin < end) {
      return rejected(
          fmt::format("tensors '{}' and '{}' overlap", *pieces[i - 1].name, *pieces[i].name));
    }
    end = pieces[i].end;
  }
  const auto behind = static_cast<std::size_t>(data.data() + data.size() - end);
  if (behind != 0) return rejected(fmt::format("{} bytes follow the last tensor", behind));
  return done();
}

Result<std::string_view> head_of(std::string_view file) {
  std::uint64_t size = 0;
  if (file.size() < sizeof(size)) {
    return rejected(fmt::format("{} bytes are no safetensors file", file.size()));
  }
  std::memcpy(&size, file.data(), sizeof(size));
  if (size > kHeadSizeMax) {
    return rejected(
        fmt::format("its head claims {} bytes, above the limit of {}; this is no "
                    "safetensors file",
                    size, kHeadSizeMax));
  }
  if (size > file.size() - sizeof(size)) {
    return rejected(
        fmt::format("its head claims {} bytes and the file has {}; it was cut", size, file.size()));
  }
  return file.substr(sizeof(size), size);
}

}  // namespace

std::size_t size_of(DType type) {
  return row_of(type).size;
}
std::string_view name_of(DType type) {
  return row_of(type).name;
}

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

std::optional<std::uint64_t> byte_count(const Shape& shape, std::size_t element_size) {
  constexpr std::uint64_t kMax = std::uint64_t{1} << 48;
  std::uint64_t product = element_size;
  bool is_empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size == 0) {
      is_empty = true;
      continue;
    }
    // Compared before it grows, so that no product overflows.
    if (product > kMax / static_cast<std::uint64_t>(size)) return std::nullopt;
    product *= static_cast<std::uint64_t>(size);
  }
  return is_empty ? 0 : product;
}

std::string to_text(const Shape& shape) {
  return fmt::format("({})", fmt::join(shape, ", "));
}

Result<std::unique_ptr<Safetensors>> Safetensors::open(const std::filesystem::path& path) {
  POSEFLEET_TRY(auto mapped, MappedFile::open(path));
  std::unique_ptr<Safetensors> file(new Safetensors(std::move(mapped)));
  const std::string name = path.string();

  const auto text = head_of(file->file_->text());
  if (!text) return in_context(name, text.error());
  auto head = parse_safetensors_head(*text);
  if (!head) return in_context(name, head.error());
  const auto data = file->file_->bytes().subspan(sizeof(std::uint64_t) + text->size());
  for (const auto& [tensor, entry] : head->entries) {
    const auto view = view_of(entry, data);
    if (!view) return in_context(fmt::format("{}: tensor '{}' has", name, tensor), view.error());
    file->tensors_.emplace(tensor, *view);
  }
  if (auto status = check_layout(file->tensors_, data); !status) {
    return in_context(name, status.error());
  }
  file->metadata_ = std::move(head->metadata);
  return file;
}

const TensorView* Safetensors::find(std::string_view name) const {
  const auto found = tensors_.find(std::string(name));
  return found == tensors_.end() ? nullptr : &found->second;
}

Result<TensorView> Safetensors::get(std::string_view name, DType dtype, const Shape& shape) const {
  const TensorView* view = find(name);
  if (view == nullptr) {
    return rejected(fmt::format("{}: there is no tensor '{}'; expected {} {}", path().string(),
                                name, name_of(dtype), to_text(shape)));
  }
  if (view->dtype != dtype || view->shape != shape) {
    return rejected(fmt::format("{}: tensor '{}' is {} {}, expected {} {}", path().string(), name,
                                name_of(view->dtype), to_text(view->shape), name_of(dtype),
                                to_text(shape)));
  }
  return *view;
}

namespace {

// The bytes are aligned: open() refused the file otherwise.
template <typename T>
Result<std::span<const T>> numbers(Result<TensorView> view) {
  if (!view) return std::move(view).error();
  return std::span<const T>(reinterpret_cast<const T*>(view->bytes.data()),
                            view->bytes.size() / sizeof(T));
}

}  // namespace

Result<std::span<const float>> Safetensors::floats(std::string_view name,
                                                   const Shape& shape) const {
  return numbers<float>(get(name, DType::F32, shape));
}

Result<std::span<const std::int64_t>> Safetensors::integers(std::string_view name,
                                                            const Shape& shape) const {
  return numbers<std::int64_t>(get(name, DType::I64, shape));
}

Result<std::span<const std::int32_t>> Safetensors::small_integers(std::string_view name,
                                                                  const Shape& shape) const {
  return numbers<std::int32_t>(get(name, DType::I32, shape));
}

}  // namespace posefleet
