#include "core/store/record_check.h"

#include "core/base/limits.h"
#include "core/codec/leb128.h"
#include "core/codec/sha256.h"
#include "core/store/group.h"
#include "core/store/keys.h"
#include "core/store/rules.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace converge::store {
namespace {

using HashSet = std::unordered_set<ChangeHash, model::ChangeHashHasher>;

/// What the records of one document under `d` come to; compared with its header when that passes.
struct Summary {
  std::uint64_t tail_changes = 0;
  std::uint64_t tail_bytes = 0;
  std::uint64_t receipts = 0;
  bool has_data = false;
  bool heads_known = false;
  Heads heads;
  std::map<std::uint32_t, Sha256> snapshots;  ///< whole ones, by generation
};

/// The document whose records are passing.
struct Passing {
  DocumentId id;
  HashSet changes;
  std::vector<std::pair<ChangeHash, std::vector<ChangeHash>>> dependencies;
  std::vector<std::pair<ChangeHash, std::vector<ChangeHash>>> orphans;
  std::uint64_t orphan_bytes = 0;
  std::vector<PeerSync> states;
  Bytes snapshot;
  std::optional<SnapshotHead> head;
  std::uint32_t generation = 0;
  std::uint32_t parts = 0;
  bool snapshot_broken = false;
  std::optional<InspectedSnapshot> inside;
};

}  // namespace

Result<std::vector<ChangeHash>> chunk_dependencies(ByteView chunk) {
  const auto corrupt = [] {
    return Error{ErrorCode::kCorrupt, "change.hash: its dependencies cannot be read"};
  };
  constexpr std::size_t kTypeAt = 8;
  if (chunk.size() <= kTypeAt + 1) return corrupt();
  codec::Reader reader(chunk.subspan(kTypeAt + 1));
  const auto length = codec::read_uleb(reader);
  if (!length) return corrupt();
  const auto count = codec::read_uleb(reader);
  if (!count || *count > limits::kDepsPerChangeMax || *count * 32 > reader.remaining()) {
    return corrupt();
  }
  std::vector<ChangeHash> out(*count);
  for (ChangeHash& hash : out) {
    std::ranges::copy(reader.take(32), hash.bytes.begin());
  }
  return out;
}

std::optional<ChangeHash> change_hash(ByteView chunk) {
  constexpr std::size_t kTypeAt = 8;  // behind magic and checksum
  if (chunk.size() <= kTypeAt) return std::nullopt;
  ChangeHash hash;
  hash.bytes = codec::sha256(chunk.subspan(kTypeAt));
  if (!check_change(hash, chunk)) return std::nullopt;
  return hash;
}

struct RecordChecker::Impl {
  SnapshotInspector inspector;
  OnFinding on_finding;
  std::uint64_t records = 0;
  std::uint64_t changes = 0;
  std::uint64_t documents = 0;
  std::uint64_t tombstones = 0;
  std::uint64_t header_changes = 0;
  std::optional<Ledger> ledger;
  std::unordered_map<DocumentId, Summary, model::DocumentIdHasher> summaries;
  std::unordered_map<DocumentId, std::uint64_t, model::DocumentIdHasher> counts;
  std::unordered_set<DocumentId, model::DocumentIdHasher> deleting;
  std::map<std::pair<DocumentId, std::string>, bool> links;  ///< seen under n yet
  std::optional<Passing> passing;
  ReceiptNumber next_receipt = 1;
  bool has_format = false;
  bool has_id = false;

  void find(const char* code, Severity severity, std::string what, std::string_view key,
            std::vector<DocumentId> concerned = {}) {
    Finding finding{code, severity, std::move(what), {}, std::move(concerned), 0, {}};
    if (!key.empty()) finding.where.key = describe_key(key);
    on_finding(std::move(finding));
  }
  void find(const Error& error, std::string_view key, std::vector<DocumentId> concerned = {}) {
    const std::string& message = error.message;
    std::string code = message.substr(0, message.find(':'));
    if (code.find(' ') != std::string::npos || code.find('.') == std::string::npos) {
      code = "record.bad";
    }
    find(code.c_str(), Severity::kError, message, key, std::move(concerned));
  }

