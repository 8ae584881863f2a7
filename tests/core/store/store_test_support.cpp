#include "tests/core/store/store_test_support.h"

#include "core/codec/leb128.h"
#include "core/codec/sha256.h"

#include <algorithm>
#include <cstdlib>
#include <future>
#include <stdexcept>
#include <unistd.h>

namespace converge::store::testing {

TempDir::TempDir(Place place) {
  const bool in_memory = place == Place::kMemory && ::access("/dev/shm", W_OK) == 0;
  const auto parent =
      in_memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
  std::string name = (parent / "converge-store-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

DocumentId document(std::uint64_t number) {
  DocumentId id;
  // Spread like real ids, so that keys of neighbours are not neighbours.
  const auto digest = codec::sha256(as_bytes("document " + std::to_string(number)));
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

PeerKey peer_key(std::uint8_t fill) {
  PeerKey key;
  key.fill(std::byte{fill});
  return key;
}

NewChange change(std::string_view body) {
  std::string contents(1, '\x01');
  codec::write_uleb(contents, body.size());
  contents.append(body);
  const auto digest = codec::sha256(as_bytes(contents));
  std::string chunk = "\x85\x6f\x4a\x83";
  chunk.append(as_text(ByteView(digest).first(4)));
  chunk.append(contents);
  return {ChangeHash{digest}, to_bytes(as_bytes(chunk))};
}

NewChange change(std::uint64_t number, std::size_t bytes) {
  std::string body = "change " + std::to_string(number) + " ";
  std::mt19937_64 engine(number);
  while (body.size() < bytes) body.push_back(static_cast<char>(engine() & 0xff));
  return change(body);
}

Append append_of(const DocumentId& document, std::uint64_t expected_seq,
                 std::vector<NewChange> changes) {
  DocumentAppend part;
  part.document = document;
  part.expected_seq = expected_seq;
  if (!changes.empty()) part.heads = {changes.back().hash};
  part.changes = std::move(changes);
  Append append;
  append.documents.push_back(std::move(part));
  return append;
}

Result<AppendResult> append_now(Store& store, Append append, Durability durability) {
  std::promise<Result<AppendResult>> promise;
  store.append(std::move(append), durability,
               [&](Result<AppendResult> result) { promise.set_value(std::move(result)); });
  return promise.get_future().get();
}

Result<CommitNumber> wait_for(const std::function<void(Done)>& write) {
  std::promise<Result<CommitNumber>> promise;
  write([&](Result<CommitNumber> result) { promise.set_value(std::move(result)); });
  return promise.get_future().get();
}

SnapshotDraft draft_of(const DocumentHeader& header, const StoredDocument& stored, Bytes bytes) {
  SnapshotDraft draft;
  draft.document = header.id;
  draft.based_on_generation = header.snapshot.generation;
  draft.heads = header.heads;
  for (const StoredChange& change : stored.tail) draft.covered.push_back(change.hash);
  draft.verify = [bytes](ByteView read) -> Result<void> {
    if (std::ranges::equal(read, bytes)) return {};
    return Error{ErrorCode::kCorrupt, "other bytes"};
  };
  draft.bytes = std::move(bytes);
  return draft;
}

}  // namespace converge::store::testing
