#include "core/verify/history_file.h"

#include "core/engine/document.h"
#include "core/format/change.h"
#include "core/format/chunk.h"
#include "core/verbs/canonical.h"

#include <algorithm>
#include <set>
#include <utility>

namespace converge::verify {
namespace {

// Nothing is written by it, so the actor names nobody. Not Document::load, which refuses changes
// whose dependencies are elsewhere.
Result<engine::Document> load(ByteView file) {
  engine::Document document{ActorId(as_bytes("verify"))};
  if (file.empty()) return document;
  const auto report = document.load_incremental(file);
  if (!report) return report.error();
  if (report->damage) return *report->damage;
  return document;
}

void add(FileReport& report, const char* code, std::string message) {
  report.ok = false;
  report.findings.push_back({code, std::move(message)});
}

void check_changes(const engine::Document& document, FileReport& report) {
  std::set<std::string> actors;
  for (const ChangeHash& hash : document.all_changes()) {
    const auto bytes = document.change_bytes(hash);
    const auto change = bytes ? format::decode_change(*bytes)
                              : Result<model::Change>(Error{ErrorCode::kCorrupt, "is not there"});
    if (!change) {
      add(report, "unreadable", "change " + hash.to_hex() + ": " + change.error().message);
    } else if (change->hash != hash) {
      add(report, "hash_differs",
          "change " + hash.to_hex() + " hashes to " + change->hash.to_hex());
    } else {
      actors.insert(change->actor.to_hex());
    }
  }
  report.actors = actors.size();
}

}  // namespace

Result<std::vector<Bytes>> changes_of_file(ByteView file) {
  const auto document = load(file);
  if (!document) return document.error();
  auto hashes = document->all_changes();
  for (const ChangeHash& hash : document->orphans()) hashes.push_back(hash);
  std::vector<Bytes> out;
  for (const ChangeHash& hash : hashes)
    if (auto bytes = document->change_bytes(hash)) out.push_back(std::move(*bytes));
  return out;
}

Result<std::vector<Bytes>> split_changes(ByteView stream) {
  std::vector<Bytes> out;
  format::ChunkStream chunks(stream);
  while (true) {
    const auto chunk = chunks.next();
    if (!chunk) return chunk.error();
    if (!*chunk) return out;
    const format::Chunk& found = **chunk;
    if (found.type != format::ChunkType::kChange &&
        found.type != format::ChunkType::kCompressedChange)
      return format::in_chunk(found, Error{ErrorCode::kUnsupported, "it is not a single change"});
    out.emplace_back(found.whole.begin(), found.whole.end());
  }
}

Result<ChangeFacts> facts_of_change(ByteView chunk) {
  auto change = format::decode_change(chunk);
  if (!change) return change.error();
  std::ranges::sort(change->deps);
  return ChangeFacts{change->hash, std::move(change->deps)};
}

FileReport check_file(ByteView file) {
  FileReport report;
  const auto document = load(file);
  if (!document) {
    add(report, "unreadable", document.error().message);
    return report;
  }
  report.changes = document->change_count();
  for (const ChangeHash& head : document->heads()) report.heads.push_back(head.to_hex());
  check_changes(*document, report);
  for (const ChangeHash& orphan : document->orphans())
    add(report, "missing_dependencies",
        "change " + orphan.to_hex() + " depends on changes that are not in the file");
  const auto copy = load(document->save());
  if (!copy) {
    add(report, "save_differs", "a saved copy cannot be read: " + copy.error().message);
  } else if (copy->heads() != document->heads() || copy->orphans() != document->orphans()) {
    add(report, "save_differs", "a saved copy has another history");
  } else if (verbs::state_digest(copy->now()) != verbs::state_digest(document->now())) {
    add(report, "save_differs", "a saved copy has other values");
  }
  return report;
}

}  // namespace converge::verify