  // Under `d`.

  void enter(const DocumentId& id) {
    if (passing && passing->id == id) return;
    leave();
    passing.emplace();
    passing->id = id;
    summaries[id].has_data = true;
  }

  void leave() {
    if (!passing) return;
    close_snapshot();
    Passing& at = *passing;
    Summary& summary = summaries[at.id];
    const bool knows_inside = at.inside.has_value() || summary.snapshots.empty();
    HashSet known = at.changes;
    if (at.inside) known.insert(at.inside->changes.begin(), at.inside->changes.end());
    HashSet referenced;
    for (const auto& [hash, dependencies] : at.dependencies) {
      for (const ChangeHash& dependency : dependencies) {
        referenced.insert(dependency);
        if (knows_inside && !known.contains(dependency)) {
          find("document.missing-dep", Severity::kError,
               "change " + hash.to_hex() + " depends on " + dependency.to_hex() +
                   ", which is not stored",
               {}, {at.id});
        }
      }
    }
    if (knows_inside) {
      // A change that the snapshot holds too is a leftover, and its children may be inside.
      HashSet inside;
      if (at.inside) inside.insert(at.inside->changes.begin(), at.inside->changes.end());
      for (const ChangeHash& hash : at.changes) {
        if (!referenced.contains(hash) && !inside.contains(hash)) summary.heads.push_back(hash);
      }
      if (at.inside) {
        for (const ChangeHash& hash : at.inside->heads) {
          if (!referenced.contains(hash)) summary.heads.push_back(hash);
        }
      }
      std::ranges::sort(summary.heads);
      // Not ranges::unique, whose subrange clang 14 does not take.
      summary.heads.erase(std::unique(summary.heads.begin(), summary.heads.end()),
                          summary.heads.end());
      summary.heads_known = true;
      check_orphans(at, known);
      check_states(at, known);
    }
    passing.reset();
  }

  void check_orphans(const Passing& at, const HashSet& known) {
    for (const auto& [hash, dependencies] : at.orphans) {
      const bool applicable = std::ranges::all_of(
          dependencies, [&](const ChangeHash& dependency) { return known.contains(dependency); });
      if (applicable) {
        find("document.orphans", Severity::kWarning,
             "orphan " + hash.to_hex() + " has all its dependencies", {}, {at.id});
      }
    }
    if (at.orphans.size() > limits::kOrphansPerDocumentMax ||
        at.orphan_bytes > limits::kOrphanBytesPerDocumentMax) {
      find("document.orphans", Severity::kWarning, "more orphans than the limit", {}, {at.id});
    }
  }

  void check_states(const Passing& at, const HashSet& known) {
    for (const PeerSync& state : at.states) {
      for (const ChangeHash& hash : state.shared_heads) {
        if (known.contains(hash)) continue;
        find("document.sync-state", Severity::kWarning,
             "the state kept for peer " + to_hex(state.peer) + " names " + hash.to_hex() +
                 ", which is not stored",
             {}, {at.id});
      }
    }
  }

  void close_snapshot() {
    Passing& at = *passing;
    if (at.generation == 0) return;
    const std::uint32_t generation = std::exchange(at.generation, 0);
    const bool whole = !at.snapshot_broken && at.head && at.parts == at.head->parts &&
                       at.snapshot.size() == at.head->bytes &&
                       codec::sha256(at.snapshot) == at.head->sha256;
    if (whole) {
      summaries[at.id].snapshots[generation] = at.head->sha256;
      if (inspector) inspect(at);
    } else {
      // A crash before publishing leaves such parts; the header says whether they count.
      find("snapshot.leftover", Severity::kInfo,
           "generation " + std::to_string(generation) + " is not whole", {}, {at.id});
    }
    at.snapshot.clear();
    at.head.reset();
    at.parts = 0;
    at.snapshot_broken = false;
  }

