#pragma once

#include "core/base/result.h"
#include "core/engine/document.h"
#include "core/verbs/pointer.h"
#include "core/verbs/revision.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a write request does to one document. Every function makes at most one change; a failure
/// leaves the document exactly as it was. JSON values are those of value.h. No clock: the time of
/// the change comes in.
namespace converge::verbs {

struct WriteOptions {
  std::string message = {};
  std::int64_t time = 0;                     ///< seconds since 1970, for the change; advisory
  std::optional<std::string> base = {};      ///< REV: pointers are read as they were there, and the
                                             ///< edit is concurrent with whatever came since
  std::optional<std::string> if_heads = {};  ///< REV: the document's heads must be exactly these
  const nlohmann::json* if_value = nullptr;  ///< each pointer must hold this before; borrowed
  bool if_absent = false;                    ///< each pointer must hold nothing before
  bool dry_run = false;                      ///< do everything but keep it
  const RevisionSource* revisions = nullptr;  ///< for #N, ~N, {WHEN}; borrowed
};

/// What an edit did.
struct Outcome {
  std::optional<ChangeHash> change;  ///< nothing: unchanged, or a dry run
  bool unchanged = true;             ///< no op was needed (or would be)
  std::size_t ops = 0;
  Heads heads;                     ///< of the document now
  std::string summary;             ///< "replace /items/0/done"; several: first and count
  std::vector<std::string> notes;  ///< one line for each edit, in order
};

/// Errors common to all: heads.moved, value.mismatch, path.not_found, path.type, rev.*, input.json,
/// limit.exceeded, usage.argument (a condition where there is no pointer it could be about).

/// `edits`: [{"pointer": P, "value": V}, ...], in order. A map key is made or replaced, a list
/// index must exist; "" needs an object and replaces the whole content. A register that already
/// shows exactly V, alone, is left.
Result<Outcome> set(engine::Document& document, const nlohmann::json& edits,
                    const WriteOptions& options);

/// Removes keys and list elements; each must exist. Indices of one list mean the list before the
/// edit.
Result<Outcome> unset(engine::Document& document, const std::vector<Pointer>& pointers,
                      const WriteOptions& options);

/// `values`: an array; inserted at the list index of `pointer` in order ("-" appends), later
/// elements move up. On a text object the values must be strings.
Result<Outcome> insert(engine::Document& document, const Pointer& pointer,
                       const nlohmann::json& values, const WriteOptions& options);

/// Adds to a counter. A plain number there is path.type, with the hint how to make a counter.
Result<Outcome> increment(engine::Document& document, const Pointer& pointer, std::int64_t amount,
                          const WriteOptions& options);

/// Text: at `index` erases `erase` and inserts `text`; both in Unicode code points, whatever the
/// terminal or client calls a character. Beyond the end is path.not_found.
Result<Outcome> splice(engine::Document& document, const Pointer& pointer, std::size_t index,
                       std::size_t erase, std::string_view text, const WriteOptions& options);

enum class PatchType : std::uint8_t { kJson, kMerge };

/// RFC 6902 (an array; `test` that fails is value.mismatch) or RFC 7396. All or nothing.
Result<Outcome> patch(engine::Document& document, PatchType type, const nlohmann::json& patch,
                      const WriteOptions& options);

/// Makes the document as it is at `options.base` (default: now) equal to `target` with few ops:
/// text by character, lists of objects by `list_key` (default: "id", "key" or "name" if all have
/// it), other lists by content. Types that plain JSON cannot say (counters, timestamps, ...) stay
/// what they are where the new value allows it; a counter is incremented by the difference. Equal
/// input writes nothing.
Result<Outcome> apply(engine::Document& document, const nlohmann::json& target,
                      std::optional<std::string_view> list_key, const WriteOptions& options);

/// The control methods doc.set, doc.unset, doc.insert, doc.incr, doc.splice, doc.patch and
/// doc.apply with their params as core/control/PROTOCOL.md has them ("doc", "ack" and the like are
/// not looked at). `defaults` supplies time and revisions. Errors: usage.argument for params of the
/// wrong shape.
Result<Outcome> run_edit(engine::Document& document, std::string_view method,
                         const nlohmann::json& params, const WriteOptions& defaults);
bool is_edit_method(std::string_view method);

/// The part of an Ack that the document knows: change (or null), heads, unchanged, summary, ops.
nlohmann::json to_json(const Outcome& outcome);

}  // namespace converge::verbs
