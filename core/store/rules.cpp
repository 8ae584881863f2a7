#include "core/store/rules.h"

#include "core/base/limits.h"
#include "core/codec/leb128.h"
#include "core/codec/reader.h"
#include "core/codec/sha256.h"
#include "core/store/keys.h"
#include "core/store/values.h"

#include <algorithm>
#include <unordered_set>

namespace converge::store {
namespace {

Error deleted(const DocumentId& document) {
  return {ErrorCode::kNotFound, "document " + document.to_base58() + " was deleted",
          "doc.not_found"};
}

Error unknown(const DocumentId& document) {
  return {ErrorCode::kNotFound, "document " + document.to_base58() + " is not in the store",
          "doc.not_found"};
}

bool is_sorted_set(const Heads& heads) {
  return std::ranges::adjacent_find(heads, std::ranges::greater_equal{}) == heads.end();
}

Result<void> check_source(const Source& source) {
  if (source.peer.size() <= limits::kPeerIdBytesMax) return {};
  return Error{ErrorCode::kLimitExceeded, "the peer's name is too long", "limit.exceeded"};
}

Result<void> check_document_append(const DocumentAppend& part) {
  if (!is_sorted_set(part.heads)) return Error{ErrorCode::kInvalid, "heads are not sorted"};
  if (!part.changes.empty() && part.heads.empty()) {
    return Error{ErrorCode::kInvalid, "changes without heads"};
  }
  for (const auto* list : {&part.changes, &part.orphans}) {
    for (const NewChange& change : *list) {
      if (const auto ok = check_change(change.hash, change.chunk); !ok) return ok.error();
    }
  }
  for (const PeerSync& state : part.peer_states) {
    if (!is_sorted_set(state.shared_heads)) {
      return Error{ErrorCode::kInvalid, "shared heads are not sorted"};
    }
  }
  return {};
}

/// Whether the change builds on one of these; says no when its chunk cannot be read.
bool builds_on(const NewChange& change, const Heads& heads) {
  constexpr std::size_t kLengthAt = 9;  // behind magic, checksum and type
  if (change.chunk.size() < kLengthAt) return false;
  codec::Reader reader(ByteView(change.chunk).subspan(kLengthAt));
  const auto length = codec::read_uleb(reader);
  const auto deps = length ? codec::read_uleb(reader) : length;
  if (!deps) return false;
  for (std::uint64_t i = 0; i < *deps; ++i) {
    if (reader.remaining() < sizeof(ChangeHash::bytes)) return false;
    const ByteView dep = reader.take(sizeof(ChangeHash::bytes));
    const bool is_head = std::ranges::any_of(
        heads, [&](const ChangeHash& head) { return std::ranges::equal(head.bytes, dep); });
    if (is_head) return true;
  }
  return false;
}

/// A document that an append touches, checked: what is stored about it now.
struct Target {
  HeaderRecord record;
  bool is_new = false;
  std::vector<const NewChange*> fresh;  ///< not stored yet
};

Result<Target> check_target(Group& group, const DocumentAppend& part) {
  Target target;
  auto header = group.header(part.document);
  if (!header) return header.error();
  target.is_new = !*header;
  if (target.is_new) {
    const auto tombstone = group.get(tombstone_key(part.document));
    if (!tombstone) return tombstone.error();
    if (*tombstone) return deleted(part.document);
    target.record.header.id = part.document;
    target.record.header.created_ms = group.now_ms();
  } else {
    target.record = std::move(**header);
  }
  const DocumentHeader& known = target.record.header;
  if (known.state == DocumentState::kDeleted) return deleted(part.document);
  if (known.document_seq != part.expected_seq) {
    return Error{ErrorCode::kConflict,
                 "document " + part.document.to_base58() + " is at sequence " +
                     std::to_string(known.document_seq) + ", not " +
                     std::to_string(part.expected_seq),
                 "heads.moved"};
  }
  std::unordered_set<ChangeHash, model::ChangeHashHasher> seen;
  for (const NewChange& change : part.changes) {
    if (!seen.insert(change.hash).second) continue;
    // What builds on a head is not stored, else that would be no head. So the next change by the
    // same author, by far the most frequent case, needs no search.
    const bool is_new = known.state == DocumentState::kActive && builds_on(change, known.heads);
    if (known.tail_changes > 0 && !is_new) {
      const auto stored = group.get(change_key(part.document, change.hash));
      if (!stored) return stored.error();
      if (*stored) continue;
    }
    target.fresh.push_back(&change);
  }
  return target;
}

ReceiptNumber add_change(Group& group, const DocumentId& document, const NewChange& change,
                         const Source& source) {
  const ReceiptNumber number = ++group.ledger().last_receipt;
  std::string key = change_key(document, change.hash);
  std::string value =
      encode_change(key, Kind::kChange, {number, group.now_ms(), source, as_text(change.chunk)});
  group.put(std::move(key), std::move(value));
  key = receipt_key(number);
  value = encode_receipt(key, {number, document, change.hash, group.now_ms(), source});
  group.put(std::move(key), std::move(value));
  return number;
}

void put_peer_state(Group& group, const DocumentId& document, const PeerSync& state) {
  std::string key = peer_sync_key(document, state.peer);
  std::string value = encode_peer_sync(key, state.shared_heads);
  group.put(std::move(key), std::move(value));
}

DocumentAppended add_document(Group& group, const DocumentAppend& part, Target target,
                              const Source& source) {
  DocumentAppended result;
  DocumentHeader& header = target.record.header;
  for (const ChangeHash& hash : part.removed_orphans) {
    group.erase(orphan_key(part.document, hash));
  }
  for (const NewChange* change : target.fresh) {
    const ReceiptNumber number = add_change(group, part.document, *change, source);
    if (result.first_receipt == 0) result.first_receipt = number;
    header.last_receipt = number;
    header.tail_bytes += change->chunk.size();
  }
  for (const NewChange& orphan : part.orphans) {
    std::string key = orphan_key(part.document, orphan.hash);
    std::string value =
        encode_change(key, Kind::kOrphan, {0, group.now_ms(), source, as_text(orphan.chunk)});
    group.put(std::move(key), std::move(value));
  }
  for (const PeerSync& state : part.peer_states) put_peer_state(group, part.document, state);

  if (part.conflicts && part.conflicts->empty()) group.erase(conflict_key(part.document));
  if (part.conflicts && !part.conflicts->empty()) {
    std::string key = conflict_key(part.document);
    std::string value = encode_blob(key, Kind::kConflictIndex, as_text(*part.conflicts));
    group.put(std::move(key), std::move(value));
  }

  if (part.missing) {
    header.missing = *part.missing;
    header.state = header.missing.empty() ? DocumentState::kActive : DocumentState::kDegraded;
  }
  const bool only_states =
      part.changes.empty() && part.orphans.empty() && part.removed_orphans.empty();
  if (!only_states || target.is_new) {
    header.heads = part.heads;
    header.document_seq += 1;
    header.change_count += target.fresh.size();
    header.tail_changes += target.fresh.size();
    if (part.actors != 0) header.actors = part.actors;
    if (!target.fresh.empty() || target.is_new) header.modified_ms = group.now_ms();
    group.ledger().changes += target.fresh.size();
    group.ledger().documents += target.is_new ? 1 : 0;
    group.put_header(target.record);
  } else if (part.missing || (part.actors != 0 && part.actors != header.actors)) {
    if (part.actors != 0) header.actors = part.actors;
    group.put_header(target.record);
  }
  result.header = std::move(header);
  return result;
}

/// Who a name is bound to, as the group sees it.
Result<std::optional<DocumentId>> bound_to(Group& group, const std::string& key) {
  const auto value = group.get(key);
  if (!value) return value.error();
  if (!*value) return std::optional<DocumentId>();
  const auto document = decode_name(key, **value);
  if (!document) return document.error();
  return std::optional(*document);
}

using Bindings = std::vector<std::optional<DocumentId>>;

/// What each edit will replace; refuses if one does not find what it expects. Edits of one request
/// see each other.
Result<Bindings> check_bindings(Group& group, const std::vector<NameEdit>& edits) {
  Bindings before;
  std::unordered_map<std::string, std::optional<DocumentId>> pending;
  for (const NameEdit& edit : edits) {
    std::optional<DocumentId> current;
    if (const auto earlier = pending.find(edit.name); earlier != pending.end()) {
      current = earlier->second;
    } else {
      const auto stored = bound_to(group, name_key(edit.name));
      if (!stored) return stored.error();
      current = *stored;
    }
    if (!edit.force && current != edit.expected) {
      return Error{ErrorCode::kConflict,
                   "the name " + edit.name +
                       (current ? " belongs to " + current->to_base58() : " is not bound"),
                   "doc.exists"};
    }
    before.push_back(current);
    pending[edit.name] = edit.target;
  }
  return before;
}

void apply_edits(Group& group, const std::vector<NameEdit>& edits, const Bindings& before) {
  for (std::size_t i = 0; i < edits.size(); ++i) {
    const NameEdit& edit = edits[i];
    if (before[i] == edit.target) continue;
    if (before[i]) group.erase(name_link_key(*before[i], edit.name));
    std::string key = name_key(edit.name);
    if (!edit.target) {
      group.erase(std::move(key));
      continue;
    }
    std::string value = encode_name(key, *edit.target);
    group.put(std::move(key), std::move(value));
    key = name_link_key(*edit.target, edit.name);
    value = seal_value(key, Kind::kNameLink, {});
    group.put(std::move(key), std::move(value));
  }
}

Result<std::optional<Bytes>> known_result(Group& group, const IdempotentResult& wanted) {
  const std::string key = idempotency_key(wanted.client, wanted.key);
  const auto value = group.get(key);
  if (!value) return value.error();
  if (!*value) return std::optional<Bytes>();
  const auto record = decode_idempotency(key, **value);
  if (!record) return record.error();
  if (record->expires_ms <= group.now_ms()) return std::optional<Bytes>();
  return std::optional(to_bytes(as_bytes(record->result)));
}

}  // namespace

Result<void> check_change(const ChangeHash& hash, ByteView chunk) {
  const auto corrupt = [&](const char* why) {
    return Error{ErrorCode::kCorrupt, "change.hash: change " + hash.to_hex() + ": " + why};
  };
  if (chunk.size() > limits::kChangeBytesMax) {
    return Error{ErrorCode::kLimitExceeded,
                 "change " + hash.to_hex() + " of " + std::to_string(chunk.size()) +
                     " bytes is over the limit of " + std::to_string(limits::kChangeBytesMax),
                 "limit.exceeded"};
  }
  constexpr std::size_t kTypeAt = 8;  // behind magic and checksum
  static constexpr unsigned char kMagic[4] = {0x85, 0x6f, 0x4a, 0x83};
  if (chunk.size() < kTypeAt + 2 ||
      as_text(chunk.first(4)) != std::string_view(reinterpret_cast<const char*>(kMagic), 4)) {
    return corrupt("not a chunk");
  }
  if (chunk[kTypeAt] != std::byte{1}) return corrupt("not a type 1 chunk");
  codec::Reader reader(chunk.subspan(kTypeAt + 1));
  const auto length = codec::read_uleb(reader);
  if (!length || *length != reader.remaining()) return corrupt("its length is wrong");
  const auto digest = codec::sha256(chunk.subspan(kTypeAt));
  if (digest != hash.bytes) return corrupt("its contents hash to something else");
  if (!std::equal(digest.begin(), digest.begin() + 4, chunk.begin() + 4)) {
    return corrupt("its checksum is wrong");
  }
  return {};
}

Result<void> check_edits(const std::vector<NameEdit>& edits) {
  for (const NameEdit& edit : edits) {
    if (const auto ok = check_name(edit.name); !ok) return ok.error();
  }
  return {};
}

Result<void> check_append(const Append& append) {
  if (const auto ok = check_source(append.source); !ok) return ok.error();
  if (const auto ok = check_edits(append.names); !ok) return ok.error();
  std::unordered_set<DocumentId, model::DocumentIdHasher> documents;
  std::size_t changes = 0;
  for (const DocumentAppend& part : append.documents) {
    if (const auto ok = check_document_append(part); !ok) return ok.error();
    if (!documents.insert(part.document).second) {
      return Error{ErrorCode::kInvalid, "a document stands twice in one append"};
    }
    changes += part.changes.size() + part.orphans.size();
  }
  if (changes > 1 && append_bytes(append) > kBatchBytesMax) {
    return Error{ErrorCode::kLimitExceeded,
                 "an append of " + std::to_string(append_bytes(append)) +
                     " bytes is over the limit of " + std::to_string(kBatchBytesMax),
                 "limit.exceeded"};
  }
  if (append.idempotency) {
    const std::size_t length = append.idempotency->key.size();
    if (length == 0 || length > kIdempotencyKeyBytesMax) {
      return Error{ErrorCode::kInvalid, "an idempotency key has 1 to 256 bytes"};
    }
  }
  return {};
}

std::size_t append_bytes(const Append& append) {
  constexpr std::size_t kOverhead = 200;  // keys, value header, receipt
  std::size_t bytes = 0;
  for (const DocumentAppend& part : append.documents) {
    bytes += kOverhead + part.heads.size() * 32 + (part.conflicts ? part.conflicts->size() : 0);
    for (const auto* list : {&part.changes, &part.orphans}) {
      for (const NewChange& change : *list) bytes += kOverhead + change.chunk.size();
    }
  }
  for (const NameEdit& edit : append.names) bytes += kOverhead + edit.name.size();
  if (append.idempotency) bytes += kOverhead + append.idempotency->result.size();
  return bytes;
}

Result<AppendResult> add_append(Group& group, const Append& append) {
  AppendResult result;
  if (append.idempotency) {
    auto known = known_result(group, *append.idempotency);
    if (!known) return known.error();
    if (*known) {
      result.replayed = std::move(*known);
      return result;
    }
  }
  std::vector<Target> targets;
  for (const DocumentAppend& part : append.documents) {
    auto target = check_target(group, part);
    if (!target) return target.error();
    targets.push_back(std::move(*target));
  }
  const auto bindings = check_bindings(group, append.names);
  if (!bindings) return bindings.error();

  // Nothing below can fail.
  for (std::size_t i = 0; i < targets.size(); ++i) {
    result.documents.push_back(
        add_document(group, append.documents[i], std::move(targets[i]), append.source));
  }
  apply_edits(group, append.names, *bindings);
  if (append.idempotency) {
    const IdempotentResult& entry = *append.idempotency;
    std::string key = idempotency_key(entry.client, entry.key);
    const std::int64_t expires =
        entry.expires_ms != 0 ? entry.expires_ms : group.now_ms() + kIdempotencyLifeMs;
    std::string value = encode_idempotency(key, {expires, as_text(entry.result)});
    group.put(std::move(key), std::move(value));
  }
  return result;
}

Result<void> add_names(Group& group, const std::vector<NameEdit>& edits) {
  const auto bindings = check_bindings(group, edits);
  if (!bindings) return bindings.error();
  apply_edits(group, edits, *bindings);
  return {};
}

Result<void> add_removal(Group& group, const DocumentId& document, const Source& by,
                         std::uint64_t job_id, bool& has_job) {
  has_job = false;
  std::string tomb_key = tombstone_key(document);
  const auto tombstone = group.get(tomb_key);
  if (!tombstone) return tombstone.error();
  if (*tombstone) return {};
  const auto header = group.header(document);
  if (!header) return header.error();

  std::vector<NameEdit> names;
  {
    auto cursor = group.kv().cursor(true);
    if (!cursor) return cursor.error();
    const std::string prefix = name_link_prefix(document);
    for ((*cursor)->seek(prefix); (*cursor)->valid() && (*cursor)->key().starts_with(prefix);
         (*cursor)->next()) {
      names.push_back({std::string((*cursor)->key().substr(prefix.size())), document, {}, false});
    }
    if (const auto ok = (*cursor)->status(); !ok) return ok.error();
  }
  const auto bindings = check_bindings(group, names);
  if (!bindings) return bindings.error();

  apply_edits(group, names, *bindings);
  group.erase(conflict_key(document));
  Heads heads;
  if (*header) {
    HeaderRecord record = **header;
    heads = record.header.heads;
    group.ledger().documents -= 1;
    group.ledger().changes -= record.header.change_count;
    record.header.state = DocumentState::kDeleted;
    record.header.document_seq += 1;
    group.put_header(std::move(record));
  }
  std::string value = encode_tombstone(tomb_key, {document, group.now_ms(), by, std::move(heads)});
  group.put(std::move(tomb_key), std::move(value));
  group.ledger().tombstones += 1;
  std::string key = job_key(job_id);
  value = encode_job(key, {JobKind::kDelete, document, group.now_ms()});
  group.put(std::move(key), std::move(value));
  has_job = true;
  return {};
}

Result<void> add_removal_piece(Group& group, std::uint64_t job_id, const JobRecord& job,
                               bool& finished) {
  finished = true;
  std::size_t bytes = 0;
  std::vector<std::string> keys;
  {
    auto cursor = group.kv().cursor(false);
    if (!cursor) return cursor.error();
    const std::string prefix = document_prefix(job.document);
    for ((*cursor)->seek(prefix); (*cursor)->valid() && (*cursor)->key().starts_with(prefix);
         (*cursor)->next()) {
      if (bytes >= kRemovalBytesMax) {
        finished = false;
        break;
      }
      keys.emplace_back((*cursor)->key());
      bytes += keys.back().size() + (*cursor)->value().size();
    }
    if (const auto ok = (*cursor)->status(); !ok) return ok.error();
  }
  for (std::string& key : keys) group.erase(std::move(key));
  if (finished) {
    group.erase_header(job.document);
    group.erase(job_key(job_id));
  }
  return {};
}

Result<void> add_degraded(Group& group, const DocumentId& document, bool degraded) {
  auto header = group.header(document);
  if (!header) return header.error();
  if (!*header) return unknown(document);
  HeaderRecord record = std::move(**header);
  if (record.header.state == DocumentState::kDeleted) return deleted(document);
  const DocumentState wanted = degraded ? DocumentState::kDegraded : DocumentState::kActive;
  if (record.header.state == wanted) return {};
  record.header.state = wanted;
  if (!degraded) record.header.missing.clear();
  group.put_header(std::move(record));
  return {};
}

Result<void> add_peer_state(Group& group, const DocumentId& document, const PeerSync& state) {
  const auto header = group.header(document);
  if (!header) return header.error();
  if (!*header) return unknown(document);
  if ((*header)->header.state == DocumentState::kDeleted) return deleted(document);
  put_peer_state(group, document, state);
  return {};
}

Result<DocumentHeader> add_publication(Group& group, const SnapshotDraft& draft,
                                       std::uint32_t generation, const Sha256& sha256) {
  auto header = group.header(draft.document);
  if (!header) return header.error();
  if (!*header) return unknown(draft.document);
  HeaderRecord record = std::move(**header);
  DocumentHeader& now = record.header;
  if (now.state == DocumentState::kDeleted) return deleted(draft.document);
  if (now.snapshot.generation != draft.based_on_generation) {
    return Error{ErrorCode::kConflict, "another snapshot was published meanwhile", "heads.moved"};
  }
  const std::unordered_set<ChangeHash, model::ChangeHashHasher> covered(draft.covered.begin(),
                                                                        draft.covered.end());
  std::uint64_t changes = 0;
  std::uint64_t bytes = 0;
  {
    auto cursor = group.kv().cursor(false);
    if (!cursor) return cursor.error();
    const std::string prefix = document_prefix(draft.document, 'c');
    for ((*cursor)->seek(prefix); (*cursor)->valid() && (*cursor)->key().starts_with(prefix);
         (*cursor)->next()) {
      const auto parsed = parse_key((*cursor)->key());
      if (!parsed) return parsed.error();
      if (covered.contains(parsed->hash)) continue;
      const auto change = decode_change((*cursor)->key(), (*cursor)->value(), Kind::kChange);
      if (!change) return change.error();
      changes += 1;
      bytes += change->chunk.size();
    }
    if (const auto ok = (*cursor)->status(); !ok) return ok.error();
  }
  if (changes + covered.size() != now.change_count) {
    return Error{ErrorCode::kConflict, "the snapshot and the tail do not add up to the document"};
  }
  now.snapshot = {generation, draft.bytes.size(), covered.size(), sha256, draft.heads};
  now.tail_changes = changes;
  now.tail_bytes = bytes;
  group.put_header(record);
  return now;
}

}  // namespace converge::store
