#include "core/store/repair_index.h"

#include "core/store/keys.h"
#include "core/store/values.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace converge::store {
namespace {

constexpr std::size_t kRecordsPerBatch = 5000;

/// Visits the records of a space that can be read.
template <class Visit>
Result<void> each(Kv& kv, std::string_view prefix, Visit visit) {
  auto cursor = kv.cursor(false);
  if (!cursor) return cursor.error();
  Cursor& at = **cursor;
  for (at.seek(prefix); at.valid() && at.key().starts_with(prefix); at.next()) {
    const auto parsed = parse_key(at.key());
    if (parsed) visit(*parsed, at.key(), at.value());
  }
  return at.status();
}

using Records = std::vector<std::pair<std::string, std::string>>;

Result<void> put_all(const Records& records, const GroupWriter& write) {
  for (std::size_t from = 0; from < records.size(); from += kRecordsPerBatch) {
    const std::size_t to = std::min(records.size(), from + kRecordsPerBatch);
    const auto done = write([&](Group& group) -> Result<void> {
      for (std::size_t i = from; i < to; ++i) group.put(records[i].first, records[i].second);
      return {};
    });
    if (!done) return done;
  }
  return {};
}

class Receipts {
 public:
  Receipts(Kv& kv, const SnapshotInspector& inspector) : kv_(kv), inspector_(inspector) {}

  Result<Records> run(IndexRepair& report) {
    if (auto ok = find_holes(); !ok) return ok.error();
    if (holes_.empty()) return std::move(out_);
    if (auto ok = from_changes(); !ok) return ok.error();
    if (!holes_.empty()) {
      if (auto ok = from_snapshots(); !ok) return ok.error();
    }
    report.receipts = out_.size();
    report.receipts_lost = holes_.size();
    // The numbers stay taken, so that a reader of the order meets nothing but an unknown change.
    for (const ReceiptNumber number : holes_) add({number, {}, {}, 0, {}});
    return std::move(out_);
  }

 private:
  Result<void> find_holes() {
    const std::string key = meta_key(kLedgerName);
    const auto value = kv_.get(key);
    if (!value) return value.error();
    if (!*value) return {};
    const auto ledger = decode_ledger(key, **value);
    if (!ledger) return ledger.error();
    ReceiptNumber next = 1;
    const auto done = each(kv_, "r", [&](const ParsedKey& parsed, auto key_of, auto bytes) {
      const auto receipt = decode_receipt(key_of, bytes);
      if (!receipt) return;  // as good as a hole
      for (; next < parsed.number; ++next) holes_.insert(next);
      next = parsed.number + 1;
      counted_[receipt->document] += 1;
    });
    if (!done) return done;
    for (; next <= ledger->last_receipt; ++next) holes_.insert(next);
    return {};
  }

  void add(const Receipt& receipt) {
    std::string key = receipt_key(receipt.number);
    std::string value = encode_receipt(key, receipt);
    out_.emplace_back(std::move(key), std::move(value));
  }

  /// A change behind the snapshot says which receipt it was given.
  Result<void> from_changes() {
    return each(kv_, "d", [&](const ParsedKey& parsed, auto key, auto value) {
      if (parsed.kind != Kind::kChange) return;
      const auto record = decode_change(key, value, parsed.kind);
      if (!record || holes_.erase(record->receipt) == 0) return;
      found_.push_back(
          {record->receipt, parsed.document, parsed.hash, record->received_ms, record->source});
      add(found_.back());
      counted_[parsed.document] += 1;
    });
  }

  using Hashes = std::unordered_set<ChangeHash, model::ChangeHashHasher>;

  Result<void> from_snapshots() {
    std::unordered_map<DocumentId, Hashes, model::DocumentIdHasher> lacking;
    std::map<DocumentId, SnapshotRef> snapshots;
    auto done = each(kv_, "i", [&](const ParsedKey&, auto key, auto value) {
      const auto record = decode_header(key, value);
      if (!record || record->header.state == DocumentState::kDeleted) return;
      const DocumentHeader& header = record->header;
      const bool lacks =
          header.snapshot.generation != 0 && counted_[header.id] < header.change_count;
      if (!lacks) return;
      lacking[header.id];
      snapshots[header.id] = header.snapshot;
    });
    if (!done) return done;
    done = each(kv_, "r", [&](const ParsedKey&, auto key, auto value) {
      const auto receipt = decode_receipt(key, value);
      if (!receipt) return;
      const auto at = lacking.find(receipt->document);
      if (at != lacking.end()) at->second.insert(receipt->hash);
    });
    if (!done) return done;
    for (const auto& [document, snapshot] : snapshots) {
      Hashes& known = lacking[document];
      for (const Receipt& receipt : found_) {
        if (receipt.document == document) known.insert(receipt.hash);
      }
      if (auto ok = from_snapshot(document, snapshot, known); !ok) return ok;
    }
    return {};
  }

