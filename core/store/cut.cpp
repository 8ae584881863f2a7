#include "core/store/cut.h"

#include "core/store/directory.h"
#include "core/store/group.h"
#include "core/store/keys.h"
#include "core/store/leveldb_kv.h"
#include "core/store/record_check.h"
#include "core/store/values.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace converge::store {
namespace {

constexpr std::size_t kReceiptsPerBatch = 10'000;

/// Calls `visit` for each record whose key begins with `prefix`, from `from` on.
Result<void> walk(Kv& kv, std::string_view prefix, std::string_view from,
                  const std::function<Result<bool>(std::string_view, std::string_view)>& visit) {
  auto cursor = kv.cursor(false);
  if (!cursor) return cursor.error();
  Cursor& at = **cursor;
  for (at.seek(std::max(prefix, from)); at.valid() && at.key().starts_with(prefix); at.next()) {
    const auto more = visit(at.key(), at.value());
    if (!more) return more.error();
    if (!*more) return {};
  }
  return at.status();
}

/// One document as it will be.
struct Planned {
  std::vector<std::string> removals;
  std::optional<HeaderRecord> header;  ///< nothing: the document goes
  std::uint64_t changes = 0;
};

class Cutter {
 public:
  Cutter(Kv& kv, const OpenOptions& options) : kv_(kv), options_(options) {}

  Result<CutReport> run(const CutPoint& point) {
    if (auto ok = read_ledger(); !ok) return ok.error();
    if (auto ok = find_receipts(point); !ok) return ok.error();
    for (const auto& [document, hashes] : cut_) {
      auto planned = plan(document, hashes);
      if (!planned) return planned.error();
      if (*planned) plans_.emplace(document, std::move(**planned));
    }
    for (auto& [document, planned] : plans_) {
      if (auto ok = carry_out(document, planned); !ok) return ok.error();
    }
    if (auto ok = drop_receipts(); !ok) return ok.error();
    return report_;
  }

 private:
  Result<void> read_ledger() {
    const std::string key = meta_key(kLedgerName);
    const auto value = kv_.get(key);
    if (!value) return value.error();
    if (!*value) return Error{ErrorCode::kCorrupt, "store.metadata: no ledger", "store.corrupt"};
    auto ledger = decode_ledger(key, **value);
    if (!ledger) return ledger.error();
    ledger_ = std::move(*ledger);
    return {};
  }

  Result<void> find_receipts(const CutPoint& point) {
    if (point.receipt && *point.receipt > ledger_.last_receipt) {
      return Error{ErrorCode::kInvalid,
                   "there is no receipt #" + std::to_string(*point.receipt) + ": the last is #" +
                       std::to_string(ledger_.last_receipt),
                   "rev.not_found"};
    }
    report_.receipt = point.receipt.value_or(0);
    // A clock may have gone backwards: the cut is behind the last receipt of that time.
    const std::string from = receipt_key(report_.receipt + 1);
    return walk(kv_, "r", from, [&](std::string_view key, std::string_view value) -> Result<bool> {
      const auto receipt = decode_receipt(key, value);
      if (!receipt) return receipt.error();
      if (point.time_ms && receipt->time_ms <= *point.time_ms) {
        report_.receipt = receipt->number;
        cut_.clear();
        return true;
      }
      cut_[receipt->document].insert(receipt->hash);
      return true;
    });
  }

  /// Reads everything that is needed to know the document's new header; writes nothing.
  Result<std::optional<Planned>> plan(const DocumentId& document,
                                      const std::set<ChangeHash>& hashes) {
    const std::string key = header_key(document);
    const auto value = kv_.get(key);
    if (!value) return value.error();
    if (!*value) return std::optional<Planned>();  // deleted since
    auto record = decode_header(key, **value);
    if (!record) return record.error();
    if (record->header.state == DocumentState::kDeleted) return std::optional<Planned>();
    Planned planned;
    DocumentHeader& header = record->header;
    std::set<ChangeHash> heads(header.snapshot.heads.begin(), header.snapshot.heads.end());
    std::set<ChangeHash> referenced;
    std::uint64_t stored = 0;
    std::uint64_t bytes = 0;
    const std::string prefix = document_prefix(document);
    const auto read = walk(kv_, prefix, prefix, [&](std::string_view at, std::string_view data) {
      return take(at, data, hashes, planned, heads, referenced, stored, bytes);
    });
    if (!read) return read.error();
    if (planned.changes != hashes.size() || stored != header.tail_changes) {
      return Error{ErrorCode::kConflict,
                   "a change of " + document.to_url() +
                       " that was received later is inside a snapshot already",
                   "cursor.expired", "restore an earlier backup"};
    }
    for (const ChangeHash& hash : referenced) heads.erase(hash);
    header.heads.assign(heads.begin(), heads.end());
    header.change_count -= planned.changes;
    header.tail_changes -= planned.changes;
    header.tail_bytes -= bytes;
    header.document_seq += 1;
    if (header.change_count > 0) planned.header = std::move(*record);
    if (!planned.header) {
      if (auto ok = add_names(document, planned); !ok) return ok.error();
    }
    return std::optional(std::move(planned));
  }

