#pragma once

#include "core/base/clock.h"
#include "core/engine/document.h"
#include "core/store/store.h"
#include "core/verbs/revision.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

namespace converge::handlers {

/// These heads of a document without the changes in `without`, which must hold every descendant of
/// its members among the ancestors of `heads` (the youngest changes of a causal order do).
Heads heads_without(const engine::Document& document, const Heads& heads,
                    const std::set<ChangeHash>& without);

/// The heads before and after one more change: the change replaces its dependencies.
Heads heads_with(const engine::Document& document, const Heads& before, const ChangeHash& change);

/// REVs in terms of this replica's receipts: `#N`, `~N`, `{WHEN}`. Costs as receipts_of_document.
/// For the duration of one request.
/// The document may hold changes that wait for their commit and have no receipt yet: what was
/// stored when the question came is what counts, so it starts from the stored heads.
class ReceiptRevisions final : public verbs::RevisionSource {
 public:
  ReceiptRevisions(store::Store& store, const Clock& clock, const DocumentId& id,
                   const engine::Document& document)
      : store_(store), clock_(clock), id_(id), document_(document) {}

  Result<Heads> at_receipt(std::uint64_t number) const override;
  Result<Heads> receipts_back(std::uint64_t count) const override;
  Result<Heads> at_time(std::string_view when) const override;

 private:
  Heads stored_heads() const;

  store::Store& store_;
  const Clock& clock_;
  DocumentId id_;
  const engine::Document& document_;
};

/// The document's receipts from number `from` on, ascending. Cost: O(document), by the numbers that
/// the store lists; where it does not know them, or they are most of all, a walk over all receipts.
Result<std::vector<store::Receipt>> receipts_of_document(store::Store& store,
                                                         const DocumentId& document,
                                                         store::ReceiptNumber from);

/// "2h", "3d", "yesterday", RFC 3339: a moment in wall milliseconds. Errors: usage.argument.
Result<std::int64_t> parse_when(std::string_view text, std::int64_t now_ms);

/// "#N": the number of a receipt that this replica has given out, or 0 for the time before the
/// first. Errors: usage.argument, rev.not_found.
Result<store::ReceiptNumber> parse_receipt(store::Store& store, std::string_view text);

/// The receipt itself must be one that was given out. Errors: rev.not_found.
Result<void> check_receipt(store::Store& store, store::ReceiptNumber number);

/// The highest receipt received at or before the moment; 0 when there is none. Cost: O(log n)
/// reads.
Result<store::ReceiptNumber> receipt_at_time(store::Store& store, std::int64_t wall_ms);

}  // namespace converge::handlers
