#include "core/store/rebuild.h"

#include "core/codec/sha256.h"
#include "core/store/keys.h"
#include "core/store/record_check.h"
#include "core/store/rules.h"

#include <algorithm>
#include <map>
#include <set>

namespace converge::store {
namespace {

struct Piece {
  ReceiptNumber receipt = 0;
  std::int64_t received_ms = 0;
  Source source;
  Bytes chunk;
  std::vector<ChangeHash> dependencies;
};

/// Length (4, big-endian) and bytes.
void add_framed(std::string& out, std::string_view bytes) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((bytes.size() >> shift) & 0xff));
  }
  out.append(bytes);
}

class Rebuilder {
 public:
  Rebuilder(Group& group, const DocumentId& document, const RebuildContext& context)
      : group_(group), id_(document), context_(context) {}

  Result<std::optional<RebuiltDocument>> run() {
    const auto old = group_.header(id_);
    // A header that cannot be read is computed anew like one that is gone.
    if (old && *old && (*old)->header.state == DocumentState::kDeleted) return nothing();
    const auto grave = group_.get(tombstone_key(id_));
    if (!grave) return grave.error();
    if (*grave) {
      if (auto ok = erase_document(group_, id_); !ok) return ok.error();
      return nothing();
    }
    if (!old) {
      if (auto ok = set_header_aside(old.error()); !ok) return ok.error();
    }
    if (auto ok = gather(); !ok) return ok.error();
    const bool has_header = old && *old;
    if (!has_header && changes_.empty() && orphans_.empty() && parts_.empty()) return nothing();
    HeaderRecord record = has_header ? **old : HeaderRecord{};
    const DocumentHeader before = record.header;
    DocumentHeader& header = record.header;
    header.id = id_;
    RebuiltDocument out;
    out.had_header = has_header;
    out.changes_before = before.change_count;
    choose_snapshot(header.snapshot);
    const bool lost_snapshot = has_header && before.snapshot.generation != 0 &&
                               header.snapshot.generation != before.snapshot.generation;
    set_tail(header);
    if (has_header) {
      for (const ChangeHash& hash : before.heads) miss(hash);
      for (const ChangeHash& hash : before.missing) miss(hash);
    }
    out.missing.assign(missing_.begin(), missing_.end());
    if (out.missing.size() > kMissingMax) out.missing.resize(kMissingMax);
    out.changes = header.change_count;
    // Without a head that is missing nothing tells what else was in a lost snapshot.
    out.is_degraded = !missing_.empty() || (lost_snapshot && out.changes < before.change_count);
    header.state = out.is_degraded ? DocumentState::kDegraded : DocumentState::kActive;
    header.missing = out.missing;
    const bool is_new_damage = !aside_.empty() || lost_snapshot || !became_orphans_.empty() ||
                               (out.is_degraded && out.missing != before.missing);
    if (is_new_damage) {
      if (auto ok = add_entry(out); !ok) return ok.error();
    }
    move_records();
    out.header_changed = !has_header || !(header == before);
    if (out.header_changed) {
      for (std::string& key : states_) group_.erase(std::move(key));  // may speak of what is lost
      header.document_seq += 1;
      if (!has_header) header.created_ms = header.modified_ms = group_.now_ms();
      group_.put_header(std::move(record));
    }
    return std::optional(std::move(out));
  }

 private:
  static Result<std::optional<RebuiltDocument>> nothing() {
    return std::optional<RebuiltDocument>();
  }

  Result<void> set_header_aside(const Error& error) {
    const std::string key = header_key(id_);
    const auto raw = group_.kv().get(key);
    if (!raw) return raw.error();
    if (*raw) set_aside(key, **raw, error);
    return {};
  }

  /// A record that does not verify is as good as lost: its bytes are kept, it goes.
  void set_aside(std::string_view key, std::string_view value, const Error& why) {
    if (aside_.empty()) {
      const std::string& text = why.message;
      const std::size_t colon = text.find(':');
      const bool has_code = colon != std::string::npos && text.find('.') < colon;
      code_ = has_code ? text.substr(0, colon) : "record.bad";
      what_ = text;
    }
    aside_.push_back(describe_key(key));
    add_framed(raw_, key);
    add_framed(raw_, value);
    group_.erase(std::string(key));
  }

  Result<void> gather() {
    auto cursor = group_.kv().cursor(false);
    if (!cursor) return cursor.error();
    Cursor& at = **cursor;
    const std::string prefix = document_prefix(id_);
    for (at.seek(prefix); at.valid() && at.key().starts_with(prefix); at.next()) {
      const auto parsed = parse_key(at.key());
      if (!parsed) {
        set_aside(at.key(), at.value(), parsed.error());
        continue;
      }
      take(*parsed, at.key(), at.value());
    }
    return at.status();
  }