  static Result<bool> take(std::string_view key, std::string_view value,
                           const std::set<ChangeHash>& hashes, Planned& planned,
                           std::set<ChangeHash>& heads, std::set<ChangeHash>& referenced,
                           std::uint64_t& stored, std::uint64_t& bytes) {
    const auto parsed = parse_key(key);
    if (!parsed) return parsed.error();
    if (parsed->kind == Kind::kOrphan || parsed->kind == Kind::kPeerSync) {
      planned.removals.emplace_back(key);
      return true;
    }
    if (parsed->kind != Kind::kChange) return true;
    const auto change = decode_change(key, value, Kind::kChange);
    if (!change) return change.error();
    stored += 1;
    if (hashes.contains(parsed->hash)) {
      planned.removals.emplace_back(key);
      planned.changes += 1;
      bytes += change->chunk.size();
      return true;
    }
    const auto dependencies = chunk_dependencies(as_bytes(change->chunk));
    if (!dependencies) return dependencies.error();
    referenced.insert(dependencies->begin(), dependencies->end());
    heads.insert(parsed->hash);
    return true;
  }

  Result<void> add_names(const DocumentId& document, Planned& planned) {
    const std::string prefix = name_link_prefix(document);
    return walk(kv_, prefix, prefix, [&](std::string_view key, std::string_view) -> Result<bool> {
      const auto parsed = parse_key(key);
      if (!parsed) return parsed.error();
      planned.removals.emplace_back(key);
      planned.removals.push_back(name_key(parsed->name));
      return true;
    });
  }

  Result<void> carry_out(const DocumentId& document, Planned& planned) {
    report_.changes_removed += planned.changes;
    report_.documents_changed += 1;
    return write([&](Group& group) {
      for (std::string& key : planned.removals) group.erase(std::move(key));
      // The index of conflicts speaks of what is gone; it is derivable.
      group.erase(std::string("k") + std::string(as_text(document.bytes)));
      group.ledger().changes -= planned.changes;
      if (planned.header) {
        group.put_header(std::move(*planned.header));
        return;
      }
      group.erase_header(document);
      group.ledger().documents -= 1;
      report_.documents_removed += 1;
    });
  }

  Result<void> drop_receipts() {
    for (ReceiptNumber from = report_.receipt + 1; from <= ledger_.last_receipt;) {
      const ReceiptNumber end = std::min(ledger_.last_receipt + 1, from + kReceiptsPerBatch);
      const auto written = write([&](Group& group) {
        for (ReceiptNumber number = from; number < end; ++number) group.erase(receipt_key(number));
      });
      if (!written) return written;
      from = end;
    }
    return write([&](Group& group) { group.ledger().last_receipt = report_.receipt; });
  }

  Result<void> write(const std::function<void(Group&)>& fill) {
    Group group(kv_, cache_, ledger_, options_.clock->wall_now_ms());
    fill(group);
    group.ledger().synced = ledger_.commit;
    group.ledger().commit += 1;
    if (auto ok = kv_.write(group.seal(), true); !ok) return ok;
    ledger_ = group.ledger();
    cache_.clear();
    return {};
  }

  Kv& kv_;
  const OpenOptions& options_;
  HeaderCache cache_;
  Ledger ledger_;
  CutReport report_;
  std::map<DocumentId, std::set<ChangeHash>> cut_;
  std::map<DocumentId, Planned> plans_;
};

}  // namespace

Result<CutReport> cut_store(const std::filesystem::path& path, const CutPoint& point,
                            const OpenOptions& options) {
  OpenOptions existing = options;
  existing.mode = OpenMode::kExisting;
  auto directory = StoreDirectory::open(path, existing);
  if (!directory) return directory.error();
  auto opened = open_leveldb_kv(std::move(*directory), existing);
  if (!opened) return opened.error();
  auto report = Cutter(*opened->kv, existing).run(point);
  const auto closed = opened->kv->close();
  if (report && !closed) return closed.error();
  return report;
}

}  // namespace converge::store
