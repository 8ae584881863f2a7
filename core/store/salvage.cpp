#include "core/store/salvage.h"

#include "core/codec/sha256.h"
#include "core/store/directory.h"
#include "core/store/group.h"
#include "core/store/keys.h"
#include "core/store/leveldb_kv.h"
#include "core/store/lock_probe.h"
#include "core/store/log_walk.h"
#include "core/store/manifest.h"
#include "core/store/record_check.h"
#include "core/store/record_walk.h"
#include "core/store/rules.h"
#include "core/store/values.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace converge::store {
namespace {

namespace fs = std::filesystem;
using HashSet = std::unordered_set<ChangeHash, model::ChangeHashHasher>;

constexpr std::size_t kBatchBytes = 1u << 20;

/// Writes records into the new store, in batches that carry the ledger as every batch does.
class Sink {
 public:
  Sink(Kv& kv, const OpenOptions& open) : kv_(kv), open_(open) { begin(); }

  Ledger& ledger() { return group_->ledger(); }
  void put(std::string key, std::string value) { group_->put(std::move(key), std::move(value)); }
  Result<void> flush_if_large() {
    return group_->bytes() >= kBatchBytes ? flush(false) : Result<void>();
  }
  Result<void> flush(bool sync) {
    group_->ledger().commit += 1;
    if (auto ok = kv_.write(group_->seal(), sync); !ok) return ok;
    ledger_ = group_->ledger();
    if (sync) ledger_.synced = ledger_.commit;
    begin();
    return {};
  }

 private:
  void begin() { group_.emplace(kv_, cache_, ledger_, open_.clock->wall_now_ms()); }

  Kv& kv_;
  const OpenOptions& open_;
  HeaderCache cache_;
  Ledger ledger_;
  std::optional<Group> group_;
};

struct Change {
  std::string value;  ///< of the record, as stored
  std::size_t chunk_bytes = 0;
  std::vector<ChangeHash> dependencies;
};

struct Snapshot {
  SnapshotHead head;
  std::vector<std::string> parts;  ///< values as stored
  InspectedSnapshot inside;
  bool is_inspected = false;
};

/// The records of one document, until the next document's begin.
struct Gathered {
  DocumentId id;
  std::map<ChangeHash, Change> changes;
  std::map<ChangeHash, Change> orphans;
  std::map<std::uint32_t, std::map<std::uint32_t, std::string>> parts;  ///< by generation, part
};

class Salvager {
 public:
  Salvager(Sink& sink, const SalvageOptions& options, const OpenOptions& open,
           SalvageReport& report)
      : sink_(sink), options_(options), open_(open), report_(report) {}

  Result<void> add(std::string_view key, std::string_view value) {
    report_.records += 1;
    const auto parsed = parse_key(key);
    if (!parsed) return drop(parsed.error(), key);
    const bool is_data = parsed->kind == Kind::kChange || parsed->kind == Kind::kOrphan ||
                         parsed->kind == Kind::kSnapshotPart || parsed->kind == Kind::kPeerSync ||
                         parsed->kind == Kind::kReceiptList;
    if (gathered_ && !(is_data && parsed->document == gathered_->id)) {
      if (auto ok = close_document(); !ok) return ok;
    }
    if (is_data) {
      if (!gathered_) gathered_.emplace().id = parsed->document;
      return gather(*parsed, key, value);
    }
    if (auto ok = take(*parsed, key, value); !ok) return ok;
    return sink_.flush_if_large();
  }

  Result<void> finish() {
    if (gathered_) {
      if (auto ok = close_document(); !ok) return ok;
    }
    restore_names();
    for (auto& [id, record] : headers_) {
      if (buried_.contains(id)) {
        add_removal_job(id);
        continue;
      }
      sink_.ledger().documents += 1;
      sink_.ledger().changes += record.header.change_count;
      if (record.header.state == DocumentState::kActive) report_.documents_complete += 1;
      std::string header = header_key(id);
      std::string sealed = encode_header(header, record);
      sink_.put(std::move(header), std::move(sealed));
      if (auto ok = sink_.flush_if_large(); !ok) return ok;
    }
    sink_.ledger().last_receipt = last_receipt_;
    return sink_.flush(true);
  }

