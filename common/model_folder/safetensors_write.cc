#include <algorithm>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "common/files/files.h"
#include "common/model_folder/safetensors.h"

namespace posefleet {
namespace {

// A cache line, and the widest vector register of any x86-64 CPU.
constexpr std::size_t kAlignment = 64;

struct Placed {
  std::string name;
  std::size_t size = 0;   // bytes
  std::size_t begin = 0;  // relative to the end of the head
};

std::size_t byte_count(const TensorHead& head) {
  return size_of(head.dtype) * static_cast<std::size_t>(element_count(head.shape));
}

// Why this order: see the header.
std::vector<Placed> place(const std::map<std::string, TensorHead>& heads) {
  std::vector<Placed> placed;
  for (const auto& [name, head] : heads) placed.push_back({name, byte_count(head)});
  const auto rank = [&](const Placed& p) {
    if (p.size % kAlignment == 0) return std::size_t{0};
    return kAlignment - size_of(heads.at(p.name).dtype);
  };
  std::stable_sort(placed.begin(), placed.end(),
                   [&](const Placed& a, const Placed& b) { return rank(a) < rank(b); });
  std::size_t begin = 0;
  for (Placed& tensor : placed) {
    tensor.begin = begin;
    begin += tensor.size;
  }
  return placed;
}

// Eight bytes of length and the JSON, filled with spaces so that the data starts aligned.
std::string head_bytes(const std::vector<Placed>& placed,
                       const std::map<std::string, TensorHead>& heads,
                       const std::map<std::string, std::string>& metadata) {
  nlohmann::json json = nlohmann::json::object();
  if (!metadata.empty()) json["__metadata__"] = metadata;
  for (const Placed& tensor : placed) {
    const TensorHead& head = heads.at(tensor.name);
    json[tensor.name] = {{"dtype", name_of(head.dtype)},
                         {"shape", head.shape},
                         {"data_offsets", {tensor.begin, tensor.begin + tensor.size}}};
  }
  std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  text.resize((text.size() + 8 + kAlignment - 1) / kAlignment * kAlignment - 8, ' ');
  std::uint64_t size = text.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + text;
}

Status write_bytes(std::ofstream& out, const char* data, std::size_t size,
                   const std::filesystem::path& path) {
  out.write(data, static_cast<std::streamsize>(size));
  if (!out) return retry(fmt::format("cannot write {}: is the disk full?", path.string()));
  return done();
}

Status write_all(const std::filesystem::path& path, const std::string& head,
                 const std::vector<Placed>& placed, const TensorBytes& bytes_of) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  if (!out) return rejected(fmt::format("cannot create {}", path.string()));
  POSEFLEET_TRY_DO(write_bytes(out, head.data(), head.size(), path));
  for (const Placed& tensor : placed) {
    POSEFLEET_TRY(const auto bytes, bytes_of(tensor.name));
    POSEFLEET_CHECK(bytes.size() == tensor.size);
    POSEFLEET_TRY_DO(
        write_bytes(out, reinterpret_cast<const char*>(bytes.data()), bytes.size(), path));
  }
  out.close();
  if (!out) return retry(fmt::format("cannot write {}: is the disk full?", path.string()));
  return done();
}

}  // namespace

Status write_safetensors(const std::filesystem::path& path,
                         const std::map<std::string, TensorHead>& heads,
                         const std::map<std::string, std::string>& metadata,
                         const TensorBytes& bytes_of) {
  const std::vector<Placed> placed = place(heads);
  const std::string head = head_bytes(placed, heads, metadata);
  const std::filesystem::path temporary = path.string() + fmt::format(".part-{}", getpid());
  Status written = write_all(temporary, head, placed, bytes_of);
  if (written) written = publish_file(temporary, path);
  if (!written) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
  }
  return written;
}

Status write_safetensors(const std::filesystem::path& path,
                         const std::map<std::string, TensorView>& tensors,
                         const std::map<std::string, std::string>& metadata) {
  std::map<std::string, TensorHead> heads;
  for (const auto& [name, view] : tensors) heads[name] = {view.dtype, view.shape};
  return write_safetensors(path, heads, metadata,
                           [&](const std::string& name) -> Result<std::span<const std::byte>> {
                             return tensors.at(name).bytes;
                           });
}

}  // namespace posefleet
