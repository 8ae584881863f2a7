#include "core/control/error_table.h"

#include "core/base/assert.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <utility>

namespace converge::control {
namespace {

using namespace exit_code;

constexpr ExitCodeRow kExitCodes[] = {
    {kOk, "ok", "done; a question's answer is yes; nothing to do", ""},
    {kNo, "no", "the question was answered: no (differs, findings, open conflicts, unhealthy)",
     "no"},
    {kUsage, "usage",
     "unknown command, flag or format; malformed argument, path, revision or query; nothing was "
     "done",
     "no"},
    {kNotFound, "not-found", "document, pointer, change, revision, peer, entry, key or kind", "no"},
    {kNoAgent, "no-agent", "socket missing, refused, or the agent is starting or stopping", "yes"},
    {kPrecondition, "precondition",
     "heads moved, exists already, plan stale, merge stopped, wrong type, foreign cursor",
     "after re-reading"},
    {kTimeout, "timeout", "--timeout ran out", "yes"},
    {kDenied, "denied", "socket permission, missing right, untrusted peer, no key, signature wrong",
     "no"},
    {kBadData, "bad-data", "file, JSON, log or record unreadable, or its hash is wrong", "no"},
    {kLocked, "locked", "another process holds the store", "yes"},
    {kPartial, "partial", "some items succeeded and some failed", "the failed ones"},
    {kIncompatible, "incompatible", "store, wire, log or plan version not supported", "no"},
    {kNoSpace, "no-space", "disk full, quota, configured limit; agent read-only", "after freeing"},
    {kDeclined, "declined", "answered no, or input needed under --no-input", "no"},
    {kPeerAway, "peer-away", "peer unreachable and the command needed it", "yes"},
    {kFailed, "failed", "any other run-time failure", "see message"},
    {kBug, "bug", "internal error", "no"},
    {kCommandNotExecutable, "not-executable",
     "the command run by \"watch\" or \"bisect\" could not be executed", "no"},
    {kCommandNotFound, "command-missing",
     "the command run by \"watch\" or \"bisect\" could not be found", "no"},
};

constexpr ErrorRow kErrors[] = {
    {ErrorId::kUsageCommand, "usage.command", ErrorCode::kInvalid, kUsage, false,
     "the command does not exist"},
    {ErrorId::kUsageFlag, "usage.flag", ErrorCode::kInvalid, kUsage, false,
     "a flag does not exist, lacks its value, or excludes another one"},
    {ErrorId::kUsageArgument, "usage.argument", ErrorCode::kInvalid, kUsage, false,
     "an argument is missing, malformed or one too many"},
    {ErrorId::kQuerySyntax, "query.syntax", ErrorCode::kInvalid, kUsage, false,
     "a JSONPath or another query does not parse"},
    {ErrorId::kDocNotFound, "doc.not_found", ErrorCode::kNotFound, kNotFound, false,
     "no document has that name, id or file"},
    {ErrorId::kDocAmbiguous, "doc.ambiguous", ErrorCode::kInvalid, kUsage, false,
     "several documents' ids begin with that prefix"},
    {ErrorId::kDocExists, "doc.exists", ErrorCode::kConflict, kPrecondition, false,
     "the document or name exists already, with other content"},
    {ErrorId::kDocDegraded, "doc.degraded", ErrorCode::kCorrupt, kBadData, false,
     "part of the document's history cannot be read"},
    {ErrorId::kPathNotFound, "path.not_found", ErrorCode::kNotFound, kNotFound, false,
     "nothing is at that pointer"},
    {ErrorId::kPathType, "path.type", ErrorCode::kConflict, kPrecondition, false,
     "what is at that pointer has another type than the command needs"},
    {ErrorId::kRevNotFound, "rev.not_found", ErrorCode::kNotFound, kNotFound, false,
     "the document has no such change or revision"},
    {ErrorId::kRevAmbiguous, "rev.ambiguous", ErrorCode::kInvalid, kUsage, false,
     "several changes' hashes begin with that prefix"},
    {ErrorId::kChangeMissingDeps, "change.missing_deps", ErrorCode::kConflict, kPrecondition, false,
     "a change needs others that are not here"},
    {ErrorId::kHeadsMoved, "heads.moved", ErrorCode::kConflict, kPrecondition, false,
     "the document is no longer at the heads that --if-heads names"},
    {ErrorId::kValueMismatch, "value.mismatch", ErrorCode::kConflict, kPrecondition, false,
     "the value is not the one that --if-value or --if-absent names"},
    {ErrorId::kMergeConflict, "merge.conflict", ErrorCode::kConflict, kPrecondition, false,
     "the merge would add conflicts and --fail-on-conflict was given"},
    {ErrorId::kConflictNotFound, "conflict.not_found", ErrorCode::kNotFound, kNotFound, false,
     "no conflict has that id, or it has no such value"},
    {ErrorId::kEntryNotFound, "entry.not_found", ErrorCode::kNotFound, kNotFound, false,
     "no outbox or quarantine entry has that id"},
    {ErrorId::kPlanStale, "plan.stale", ErrorCode::kConflict, kPrecondition, false,
     "the store changed since the plan was made"},
    {ErrorId::kCursorForeign, "cursor.foreign", ErrorCode::kConflict, kPrecondition, false,
     "the cursor comes from another store"},
    {ErrorId::kCursorExpired, "cursor.expired", ErrorCode::kConflict, kPrecondition, false,
     "the cursor is older than what the store still knows"},
    {ErrorId::kAgentUnreachable, "agent.unreachable", ErrorCode::kUnavailable, kNoAgent, true,
     "no agent answers at the socket"},
    {ErrorId::kAgentStarting, "agent.starting", ErrorCode::kUnavailable, kNoAgent, true,
     "the agent is not ready yet"},
    {ErrorId::kAgentStopping, "agent.stopping", ErrorCode::kUnavailable, kNoAgent, true,
     "the agent is going away"},
    {ErrorId::kAgentVersion, "agent.version", ErrorCode::kUnsupported, kIncompatible, false,
     "client and agent do not speak the same version"},
    {ErrorId::kStoreLocked, "store.locked", ErrorCode::kLocked, kLocked, true,
     "another process holds the store"},
    {ErrorId::kStoreCorrupt, "store.corrupt", ErrorCode::kCorrupt, kBadData, false,
     "the store holds bytes that are not what was written"},
    {ErrorId::kStoreNewer, "store.newer", ErrorCode::kUnsupported, kIncompatible, false,
     "the store was written by a newer version"},
    {ErrorId::kStoreReadOnly, "store.read_only", ErrorCode::kNoSpace, kNoSpace, true,
     "the store takes no writes until space is freed"},
    {ErrorId::kStoreNoSpace, "store.no_space", ErrorCode::kNoSpace, kNoSpace, true,
     "the disk or the quota is full"},
    {ErrorId::kLimitExceeded, "limit.exceeded", ErrorCode::kLimitExceeded, kNoSpace, false,
     "a limit of the configuration or of the format"},
    {ErrorId::kOutboxFull, "outbox.full", ErrorCode::kLimitExceeded, kNoSpace, true,
     "too many writes wait for the agent"},
    {ErrorId::kPeerNotFound, "peer.not_found", ErrorCode::kNotFound, kNotFound, false,
     "no peer has that name or key"},
    {ErrorId::kPeerExists, "peer.exists", ErrorCode::kConflict, kPrecondition, false,
     "the peer is configured already, with other settings"},
    {ErrorId::kPeerUnreachable, "peer.unreachable", ErrorCode::kUnavailable, kPeerAway, true,
     "the peer does not answer"},
    {ErrorId::kPeerUntrusted, "peer.untrusted", ErrorCode::kDenied, kDenied, false,
     "the peer's key is not the one that is trusted"},
    {ErrorId::kAuthDenied, "auth.denied", ErrorCode::kDenied, kDenied, false,
     "the caller has no right to do this"},
    {ErrorId::kKeyMissing, "key.missing", ErrorCode::kDenied, kDenied, false,
     "the key that is needed is not here"},
    {ErrorId::kSignatureInvalid, "signature.invalid", ErrorCode::kDenied, kDenied, false,
     "a signature does not match"},
    {ErrorId::kInputJson, "input.json", ErrorCode::kCorrupt, kBadData, false,
     "a file or stdin does not hold JSON"},
    {ErrorId::kInputFile, "input.file", ErrorCode::kCorrupt, kBadData, false,
     "a file cannot be read or is not what it should be"},
    {ErrorId::kInputTooLarge, "input.too_large", ErrorCode::kLimitExceeded, kNoSpace, false,
     "a file or request is larger than the limit"},
    {ErrorId::kOutputExists, "output.exists", ErrorCode::kConflict, kPrecondition, false,
     "the output file exists already and --force was not given"},
    {ErrorId::kLogVersion, "log.version", ErrorCode::kUnsupported, kIncompatible, false,
     "a recorded log has a version that is not supported"},
    {ErrorId::kConfigInvalid, "config.invalid", ErrorCode::kInvalid, kUsage, false,
     "a configuration file holds a wrong key or value"},
    {ErrorId::kConfigNotFound, "config.not_found", ErrorCode::kNotFound, kNotFound, false,
     "no setting has that key, or it is not set"},
    {ErrorId::kCommandNotFound, "command.not_found", ErrorCode::kIo, exit_code::kCommandNotFound,
     false, "the command that \"watch\" or \"bisect\" runs does not exist"},
    {ErrorId::kCommandNotExecutable, "command.not_executable", ErrorCode::kIo,
     exit_code::kCommandNotExecutable, false,
     "the command that \"watch\" or \"bisect\" runs cannot be run"},
    {ErrorId::kTimeout, "timeout", ErrorCode::kTimeout, kTimeout, true, "--timeout ran out"},
    {ErrorId::kDeclined, "declined", ErrorCode::kDenied, kDeclined, false,
     "a question was answered no, or could not be asked"},
    {ErrorId::kPartial, "partial", ErrorCode::kIo, kPartial, true,
     "some items succeeded and some failed"},
    {ErrorId::kIo, "io", ErrorCode::kIo, kFailed, false,
     "the operating system refused a read, a write or a connection"},
    {ErrorId::kInternal, "internal", ErrorCode::kIo, kBug, false, "a bug of ours"},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < std::size(kErrors); ++i)
    if (static_cast<std::size_t>(kErrors[i].id) != i) return false;
  return true;
}
static_assert(in_order() && std::size(kErrors) == static_cast<std::size_t>(ErrorId::kInternal) + 1);

}  // namespace

