#include "core/base/limits.h"
#include "core/codec/sha256.h"
#include "core/store/id_prefix.h"
#include "core/store/keys.h"
#include "core/store/kv_store.h"
#include "core/store/rules.h"
#include "core/store/values.h"

#include <algorithm>

namespace converge::store {
namespace {

constexpr std::size_t kPageMax = 10'000;

Error unknown(const DocumentId& document) {
  return {ErrorCode::kNotFound, "document " + document.to_base58() + " is not in the store",
          "doc.not_found"};
}

Error bad_snapshot(const DocumentId& document, const char* why) {
  return {ErrorCode::kCorrupt, "snapshot.hash: document " + document.to_base58() + ": " + why,
          "store.corrupt"};
}

std::size_t page_limit(const PageRequest& request) {
  return std::clamp<std::size_t>(request.limit, 1, kPageMax);
}

/// Where a page begins: behind `after`.
std::string page_start(std::string prefix, const std::string& after) {
  if (after.empty()) return prefix;
  return prefix.substr(0, 1) + after + '\0';
}

DocumentHeader header_of(const Tombstone& tombstone) {
  DocumentHeader header;
  header.id = tombstone.document;
  header.state = DocumentState::kDeleted;
  header.heads = tombstone.heads;
  header.modified_ms = tombstone.deleted_ms;
  return header;
}

Result<StoredChange> verified_change(std::string_view key, std::string_view value, Kind kind,
                                     const ChangeHash& hash) {
  const auto record = decode_change(key, value, kind);
  if (!record) return record.error();
  if (const auto ok = check_change(hash, as_bytes(record->chunk)); !ok) return ok.error();
  return StoredChange{hash,
                      to_bytes(as_bytes(record->chunk)),
                      record->receipt,
                      record->received_ms,
                      record->source,
                      kind == Kind::kOrphan};
}

/// Puts a document together from the records of one walk.
class Assembler {
 public:
  explicit Assembler(DocumentHeader header) { out_.header = std::move(header); }

  Result<void> add(std::string_view key, std::string_view value) {
    const auto parsed = parse_key(key);
    if (!parsed) return parsed.error();
    if (parsed->kind == Kind::kSnapshotPart) return add_part(*parsed, key, value);
    if (parsed->kind != Kind::kChange && parsed->kind != Kind::kOrphan) return {};
    auto change = verified_change(key, value, parsed->kind, parsed->hash);
    if (!change) return change.error();
    auto& list = parsed->kind == Kind::kChange ? out_.tail : out_.orphans;
    list.push_back(std::move(*change));
    return {};
  }

  Result<StoredDocument> finish() {
    const SnapshotRef& wanted = out_.header.snapshot;
    const DocumentId& id = out_.header.id;
    if (wanted.generation != 0) {
      if (!head_ || parts_ != head_->parts) return bad_snapshot(id, "parts are missing");
      if (out_.snapshot.size() != wanted.bytes || head_->bytes != wanted.bytes) {
        return bad_snapshot(id, "its size is not that of the header");
      }
      const Sha256 sha256 = codec::sha256(out_.snapshot);
      if (sha256 != wanted.sha256 || sha256 != head_->sha256) {
        return bad_snapshot(id, "its hash is not that of the header");
      }
      if (head_->heads != wanted.heads) return bad_snapshot(id, "its heads are not the header's");
    }
    if (out_.tail.size() < out_.header.tail_changes) {
      return Error{ErrorCode::kCorrupt,
                   "document.missing-dep: document " + id.to_base58() + " has " +
                       std::to_string(out_.tail.size()) + " of " +
                       std::to_string(out_.header.tail_changes) + " changes behind its snapshot",
                   "store.corrupt"};
    }
    return std::move(out_);
  }

 private:
  Result<void> add_part(const ParsedKey& parsed, std::string_view key, std::string_view value) {
    if (parsed.number != out_.header.snapshot.generation) {
      out_.has_leftover_parts = true;
      return {};
    }
    auto part = decode_snapshot_part(key, value);
    if (!part) return part.error();
    if (parsed.part != parts_ || part->head.has_value() != (parts_ == 0)) {
      return bad_snapshot(out_.header.id, "parts are missing");
    }
    if (part->head) {
      head_ = std::move(part->head);
      if (head_->bytes != out_.header.snapshot.bytes) {
        return bad_snapshot(out_.header.id, "its size is not that of the header");
      }
      out_.snapshot.reserve(std::min<std::size_t>(head_->bytes, limits::kInflatedBytesMax));
    }
    const ByteView data = as_bytes(part->data);
    out_.snapshot.insert(out_.snapshot.end(), data.begin(), data.end());
    parts_ += 1;
    return {};
  }