 private:
  Result<void> drop(const Error& error, std::string_view key) {
    report_.records_dropped += 1;
    const std::string& message = error.message;
    Finding finding{message.substr(0, message.find(':')),
                    Severity::kError,
                    message,
                    {{}, 0, describe_key(key)},
                    {},
                    0,
                    {}};
    report_.findings.push_back(std::move(finding));
    return {};
  }

  void copy(std::string_view key, std::string_view value) {
    sink_.put(std::string(key), std::string(value));
  }

  Result<void> gather(const ParsedKey& parsed, std::string_view key, std::string_view value) {
    if (parsed.kind == Kind::kPeerSync) return {};     // worth a round trip, under another id
    if (parsed.kind == Kind::kReceiptList) return {};  // derivable
    if (parsed.kind == Kind::kSnapshotPart) {
      const auto part = decode_snapshot_part(key, value);
      if (!part) return drop(part.error(), key);
      gathered_->parts[static_cast<std::uint32_t>(parsed.number)][parsed.part] = value;
      return {};
    }
    const auto record = decode_change(key, value, parsed.kind);
    if (!record) return drop(record.error(), key);
    const ByteView chunk = as_bytes(record->chunk);
    if (const auto ok = check_change(parsed.hash, chunk); !ok) return drop(ok.error(), key);
    auto dependencies = chunk_dependencies(chunk);
    if (!dependencies) return drop(dependencies.error(), key);
    auto& list = parsed.kind == Kind::kChange ? gathered_->changes : gathered_->orphans;
    list[parsed.hash] = {std::string(value), chunk.size(), std::move(*dependencies)};
    return {};
  }

  /// The newest generation whose parts are all there and hash to what part 0 says.
  std::optional<Snapshot> choose_snapshot() {
    for (auto at = gathered_->parts.rbegin(); at != gathered_->parts.rend(); ++at) {
      Bytes bytes;
      Snapshot snapshot;
      std::optional<SnapshotHead> head;
      std::uint32_t next = 0;
      for (auto& [number, value] : at->second) {
        const auto part =
            decode_snapshot_part(snapshot_key(gathered_->id, at->first, number), value);
        if (!part || number != next++) break;
        if (part->head) head = part->head;
        const ByteView data = as_bytes(part->data);
        bytes.insert(bytes.end(), data.begin(), data.end());
        snapshot.parts.push_back(value);
      }
      if (!head || snapshot.parts.size() != head->parts || codec::sha256(bytes) != head->sha256) {
        continue;
      }
      snapshot.head = std::move(*head);
      if (options_.inspect_snapshot) {
        auto inside = options_.inspect_snapshot(bytes);
        if (!inside) continue;
        snapshot.inside = std::move(*inside);
        snapshot.is_inspected = true;
      }
      return snapshot;
    }
    return std::nullopt;
  }

  /// Sorts changes into those whose dependencies are all there, and the rest.
  HashSet closed_subset(const HashSet& inside, bool trusts_unknown) const {
    HashSet closed;
    bool grew = true;
    while (grew) {
      grew = false;
      for (const auto& [hash, change] : gathered_->changes) {
        if (closed.contains(hash) || inside.contains(hash)) continue;
        const bool ready =
            std::ranges::all_of(change.dependencies, [&](const ChangeHash& dependency) {
              if (inside.contains(dependency) || closed.contains(dependency)) return true;
              return trusts_unknown && !gathered_->changes.contains(dependency);
            });
        if (ready) grew = closed.insert(hash).second || grew;
      }
    }
    return closed;
  }