  void inspect(Passing& at) {
    auto inside = inspector(at.snapshot);
    if (!inside) {
      find("snapshot.hash", Severity::kError, inside.error().message, {}, {at.id});
      return;
    }
    auto heads = inside->heads;
    std::ranges::sort(heads);
    if (heads != at.head->heads || inside->changes.size() != at.head->changes) {
      find("snapshot.hash", Severity::kError,
           "the snapshot holds other heads or changes than it says", {}, {at.id});
    }
    at.inside = std::move(*inside);
  }

  void add_part(const ParsedKey& parsed, std::string_view key, std::string_view value) {
    Passing& at = *passing;
    const auto generation = static_cast<std::uint32_t>(parsed.number);
    if (generation != at.generation) close_snapshot();
    at.generation = generation;
    auto part = decode_snapshot_part(key, value);
    if (!part) {
      find(part.error(), key, {at.id});
      at.snapshot_broken = true;
      return;
    }
    if (parsed.part != at.parts || part->head.has_value() != (parsed.part == 0)) {
      at.snapshot_broken = true;
    }
    if (part->head) at.head = std::move(part->head);
    at.parts += 1;
    const ByteView data = as_bytes(part->data);
    at.snapshot.insert(at.snapshot.end(), data.begin(), data.end());
  }

  void add_change(const ParsedKey& parsed, std::string_view key, std::string_view value) {
    Passing& at = *passing;
    const auto record = decode_change(key, value, parsed.kind);
    if (!record) return find(record.error(), key, {at.id});
    const ByteView chunk = as_bytes(record->chunk);
    if (const auto ok = check_change(parsed.hash, chunk); !ok) {
      return find(ok.error(), key, {at.id});
    }
    auto dependencies = chunk_dependencies(chunk);
    if (!dependencies) return find(dependencies.error(), key, {at.id});
    if (parsed.kind == Kind::kOrphan) {
      at.orphans.emplace_back(parsed.hash, std::move(*dependencies));
      at.orphan_bytes += chunk.size();
      return;
    }
    changes += 1;
    at.changes.insert(parsed.hash);
    at.dependencies.emplace_back(parsed.hash, std::move(*dependencies));
    Summary& summary = summaries[at.id];
    summary.tail_changes += 1;
    summary.tail_bytes += chunk.size();
  }

  // Other spaces.

  void add_header(const ParsedKey& parsed, std::string_view key, std::string_view value) {
    const auto record = decode_header(key, value);
    const auto found = summaries.find(parsed.document);
    const Summary summary = found == summaries.end() ? Summary{} : std::move(found->second);
    if (found != summaries.end()) summaries.erase(found);
    if (!record) return find(record.error(), key, {parsed.document});
    const DocumentHeader& header = record->header;
    if (header.state == DocumentState::kDeleted) {
      deleting.insert(header.id);
      return;
    }
    if (header.state == DocumentState::kDegraded) {
      on_finding({"document.degraded",
                  Severity::kInfo,
                  std::to_string(header.missing.size()) + " changes of the document are missing",
                  {{}, 0, describe_key(key)},
                  {header.id},
                  header.missing.size(),
                  "syncctl store repair --apply --from-peer PEER"});
    }
    documents += 1;
    header_changes += header.change_count;
    counts[header.id] = header.change_count;
    const SnapshotRef& snapshot = header.snapshot;
    if (snapshot.generation != 0) {
      const auto stored = summary.snapshots.find(snapshot.generation);
      if (stored == summary.snapshots.end() || stored->second != snapshot.sha256) {
        find("snapshot.hash", Severity::kError, "the snapshot that the header names is not whole",
             key, {header.id});
      }
    }
    const std::size_t expected = snapshot.generation != 0 ? 1 : 0;
    const bool leftovers = summary.snapshots.size() > expected ||
                           (snapshot.generation != 0 && summary.tail_changes > header.tail_changes);
    if (leftovers) {
      find("snapshot.leftover", Severity::kInfo,
           "records that a snapshot replaced are still there; the next load removes them", key,
           {header.id});
    } else if (summary.tail_changes != header.tail_changes ||
               summary.tail_bytes != header.tail_bytes) {
      find("document.counts", Severity::kError,
           "the header counts " + std::to_string(header.tail_changes) + " changes of " +
               std::to_string(header.tail_bytes) + " bytes, stored are " +
               std::to_string(summary.tail_changes) + " of " + std::to_string(summary.tail_bytes),
           key, {header.id});
    }
    if (header.tail_changes + snapshot.changes != header.change_count) {
      find("document.counts", Severity::kError, "the header's counts do not add up", key,
           {header.id});
    }
    if (summary.heads_known && summary.heads != header.heads) {
      find("document.heads", Severity::kError,
           "the header's heads are not those of the stored changes", key, {header.id});
    }
    if (!summary.has_data && !header.heads.empty()) {
      find("document.missing-dep", Severity::kError, "the document has a header and no data", key,
           {header.id});
    }
  }

