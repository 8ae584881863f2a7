#include "core/store/values.h"

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/codec/leb128.h"
#include "core/store/crc32c.h"
#include "core/store/fields.h"

#include <array>

namespace converge::store {
namespace {

std::uint32_t value_sum(std::string_view key, std::array<std::byte, 3> head,
                        std::string_view body) {
  const std::uint32_t crc = crc32c(head, crc32c(as_bytes(key)));
  return crc32c(as_bytes(body), crc);
}

Error bad_record(std::string_view key, std::string_view why) {
  return {ErrorCode::kCorrupt, "record.bad: " + describe_key(key) + ": " + std::string(why),
          "store.corrupt"};
}

/// The end of every decoder: the fields are used up and nothing was wrong.
template <class T>
Result<T> finished(FieldReader& fields, std::string_view key, T value,
                   std::string* extra = nullptr) {
  if (const char* why = fields.finish(extra)) return bad_record(key, why);
  return value;
}

Source read_source(FieldReader& fields, std::uint8_t tag) {
  Source source{std::string(fields.bytes(tag))};
  if (source.peer.size() > limits::kPeerIdBytesMax) fields.fail("a peer's name is too long");
  return source;
}

}  // namespace

Result<std::string_view> open_value(std::string_view key, std::string_view value, Kind kind) {
  if (value.size() < kValueHeaderBytes) return bad_record(key, "shorter than its header");
  const std::array<std::byte, 3> head{static_cast<std::byte>(value[0]),
                                      static_cast<std::byte>(value[1]),
                                      static_cast<std::byte>(value[2])};
  std::uint32_t stored = 0;
  for (std::size_t i = kValueHeaderBytes; i-- > 3;) {
    stored = (stored << 8) | static_cast<unsigned char>(value[i]);
  }
  const std::string_view body = value.substr(kValueHeaderBytes);
  if (stored != value_sum(key, head, body)) {
    return Error{ErrorCode::kCorrupt, "record.sum: " + describe_key(key) + ": the sum is wrong",
                 "store.corrupt"};
  }
  if (std::to_integer<std::uint8_t>(head[0]) != kValueVersion) {
    return Error{ErrorCode::kUnsupported,
                 describe_key(key) + ": record version " +
                     std::to_string(std::to_integer<int>(head[0])) + " is not known",
                 "store.newer"};
  }
  if (std::to_integer<std::uint8_t>(head[1]) != static_cast<std::uint8_t>(kind)) {
    return bad_record(key, "the record is of another kind");
  }
  if (head[2] != std::byte{0}) {
    return Error{ErrorCode::kUnsupported, describe_key(key) + ": unknown record flags",
                 "store.newer"};
  }
  return body;
}

std::string seal_value(std::string_view key, Kind kind, std::string_view body) {
  const std::array<std::byte, 3> head{std::byte{kValueVersion}, static_cast<std::byte>(kind),
                                      std::byte{0}};
  const std::uint32_t sum = value_sum(key, head, body);
  std::string out;
  out.reserve(kValueHeaderBytes + body.size());
  out.append(as_text(head));
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>((sum >> (8 * i)) & 0xff));
  return out.append(body);
}

std::string encode_header(std::string_view key, const HeaderRecord& record) {
  const DocumentHeader& header = record.header;
  FieldWriter fields;
  fields.number(1, static_cast<std::uint64_t>(header.state));
  fields.heads(2, header.heads);
  fields.number(3, header.document_seq);
  fields.number(4, header.change_count);
  fields.number(5, header.tail_changes);
  fields.number(6, header.tail_bytes);
  fields.signed_number(7, header.created_ms);
  fields.signed_number(8, header.modified_ms);
  if (header.snapshot.generation != 0) {
    fields.number(9, header.snapshot.generation);
    fields.number(10, header.snapshot.bytes);
    fields.number(11, header.snapshot.changes);
    fields.fixed(12, header.snapshot.sha256);
    fields.heads(13, header.snapshot.heads);
  }
  if (header.actors != 0) fields.number(128, header.actors);
  if (!header.missing.empty()) fields.heads(129, header.missing);
  if (header.last_receipt != 0) fields.number(130, header.last_receipt);
  fields.append_extra(record.extra);
  return seal_value(key, Kind::kHeader, fields.body());
}

