// The way a function says that something which can happen did happen.
//
// A peer vanishes, a file is damaged, a key is missing: these are no bugs, so they are values. An
// `Error` carries a code, which says what the receiver can do about it, and a message, which names
// the thing, the value and the remedy for a person. `Result<T>` has the shape of C++23's
// std::expected, so that it can be swapped for it later.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "common/base/check.h"

namespace posefleet {

// What the receiver of an error can do. Few, because callers branch on them.
enum class ErrorCode {
  Rejected,      // wrong input: the same call will fail again
  Retry,         // elsewhere or later it may work
  Overloaded,    // later, and slower
  Disconnected,  // the peer is gone: connect again first
  Internal,      // a bug or a broken machine
};

constexpr std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::Rejected:
      return "rejected";
    case ErrorCode::Retry:
      return "retry";
    case ErrorCode::Overloaded:
      return "overloaded";
    case ErrorCode::Disconnected:
      return "disconnected";
    case ErrorCode::Internal:
      return "internal";
  }
  return "internal";
}

struct Error {
  ErrorCode code = ErrorCode::Internal;
  std::string message;

  bool operator==(const Error&) const = default;
};

inline Error rejected(std::string message) {
  return {ErrorCode::Rejected, std::move(message)};
}
inline Error retry(std::string message) {
  return {ErrorCode::Retry, std::move(message)};
}
inline Error overloaded(std::string message) {
  return {ErrorCode::Overloaded, std::move(message)};
}
inline Error internal_error(std::string message) {
  return {ErrorCode::Internal, std::move(message)};
}

// Holds a T or an Error. Asking for the one that is not there is a bug and stops the process.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & {
    POSEFLEET_CHECK(has_value());
    return std::get<0>(state_);
  }
  const T& value() const& {
    POSEFLEET_CHECK(has_value());
    return std::get<0>(state_);
  }
  T&& value() && {
    POSEFLEET_CHECK(has_value());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    POSEFLEET_CHECK(!has_value());
    return std::get<1>(state_);
  }
  Error&& error() && {
    POSEFLEET_CHECK(!has_value());
    return std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, Error> state_;
};

// Success without a value.
struct Done {
  bool operator==(const Done&) const = default;
};
using Status = Result<Done>;
inline Status done() {
  return Done{};
}

// Prefixes an error's message with what was being done, on its way up.
inline Error in_context(std::string_view context, Error error) {
  error.message = std::string(context) + ": " + error.message;
  return error;
}

}  // namespace posefleet

#define POSEFLEET_CONCAT_INNER(a, b) a##b
#define POSEFLEET_CONCAT(a, b) POSEFLEET_CONCAT_INNER(a, b)

// POSEFLEET_TRY(const Clip clip, open_clip(path)): declares `clip`, or returns the error.
#define POSEFLEET_TRY(declaration, expression) \
  POSEFLEET_TRY_INNER(declaration, expression, POSEFLEET_CONCAT(posefleet_result_, __LINE__))
#define POSEFLEET_TRY_INNER(declaration, expression, result) \
  auto result = (expression);                                \
  if (!result) return std::move(result).error();             \
  declaration = std::move(result).value()

// The same for a function that returns Status, or whose value nobody needs.
#define POSEFLEET_TRY_DO(expression) \
  POSEFLEET_TRY_DO_INNER(expression, POSEFLEET_CONCAT(posefleet_status_, __LINE__))
#define POSEFLEET_TRY_DO_INNER(expression, status) \
  if (auto status = (expression); !status) return std::move(status).error()
