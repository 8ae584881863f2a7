#pragma once

#include "core/base/result.h"
#include "core/engine/document.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace converge::verbs {

/// What only the replica knows: which change it received when. Plain files have none.
class RevisionSource {
 public:
  virtual ~RevisionSource() = default;
  /// `#N`: the document's heads after this replica's receipt N. Errors: rev.not_found.
  virtual Result<Heads> at_receipt(std::uint64_t number) const = 0;
  /// `~N`: the heads N receipts of this document back; 0 is the present. Errors: rev.not_found.
  virtual Result<Heads> receipts_back(std::uint64_t count) const = 0;
  /// `{WHEN}`: the heads at that moment; `when` is the text between the braces. Errors:
  /// rev.not_found, usage.argument.
  virtual Result<Heads> at_time(std::string_view when) const = 0;
};

/// A document name as the user wrote it, split at the "@" that begins a REV.
struct DocRev {
  std::string doc;
  std::string rev;  ///< empty: the present
};
DocRev split_doc_rev(std::string_view text);

/// The heads that REV names in this document:
///
///     1f3a9c2            a change hash, 7 or more hex digits that only one change begins with
///     1f3a9c2+88d0e1b    several
///     #184220  ~3  {2h}  through `source`
///
/// The result is sorted, without duplicates and without ancestors of other members. An empty text
/// is the present. Cost: O(changes) for a prefix, O(1) for whole hashes.
/// Errors: usage.argument (malformed), rev.not_found, rev.ambiguous (names up to five candidates).
Result<Heads> resolve_revision(const engine::Document& document, std::string_view rev,
                               const RevisionSource* source = nullptr);

/// One change, by hash or unique prefix. Errors: as resolve_revision.
Result<ChangeHash> resolve_change(const engine::Document& document, std::string_view text);

/// Document::at with the contract's error. Errors: rev.not_found.
Result<engine::View> view_at(const engine::Document& document, const Heads& heads);

/// "1f3a…+88d0…": the whole hashes joined by "+", as `heads` prints them.
std::string format_heads(const Heads& heads);
/// The first 7 digits of each.
std::string format_heads_short(const Heads& heads);

}  // namespace converge::verbs