Result<HeaderRecord> decode_header(std::string_view key, std::string_view value) {
  const auto body = open_value(key, value, Kind::kHeader);
  if (!body) return body.error();
  const auto parsed = parse_key(key);
  if (!parsed) return parsed.error();
  HeaderRecord record;
  DocumentHeader& header = record.header;
  header.id = parsed->document;
  FieldReader fields(*body);
  const std::uint64_t state = fields.number(1);
  if (state > static_cast<std::uint64_t>(DocumentState::kDeleted)) fields.fail("unknown state");
  header.state = static_cast<DocumentState>(state);
  header.heads = fields.heads(2);
  header.document_seq = fields.number(3);
  header.change_count = fields.number(4);
  header.tail_changes = fields.number(5);
  header.tail_bytes = fields.number(6);
  header.created_ms = fields.signed_number(7);
  header.modified_ms = fields.signed_number(8);
  if (fields.has(9)) {
    header.snapshot.generation = fields.number32(9);
    header.snapshot.bytes = fields.number(10);
    header.snapshot.changes = fields.number(11);
    header.snapshot.sha256 = fields.fixed<32>(12);
    header.snapshot.heads = fields.heads(13);
  }
  header.actors = fields.number(128);
  header.missing = fields.heads(129);
  header.last_receipt = fields.number(130);
  if (const char* why = fields.finish(&record.extra)) return bad_record(key, why);
  return record;
}

std::string encode_change(std::string_view key, Kind kind, const ChangeRecord& record) {
  ASSERT(kind == Kind::kChange || kind == Kind::kOrphan);
  FieldWriter fields;
  fields.number(1, record.receipt);
  fields.signed_number(2, record.received_ms);
  fields.bytes(3, record.source.peer);
  fields.bytes(4, record.chunk);
  return seal_value(key, kind, fields.body());
}

Result<ChangeRecord> decode_change(std::string_view key, std::string_view value, Kind kind) {
  const auto body = open_value(key, value, kind);
  if (!body) return body.error();
  ChangeRecord record;
  FieldReader fields(*body);
  record.receipt = fields.number(1);
  record.received_ms = fields.signed_number(2);
  record.source = read_source(fields, 3);
  record.chunk = fields.bytes(4);
  return finished(fields, key, std::move(record));
}

std::string encode_snapshot_part(std::string_view key, const SnapshotPart& part) {
  FieldWriter fields;
  if (part.head) {
    fields.number(1, part.head->bytes);
    fields.number(2, part.head->parts);
    fields.number(3, part.head->changes);
    fields.fixed(4, part.head->sha256);
    fields.heads(5, part.head->heads);
  }
  fields.bytes(6, part.data);
  return seal_value(key, Kind::kSnapshotPart, fields.body());
}

Result<SnapshotPart> decode_snapshot_part(std::string_view key, std::string_view value) {
  const auto body = open_value(key, value, Kind::kSnapshotPart);
  if (!body) return body.error();
  SnapshotPart part;
  FieldReader fields(*body);
  if (fields.has(1)) {
    SnapshotHead head;
    head.bytes = fields.number(1);
    head.parts = fields.number32(2);
    head.changes = fields.number(3);
    head.sha256 = fields.fixed<32>(4);
    head.heads = fields.heads(5);
    part.head = std::move(head);
  }
  part.data = fields.bytes(6);
  return finished(fields, key, std::move(part));
}

std::string encode_peer_sync(std::string_view key, const Heads& shared) {
  FieldWriter fields;
  fields.heads(1, shared);
  return seal_value(key, Kind::kPeerSync, fields.body());
}

Result<Heads> decode_peer_sync(std::string_view key, std::string_view value) {
  const auto body = open_value(key, value, Kind::kPeerSync);
  if (!body) return body.error();
  FieldReader fields(*body);
  auto heads = fields.heads(1);
  return finished(fields, key, std::move(heads));
}

std::string encode_receipt_list(std::string_view key, const std::vector<ReceiptNumber>& receipts) {
  std::string steps;
  ReceiptNumber before = 0;
  for (const ReceiptNumber receipt : receipts) {
    codec::write_uleb(steps, receipt - before);
    before = receipt;
  }
  FieldWriter fields;
  fields.bytes(1, steps);
  return seal_value(key, Kind::kReceiptList, fields.body());
}

Result<std::vector<ReceiptNumber>> decode_receipt_list(std::string_view key,
                                                       std::string_view value) {
  const auto body = open_value(key, value, Kind::kReceiptList);
  if (!body) return body.error();
  FieldReader fields(*body);
  codec::Reader in(as_bytes(fields.bytes(1)));
  std::vector<ReceiptNumber> receipts;
  ReceiptNumber last = 0;
  while (!in.at_end()) {
    const auto step = codec::read_uleb(in);
    const bool fits = step && *step > 0 && *step <= ~last && receipts.size() < kReceiptListMax;
    if (!fits) {
      fields.fail("a list of receipts that does not ascend");
      break;
    }
    last += *step;
    receipts.push_back(last);
  }
  if (receipts.empty()) fields.fail("an empty list of receipts");
  return finished(fields, key, std::move(receipts));
}

