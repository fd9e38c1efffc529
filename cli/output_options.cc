#include "cli/output_options.h"

#include <unistd.h>

#include "common/files/files.h"
#include "common/protocol/output_codec.h"

namespace posefleet::cli {
namespace {

namespace fs = std::filesystem;

// Without the dot, in lower case.
std::string extension_of(const fs::path& output) {
  std::string extension = output.extension().string();
  if (!extension.empty()) extension.erase(0, 1);
  for (char& letter : extension) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return extension;
}

// What a format and a name mean to someone who names no codec.
std::string usual_codec(const std::string& format, const std::string& extension) {
  if (format == "png") return "png";
  if (format == "overlay") return extension == "webm" ? "vp9" : "prores";
  return extension == "webm" ? "av1" : "h264";
}

}  // namespace

Status choose_output(const OutputOptions& options, const fs::path& output, JobSpec& spec) {
  const std::string extension = extension_of(output);
  EncodeSettings& encode = spec.encode;
  encode.codec = options.codec.empty() ? usual_codec(options.format, extension) : options.codec;
  encode.preset = options.preset;
  if (options.crf.value_or(0) < 0) {
    return rejected("--crf is " + std::to_string(*options.crf) + ", but must not be below 0");
  }
  encode.crf = options.crf.value_or(kCrfOfCodec);
  encode.tune = options.tune;
  encode.keep_depth = options.keep_depth;
  encode.is_overlay = options.format == "overlay";
  encode.encoder = options.encoder;
  POSEFLEET_TRY_DO(check_encode_settings(encode));
  if (options.format == "png" && encode.codec != "png") {
    return rejected("--output-format png makes PNG files, not " + encode.codec);
  }
  const bool is_folder = encode.codec == "png";
  spec.container = is_folder || output.empty()
                       ? std::string(find_output_codec(encode.codec)->containers.front())
                       : extension;
  const Status fits = check_container(encode, spec.container);
  if (!fits) return in_context(output.string(), fits.error());
  return done();
}

std::string default_output_name(const fs::path& input, const JobSpec& spec) {
  const std::string name = input.stem().string() + "_posefleet";
  return spec.container == "png" ? name : name + "." + spec.container;
}

Status check_output(const fs::path& input, const fs::path& output, const JobSpec& spec) {
  std::error_code error;
  if (fs::equivalent(input, output, error)) {
    return rejected("the output " + output.string() + " is the input itself");
  }
  if (spec.container == "png") {
    if (fs::exists(output, error) && !fs::is_directory(output, error)) {
      return rejected("the output " + output.string() + " is a file; pictures need a folder");
    }
    if (fs::is_directory(output, error) && !fs::is_empty(output, error)) {
      return rejected("the output folder " + output.string() +
                      " is not empty; name one that is, or none");
    }
  } else if (fs::is_directory(output, error)) {
    return rejected("the output " + output.string() + " is a folder; use -d for that");
  }
  if (!fs::is_directory(output.parent_path(), error)) {
    return rejected("there is no folder " + output.parent_path().string() +
                    " to write the output into");
  }
  return make_writable_folder(output.parent_path());
}

Status move_output(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return done();
  const fs::path partial = to.string() + ".part-" + std::to_string(getpid());
  fs::copy(from, partial, fs::copy_options::overwrite_existing | fs::copy_options::recursive,
           error);
  const bool is_folder = fs::is_directory(from);
  if (!error && is_folder) fs::rename(partial, to, error);
  if (error) {
    std::error_code ignored;
    fs::remove_all(partial, ignored);
    return rejected("cannot write " + to.string() + ": " + error.message());
  }
  return is_folder ? sync_folder_of(to) : publish_file(partial, to);
}

}  // namespace posefleet::cli
