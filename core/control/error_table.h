#pragma once

#include "core/base/result.h"

#include <span>
#include <string>
#include <string_view>

namespace converge::control {

/// Exit codes of the command-line contract, section 7. Frozen: scripts read them.
namespace exit_code {
inline constexpr int kOk = 0;
inline constexpr int kNo = 1;
inline constexpr int kUsage = 2;
inline constexpr int kNotFound = 3;
inline constexpr int kNoAgent = 4;
inline constexpr int kPrecondition = 5;
inline constexpr int kTimeout = 6;
inline constexpr int kDenied = 7;
inline constexpr int kBadData = 8;
inline constexpr int kLocked = 9;
inline constexpr int kPartial = 10;
inline constexpr int kIncompatible = 11;
inline constexpr int kNoSpace = 12;
inline constexpr int kDeclined = 13;
inline constexpr int kPeerAway = 14;
inline constexpr int kFailed = 20;
inline constexpr int kBug = 70;
inline constexpr int kCommandNotExecutable = 126;
inline constexpr int kCommandNotFound = 127;
}  // namespace exit_code

/// One row of the exit-code page.
struct ExitCodeRow {
  int code;
  const char* name;     ///< "not-found"
  const char* summary;  ///< when it happens
  const char* again;    ///< whether trying again helps; empty: it does not arise
};

/// Every exit code, ascending; those of signals are not among them.
std::span<const ExitCodeRow> exit_code_table();

/// The stable errors of the contract, section 9. Grows by addition: a word once published keeps its
/// meaning and its exit code.
enum class ErrorId {
  kUsageCommand,
  kUsageFlag,
  kUsageArgument,
  kQuerySyntax,
  kDocNotFound,
  kDocAmbiguous,
  kDocExists,
  kDocDegraded,
  kPathNotFound,
  kPathType,
  kRevNotFound,
  kRevAmbiguous,
  kChangeMissingDeps,
  kHeadsMoved,
  kValueMismatch,
  kMergeConflict,
  kConflictNotFound,
  kEntryNotFound,
  kPlanStale,
  kCursorForeign,
  kCursorExpired,
  kAgentUnreachable,
  kAgentStarting,
  kAgentStopping,
  kAgentVersion,
  kStoreLocked,
  kStoreCorrupt,
  kStoreNewer,
  kStoreReadOnly,
  kStoreNoSpace,
  kLimitExceeded,
  kOutboxFull,
  kPeerNotFound,
  kPeerExists,
  kPeerUnreachable,
  kPeerUntrusted,
  kAuthDenied,
  kKeyMissing,
  kSignatureInvalid,
  kInputJson,
  kInputFile,
  kInputTooLarge,
  kOutputExists,
  kLogVersion,
  kConfigInvalid,
  kConfigNotFound,
  kCommandNotFound,
  kCommandNotExecutable,
  kTimeout,
  kDeclined,
  kPartial,
  kIo,
  kInternal,
};

/// What is fixed about one error: the only place where word, kind and exit code meet.
struct ErrorRow {
  ErrorId id;
  const char* code;  ///< "doc.not_found"
  ErrorCode kind;
  int exit;
  bool retryable;       ///< the same request may succeed later without a change by the user
  const char* summary;  ///< one line for the error-code page
};

/// All rows, in the order of ErrorId.
std::span<const ErrorRow> error_table();

const ErrorRow& error_row(ErrorId id);

/// The row with this code word; null when it is not one of ours (a newer agent's).
const ErrorRow* find_error(std::string_view code);

/// The row for an error that carries only a kind.
const ErrorRow& default_error_row(ErrorCode kind);

/// The row of `error.id`, else that of its kind. Total.
const ErrorRow& row_of(const Error& error);

/// The exit code of the contract for `error`.
int exit_code_of(const Error& error);

/// `message`: lower case, no full stop, names the thing and the place; after a line break it may
/// say why in one more line. `hint`: the next command or the likely correction.
Error make_error(ErrorId id, std::string message, std::string hint = {});

bool is(const Error& error, ErrorId id);

/// Of two failures in one run, the exit code that wins (contract, end of section 7). 0 loses to
/// all.
int stronger_exit(int left, int right);

}  // namespace converge::control