std::string encode_receipt(std::string_view key, const Receipt& receipt) {
  FieldWriter fields;
  fields.fixed(1, receipt.document.bytes);
  fields.fixed(2, receipt.hash.bytes);
  fields.signed_number(3, receipt.time_ms);
  fields.bytes(4, receipt.source.peer);
  return seal_value(key, Kind::kReceipt, fields.body());
}

Result<Receipt> decode_receipt(std::string_view key, std::string_view value) {
  const auto body = open_value(key, value, Kind::kReceipt);
  if (!body) return body.error();
  const auto parsed = parse_key(key);
  if (!parsed) return parsed.error();
  Receipt receipt;
  receipt.number = parsed->number;
  FieldReader fields(*body);
  receipt.document.bytes = fields.fixed<16>(1);
  receipt.hash.bytes = fields.fixed<32>(2);
  receipt.time_ms = fields.signed_number(3);
  receipt.source = read_source(fields, 4);
  return finished(fields, key, std::move(receipt));
}

std::string encode_name(std::string_view key, const DocumentId& document) {
  FieldWriter fields;
  fields.fixed(1, document.bytes);
  return seal_value(key, Kind::kName, fields.body());
}

Result<DocumentId> decode_name(std::string_view key, std::string_view value) {
  const auto body = open_value(key, value, Kind::kName);
  if (!body) return body.error();
  FieldReader fields(*body);
  const DocumentId document{fields.fixed<16>(1)};
  return finished(fields, key, document);
}

std::string encode_tombstone(std::string_view key, const Tombstone& tombstone) {
  FieldWriter fields;
  fields.signed_number(1, tombstone.deleted_ms);
  fields.bytes(2, tombstone.source.peer);
  fields.heads(3, tombstone.heads);
  return seal_value(key, Kind::kTombstone, fields.body());
}

Result<Tombstone> decode_tombstone(std::string_view key, std::string_view value) {
  const auto body = open_value(key, value, Kind::kTombstone);
  if (!body) return body.error();
  const auto parsed = parse_key(key);
  if (!parsed) return parsed.error();
  Tombstone tombstone;
  tombstone.document = parsed->document;
  FieldReader fields(*body);
  tombstone.deleted_ms = fields.signed_number(1);
  tombstone.source = read_source(fields, 2);
  tombstone.heads = fields.heads(3);
  return finished(fields, key, std::move(tombstone));
}

std::string encode_idempotency(std::string_view key, const IdempotencyRecord& record) {
  FieldWriter fields;
  fields.signed_number(1, record.expires_ms);
  fields.bytes(2, record.result);
  return seal_value(key, Kind::kIdempotency, fields.body());
}

Result<IdempotencyRecord> decode_idempotency(std::string_view key, std::string_view value) {
  const auto body = open_value(key, value, Kind::kIdempotency);
  if (!body) return body.error();
  IdempotencyRecord record;
  FieldReader fields(*body);
  record.expires_ms = fields.signed_number(1);
  record.result = fields.bytes(2);
  return finished(fields, key, record);
}

std::string encode_peer(std::string_view key, const PeerEntry& entry) {
  std::vector<std::string> flat;
  for (const auto& [name, value] : entry.record.attributes) {
    flat.push_back(name);
    flat.push_back(value);
  }
  FieldWriter fields;
  fields.bytes(1, entry.record.name);
  fields.signed_number(2, entry.record.last_contact_ms);
  fields.list(3, flat);
  fields.append_extra(entry.extra);
  return seal_value(key, Kind::kPeer, fields.body());
}

Result<PeerEntry> decode_peer(std::string_view key, std::string_view value) {
  const auto body = open_value(key, value, Kind::kPeer);
  if (!body) return body.error();
  const auto parsed = parse_key(key);
  if (!parsed) return parsed.error();
  PeerEntry entry;
  entry.record.key = parsed->peer;
  FieldReader fields(*body);
  entry.record.name = fields.bytes(1);
  entry.record.last_contact_ms = fields.signed_number(2);
  const auto flat = fields.list(3);
  if (flat.size() % 2 != 0) fields.fail("an attribute without a value");
  for (std::size_t i = 0; i + 1 < flat.size(); i += 2) {
    entry.record.attributes.emplace_back(flat[i], flat[i + 1]);
  }
  if (const char* why = fields.finish(&entry.extra)) return bad_record(key, why);
  return entry;
}

std::string encode_ledger(std::string_view key, const Ledger& ledger) {
  FieldWriter fields;
  fields.number(1, ledger.commit);
  fields.number(2, ledger.synced);
  fields.number(3, ledger.last_receipt);
  fields.number(4, ledger.documents);
  fields.number(5, ledger.changes);
  fields.number(6, ledger.tombstones);
  fields.append_extra(ledger.extra);
  return seal_value(key, Kind::kMeta, fields.body());
}