  Result<void> close_document() {
    const Gathered& document = *gathered_;
    const auto snapshot = choose_snapshot();
    HashSet inside;
    if (snapshot) inside.insert(snapshot->inside.changes.begin(), snapshot->inside.changes.end());
    const bool trusts_unknown = snapshot && !snapshot->is_inspected;
    const HashSet closed = closed_subset(inside, trusts_unknown);

    HeaderRecord record;
    DocumentHeader& header = record.header;
    header.id = document.id;
    HashSet referenced;
    HashSet missing;
    for (const auto& [hash, change] : document.changes) {
      if (inside.contains(hash)) continue;
      const bool is_kept = closed.contains(hash);
      write_change(hash, change, is_kept);
      for (const ChangeHash& dependency : change.dependencies) {
        if (is_kept) referenced.insert(dependency);
        const bool known = inside.contains(dependency) || document.changes.contains(dependency);
        if (!is_kept && !known) missing.insert(dependency);
      }
      if (!is_kept) continue;
      header.tail_changes += 1;
      header.tail_bytes += change.chunk_bytes;
    }
    for (const auto& [hash, orphan] : document.orphans) {
      if (document.changes.contains(hash) || inside.contains(hash)) continue;
      std::string key = orphan_key(document.id, hash);
      sink_.put(std::move(key), orphan.value);
    }
    if (snapshot) write_snapshot(*snapshot, header);
    header.change_count = header.tail_changes + header.snapshot.changes;
    for (const ChangeHash& hash : closed) {
      if (!referenced.contains(hash)) header.heads.push_back(hash);
    }
    for (const ChangeHash& hash : header.snapshot.heads) {
      if (!referenced.contains(hash)) header.heads.push_back(hash);
    }
    std::ranges::sort(header.heads);
    const bool lost_snapshot = !document.parts.empty() && !snapshot;
    finish_document(std::move(record), missing, lost_snapshot);
    gathered_.reset();
    return sink_.flush_if_large();
  }

  /// A change without its ancestors becomes an orphan: peers then send what it lacks.
  void write_change(const ChangeHash& hash, const Change& change, bool is_kept) {
    const DocumentId& id = gathered_->id;
    std::string key = change_key(id, hash);
    const auto stored = decode_change(key, change.value, Kind::kChange);
    if (!stored) return;  // decoded before
    if (!is_kept) {
      key = orphan_key(id, hash);
      std::string value = encode_change(key, Kind::kOrphan,
                                        {0, stored->received_ms, stored->source, stored->chunk});
      sink_.put(std::move(key), std::move(value));
      return;
    }
    // The record tells its receipt, whether that one can still be read or not.
    std::string receipt = receipt_key(stored->receipt);
    std::string value =
        encode_receipt(receipt, {stored->receipt, id, hash, stored->received_ms, stored->source});
    sink_.put(std::move(receipt), std::move(value));
    last_receipt_ = std::max(last_receipt_, stored->receipt);
    sink_.put(std::move(key), change.value);
  }

  void write_snapshot(const Snapshot& snapshot, DocumentHeader& header) {
    constexpr std::uint32_t kGeneration = 1;
    header.snapshot = {kGeneration, snapshot.head.bytes, snapshot.head.changes,
                       snapshot.head.sha256, snapshot.head.heads};
    for (std::uint32_t i = 0; i < snapshot.parts.size(); ++i) {
      // Sealed again, because the key is inside the sum.
      const auto& generations = gathered_->parts;
      for (const auto& [generation, parts] : generations) {
        const auto at = parts.find(i);
        if (at == parts.end() || at->second != snapshot.parts[i]) continue;
        const auto part =
            decode_snapshot_part(snapshot_key(gathered_->id, generation, i), at->second);
        if (!part) continue;
        std::string key = snapshot_key(gathered_->id, kGeneration, i);
        std::string value = encode_snapshot_part(key, *part);
        sink_.put(std::move(key), std::move(value));
        break;
      }
    }
  }

  void finish_document(HeaderRecord record, const HashSet& missing, bool lost_snapshot) {
    DocumentHeader& header = record.header;
    header.document_seq = header.change_count;
    header.created_ms = header.modified_ms = open_.clock->wall_now_ms();
    const bool is_empty = header.change_count == 0;
    if (!missing.empty() || lost_snapshot) {
      header.state = DocumentState::kDegraded;
      SalvagedDocument entry{header.id, header.change_count, {}, is_empty};
      for (const ChangeHash& hash : missing) {
        if (entry.missing.size() == kMissingMax) break;
        entry.missing.push_back(hash);
      }
      std::ranges::sort(entry.missing);
      header.missing = entry.missing;
      report_.documents_degraded.push_back(std::move(entry));
    }
    headers_[header.id] = std::move(record);
  }

