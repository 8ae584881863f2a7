#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/store/keys.h"
#include "core/store/types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Values of the store: seven bytes of version, kind, flags and CRC-32C, then a body of tagged
/// fields. The bytes are told in LAYOUT.md. Every decoder is total: any bytes give a record or an
/// Error (kCorrupt "record.sum", "record.bad"; kUnsupported for a version, flag or field of a later
/// release).
///
/// Records that are rewritten carry `extra`: their fields with tags above 127 that this release
/// does not know, kept byte for byte. In write-once records such fields are skipped.
namespace converge::store {

inline constexpr std::size_t kValueHeaderBytes = 7;
inline constexpr std::uint8_t kValueVersion = 1;

/// What of a document the store's own bookkeeping needs.
struct HeaderRecord {
  DocumentHeader header;
  std::string extra;
  bool operator==(const HeaderRecord&) const = default;
};

struct ChangeRecord {
  ReceiptNumber receipt = 0;  ///< 0 in an orphan
  std::int64_t received_ms = 0;
  Source source;
  std::string_view chunk;  ///< borrowed
};

struct SnapshotHead {
  std::uint64_t bytes = 0;
  std::uint32_t parts = 0;
  std::uint64_t changes = 0;
  Sha256 sha256{};
  Heads heads;
  bool operator==(const SnapshotHead&) const = default;
};

struct SnapshotPart {
  std::optional<SnapshotHead> head;  ///< part 0 only
  std::string_view data;             ///< borrowed
};

/// m/commit: in every batch. What the log walk and the next start go by.
struct Ledger {
  CommitNumber commit = 0;
  CommitNumber synced = 0;  ///< highest known synced when this was written
  ReceiptNumber last_receipt = 0;
  std::uint64_t documents = 0;
  std::uint64_t changes = 0;
  std::uint64_t tombstones = 0;
  std::string extra;
  bool operator==(const Ledger&) const = default;
};

/// m/format.
struct FormatRecord {
  std::uint32_t major = 1;
  std::uint32_t minor = 0;
  std::vector<std::string> required;
  std::vector<std::string> optional;
  std::string writer;
  bool operator==(const FormatRecord&) const = default;
};

struct IdempotencyRecord {
  std::int64_t expires_ms = 0;
  std::string_view result;  ///< borrowed
};

/// Work that goes on over several batches and across restarts. Frozen numbers.
enum class JobKind : std::uint8_t { kDelete = 1 };
struct JobRecord {
  JobKind kind = JobKind::kDelete;
  DocumentId document;
  std::int64_t started_ms = 0;
  bool operator==(const JobRecord&) const = default;
};

/// The kind and body of a value whose sum fits `key`. The body is borrowed.
Result<std::string_view> open_value(std::string_view key, std::string_view value, Kind kind);
/// Puts the seven bytes before `body`.
std::string seal_value(std::string_view key, Kind kind, std::string_view body);

std::string encode_header(std::string_view key, const HeaderRecord& record);
Result<HeaderRecord> decode_header(std::string_view key, std::string_view value);

std::string encode_change(std::string_view key, Kind kind, const ChangeRecord& record);
Result<ChangeRecord> decode_change(std::string_view key, std::string_view value, Kind kind);

std::string encode_snapshot_part(std::string_view key, const SnapshotPart& part);
Result<SnapshotPart> decode_snapshot_part(std::string_view key, std::string_view value);

std::string encode_peer_sync(std::string_view key, const Heads& shared);
Result<Heads> decode_peer_sync(std::string_view key, std::string_view value);

/// Ascending, none of them 0, at most kReceiptListMax.
std::string encode_receipt_list(std::string_view key, const std::vector<ReceiptNumber>& receipts);
/// Never empty.
Result<std::vector<ReceiptNumber>> decode_receipt_list(std::string_view key,
                                                       std::string_view value);

std::string encode_receipt(std::string_view key, const Receipt& receipt);
/// The number comes from the key.
Result<Receipt> decode_receipt(std::string_view key, std::string_view value);

/// Names hold a document id, links hold nothing.
std::string encode_name(std::string_view key, const DocumentId& document);
Result<DocumentId> decode_name(std::string_view key, std::string_view value);

std::string encode_tombstone(std::string_view key, const Tombstone& tombstone);
Result<Tombstone> decode_tombstone(std::string_view key, std::string_view value);

std::string encode_idempotency(std::string_view key, const IdempotencyRecord& record);
Result<IdempotencyRecord> decode_idempotency(std::string_view key, std::string_view value);

struct PeerEntry {
  PeerRecord record;
  std::string extra;
};
std::string encode_peer(std::string_view key, const PeerEntry& entry);
Result<PeerEntry> decode_peer(std::string_view key, std::string_view value);

std::string encode_ledger(std::string_view key, const Ledger& ledger);
Result<Ledger> decode_ledger(std::string_view key, std::string_view value);

std::string encode_format(std::string_view key, const FormatRecord& record);
Result<FormatRecord> decode_format(std::string_view key, std::string_view value);

/// The id comes from the key.
std::string encode_quarantine(std::string_view key, const QuarantineEntry& entry);
Result<QuarantineEntry> decode_quarantine(std::string_view key, std::string_view value);

std::string encode_job(std::string_view key, const JobRecord& job);
Result<JobRecord> decode_job(std::string_view key, std::string_view value);

/// One field of bytes: settings, store id.
std::string encode_blob(std::string_view key, Kind kind, std::string_view bytes);
Result<std::string_view> decode_blob(std::string_view key, std::string_view value, Kind kind);

/// One number: incarnation, creation time.
std::string encode_number(std::string_view key, Kind kind, std::uint64_t number);
Result<std::uint64_t> decode_number(std::string_view key, std::string_view value, Kind kind);

}  // namespace converge::store
