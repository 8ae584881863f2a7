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

class Rebuilder {
 public:
  Rebuilder(Group& group, const DocumentId& document, const SnapshotInspector& inspector)
      : group_(group), id_(document), inspector_(inspector) {}

  Result<std::optional<RebuiltDocument>> run() {
    const auto old = group_.header(id_);
    // A header that cannot be read is computed anew like one that is gone.
    if (old && *old && (*old)->header.state == DocumentState::kDeleted) return nothing();
    if (auto ok = gather(); !ok) return ok.error();
    const bool has_header = old && *old;
    if (!has_header && changes_.empty() && orphans_.empty() && parts_.empty()) return nothing();
    HeaderRecord record = has_header ? **old : HeaderRecord{};
    const DocumentHeader before = record.header;
    DocumentHeader& header = record.header;
    header.id = id_;
    RebuiltDocument out;
    choose_snapshot(header.snapshot);
    const bool lost_snapshot = has_header && before.snapshot.generation != 0 &&
                               header.snapshot.generation != before.snapshot.generation;
    set_tail(header);
    const bool lost_heads = has_header && !std::ranges::all_of(before.heads, [&](const auto& hash) {
                              return known_.contains(hash);
                            });
    if (lost_heads) {
      for (const ChangeHash& hash : before.heads) {
        if (!known_.contains(hash)) missing_.insert(hash);
      }
    }
    out.missing.assign(missing_.begin(), missing_.end());
    out.changes = header.change_count;
    if (!missing_.empty() || lost_snapshot) header.state = DocumentState::kDegraded;
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

  Result<void> gather() {
    auto cursor = group_.kv().cursor(false);
    if (!cursor) return cursor.error();
    Cursor& at = **cursor;
    const std::string prefix = document_prefix(id_);
    for (at.seek(prefix); at.valid() && at.key().starts_with(prefix); at.next()) {
      const auto parsed = parse_key(at.key());
      if (!parsed) return parsed.error();
      take(*parsed, at.key(), at.value());
    }
    return at.status();
  }

  /// A record that does not verify is as good as lost; it goes.
  void take(const ParsedKey& parsed, std::string_view key, std::string_view value) {
    if (parsed.kind == Kind::kPeerSync) {
      states_.emplace_back(key);
      return;
    }
    if (parsed.kind == Kind::kSnapshotPart) {
      auto part = decode_snapshot_part(key, value);
      if (!part) {
        group_.erase(std::string(key));
        return;
      }
      auto& [head, bytes] = parts_[static_cast<std::uint32_t>(parsed.number)][parsed.part];
      head = std::move(part->head);
      bytes = to_bytes(as_bytes(part->data));
      return;
    }
    const auto record = decode_change(key, value, parsed.kind);
    const bool sound = record && check_change(parsed.hash, as_bytes(record->chunk));
    auto dependencies = sound ? chunk_dependencies(as_bytes(record->chunk))
                              : Result<std::vector<ChangeHash>>(Error{ErrorCode::kCorrupt, ""});
    if (!dependencies) {
      group_.erase(std::string(key));
      return;
    }
    auto& list = parsed.kind == Kind::kChange ? changes_ : orphans_;
    list[parsed.hash] = {record->receipt, record->received_ms, record->source,
                         to_bytes(as_bytes(record->chunk)), std::move(*dependencies)};
  }

  /// The newest generation that is whole; the parts of others go.
  void choose_snapshot(SnapshotRef& chosen) {
    chosen = {};
    for (auto at = parts_.rbegin(); at != parts_.rend(); ++at) {
      if (chosen.generation == 0 && is_whole(at->second, at->first, chosen)) continue;
      for (const auto& [number, part] : at->second) {
        group_.erase(snapshot_key(id_, at->first, number));
      }
    }
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
    auto inside = inspector_(bytes);
    if (!inside) return false;
    known_.insert(inside->changes.begin(), inside->changes.end());
    chosen = {generation, head.bytes, head.changes, head.sha256, head.heads};
    return true;
  }

  /// Changes whose ancestors are all there stay the tail, the others wait as orphans.
  void set_tail(DocumentHeader& header) {
    std::set<ChangeHash> inside = known_;
    bool grew = true;
    while (grew) {
      grew = false;
      for (const auto& [hash, piece] : changes_) {
        if (known_.contains(hash)) continue;
        const bool closed = std::ranges::all_of(
            piece.dependencies, [&](const ChangeHash& each) { return known_.contains(each); });
        if (closed) known_.insert(hash);
        grew = grew || closed;
      }
    }
    std::set<ChangeHash> heads(header.snapshot.heads.begin(), header.snapshot.heads.end());
    std::set<ChangeHash> referenced;
    header.tail_changes = header.tail_bytes = 0;
    for (const auto& [hash, piece] : changes_) {
      if (inside.contains(hash)) continue;  // a leftover
      if (!known_.contains(hash)) {
        make_orphan(hash, piece);
        continue;
      }
      heads.insert(hash);
      referenced.insert(piece.dependencies.begin(), piece.dependencies.end());
      header.tail_changes += 1;
      header.tail_bytes += piece.chunk.size();
    }
    for (const ChangeHash& hash : referenced) heads.erase(hash);
    header.heads.assign(heads.begin(), heads.end());
    header.change_count = header.snapshot.changes + header.tail_changes;
  }

  void make_orphan(const ChangeHash& hash, const Piece& piece) {
    for (const ChangeHash& each : piece.dependencies) {
      if (!known_.contains(each) && !changes_.contains(each)) missing_.insert(each);
    }
    group_.erase(change_key(id_, hash));
    std::string key = orphan_key(id_, hash);
    std::string value = encode_change(key, Kind::kOrphan,
                                      {0, piece.received_ms, piece.source, as_text(piece.chunk)});
    group_.put(std::move(key), std::move(value));
  }

  Group& group_;
  DocumentId id_;
  const SnapshotInspector& inspector_;
  std::vector<std::string> states_;
  std::map<ChangeHash, Piece> changes_;
  std::map<ChangeHash, Piece> orphans_;
  std::map<std::uint32_t, std::map<std::uint32_t, Part>> parts_;  ///< by generation, part
  std::set<ChangeHash> known_;                                    ///< closed under dependencies
  std::set<ChangeHash> missing_;
};

}  // namespace

Result<std::optional<RebuiltDocument>> rebuild_document(Group& group, const DocumentId& document,
                                                        const SnapshotInspector& inspector) {
  return Rebuilder(group, document, inspector).run();
}

}  // namespace converge::store