  Result<void> take(const ParsedKey& parsed, std::string_view key, std::string_view value) {
    switch (parsed.kind) {
      case Kind::kHeader:
        return take_header(parsed, key, value);
      case Kind::kMeta:
        return take_meta(parsed, key, value);
      case Kind::kName: {
        const auto document = decode_name(key, value);
        if (!document) return drop(document.error(), key);
        names_[std::string(parsed.name)] = *document;
        return {};
      }
      case Kind::kNameLink:
        // A link proves a name that cannot be read; a readable name overrides it.
        names_.try_emplace(std::string(parsed.name), parsed.document);
        return {};
      case Kind::kReceipt: {
        const auto receipt = decode_receipt(key, value);
        if (!receipt) return drop(receipt.error(), key);
        last_receipt_ = std::max(last_receipt_, receipt->number);
        copy(key, value);
        return {};
      }
      case Kind::kTombstone: {
        const auto tombstone = decode_tombstone(key, value);
        if (!tombstone) return drop(tombstone.error(), key);
        buried_.insert(parsed.document);
        report_.tombstones += 1;
        sink_.ledger().tombstones += 1;
        copy(key, value);
        return {};
      }
      case Kind::kJob:
        return {};  // removals are begun again from the tombstones
      case Kind::kIdempotency:
      case Kind::kPeer:
      case Kind::kGrant:
      case Kind::kAudit: {
        const auto body = open_value(key, value, parsed.kind);
        if (!body) return drop(body.error(), key);
        copy(key, value);
        return {};
      }
      default:
        return {};  // derivable
    }
  }

  Result<void> take_header(const ParsedKey& parsed, std::string_view key, std::string_view value) {
    const auto old = decode_header(key, value);
    if (!old) return drop(old.error(), key);
    const auto at = headers_.find(parsed.document);
    if (at == headers_.end()) {
      if (old->header.state == DocumentState::kDeleted || old->header.heads.empty()) return {};
      report_.documents_degraded.push_back({parsed.document, 0, {}, true});
      HeaderRecord record;
      record.header.id = parsed.document;
      record.header.state = DocumentState::kDegraded;
      record.header.missing = old->header.heads;
      record.header.document_seq = old->header.document_seq + 1;
      record.header.created_ms = old->header.created_ms;
      headers_[parsed.document] = std::move(record);
      return {};
    }
    DocumentHeader& header = at->second.header;
    header.document_seq = std::max(header.document_seq, old->header.document_seq + 1);
    header.created_ms = old->header.created_ms;
    header.modified_ms = old->header.modified_ms;
    const bool lacks = header.state == DocumentState::kActive && header.heads != old->header.heads;
    if (lacks) {
      // Closed, but not up to where it was: the newest changes are gone.
      header.state = DocumentState::kDegraded;
      SalvagedDocument entry{header.id, header.change_count, {}, false};
      std::ranges::set_difference(old->header.heads, header.heads,
                                  std::back_inserter(entry.missing));
      header.missing = entry.missing;
      report_.documents_degraded.push_back(std::move(entry));
    }
    return {};
  }

  Result<void> take_meta(const ParsedKey& parsed, std::string_view key, std::string_view value) {
    const auto body = open_value(key, value, Kind::kMeta);
    if (!body) return drop(body.error(), key);
    if (parsed.name == kLedgerName) {
      if (const auto ledger = decode_ledger(key, value)) report_.last_commit = ledger->commit;
    } else if (parsed.name.starts_with("u.") || parsed.name == "created") {
      copy(key, value);
    }
    return {};
  }

  void restore_names() {
    for (const auto& [name, document] : names_) {
      if (buried_.contains(document)) continue;
      std::string key = name_key(name);
      std::string value = encode_name(key, document);
      sink_.put(std::move(key), std::move(value));
      key = name_link_key(document, name);
      value = seal_value(key, Kind::kNameLink, {});
      sink_.put(std::move(key), std::move(value));
      report_.names += 1;
    }
  }

  void add_removal_job(const DocumentId& document) {
    std::string key = job_key(next_job_++);
    std::string value = encode_job(key, {JobKind::kDelete, document, open_.clock->wall_now_ms()});
    sink_.put(std::move(key), std::move(value));
  }

