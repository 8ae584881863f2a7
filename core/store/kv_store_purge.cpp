#include "core/store/keys.h"
#include "core/store/kv_store.h"

#include <string>
#include <vector>

/// Erasing a deleted document for good (store.md 14).
namespace converge::store {
namespace {

/// Entries that an iterator of a reader still sees survive a compaction; so do markers in the
/// deepest level, which the next round's markers pull along.
constexpr int kRoundsMax = 5;

/// Keys around everything of the document. Deleting them again makes a compaction rewrite every
/// table in between, also those in the deepest level.
std::vector<std::string> bounds_of(const DocumentId& document) {
  ChangeHash least;
  PeerKey most;
  most.fill(std::byte{0xff});
  return {header_key(document), change_key(document, least), peer_sync_key(document, most),
          conflict_key(document), name_link_prefix(document) + "a"};
}

}  // namespace

Result<PurgeReport> KvStore::purge(const DocumentId& document) {
  const auto grave = tombstone(document);
  if (!grave) return grave.error();
  if (!*grave) {
    return Error{ErrorCode::kInvalid, "document " + document.to_base58() +
                                          " is not deleted: only what is can be purged"};
  }
  PurgeReport report;
  const auto before = kv_->count_entries(document);
  if (!before) return before.error();
  report.entries_before = *before;
  std::vector<std::string> keys;
  const std::string prefix = document_prefix(document);
  const auto listed =
      walk(prefix, prefix, [&](std::string_view key, std::string_view) -> Result<bool> {
        keys.emplace_back(key);
        return true;
      });
  if (!listed) return listed.error();
  if (auto ok = erase_keys(std::move(keys)); !ok) return ok.error();
  report.entries_left = *before;
  while (report.rounds < kRoundsMax && report.entries_left > 0) {
    report.rounds += 1;
    const auto marked = write_alone([&](Group& group) -> Result<void> {
      for (std::string& key : bounds_of(document)) group.erase(std::move(key));
      group.erase_header(document);
      return {};
    });
    if (!marked) return marked.error();
    for (const std::string& range :
         {prefix, header_key(document), conflict_key(document), name_link_prefix(document)}) {
      if (auto ok = kv_->compact(range, prefix_end(range)); !ok) return ok.error();
    }
    const auto left = kv_->count_entries(document);
    if (!left) return left.error();
    report.entries_left = *left;
  }
  std::vector<std::uint64_t> entries;
  PageRequest request;
  do {
    const auto page = list_quarantine(request);
    if (!page) return page.error();
    for (const QuarantineEntry& entry : page->items) {
      if (entry.document == document) entries.push_back(entry.id);
    }
    request.after = page->next;
  } while (!request.after.empty());
  report.quarantine_dropped = entries.size();
  if (!entries.empty()) {
    if (auto ok = drop_quarantine(entries); !ok) return ok.error();
  }
  return report;
}

}  // namespace converge::store
