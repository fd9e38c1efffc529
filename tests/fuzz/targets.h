// Everything that reads bytes from outside, each behind one function that takes any bytes.
//
// A parser is right when it gives a value or an error, in bounded time and memory, whatever comes.
// That cannot be shown by examples that somebody thought of, so libFuzzer looks for others
// (`make fuzz`): it changes the corpus, watches which branches are taken, and keeps what reaches
// new ones. The same functions run on the corpus in every `make test` (corpus_test.cc), built by
// the usual compiler.
//
// Each function also checks what must be true of a value that was accepted: it encodes and decodes
// to the same, an array has as many bytes as its shape says. What does not hold is a bug, so it is
// a POSEFLEET_CHECK, which both ways of running see as a crash.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace posefleet::fuzz {

// Any bytes, of any length. They need not outlive the call.
void fuzz_pickle(std::span<const std::byte> input);
void fuzz_checkpoint(std::span<const std::byte> input);
// The pickle inside a checkpoint; the archive around it is made, since a changed byte would only
// ever fail the archive's checksum.
void fuzz_checkpoint_pickle(std::span<const std::byte> input);
void fuzz_npz(std::span<const std::byte> input);
void fuzz_smpl_file(std::span<const std::byte> input);
void fuzz_model_config(std::span<const std::byte> input);
void fuzz_safetensors(std::span<const std::byte> input);
void fuzz_manifest(std::span<const std::byte> input);
void fuzz_detector(std::span<const std::byte> input);
void fuzz_boxes(std::span<const std::byte> input);
void fuzz_program_config(std::span<const std::byte> input);
// A request's Range header, and an address to listen at.
void fuzz_http(std::span<const std::byte> input);
void fuzz_job_spec(std::span<const std::byte> input);
void fuzz_truth(std::span<const std::byte> input);
void fuzz_wire_control(std::span<const std::byte> input);
void fuzz_wire_client(std::span<const std::byte> input);
void fuzz_wire_result(std::span<const std::byte> input);
void fuzz_parameter_sets(std::span<const std::byte> input);

struct Target {
  std::string_view name;  // of its folder in corpus/
  void (*run)(std::span<const std::byte> input);
};

std::span<const Target> all_targets();

inline std::string_view text_of(std::span<const std::byte> input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

}  // namespace posefleet::fuzz