  Result<void> from_snapshot(const DocumentId& document, const SnapshotRef& snapshot,
                             const Hashes& known) {
    Bytes bytes;
    const std::string prefix = document_prefix(document, 's');
    const auto done = each(kv_, prefix, [&](const ParsedKey& parsed, auto key, auto value) {
      if (parsed.number != snapshot.generation) return;
      const auto part = decode_snapshot_part(key, value);
      if (!part) return;
      const ByteView data = as_bytes(part->data);
      bytes.insert(bytes.end(), data.begin(), data.end());
    });
    if (!done) return done;
    if (!inspector_) return {};
    const auto inside = inspector_(bytes);
    if (!inside) return {};
    for (const ChangeHash& hash : inside->changes) {
      if (holes_.empty()) break;
      if (known.contains(hash)) continue;
      add({*holes_.begin(), document, hash, 0, {}});
      holes_.erase(holes_.begin());
    }
    return {};
  }

  Kv& kv_;
  const SnapshotInspector& inspector_;
  std::set<ReceiptNumber> holes_;
  std::vector<Receipt> found_;  ///< what from_changes() put back
  std::unordered_map<DocumentId, std::uint64_t, model::DocumentIdHasher> counted_;
  Records out_;
};

/// Names without a link back and links without their name.
Result<Records> lacking_names(Kv& kv) {
  std::map<std::string, DocumentId> names;
  std::set<std::pair<DocumentId, std::string>> links;
  auto done = each(kv, "n", [&](const ParsedKey& parsed, auto key, auto value) {
    const auto document = decode_name(key, value);
    if (document) names.emplace(std::string(parsed.name), *document);
  });
  if (!done) return done.error();
  done = each(kv, "l", [&](const ParsedKey& parsed, auto, auto) {
    links.emplace(parsed.document, std::string(parsed.name));
  });
  if (!done) return done.error();
  Records out;
  for (const auto& [document, name] : links) {
    const auto grave = kv.get(tombstone_key(document));
    if (!grave) return grave.error();
    if (names.contains(name) || *grave) continue;
    std::string key = name_key(name);
    std::string value = encode_name(key, document);
    out.emplace_back(std::move(key), std::move(value));
    names.emplace(name, document);
  }
  for (const auto& [name, document] : names) {
    if (links.contains({document, name})) continue;
    std::string key = name_link_key(document, name);
    std::string value = seal_value(key, Kind::kNameLink, {});
    out.emplace_back(std::move(key), std::move(value));
  }
  return out;
}

}  // namespace

Result<IndexRepair> repair_indexes(Kv& kv, const SnapshotInspector& inspector,
                                   const GroupWriter& write) {
  IndexRepair report;
  const auto receipts = Receipts(kv, inspector).run(report);
  if (!receipts) return receipts.error();
  if (auto ok = put_all(*receipts, write); !ok) return ok.error();
  const auto names = lacking_names(kv);
  if (!names) return names.error();
  report.names = names->size();
  if (auto ok = put_all(*names, write); !ok) return ok.error();
  return report;
}

Result<void> recount(Kv& kv, const GroupWriter& write) {
  return write([&](Group& group) -> Result<void> {
    Ledger counted = group.ledger();
    counted.documents = counted.changes = counted.tombstones = 0;
    auto done = each(kv, "i", [&](const ParsedKey&, auto key, auto value) {
      const auto record = decode_header(key, value);
      if (!record || record->header.state == DocumentState::kDeleted) return;
      counted.documents += 1;
      counted.changes += record->header.change_count;
    });
    if (!done) return done;
    done = each(kv, "t", [&](const ParsedKey&, auto, auto) { counted.tombstones += 1; });
    if (!done) return done;
    group.ledger() = counted;
    return {};
  });
}

}  // namespace converge::store