  void add_receipt(const ParsedKey& parsed, std::string_view key, std::string_view value) {
    const auto receipt = decode_receipt(key, value);
    if (!receipt) return find(receipt.error(), key);
    if (parsed.number != next_receipt) {
      find("index.receipts", Severity::kError,
           "receipts " + std::to_string(next_receipt) + " to " + std::to_string(parsed.number - 1) +
               " are missing",
           key);
    }
    next_receipt = parsed.number + 1;
    if (const auto at = counts.find(receipt->document); at != counts.end() && at->second > 0) {
      at->second -= 1;
    }
  }

  void add_meta(const ParsedKey& parsed, std::string_view key, std::string_view value) {
    if (parsed.name == kLedgerName) {
      auto found = decode_ledger(key, value);
      if (!found) return find(found.error(), key);
      ledger = std::move(*found);
      return;
    }
    if (parsed.name == "format") has_format = decode_format(key, value).has_value();
    if (parsed.name == "store-id") has_id = decode_blob(key, value, Kind::kMeta).has_value();
    const auto body = open_value(key, value, Kind::kMeta);
    if (!body) find(body.error(), key);
  }

  void add_name(const ParsedKey& parsed, std::string_view key, std::string_view value) {
    const auto document = decode_name(key, value);
    if (!document) return find(document.error(), key);
    if (const auto ok = check_name(parsed.name); !ok)
      return find("index.names", Severity::kError, ok.error().message, key);
    const auto link = links.find({*document, std::string(parsed.name)});
    if (link == links.end()) {
      find("index.names", Severity::kError, "the name has no link back", key, {*document});
    } else {
      link->second = true;
    }
  }

  template <class Decoded>
  void check_decoded(const Decoded& decoded, std::string_view key) {
    if (!decoded) find(decoded.error(), key);
  }

  void add_other(const ParsedKey& parsed, std::string_view key, std::string_view value) {
    switch (parsed.kind) {
      case Kind::kTombstone:
        tombstones += 1;
        deleting.erase(parsed.document);
        return check_decoded(decode_tombstone(key, value), key);
      case Kind::kIdempotency:
        return check_decoded(decode_idempotency(key, value), key);
      case Kind::kPeer:
        return check_decoded(decode_peer(key, value), key);
      case Kind::kJob:
        return check_decoded(decode_job(key, value), key);
      default:
        return check_decoded(open_value(key, value, parsed.kind), key);
    }
  }

