#include "tests/benchmarks/inputs.h"

#include "tests/support/shared_data.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace converge::benchmarks {

using engine::Document;
using engine::ObjType;

namespace {

std::filesystem::path input(const std::string& name) {
  const auto path = testing::shared_data(name);
  if (!path) {
    std::fprintf(stderr, "benchmark input %s is missing\n", name.c_str());
    std::exit(1);
  }
  return *path;
}

}  // namespace

const Trace& trace(const std::string& name) {
  static std::map<std::string, Trace> loaded;
  const auto found = loaded.find(name);
  if (found != loaded.end()) return found->second;
  const auto json = nlohmann::json::parse(
      testing::read_text_maybe_gzip(input("data/traces/" + name + ".json.gz")));
  Trace& out = loaded[name];
  out.end = json["endContent"];
  for (const auto& txn : json["txns"]) {
    auto& patches = out.transactions.emplace_back();
    for (const auto& patch : txn["patches"]) {
      patches.push_back({patch[0], patch[1], patch[2]});
    }
  }
  return out;
}

const std::string& document_file(const std::string& name) {
  static std::map<std::string, std::string> loaded;
  const auto found = loaded.find(name);
  if (found != loaded.end()) return found->second;
  return loaded[name] = testing::read_file(input("data/documents/" + name));
}

model::ActorId actor(unsigned char last_byte) {
  std::array<std::byte, 16> bytes{};
  bytes[0] = std::byte{0x42};
  bytes[15] = std::byte{last_byte};
  return model::ActorId(bytes);
}

engine::ObjId text_of(const Document& document) {
  return document.now().get(model::kRoot, std::string("text"))->id;
}

Document replay(const Trace& trace, Commit commit) {
  Document document(actor(1));
  auto first = document.transact();
  const auto text = *first.put_object(model::kRoot, std::string("text"), ObjType::kText);
  const auto apply = [&](engine::Transaction& tx, const std::vector<Patch>& patches) {
    for (const Patch& patch : patches) {
      const auto done = tx.splice_text(text, patch.position, patch.erased, patch.inserted,
                                       engine::TextUnit::kCodePoints);
      if (!done) std::abort();
    }
  };
  if (commit == Commit::kOnce) {
    for (const auto& patches : trace.transactions) apply(first, patches);
    first.commit();
    return document;
  }
  first.commit();
  for (const auto& patches : trace.transactions) {
    auto tx = document.transact();
    apply(tx, patches);
    if (commit == Commit::kEach) {
      tx.commit();
    } else {
      tx.commit_unsealed();
    }
  }
  return document;
}

const Bytes& replayed_file(const std::string& name, bool one_change) {
  static std::map<std::pair<std::string, bool>, Bytes> made;
  Bytes& file = made[{name, one_change}];
  if (file.empty()) file = replay(trace(name), one_change ? Commit::kOnce : Commit::kEach).save();
  return file;
}

}  // namespace converge::benchmarks