  StoredDocument out_;
  std::optional<SnapshotHead> head_;
  std::uint32_t parts_ = 0;
};

}  // namespace

Result<void> KvStore::check_open() const {
  if (!closed_.load(std::memory_order_relaxed)) return {};
  return Error{ErrorCode::kUnavailable, "the store is closed", "store.closed"};
}

Result<std::optional<std::string>> KvStore::get(const std::string& key) {
  if (const auto ok = check_open(); !ok) return ok.error();
  point_reads_.fetch_add(1, std::memory_order_relaxed);
  return kv_->get(key);
}

Result<void> KvStore::walk(
    std::string_view prefix, std::string_view from,
    const std::function<Result<bool>(std::string_view, std::string_view)>& visit) {
  if (const auto ok = check_open(); !ok) return ok.error();
  auto cursor = kv_->cursor(true);
  if (!cursor) return cursor.error();
  Cursor& at = **cursor;
  range_reads_.fetch_add(1, std::memory_order_relaxed);
  for (at.seek(std::max(prefix, from)); at.valid() && at.key().starts_with(prefix); at.next()) {
    records_read_.fetch_add(1, std::memory_order_relaxed);
    const auto more = visit(at.key(), at.value());
    if (!more) return more.error();
    if (!*more) return {};
  }
  return at.status();
}

Result<DocumentHeader> KvStore::header(const DocumentId& document) {
  const std::string key = header_key(document);
  const auto value = get(key);
  if (!value) return value.error();
  if (*value) {
    auto record = decode_header(key, **value);
    if (!record) return record.error();
    return std::move(record->header);
  }
  const auto grave = tombstone(document);
  if (!grave) return grave.error();
  if (!*grave) return unknown(document);
  return header_of(**grave);
}

Result<StoredDocument> KvStore::load(const DocumentId& document) {
  if (const auto ok = check_open(); !ok) return ok.error();
  // Header and records through one cursor: one view, whatever is written meanwhile.
  auto cursor = kv_->cursor(true);
  if (!cursor) return cursor.error();
  Cursor& at = **cursor;
  const std::string key = header_key(document);
  at.seek(key);
  if (!at.valid() || at.key() != key) {
    if (const auto ok = at.status(); !ok) return ok.error();
    return unknown(document);
  }
  auto record = decode_header(key, at.value());
  if (!record) return record.error();
  if (record->header.state == DocumentState::kDeleted) return unknown(document);
  Assembler assembler(std::move(record->header));
  const std::string prefix = document_prefix(document);
  range_reads_.fetch_add(1, std::memory_order_relaxed);
  for (at.seek(prefix); at.valid() && at.key().starts_with(prefix); at.next()) {
    records_read_.fetch_add(1, std::memory_order_relaxed);
    if (const auto ok = assembler.add(at.key(), at.value()); !ok) return ok.error();
  }
  if (const auto ok = at.status(); !ok) return ok.error();
  return assembler.finish();
}

Result<std::optional<StoredChange>> KvStore::find_change(const DocumentId& document,
                                                         const ChangeHash& hash) {
  for (const Kind kind : {Kind::kChange, Kind::kOrphan}) {
    const std::string key =
        kind == Kind::kChange ? change_key(document, hash) : orphan_key(document, hash);
    const auto value = get(key);
    if (!value) return value.error();
    if (!*value) continue;
    auto change = verified_change(key, **value, kind, hash);
    if (!change) return change.error();
    return std::optional(std::move(*change));
  }
  return std::optional<StoredChange>();
}

Result<Page<DocumentHeader>> KvStore::list_documents(const PageRequest& request) {
  Page<DocumentHeader> page;
  const std::size_t limit = page_limit(request);
  const auto ok = walk("i", page_start("i", request.after),
                       [&](std::string_view key, std::string_view value) -> Result<bool> {
                         if (page.items.size() == limit) {
                           page.next = as_text(page.items.back().id.bytes);
                           return false;
                         }
                         auto record = decode_header(key, value);
                         if (!record) return record.error();
                         if (record->header.state != DocumentState::kDeleted) {
                           page.items.push_back(std::move(record->header));
                         }
                         return true;
                       });
  if (!ok) return ok.error();
  return page;
}

Result<Page<ConflictEntry>> KvStore::list_conflicts(const PageRequest& request) {
  Page<ConflictEntry> page;
  const std::size_t limit = page_limit(request);
  const auto ok = walk("k", page_start("k", request.after),
                       [&](std::string_view key, std::string_view value) -> Result<bool> {
                         if (page.items.size() == limit) {
                           page.next = as_text(page.items.back().document.bytes);
                           return false;
                         }
                         const auto parsed = parse_key(key);
                         if (!parsed) return parsed.error();
                         const auto entry = decode_blob(key, value, Kind::kConflictIndex);
                         if (!entry) return entry.error();
                         page.items.push_back({parsed->document, to_bytes(as_bytes(*entry))});
                         return true;
                       });
  if (!ok) return ok.error();
  return page;
}

Result<std::optional<Bytes>> KvStore::conflicts_of(const DocumentId& document) {
  const std::string key = conflict_key(document);
  const auto value = get(key);
  if (!value) return value.error();
  if (!*value) return std::optional<Bytes>();
  const auto entry = decode_blob(key, **value, Kind::kConflictIndex);
  if (!entry) return entry.error();
  return std::optional(to_bytes(as_bytes(*entry)));
}

Result<std::vector<DocumentId>> KvStore::find_by_prefix(std::string_view base58,
                                                        std::size_t limit) {
  std::vector<DocumentId> found;
  for (const auto& range : id_ranges(base58)) {
    const std::string last = header_key(range.second);
    const auto ok = walk("i", header_key(range.first),
                         [&](std::string_view key, std::string_view value) -> Result<bool> {
                           if (key > last || found.size() >= limit) return false;
                           const auto record = decode_header(key, value);
                           if (!record) return record.error();
                           const DocumentHeader& header = record->header;
                           if (header.state != DocumentState::kDeleted &&
                               header.id.to_base58().starts_with(base58)) {
                             found.push_back(header.id);
                           }
                           return true;
                         });
    if (!ok) return ok.error();
  }
  return found;
}

Result<std::optional<Tombstone>> KvStore::tombstone(const DocumentId& document) {
  const std::string key = tombstone_key(document);
  const auto value = get(key);
  if (!value) return value.error();
  if (!*value) return std::optional<Tombstone>();
  auto record = decode_tombstone(key, **value);
  if (!record) return record.error();
  return std::optional(std::move(*record));
}

Result<Page<Tombstone>> KvStore::list_tombstones(const PageRequest& request) {
  Page<Tombstone> page;
  const std::size_t limit = page_limit(request);
  const auto ok = walk("t", page_start("t", request.after),
                       [&](std::string_view key, std::string_view value) -> Result<bool> {
                         if (page.items.size() == limit) {
                           page.next = as_text(page.items.back().document.bytes);
                           return false;
                         }
                         auto record = decode_tombstone(key, value);
                         if (!record) return record.error();
                         page.items.push_back(std::move(*record));
                         return true;
                       });
  if (!ok) return ok.error();
  return page;
}

Result<Page<Receipt>> KvStore::receipts(ReceiptNumber from, std::size_t limit) {
  Page<Receipt> page;
  limit = std::clamp<std::size_t>(limit, 1, kPageMax);
  const auto ok = walk("r", receipt_key(from),
                       [&](std::string_view key, std::string_view value) -> Result<bool> {
                         if (page.items.size() == limit) {
                           page.next = std::to_string(page.items.back().number + 1);
                           return false;
                         }
                         auto receipt = decode_receipt(key, value);
                         if (!receipt) return receipt.error();
                         page.items.push_back(std::move(*receipt));
                         return true;
                       });
  if (!ok) return ok.error();
  return page;
}

Result<std::optional<std::vector<ReceiptNumber>>> KvStore::receipts_of(const DocumentId& document) {
  const auto now = header(document);
  if (!now) return now.error();
  std::vector<ReceiptNumber> numbers;
  const auto lists = document_prefix(document, 'n');
  auto ok = walk(lists, lists, [&](std::string_view key, std::string_view value) -> Result<bool> {
    const auto listed = decode_receipt_list(key, value);
    if (!listed) return listed.error();
    numbers.insert(numbers.end(), listed->begin(), listed->end());
    return true;
  });
  if (!ok) return ok.error();
  const auto tail = document_prefix(document, 'c');
  ok = walk(tail, tail, [&](std::string_view key, std::string_view value) -> Result<bool> {
    const auto change = decode_change(key, value, Kind::kChange);
    if (!change) return change.error();
    if (change->receipt != 0) numbers.push_back(change->receipt);
    return true;
  });
  if (!ok) return ok.error();
  std::ranges::sort(numbers);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  std::optional<std::vector<ReceiptNumber>> known;
  if (numbers.size() == now->change_count) known = std::move(numbers);
  return known;
}

Result<std::optional<DocumentId>> KvStore::find_name(std::string_view name) {
  const std::string key = name_key(name);
  const auto value = get(key);
  if (!value) return value.error();
  if (!*value) return std::optional<DocumentId>();
  const auto document = decode_name(key, **value);
  if (!document) return document.error();
  return std::optional(*document);
}

Result<Page<NameEntry>> KvStore::list_names(const PageRequest& request) {
  Page<NameEntry> page;
  const std::size_t limit = page_limit(request);
  const std::string prefix = name_key(request.prefix);
  const auto ok = walk(prefix, page_start(prefix, request.after),
                       [&](std::string_view key, std::string_view value) -> Result<bool> {
                         if (page.items.size() == limit) {
                           page.next = page.items.back().name;
                           return false;
                         }
                         const auto document = decode_name(key, value);
                         if (!document) return document.error();
                         page.items.push_back({std::string(key.substr(1)), *document});
                         return true;
                       });
  if (!ok) return ok.error();
  return page;
}

Result<std::vector<std::string>> KvStore::names_of(const DocumentId& document) {
  std::vector<std::string> names;
  const std::string prefix = name_link_prefix(document);
  const auto ok =
      walk(prefix, prefix, [&](std::string_view key, std::string_view value) -> Result<bool> {
        const auto body = open_value(key, value, Kind::kNameLink);
        if (!body) return body.error();
        names.emplace_back(key.substr(prefix.size()));
        return true;
      });
  if (!ok) return ok.error();
  return names;
}

Result<Page<NameEntry>> KvStore::list_names_by_document(const PageRequest& request) {
  Page<NameEntry> page;
  const std::size_t limit = page_limit(request);
  const auto ok = walk("l", page_start("l", request.after),
                       [&](std::string_view key, std::string_view value) -> Result<bool> {
                         if (page.items.size() == limit) {
                           const NameEntry& last = page.items.back();
                           page.next = std::string(as_text(last.document.bytes)) + last.name;
                           return false;
                         }
                         const auto parsed = parse_key(key);
                         if (!parsed) return parsed.error();
                         const auto body = open_value(key, value, Kind::kNameLink);
                         if (!body) return body.error();
                         page.items.push_back({std::string(parsed->name), parsed->document});
                         return true;
                       });
  if (!ok) return ok.error();
  return page;
}

Result<std::optional<PeerSync>> KvStore::peer_state(const DocumentId& document,
                                                    const PeerKey& peer) {
  const std::string key = peer_sync_key(document, peer);
  const auto value = get(key);
  if (!value) return value.error();
  if (!*value) return std::optional<PeerSync>();
  auto heads = decode_peer_sync(key, **value);
  if (!heads) return heads.error();
  return std::optional(PeerSync{peer, std::move(*heads)});
}

Result<std::vector<PeerRecord>> KvStore::peers() {
  std::vector<PeerRecord> out;
  const auto ok = walk("p", "p", [&](std::string_view key, std::string_view value) -> Result<bool> {
    auto entry = decode_peer(key, value);
    if (!entry) return entry.error();
    out.push_back(std::move(entry->record));
    return true;
  });
  if (!ok) return ok.error();
  return out;
}

Result<std::optional<PeerRecord>> KvStore::peer(const PeerKey& peer) {
  const std::string key = peer_key(peer);
  const auto value = get(key);
  if (!value) return value.error();
  if (!*value) return std::optional<PeerRecord>();
  auto entry = decode_peer(key, **value);
  if (!entry) return entry.error();
  return std::optional(std::move(entry->record));
}

Result<std::optional<Bytes>> KvStore::idempotent_result(const ClientId& client,
                                                        std::string_view name) {
  const std::string key = idempotency_key(client, name);
  const auto value = get(key);
  if (!value) return value.error();
  if (!*value) return std::optional<Bytes>();
  const auto record = decode_idempotency(key, **value);
  if (!record) return record.error();
  if (record->expires_ms <= options_.open.clock->wall_now_ms()) return std::optional<Bytes>();
  return std::optional(to_bytes(as_bytes(record->result)));
}

StoreCounts KvStore::counts() {
  const Ledger ledger = queue_->ledger();
  return {ledger.documents, ledger.changes, ledger.tombstones, ledger.last_receipt, ledger.commit};
}

Result<std::optional<Bytes>> KvStore::setting(std::string_view name) {
  const std::string key = setting_key(name);
  const auto value = get(key);
  if (!value) return value.error();
  if (!*value) return std::optional<Bytes>();
  const auto bytes = decode_blob(key, **value, Kind::kMeta);
  if (!bytes) return bytes.error();
  return std::optional(to_bytes(as_bytes(*bytes)));
}

Result<std::vector<std::pair<std::string, Bytes>>> KvStore::settings(std::string_view prefix) {
  std::vector<std::pair<std::string, Bytes>> out;
  const std::string from = setting_key(prefix);
  const std::size_t skip = setting_key({}).size();
  const auto ok =
      walk(from, from, [&](std::string_view key, std::string_view value) -> Result<bool> {
        const auto bytes = decode_blob(key, value, Kind::kMeta);
        if (!bytes) return bytes.error();
        out.emplace_back(std::string(key.substr(skip)), to_bytes(as_bytes(*bytes)));
        return true;
      });
  if (!ok) return ok.error();
  return out;
}

}  // namespace converge::store