  void take(const ParsedKey& parsed, std::string_view key, std::string_view value) {
    if (parsed.kind == Kind::kPeerSync) {
      states_.emplace_back(key);
      return;
    }
    if (parsed.kind == Kind::kReceiptList) {
      if (const auto list = decode_receipt_list(key, value); !list)
        set_aside(key, value, list.error());
      return;
    }
    if (parsed.kind == Kind::kSnapshotPart) {
      auto part = decode_snapshot_part(key, value);
      if (!part) return set_aside(key, value, part.error());
      auto& [head, bytes] = parts_[static_cast<std::uint32_t>(parsed.number)][parsed.part];
      head = std::move(part->head);
      bytes = to_bytes(as_bytes(part->data));
      return;
    }
    const auto record = decode_change(key, value, parsed.kind);
    if (!record) return set_aside(key, value, record.error());
    if (const auto ok = check_change(parsed.hash, as_bytes(record->chunk)); !ok) {
      return set_aside(key, value, ok.error());
    }
    auto dependencies = chunk_dependencies(as_bytes(record->chunk));
    if (!dependencies) return set_aside(key, value, dependencies.error());
    auto& list = parsed.kind == Kind::kChange ? changes_ : orphans_;
    list[parsed.hash] = {record->receipt, record->received_ms, record->source,
                         to_bytes(as_bytes(record->chunk)), std::move(*dependencies)};
  }

  /// The newest generation that is whole; the parts of others go.
  void choose_snapshot(SnapshotRef& chosen) {
    const std::uint32_t wanted = chosen.generation;
    chosen = {};
    for (auto at = parts_.rbegin(); at != parts_.rend(); ++at) {
      if (chosen.generation == 0 && is_whole(at->second, at->first, chosen)) continue;
      for (const auto& [number, part] : at->second) drop_part(at->first, number, wanted);
    }
  }

  /// Parts of the snapshot that counted are kept, whatever they are still good for.
  void drop_part(std::uint32_t generation, std::uint32_t number, std::uint32_t wanted) {
    const std::string key = snapshot_key(id_, generation, number);
    if (generation == wanted && context_.keep) {
      const auto raw = group_.kv().get(key);
      if (raw && *raw) {
        return set_aside(key, **raw,
                         {ErrorCode::kCorrupt, "snapshot.hash: the snapshot is not whole"});
      }
    }
    group_.erase(key);
  }

  using Part = std::pair<std::optional<SnapshotHead>, Bytes>;
  bool is_whole(const std::map<std::uint32_t, Part>& parts, std::uint32_t generation,
                SnapshotRef& chosen) {
    const auto first = parts.find(0);
    if (first == parts.end() || !first->second.first) return false;
    const SnapshotHead& head = *first->second.first;
    Bytes bytes;
    for (const auto& [number, part] : parts)
      bytes.insert(bytes.end(), part.second.begin(), part.second.end());
    if (parts.size() != head.parts || parts.rbegin()->first + 1 != head.parts) return false;
    if (codec::sha256(bytes) != head.sha256) return false;
    auto inside = context_.inspector(bytes);
    if (!inside) return false;
    known_.insert(inside->changes.begin(), inside->changes.end());
    chosen = {generation, head.bytes, head.changes, head.sha256, head.heads};
    return true;
  }

  /// Adds to what is known whatever has all its ancestors there.
  void close_over(const std::map<ChangeHash, Piece>& pieces, bool& grew) {
    for (const auto& [hash, piece] : pieces) {
      if (known_.contains(hash)) continue;
      const bool closed = std::ranges::all_of(
          piece.dependencies, [&](const ChangeHash& each) { return known_.contains(each); });
      if (closed) known_.insert(hash);
      grew = grew || closed;
    }
  }

  /// Changes whose ancestors are all there are the tail, the others wait as orphans.
  void set_tail(DocumentHeader& header) {
    inside_ = known_;
    for (bool grew = true; grew;) {
      grew = false;
      close_over(changes_, grew);
      close_over(orphans_, grew);
    }
    std::set<ChangeHash> heads(header.snapshot.heads.begin(), header.snapshot.heads.end());
    std::set<ChangeHash> referenced;
    header.tail_changes = header.tail_bytes = 0;
    for (const auto* list : {&changes_, &orphans_}) {
      for (const auto& [hash, piece] : *list) {
        if (inside_.contains(hash) || !known_.contains(hash)) continue;
        if (list == &orphans_ && changes_.contains(hash)) continue;
        heads.insert(hash);
        referenced.insert(piece.dependencies.begin(), piece.dependencies.end());
        header.tail_changes += 1;
        header.tail_bytes += piece.chunk.size();
      }
    }
    for (const ChangeHash& hash : referenced) heads.erase(hash);
    header.heads.assign(heads.begin(), heads.end());
    header.change_count = header.snapshot.changes + header.tail_changes;
    for (const auto& [hash, piece] : changes_)
      header.last_receipt = std::max(header.last_receipt, piece.receipt);
    for (const auto& [hash, piece] : changes_) {
      if (known_.contains(hash)) continue;
      became_orphans_.push_back(hash);
      for (const ChangeHash& each : piece.dependencies) miss(each);
    }
  }

