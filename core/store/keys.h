#pragma once

#include "core/base/result.h"
#include "core/store/types.h"

#include <cstdint>
#include <string>
#include <string_view>

/// Keys of the store. The bytes are told in LAYOUT.md; they never change within a major format.
/// Integers in keys are big-endian, so that bytewise order is numeric order.
namespace converge::store {

/// What a record is. Frozen: these numbers are the second byte of every value.
enum class Kind : std::uint8_t {
  kMeta = 1,
  kHeader = 2,
  kChange = 3,
  kOrphan = 4,
  kSnapshotPart = 5,
  kPeerSync = 6,
  kReceipt = 7,
  kName = 8,
  kNameLink = 9,
  kTombstone = 10,
  kIdempotency = 11,
  kPeer = 12,
  kGrant = 13,
  kJob = 14,
  kQuarantine = 15,
  kAudit = 16,
  kFingerprint = 17,
  kConflictIndex = 18,
  kCurrentValue = 19,
  kReceiptList = 20,
};

/// One word, e.g. "change". Total.
const char* to_string(Kind kind);

inline constexpr std::size_t kSnapshotPartBytes = 256 * 1024;
/// Receipts that one record lists.
inline constexpr std::size_t kReceiptListMax = 10'000;
inline constexpr std::size_t kIdempotencyKeyBytesMax = 256;
inline constexpr std::size_t kSettingNameBytesMax = 256;

std::string meta_key(std::string_view name);
std::string setting_key(std::string_view name);
std::string header_key(const DocumentId& document);
std::string change_key(const DocumentId& document, const ChangeHash& hash);
std::string orphan_key(const DocumentId& document, const ChangeHash& hash);
std::string snapshot_key(const DocumentId& document, std::uint32_t generation, std::uint32_t part);
std::string receipt_list_key(const DocumentId& document, ReceiptNumber first);
std::string peer_sync_key(const DocumentId& document, const PeerKey& peer);
std::string receipt_key(ReceiptNumber number);
std::string name_key(std::string_view name);
std::string name_link_key(const DocumentId& document, std::string_view name);
std::string tombstone_key(const DocumentId& document);
std::string conflict_key(const DocumentId& document);
std::string idempotency_key(const ClientId& client, std::string_view key);
std::string peer_key(const PeerKey& peer);
std::string job_key(std::uint64_t id);
std::string quarantine_key(std::uint64_t id);

/// Everything of one document under `d`, and one sort of it: 'c', 'n', 'o', 's' or 'y'.
std::string document_prefix(const DocumentId& document);
std::string document_prefix(const DocumentId& document, char sort);
std::string name_link_prefix(const DocumentId& document);

/// A key taken apart. Fields that the kind does not have stay as they are here.
struct ParsedKey {
  Kind kind = Kind::kMeta;
  DocumentId document;
  ChangeHash hash;    ///< changes, orphans
  PeerKey peer{};     ///< peers, sync state
  ClientId client{};  ///< idempotency
  /// Receipt, the first of a list, job, quarantine, audit; generation of a snapshot part.
  std::uint64_t number = 0;
  std::uint32_t part = 0;  ///< snapshot part
  std::string_view name;   ///< meta, names, idempotency, grants, derived; borrowed
};

/// Total: any bytes give a key or kCorrupt (unknown space, wrong length).
Result<ParsedKey> parse_key(std::string_view key);

/// For messages: letters and hexadecimal, e.g. "d/0011../c/3f2a..". Total.
std::string describe_key(std::string_view key);

/// UTF-8, no control characters, 1 .. limits::kNameBytesMax bytes. Errors: kInvalid,
/// kLimitExceeded.
Result<void> check_name(std::string_view name);

/// The smallest string that is greater than every string that begins with `prefix`; empty when
/// there is none.
std::string prefix_end(std::string_view prefix);

}  // namespace converge::store
