#pragma once

#include <tl/expected.hpp>

#include <string>
#include <utility>
#include <vector>

namespace converge {

/// Why an expected failure happened. Closed set; `cli/output/exit_codes.h` maps each to an exit
/// code.
enum class ErrorCode {
  kCorrupt,      ///< bytes that are not what their format says, or whose sum is wrong
  kTruncated,    ///< input ended inside an item
  kUnsupported,  ///< a version or feature this build does not know
  kInvalid,      ///< an argument or request that cannot mean anything
  kNotFound,     ///< the named thing does not exist
  kConflict,     ///< exists already, or a precondition does not hold (stale sequence, moved heads)
  kLimitExceeded,  ///< a bound of core/base/limits.h or of the configuration
  kNoSpace,        ///< disk full, quota, read-only for lack of space
  kDenied,         ///< permission, wrong owner, untrusted
  kLocked,         ///< another process holds the resource
  kUnavailable,    ///< not now: agent or peer away, starting, stopping, store failed
  kTimeout,        ///< a deadline passed
  kIo,             ///< the operating system refused a read, write or sync
};

/// The enumerator's stable lower-case word, e.g. "corrupt". Total.
const char* to_string(ErrorCode code);

/// An expected failure: what kind, and a sentence that names the thing and the place.
/// `message` is lower case without a full stop. `id` is the stable error code of the command-line
/// contract ("doc.not_found"); empty when only the kind is known. `subject` is the word that the
/// user named the thing with, `candidates` what they may have meant: for programs, people read the
/// hint.
struct Error {
  ErrorCode code;
  std::string message;
  std::string id = {};
  std::string hint = {};
  std::string subject = {};
  std::vector<std::string> candidates = {};
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using Base = tl::expected<T, Error>;
  using Base::Base;
  Result(Error error)
      : Base(tl::unexpect, std::move(error)) {
  }  // NOLINT(google-explicit-constructor): return Error{...}
};

}  // namespace converge
