#include "core/codec/sha256.h"
#include "core/store/keys.h"
#include "core/store/kv_store.h"
#include "core/store/rules.h"
#include "core/store/values.h"

#include <algorithm>

namespace converge::store {
namespace {

constexpr std::size_t kPartsPerBatch = 4;  // 1 MiB
constexpr std::size_t kKeysPerBatch = 10'000;

Error readback(const DocumentId& document, const std::string& why) {
  return {ErrorCode::kCorrupt, "snapshot.readback: document " + document.to_base58() + ": " + why,
          "store.corrupt"};
}

}  // namespace

void KvStore::step(std::string_view name) const {
  if (options_.open.on_step) options_.open.on_step(name);
}

Result<std::vector<std::string>> KvStore::part_keys(const DocumentId& document) {
  std::vector<std::string> keys;
  const std::string prefix = document_prefix(document, 's');
  const auto ok = walk(prefix, prefix, [&](std::string_view key, std::string_view) -> Result<bool> {
    keys.emplace_back(key);
    return true;
  });
  if (!ok) return ok.error();
  return keys;
}

Result<void> KvStore::erase_keys(std::vector<std::string> keys) {
  for (std::size_t from = 0; from < keys.size(); from += kKeysPerBatch) {
    const std::size_t to = std::min(keys.size(), from + kKeysPerBatch);
    Request request;
    request.build = [&keys, from, to](Group& group) -> Result<void> {
      for (std::size_t i = from; i < to; ++i) group.erase(keys[i]);
      return {};
    };
    request.bytes = (to - from) * 64;
    const auto done = submit_and_wait(std::move(request));
    if (!done) return done.error();
  }
  return {};
}

/// The list of their receipts goes with the changes that it speaks of, in one batch.
Result<void> KvStore::erase_covered(const DocumentId& document, std::vector<Covered> covered) {
  std::ranges::sort(covered, {}, &Covered::receipt);
  for (std::size_t from = 0; from < covered.size(); from += kReceiptListMax) {
    const std::size_t to = std::min(covered.size(), from + kReceiptListMax);
    Request request;
    request.build = [&covered, &document, from, to](Group& group) -> Result<void> {
      std::vector<ReceiptNumber> receipts;
      for (std::size_t i = from; i < to; ++i) {
        group.erase(covered[i].key);
        if (covered[i].receipt != 0) receipts.push_back(covered[i].receipt);
      }
      if (receipts.empty()) return {};
      std::string key = receipt_list_key(document, receipts.front());
      std::string value = encode_receipt_list(key, receipts);
      group.put(std::move(key), std::move(value));
      return {};
    };
    request.bytes = (to - from) * 64;
    const auto done = submit_and_wait(std::move(request));
    if (!done) return done.error();
  }
  return {};
}

Result<void> KvStore::write_parts(const SnapshotDraft& draft, std::uint32_t generation,
                                  const Sha256& sha256) {
  const std::size_t parts =
      std::max<std::size_t>(1, (draft.bytes.size() + kSnapshotPartBytes - 1) / kSnapshotPartBytes);
  const SnapshotHead head{draft.bytes.size(), static_cast<std::uint32_t>(parts),
                          draft.covered.size(), sha256, draft.heads};
  const std::string_view all = as_text(draft.bytes);
  for (std::size_t from = 0; from < parts; from += kPartsPerBatch) {
    const std::size_t to = std::min(parts, from + kPartsPerBatch);
    Request request;
    request.bytes = (to - from) * kSnapshotPartBytes;
    request.build = [&, from, to](Group& group) -> Result<void> {
      for (std::size_t i = from; i < to; ++i) {
        SnapshotPart part;
        if (i == 0) part.head = head;
        part.data = all.substr(i * kSnapshotPartBytes, kSnapshotPartBytes);
        std::string key = snapshot_key(draft.document, generation, static_cast<std::uint32_t>(i));
        std::string value = encode_snapshot_part(key, part);
        group.put(std::move(key), std::move(value));
      }
      return {};
    };
    const auto done = submit_and_wait(std::move(request));
    if (!done) return done.error();
  }
  return {};
}

Result<void> KvStore::read_back(const SnapshotDraft& draft, std::uint32_t generation,
                                const Sha256& sha256) {
  Bytes bytes;
  bytes.reserve(draft.bytes.size());
  const std::string prefix = document_prefix(draft.document, 's');
  std::uint32_t parts = 0;
  const auto ok = walk(prefix, snapshot_key(draft.document, generation, 0),
                       [&](std::string_view key, std::string_view value) -> Result<bool> {
                         const auto parsed = parse_key(key);
                         if (!parsed) return parsed.error();
                         if (parsed->number != generation) return false;
                         if (parsed->part != parts++) {
                           return readback(draft.document, "a part is missing");
                         }
                         const auto part = decode_snapshot_part(key, value);
                         if (!part) return part.error();
                         const ByteView data = as_bytes(part->data);
                         bytes.insert(bytes.end(), data.begin(), data.end());
                         return true;
                       });
  if (!ok) return readback(draft.document, ok.error().message);
  if (codec::sha256(bytes) != sha256) {
    return readback(draft.document, "the stored bytes are others than those written");
  }
  if (const auto same = draft.verify(bytes); !same) {
    return readback(draft.document, same.error().message);
  }
  return {};
}

Result<SnapshotPublished> KvStore::publish_snapshot(const SnapshotDraft& draft) {
  if (!draft.verify) return Error{ErrorCode::kInvalid, "a snapshot needs a verifier"};
  {
    const std::lock_guard lock(publishing_mutex_);
    if (!publishing_.insert(draft.document).second) {
      return Error{ErrorCode::kConflict, "another snapshot of the document is being written"};
    }
  }
  auto result = publish(draft);
  const std::lock_guard lock(publishing_mutex_);
  publishing_.erase(draft.document);
  return result;
}

Result<SnapshotPublished> KvStore::publish(const SnapshotDraft& draft) {
  const auto current = header(draft.document);
  if (!current) return current.error();
  if (current->snapshot.generation != draft.based_on_generation) {
    return Error{ErrorCode::kConflict, "another snapshot was published meanwhile", "heads.moved"};
  }
  auto old_parts = part_keys(draft.document);
  if (!old_parts) return old_parts.error();
  std::uint32_t generation = current->snapshot.generation;
  for (const std::string& key : *old_parts) {
    const auto parsed = parse_key(key);
    if (parsed) generation = std::max(generation, static_cast<std::uint32_t>(parsed->number));
  }
  generation += 1;

  const Sha256 sha256 = codec::sha256(draft.bytes);
  if (const auto ok = write_parts(draft, generation, sha256); !ok) return ok.error();
  step("compact.2");
  const auto drop_parts = [&] {
    std::vector<std::string> mine;
    const auto all = part_keys(draft.document);
    if (!all) return;
    std::ranges::set_difference(*all, *old_parts, std::back_inserter(mine));
    // Best effort: what stays is a leftover that the next load removes.
    static_cast<void>(erase_keys(std::move(mine)).has_value());
  };
  if (const auto ok = read_back(draft, generation, sha256); !ok) {
    drop_parts();
    return ok.error();
  }
  step("compact.3");

  SnapshotPublished published;
  Request request;
  request.sync = true;
  request.alone = true;
  request.build = [&](Group& group) -> Result<void> {
    auto done = add_publication(group, draft, generation, sha256);
    if (!done) return done.error();
    published.header = std::move(*done);
    return {};
  };
  if (const auto done = submit_and_wait(std::move(request)); !done) {
    if (done.error().code == ErrorCode::kConflict) drop_parts();
    return done.error();
  }
  step("compact.4");

  published.changes_removed =
      current->tail_changes - std::min(current->tail_changes, published.header.tail_changes);
  published.bytes_removed =
      current->tail_bytes - std::min(current->tail_bytes, published.header.tail_bytes);
  if (const auto ok = remove_leftovers(draft.document, generation, draft.covered); !ok) {
    return ok.error();
  }
  step("compact.5");
  return published;
}

Result<void> KvStore::remove_covered(const DocumentId& document, std::uint32_t generation,
                                     const std::vector<ChangeHash>& covered) {
  {
    // Parts of a greater generation may be those of a publication that is still going on.
    const std::lock_guard lock(publishing_mutex_);
    if (publishing_.contains(document)) return {};
    publishing_.insert(document);
  }
  auto result = remove_leftovers(document, generation, covered);
  const std::lock_guard lock(publishing_mutex_);
  publishing_.erase(document);
  return result;
}

Result<void> KvStore::remove_leftovers(const DocumentId& document, std::uint32_t generation,
                                       const std::vector<ChangeHash>& covered) {
  const auto current = header(document);
  if (!current) return current.error();
  if (current->snapshot.generation != generation) {
    return Error{ErrorCode::kConflict, "another snapshot was published meanwhile", "heads.moved"};
  }
  auto parts = part_keys(document);
  if (!parts) return parts.error();
  std::vector<std::string> keys;
  for (std::string& key : *parts) {
    const auto parsed = parse_key(key);
    if (parsed && parsed->number != generation) keys.push_back(std::move(key));
  }
  std::vector<ChangeHash> sorted = covered;
  std::ranges::sort(sorted);
  const std::string prefix = document_prefix(document, 'c');
  std::vector<Covered> gone;
  const auto take = [&](std::string_view key, std::string_view value) -> Result<bool> {
    const auto parsed = parse_key(key);
    if (!parsed) return parsed.error();
    if (!std::ranges::binary_search(sorted, parsed->hash)) return true;
    const auto record = decode_change(key, value, Kind::kChange);
    // Whatever it says: the snapshot was read back and has the change.
    gone.push_back({std::string(key), record ? record->receipt : 0});
    return true;
  };
  if (const auto ok = walk(prefix, prefix, take); !ok) return ok.error();
  if (const auto ok = erase_covered(document, std::move(gone)); !ok) return ok.error();
  return erase_keys(std::move(keys));
}

}  // namespace converge::store
