#pragma once

#include "core/base/bytes.h"
#include "core/model/document_id.h"
#include "core/model/ids.h"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The values that go into and come out of a Store. Plain structs; nothing here touches a disk.
namespace converge::store {

/// What an answer means. See store.h.
enum class Durability : std::uint8_t { kDurable, kRelaxed };

/// Frozen: these numbers reach the disk.
enum class DocumentState : std::uint8_t {
  kActive = 0,
  kDegraded = 1,  ///< some of its bytes could not be read; the rest is served
  kDeleted = 2,   ///< a tombstone stands for it
};

/// Number of a commit group: one more for each write to the log. 0 is "none".
using CommitNumber = std::uint64_t;
/// Number of a stored change, in the order of commits, gapless from 1. 0 is "none".
using ReceiptNumber = std::uint64_t;
/// Fingerprint of a peer's key, or SHA-256 of a foreign peer's storage id.
using PeerKey = std::array<std::byte, 32>;
/// Names a client for idempotency; 16 random bytes that it keeps.
using ClientId = std::array<std::byte, 16>;
/// Names a replica to its peers; 16 random bytes, new after restore and salvage.
using StoreId = std::array<std::byte, 16>;
using Sha256 = std::array<std::byte, 32>;

/// Which snapshot of a document counts. Generation 0: there is none.
struct SnapshotRef {
  std::uint32_t generation = 0;
  std::uint64_t bytes = 0;
  std::uint64_t changes = 0;  ///< inside the snapshot
  Sha256 sha256{};            ///< of all its bytes
  Heads heads;
  bool operator==(const SnapshotRef&) const = default;
};

/// What the store knows about a document without loading it. All of it can be recomputed from
/// snapshot and changes.
struct DocumentHeader {
  DocumentId id;
  DocumentState state = DocumentState::kActive;
  Heads heads;
  std::uint64_t document_seq = 0;  ///< +1 per committed append; the compare-and-set token
  std::uint64_t change_count = 0;  ///< snapshot and tail, orphans not counted
  std::uint64_t tail_changes = 0;  ///< not yet in the snapshot
  std::uint64_t tail_bytes = 0;
  std::int64_t created_ms = 0;   ///< first stored here; for display
  std::int64_t modified_ms = 0;  ///< last change stored here; for display
  SnapshotRef snapshot;
  std::uint64_t actors = 0;  ///< authors of its changes, for display; 0: not known
  /// Of a degraded document: changes known to be lost, sorted; at most kMissingMax of them. What
  /// they depended on is not known before they are back.
  std::vector<ChangeHash> missing = {};
  std::uint64_t last_receipt = 0;  ///< of the newest change stored; 0: not known
  bool operator==(const DocumentHeader&) const = default;
};

inline constexpr std::size_t kMissingMax = 4096;

/// Who a change came from. `peer` is empty for a local change.
struct Source {
  std::string peer;  ///< name or fingerprint, at most limits::kPeerIdBytesMax
  bool is_local() const { return peer.empty(); }
  bool operator==(const Source&) const = default;
};

/// A change to be stored: its hash and its type-1 chunk (never type 2: hashes must be checkable
/// without inflating).
struct NewChange {
  ChangeHash hash;
  Bytes chunk;
};

struct StoredChange {
  ChangeHash hash;
  Bytes chunk;  ///< type 1
  ReceiptNumber receipt = 0;
  std::int64_t received_ms = 0;
  Source source;
  bool is_orphan = false;
};

/// A document as stored, every sum and hash of it verified. Feed `snapshot` to
/// engine::Document::load, then tail and orphans to apply_changes; a change that is already in the
/// snapshot is skipped there.
struct StoredDocument {
  DocumentHeader header;
  Bytes snapshot;                  ///< document chunk; empty without one
  std::vector<StoredChange> tail;  ///< by hash, which says nothing about their order
  std::vector<StoredChange> orphans;
  /// Some parts of other snapshot generations are lying about (a crash between publish and
  /// removal). Together with tail.size() > header.tail_changes the reason to call
  /// Store::remove_covered.
  bool has_leftover_parts = false;
};

/// Sync state kept for one peer of one document: the heads both sides are known to have.
struct PeerSync {
  PeerKey peer{};
  Heads shared_heads;
  bool operator==(const PeerSync&) const = default;
};

/// A peer as the operator knows it. What the attributes mean is the agent's business.
struct PeerRecord {
  PeerKey key{};
  std::string name;
  std::int64_t last_contact_ms = 0;
  std::vector<std::pair<std::string, std::string>> attributes;  ///< policy, addresses, ...
  bool operator==(const PeerRecord&) const = default;
};

/// One change of the name index. Compare-and-set unless `force`: the batch is refused with
/// kConflict when the name is not bound to `expected` (nothing: not bound).
struct NameEdit {
  std::string name;  ///< UTF-8, 1 .. limits::kNameBytesMax bytes
  std::optional<DocumentId> expected;
  std::optional<DocumentId> target;  ///< nothing: unbind
  bool force = false;                ///< bind whatever was there: rebuilding from the catalog
};

struct NameEntry {
  std::string name;
  DocumentId document;
  bool operator==(const NameEntry&) const = default;
};

/// A request's answer, kept so that a retry is answered and not carried out twice.
struct IdempotentResult {
  ClientId client{};
  std::string key;  ///< 1 .. 256 bytes
  Bytes result;
  std::int64_t expires_ms = 0;  ///< wall clock; 0: 7 days from now
};

/// What one request adds to one document.
struct DocumentAppend {
  DocumentId document;
  /// Must equal the stored document_seq as of every append submitted before; 0 creates.
  std::uint64_t expected_seq = 0;
  Heads heads;  ///< of the document with `changes`; sorted
  /// Applied changes, not stored before except as orphans.
  std::vector<NewChange> changes;
  /// Valid changes whose dependencies are missing.
  std::vector<NewChange> orphans;
  /// Orphans that stopped being orphans: now among `changes`, or dropped by the caps.
  std::vector<ChangeHash> removed_orphans;
  /// Sync state as of this append. Never ahead of the changes it speaks of.
  std::vector<PeerSync> peer_states;
  /// Authors of the document's changes, this append included; 0 leaves what is known.
  std::uint64_t actors = 0;
  /// The document's entry in the conflict index as of this append: opaque here, empty removes it;
  /// nothing leaves it as it is.
  std::optional<Bytes> conflicts = {};
  /// Of a degraded document: what is still missing as of this append; none: it is whole again.
  /// Nothing leaves it as it is.
  std::optional<std::vector<ChangeHash>> missing = {};
};

/// One request: everything in it becomes durable together or not at all.
struct Append {
  std::vector<DocumentAppend> documents;  ///< each document at most once
  std::vector<NameEdit> names;
  std::optional<IdempotentResult> idempotency;
  Source source;
};

struct DocumentAppended {
  DocumentHeader header;            ///< as of this append
  ReceiptNumber first_receipt = 0;  ///< of its changes, in the order given; 0 without changes
};

struct AppendResult {
  CommitNumber commit = 0;
  bool durable = false;  ///< false only for a relaxed append: the sync is still to come
  std::vector<DocumentAppended> documents;  ///< in the order of Append::documents
  /// The idempotency key was known: nothing was written, this is the answer given then.
  std::optional<Bytes> replayed;
};

struct Receipt {
  ReceiptNumber number = 0;
  DocumentId document;
  ChangeHash hash;
  std::int64_t time_ms = 0;
  Source source;
  bool operator==(const Receipt&) const = default;
};

/// What the index of conflicts holds about one document.
struct ConflictEntry {
  DocumentId document;
  Bytes entry;
  bool operator==(const ConflictEntry&) const = default;
};

struct Tombstone {
  DocumentId document;
  std::int64_t deleted_ms = 0;
  Source source;
  Heads heads;  ///< when it was deleted
  bool operator==(const Tombstone&) const = default;
};

/// Something damaged that was found and set aside. Never changed, and never removed but by an
/// operator.
struct QuarantineEntry {
  std::uint64_t id = 0;
  std::int64_t found_ms = 0;
  std::string code;  ///< of what was found: "record.sum", "table.block", ...
  std::string what;  ///< for a human
  std::optional<DocumentId> document;
  std::vector<ChangeHash> missing;   ///< what was known to be lost then, sorted
  std::vector<std::string> records;  ///< keys, readable, of the records that were set aside
  std::vector<std::string> files;    ///< in quarantine/, that hold the damaged bytes
  bool operator==(const QuarantineEntry&) const = default;
};

/// What a purge found and left of a document, in tables and logs.
struct PurgeReport {
  std::uint64_t entries_before = 0;
  std::uint64_t entries_left = 0;  ///< 0: proven to be gone
  int rounds = 0;                  ///< compactions it took
  std::uint64_t quarantine_dropped = 0;
};

/// A part of a listing. `next` continues it; empty at the end.
template <class T>
struct Page {
  std::vector<T> items;
  std::string next;
};

struct PageRequest {
  std::string after;         ///< a former Page::next; empty: from the start. Opaque
  std::string prefix;        ///< names only: a collection such as "todo/", or any prefix
  std::size_t limit = 1000;  ///< 1 .. 10,000
};

/// Who and what a store is. See store.md 10 on identities.
struct StoreIdentity {
  StoreId store_id{};
  std::uint64_t incarnation = 0;  ///< +1 per opening
  std::int64_t created_ms = 0;
};

struct StoreCounts {
  std::uint64_t documents = 0;  ///< active and degraded
  std::uint64_t changes = 0;    ///< of those documents
  std::uint64_t tombstones = 0;
  ReceiptNumber last_receipt = 0;
  CommitNumber last_commit = 0;
};

}  // namespace converge::store