  void add(std::string_view key, std::string_view value) {
    records += 1;
    const auto parsed = parse_key(key);
    if (!parsed) return find("record.key", Severity::kError, parsed.error().message, key);
    switch (parsed->kind) {
      case Kind::kChange:
      case Kind::kOrphan:
        enter(parsed->document);
        return add_change(*parsed, key, value);
      case Kind::kSnapshotPart:
        enter(parsed->document);
        return add_part(*parsed, key, value);
      case Kind::kPeerSync: {
        enter(parsed->document);
        auto heads = decode_peer_sync(key, value);
        if (!heads) return find(heads.error(), key, {parsed->document});
        passing->states.push_back({parsed->peer, std::move(*heads)});
        return;
      }
      case Kind::kReceiptList:
        enter(parsed->document);
        return check_decoded(decode_receipt_list(key, value), key);
      default:
        break;
    }
    leave();
    if (parsed->kind == Kind::kHeader) return add_header(*parsed, key, value);
    if (parsed->kind == Kind::kReceipt) return add_receipt(*parsed, key, value);
    if (parsed->kind == Kind::kMeta) return add_meta(*parsed, key, value);
    if (parsed->kind == Kind::kName) return add_name(*parsed, key, value);
    if (parsed->kind == Kind::kNameLink) {
      links.emplace(std::pair(parsed->document, std::string(parsed->name)), false);
      return check_decoded(open_value(key, value, Kind::kNameLink), key);
    }
    add_other(*parsed, key, value);
  }

  void finish_some(bool is_whole) {
    leave();
    const Severity severity = is_whole ? Severity::kError : Severity::kWarning;
    for (const auto& [id, summary] : summaries) {
      find("document.no-header", severity, "the document has data and no header", {}, {id});
    }
    for (const DocumentId& id : deleting) {
      find("document.no-header", severity, "the document is deleted without a tombstone", {}, {id});
    }
  }

  void finish(bool is_whole) {
    finish_some(is_whole);
    const Severity severity = is_whole ? Severity::kError : Severity::kWarning;
    for (const auto& [link, seen] : links) {
      if (!seen) {
        find("index.names", severity, "the link to the name " + link.second + " has no name", {},
             {link.first});
      }
    }
    for (const auto& [id, missing] : counts) {
      if (missing == 0) continue;
      find("index.receipts", severity,
           std::to_string(missing) + " changes of the document have no receipt", {}, {id});
    }
    if (!has_format || !has_id || !ledger) {
      find("store.metadata", Severity::kError, "the store's own records are incomplete", {});
    }
    if (!ledger) return;
    if (next_receipt != ledger->last_receipt + 1) {
      find("index.receipts", severity,
           "the last receipt is " + std::to_string(next_receipt - 1) + ", the ledger says " +
               std::to_string(ledger->last_receipt),
           {});
    }
    if (documents != ledger->documents || header_changes != ledger->changes ||
        tombstones != ledger->tombstones) {
      find("index.counts", severity,
           "the ledger counts " + std::to_string(ledger->documents) + " documents, " +
               std::to_string(ledger->changes) + " changes, " + std::to_string(ledger->tombstones) +
               " tombstones; stored are " + std::to_string(documents) + ", " +
               std::to_string(header_changes) + ", " + std::to_string(tombstones),
           {});
    }
  }
};

RecordChecker::RecordChecker(SnapshotInspector inspector, OnFinding on_finding)
    : impl_(std::make_unique<Impl>()) {
  impl_->inspector = std::move(inspector);
  impl_->on_finding = std::move(on_finding);
}
RecordChecker::~RecordChecker() = default;

void RecordChecker::add(std::string_view key, std::string_view value) { impl_->add(key, value); }
void RecordChecker::finish(bool is_whole) { impl_->finish(is_whole); }
void RecordChecker::finish_some(bool is_whole) { impl_->finish_some(is_whole); }
std::uint64_t RecordChecker::documents() const { return impl_->documents; }
std::uint64_t RecordChecker::changes() const { return impl_->changes; }
std::uint64_t RecordChecker::records() const { return impl_->records; }
CommitNumber RecordChecker::last_commit() const {
  return impl_->ledger ? impl_->ledger->commit : 0;
}

}  // namespace converge::store
