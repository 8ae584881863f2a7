#pragma once

#include "core/codec/leb128.h"
#include "tests/core/store/disk_store.h"

#include <algorithm>
#include <fstream>

/// A store with something of everything in it, and ways to break it.
namespace converge::store::testing {

namespace fs = std::filesystem;

/// A type-1 chunk that begins like a change: dependencies, then whatever.
inline NewChange linked_change(std::uint64_t number, const std::vector<ChangeHash>& dependencies,
                               std::size_t bytes = 300) {
  std::string body;
  codec::write_uleb(body, dependencies.size());
  for (const ChangeHash& hash : dependencies) body.append(as_text(hash.bytes));
  Bytes filler(bytes);
  SeededRandom(number).fill(filler);
  body.append(as_text(filler));
  return change(body);
}

/// Documents with chained changes, names, peers, an orphan, a snapshot, a deleted one.
inline void fill(Store& store, std::uint64_t documents, std::uint64_t changes, std::size_t bytes) {
  for (std::uint64_t d = 0; d < documents; ++d) {
    std::vector<ChangeHash> heads;
    for (std::uint64_t c = 0; c < changes; ++c) {
      const NewChange next = linked_change(d * 1000 + c, heads, bytes);
      heads = {next.hash};
      Append append = append_of(document(d), c, {next});
      append.documents[0].peer_states.push_back({testing::peer_key(1), heads});
      if (c == 0) append.names.push_back({"doc/" + std::to_string(d), {}, document(d)});
      REQUIRE(append_now(store, std::move(append), Durability::kRelaxed).has_value());
    }
  }
  Append append = append_of(document(0), changes, {});
  append.documents[0].heads = store.header(document(0))->heads;
  append.documents[0].orphans.push_back(linked_change(7777, {change("nowhere").hash}));
  REQUIRE(append_now(store, std::move(append)).has_value());
  const auto loaded = store.load(document(1));
  REQUIRE(loaded.has_value());
  REQUIRE(store.publish_snapshot(draft_of(loaded->header, *loaded, Bytes(300'000))).has_value());
  REQUIRE(wait_for([&](Done done) { store.remove(document(2), {}, std::move(done)); }));
  PeerRecord peer;
  peer.name = "nas";
  REQUIRE(wait_for([&](Done done) { store.put_peer(peer, std::move(done)); }));
}

inline void make_store(const fs::path& path, std::uint64_t documents = 12,
                       std::uint64_t changes = 20) {
  DiskStore store(path);
  fill(store.get(), documents, changes, 300);
  REQUIRE(store.get().compact_tables().has_value());
  REQUIRE(append_now(store.get(), append_of(document(99), 0, {linked_change(1, {})})).has_value());
  REQUIRE(store.get().close(std::chrono::seconds(20)).has_value());
}

inline std::vector<fs::path> tables_of(const fs::path& path) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(path / "db")) {
    if (entry.path().extension() == ".sst") out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

inline void flip(const fs::path& file, std::uint64_t at) {
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekg(static_cast<std::streamoff>(at));
  const auto byte = static_cast<char>(stream.get());
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(static_cast<char>(byte ^ 0x10));
}

}  // namespace converge::store::testing