  /// Notes what is missing below a change that ought to be there: itself, or if it only lacks its
  /// ancestors, those.
  void miss(const ChangeHash& wanted) {
    std::vector<ChangeHash> left{wanted};
    std::set<ChangeHash> seen;
    while (!left.empty()) {
      const ChangeHash hash = left.back();
      left.pop_back();
      if (known_.contains(hash) || !seen.insert(hash).second) continue;
      const Piece* piece = nullptr;
      if (const auto at = changes_.find(hash); at != changes_.end()) piece = &at->second;
      if (const auto at = orphans_.find(hash); at != orphans_.end()) piece = &at->second;
      if (piece == nullptr) {
        missing_.insert(hash);
      } else {
        left.insert(left.end(), piece->dependencies.begin(), piece->dependencies.end());
      }
    }
  }

  /// Puts every change where it now belongs.
  void move_records() {
    for (const ChangeHash& hash : became_orphans_) {
      const Piece& piece = changes_.at(hash);
      group_.erase(change_key(id_, hash));
      std::string key = orphan_key(id_, hash);
      std::string value = encode_change(key, Kind::kOrphan,
                                        {0, piece.received_ms, piece.source, as_text(piece.chunk)});
      group_.put(std::move(key), std::move(value));
    }
    for (const auto& [hash, piece] : orphans_) {
      if (!known_.contains(hash)) continue;
      group_.erase(orphan_key(id_, hash));
      if (inside_.contains(hash) || changes_.contains(hash)) continue;
      const ReceiptNumber number = ++group_.ledger().last_receipt;
      std::string key = change_key(id_, hash);
      std::string value = encode_change(
          key, Kind::kChange, {number, piece.received_ms, piece.source, as_text(piece.chunk)});
      group_.put(std::move(key), std::move(value));
      key = receipt_key(number);
      value = encode_receipt(key, {number, id_, hash, group_.now_ms(), piece.source});
      group_.put(std::move(key), std::move(value));
    }
  }

  Result<void> add_entry(RebuiltDocument& out) {
    const auto id = next_quarantine_id(group_.kv());
    if (!id) return id.error();
    QuarantineEntry entry;
    entry.id = *id;
    entry.found_ms = group_.now_ms();
    entry.code = code_.empty() ? context_.code : code_;
    entry.what = !what_.empty()           ? what_
                 : !context_.what.empty() ? context_.what
                                          : "changes that others depend on are not there";
    entry.document = id_;
    entry.missing = out.missing;
    entry.records = std::move(aside_);
    entry.files = context_.files;
    if (!raw_.empty() && context_.keep) {
      const std::string name = "entry-" + std::to_string(*id) + ".records";
      if (auto ok = context_.keep(name, raw_); !ok) return ok;
      entry.files.push_back(name);
    }
    std::string key = quarantine_key(*id);
    std::string value = encode_quarantine(key, entry);
    group_.put(std::move(key), std::move(value));
    out.quarantine_id = *id;
    return {};
  }

  Group& group_;
  DocumentId id_;
  const RebuildContext& context_;
  std::vector<std::string> states_;
  std::map<ChangeHash, Piece> changes_;
  std::map<ChangeHash, Piece> orphans_;
  std::map<std::uint32_t, std::map<std::uint32_t, Part>> parts_;  ///< by generation, part
  std::set<ChangeHash> inside_;                                   ///< the snapshot
  std::set<ChangeHash> known_;                                    ///< closed under dependencies
  std::set<ChangeHash> missing_;
  std::vector<ChangeHash> became_orphans_;
  std::vector<std::string> aside_;  ///< keys of records that were set aside
  std::string raw_;                 ///< and the records
  std::string code_;
  std::string what_;
};

}  // namespace

Result<void> erase_document(Group& group, const DocumentId& document) {
  auto cursor = group.kv().cursor(false);
  if (!cursor) return cursor.error();
  Cursor& at = **cursor;
  const std::string prefix = document_prefix(document);
  for (at.seek(prefix); at.valid() && at.key().starts_with(prefix); at.next())
    group.erase(std::string(at.key()));
  if (auto ok = at.status(); !ok) return ok;
  const std::string header = header_key(document);
  const auto value = group.kv().get(header);
  if (!value) return value.error();
  if (*value) group.erase_header(document);
  return {};
}

Result<std::uint64_t> next_quarantine_id(Kv& kv) {
  auto cursor = kv.cursor(false);
  if (!cursor) return cursor.error();
  Cursor& at = **cursor;
  std::uint64_t next = 1;
  for (at.seek("q"); at.valid() && at.key().starts_with("q"); at.next()) {
    const auto parsed = parse_key(at.key());
    if (parsed) next = std::max(next, parsed->number + 1);
  }
  if (auto ok = at.status(); !ok) return ok.error();
  return next;
}

Result<std::optional<RebuiltDocument>> rebuild_document(Group& group, const DocumentId& document,
                                                        const RebuildContext& context) {
  return Rebuilder(group, document, context).run();
}

}  // namespace converge::store
