#pragma once

#include "core/model/document_id.h"
#include "core/store/store.h"

#include <cstdint>
#include <string>

/// Remembers up to where the index of names and the tombstones are known to follow from the
/// catalog, so that a start need not read either (store.md 11: no scan over documents). Names that
/// are changed here are written with the catalog's own change; what may be behind are changes from
/// peers, and deletions of which the process died.
namespace converge::handlers {

/// What the mark must agree with, or it says nothing.
struct CatalogState {
  DocumentId catalog;
  /// Files set aside when damage was repaired, which may have cost names.
  std::uint64_t set_aside = 0;
};

/// How many files are in the store's quarantine; 0 where there is none.
std::uint64_t count_set_aside(const std::string& store_directory);

/// Everything up to `receipt` is taken over. Behind the writes that did so.
void mark_catalog(store::Store& store, const CatalogState& state, store::ReceiptNumber receipt);
/// Before a change whose consequences are not in its own append.
void unmark_catalog(store::Store& store);

/// Whether nothing is to be done: there is a mark, and since then the catalog got changes of our
/// own only. Cost: a point read; and the receipts since the mark, when the catalog has newer ones.
/// Beyond kMarkReceiptsMax of them the answer is no.
bool is_catalog_settled(store::Store& store, const CatalogState& state);
inline constexpr std::uint64_t kMarkReceiptsMax = 1'000'000;

}  // namespace converge::handlers
