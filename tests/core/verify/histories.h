#pragma once

#include "core/engine/document.h"
#include "core/verify/change_set.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace converge::verify {

inline ActorId actor(char name) { return ActorId(as_bytes(std::string(1, name))); }

inline std::vector<Bytes> chunks_of(const engine::Document& document) {
  std::vector<Bytes> out;
  for (const ChangeHash& hash : document.all_changes()) out.push_back(*document.change_bytes(hash));
  return out;
}

/// One change each by `writers` actors that know nothing of each other: actor n puts key "k<n>" =
/// n.
inline std::vector<Bytes> concurrent_puts(int writers) {
  std::vector<Bytes> out;
  for (int i = 0; i < writers; ++i) {
    engine::Document document(actor(static_cast<char>('a' + i)));
    auto tx = document.transact();
    REQUIRE(tx.put(model::kRoot, "k" + std::to_string(i), Scalar::integer(i)));
    const auto hash = tx.commit();
    out.push_back(*document.change_bytes(*hash));
  }
  return out;
}

/// `length` changes by one actor, each on top of the one before.
inline std::vector<Bytes> chain(int length) {
  engine::Document document(actor('z'));
  for (int i = 0; i < length; ++i) {
    auto tx = document.transact();
    REQUIRE(tx.put(model::kRoot, std::string("n"), Scalar::integer(i)));
    tx.commit();
  }
  return chunks_of(document);
}

}  // namespace converge::verify