Result<Ledger> decode_ledger(std::string_view key, std::string_view value) {
  const auto body = open_value(key, value, Kind::kMeta);
  if (!body) return body.error();
  Ledger ledger;
  FieldReader fields(*body);
  ledger.commit = fields.number(1);
  ledger.synced = fields.number(2);
  ledger.last_receipt = fields.number(3);
  ledger.documents = fields.number(4);
  ledger.changes = fields.number(5);
  ledger.tombstones = fields.number(6);
  if (const char* why = fields.finish(&ledger.extra)) return bad_record(key, why);
  return ledger;
}

std::string encode_format(std::string_view key, const FormatRecord& record) {
  FieldWriter fields;
  fields.number(1, record.major);
  fields.number(2, record.minor);
  fields.list(3, record.required);
  fields.list(4, record.optional);
  fields.bytes(5, record.writer);
  return seal_value(key, Kind::kMeta, fields.body());
}

Result<FormatRecord> decode_format(std::string_view key, std::string_view value) {
  const auto body = open_value(key, value, Kind::kMeta);
  if (!body) return body.error();
  FormatRecord record;
  FieldReader fields(*body);
  record.major = fields.number32(1);
  record.minor = fields.number32(2);
  record.required = fields.list(3);
  record.optional = fields.list(4);
  record.writer = fields.bytes(5);
  return finished(fields, key, std::move(record));
}

std::string encode_quarantine(std::string_view key, const QuarantineEntry& entry) {
  FieldWriter fields;
  fields.signed_number(1, entry.found_ms);
  fields.bytes(2, entry.code);
  fields.bytes(3, entry.what);
  if (entry.document) fields.fixed(4, entry.document->bytes);
  fields.heads(5, entry.missing);
  fields.list(6, entry.records);
  fields.list(7, entry.files);
  return seal_value(key, Kind::kQuarantine, fields.body());
}

Result<QuarantineEntry> decode_quarantine(std::string_view key, std::string_view value) {
  const auto body = open_value(key, value, Kind::kQuarantine);
  if (!body) return body.error();
  const auto parsed = parse_key(key);
  if (!parsed) return parsed.error();
  QuarantineEntry entry;
  entry.id = parsed->number;
  FieldReader fields(*body);
  entry.found_ms = fields.signed_number(1);
  entry.code = fields.bytes(2);
  entry.what = fields.bytes(3);
  if (fields.has(4)) entry.document = DocumentId{fields.fixed<16>(4)};
  entry.missing = fields.heads(5);
  entry.records = fields.list(6);
  entry.files = fields.list(7);
  return finished(fields, key, std::move(entry));
}

std::string encode_job(std::string_view key, const JobRecord& job) {
  FieldWriter fields;
  fields.number(1, static_cast<std::uint64_t>(job.kind));
  fields.fixed(2, job.document.bytes);
  fields.signed_number(3, job.started_ms);
  return seal_value(key, Kind::kJob, fields.body());
}

Result<JobRecord> decode_job(std::string_view key, std::string_view value) {
  const auto body = open_value(key, value, Kind::kJob);
  if (!body) return body.error();
  JobRecord job;
  FieldReader fields(*body);
  const std::uint64_t kind = fields.number(1);
  if (kind != static_cast<std::uint64_t>(JobKind::kDelete)) fields.fail("unknown job");
  job.document.bytes = fields.fixed<16>(2);
  job.started_ms = fields.signed_number(3);
  return finished(fields, key, job);
}

std::string encode_blob(std::string_view key, Kind kind, std::string_view bytes) {
  FieldWriter fields;
  fields.bytes(1, bytes);
  return seal_value(key, kind, fields.body());
}

Result<std::string_view> decode_blob(std::string_view key, std::string_view value, Kind kind) {
  const auto body = open_value(key, value, kind);
  if (!body) return body.error();
  FieldReader fields(*body);
  const std::string_view bytes = fields.bytes(1);
  return finished(fields, key, bytes);
}

std::string encode_number(std::string_view key, Kind kind, std::uint64_t number) {
  FieldWriter fields;
  fields.number(1, number);
  return seal_value(key, kind, fields.body());
}

Result<std::uint64_t> decode_number(std::string_view key, std::string_view value, Kind kind) {
  const auto body = open_value(key, value, kind);
  if (!body) return body.error();
  FieldReader fields(*body);
  const std::uint64_t number = fields.number(1);
  return finished(fields, key, number);
}

}  // namespace converge::store