  Sink& sink_;
  const SalvageOptions& options_;
  const OpenOptions& open_;
  SalvageReport& report_;
  std::optional<Gathered> gathered_;
  std::map<DocumentId, HeaderRecord> headers_;
  std::map<std::string, DocumentId> names_;
  std::unordered_set<DocumentId, model::DocumentIdHasher> buried_;
  ReceiptNumber last_receipt_ = 0;
  std::uint64_t next_job_ = 1;
};

/// All sources of the walk: tables of the version if it can be read, else all; every log.
Result<void> add_sources(const fs::path& database, RecordWalk& walk, SalvageReport& report) {
  const auto files = list_database(database);
  if (!files) return files.error();
  std::optional<Manifest> version;
  if (const auto current = read_current(database)) {
    if (const auto bytes = read_whole_file(database / *current)) {
      if (auto manifest = read_manifest(*bytes)) version = std::move(*manifest);
    }
  }
  report.used_manifest = version.has_value();
  if (version) {
    for (const TableFile& file : version->files) walk.add_table(file.number);
  } else {
    for (const std::uint64_t number : files->tables) walk.add_table(number);
  }
  for (const std::uint64_t log : files->logs) {
    if (!version || log >= version->log_number) walk.add_log(log);
  }
  return {};
}

Result<void> write_identity(Sink& sink, const OpenOptions& open, StoreId& id) {
  open.random->fill(id);
  std::string key = meta_key("format");
  std::string value = encode_format(key, {1, 0, {}, {}, open.writer});
  sink.put(std::move(key), std::move(value));
  key = meta_key("store-id");
  value = encode_blob(key, Kind::kMeta, as_text(id));
  sink.put(std::move(key), std::move(value));
  key = meta_key("incarnation");
  value = encode_number(key, Kind::kMeta, 0);
  sink.put(std::move(key), std::move(value));
  key = meta_key("created");
  value = encode_number(key, Kind::kMeta, static_cast<std::uint64_t>(open.clock->wall_now_ms()));
  sink.put(std::move(key), std::move(value));
  return sink.flush(true);
}

}  // namespace

Result<SalvageReport> salvage_store(const fs::path& source, const fs::path& target,
                                    const SalvageOptions& options, const OpenOptions& open) {
  const fs::path database = source / kDatabaseFolder;
  if (auto ok = expect_store(source); !ok) return ok.error();
  // What a newer release wrote means something else.
  if (const auto known = check_format_file(source); !known) return known.error();
  const auto lock = LockProbe::take(source);
  if (!lock) return lock.error();
  SalvageReport report;
  RecordWalk walk(database, [&](const WalkDamage& damage) {
    report.findings.push_back(
        {damage.code, Severity::kError, damage.why, {damage.file, damage.offset, {}}, {}, 0, {}});
  });
  if (auto ok = add_sources(database, walk, report); !ok) return ok.error();

  OpenOptions create = open;
  create.mode = OpenMode::kCreateIfAbsent;
  auto directory = StoreDirectory::open(target, create);
  if (!directory && directory.error().code != ErrorCode::kInvalid) return directory.error();
  if (!directory || !directory->is_new()) {
    return Error{ErrorCode::kInvalid, target.string() + " is not an empty directory",
                 "output.exists"};
  }
  auto opened = open_leveldb_kv(std::move(*directory), create);
  if (!opened) return opened.error();
  Sink sink(*opened->kv, open);
  if (auto ok = write_identity(sink, open, report.store_id); !ok) return ok.error();
  Salvager salvager(sink, options, open, report);
  std::string_view key;
  std::string_view value;
  while (walk.next(key, value)) {
    if (auto ok = salvager.add(key, value); !ok) return ok.error();
  }
  if (auto ok = salvager.finish(); !ok) return ok.error();
  if (auto ok = opened->kv->initialised(); !ok) return ok.error();
  if (auto ok = opened->kv->close(); !ok) return ok.error();
  report.tables = walk.totals().tables;
  report.log_records = walk.totals().log_records;
  return report;
}

}  // namespace converge::store