std::span<const ExitCodeRow> exit_code_table() { return kExitCodes; }

std::span<const ErrorRow> error_table() { return kErrors; }

const ErrorRow& error_row(ErrorId id) { return kErrors[static_cast<std::size_t>(id)]; }

const ErrorRow* find_error(std::string_view code) {
  const auto* found = std::ranges::find_if(
      kErrors, [&](const ErrorRow& row) { return std::string_view(row.code) == code; });
  return found == std::end(kErrors) ? nullptr : found;
}

const ErrorRow& default_error_row(ErrorCode kind) {
  switch (kind) {
    case ErrorCode::kCorrupt:
    case ErrorCode::kTruncated:
      return error_row(ErrorId::kInputFile);
    case ErrorCode::kUnsupported:
      return error_row(ErrorId::kAgentVersion);
    case ErrorCode::kInvalid:
      return error_row(ErrorId::kUsageArgument);
    case ErrorCode::kNotFound:
      return error_row(ErrorId::kDocNotFound);
    case ErrorCode::kConflict:
      return error_row(ErrorId::kDocExists);
    case ErrorCode::kLimitExceeded:
      return error_row(ErrorId::kLimitExceeded);
    case ErrorCode::kNoSpace:
      return error_row(ErrorId::kStoreNoSpace);
    case ErrorCode::kDenied:
      return error_row(ErrorId::kAuthDenied);
    case ErrorCode::kLocked:
      return error_row(ErrorId::kStoreLocked);
    case ErrorCode::kUnavailable:
      return error_row(ErrorId::kAgentUnreachable);
    case ErrorCode::kTimeout:
      return error_row(ErrorId::kTimeout);
    case ErrorCode::kIo:
      return error_row(ErrorId::kIo);
  }
  return error_row(ErrorId::kInternal);
}

const ErrorRow& row_of(const Error& error) {
  const ErrorRow* row = error.id.empty() ? nullptr : find_error(error.id);
  return row != nullptr ? *row : default_error_row(error.code);
}

int exit_code_of(const Error& error) { return row_of(error).exit; }

Error make_error(ErrorId id, std::string message, std::string hint) {
  const ErrorRow& row = error_row(id);
  return {row.kind, std::move(message), row.code, std::move(hint)};
}

bool is(const Error& error, ErrorId id) { return error.id == error_row(id).code; }

int stronger_exit(int left, int right) {
  static constexpr std::array kOrder = {
      kBug,      kUsage,   kIncompatible, kDenied,   kBadData, kNoSpace, kLocked,   kNoAgent,
      kPeerAway, kTimeout, kPrecondition, kNotFound, kPartial, kFailed,  kDeclined, kNo,
      kOk};
  const auto rank = [](int code) { return std::ranges::find(kOrder, code) - kOrder.begin(); };
  return rank(left) <= rank(right) ? left : right;
}

}  // namespace converge::control
