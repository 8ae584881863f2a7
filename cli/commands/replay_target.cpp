#include "cli/commands/replay_target.h"

#include "cli/commands/render.h"
#include "cli/commands/store_shared.h"
#include "cli/commands/store_target.h"
#include "core/control/error_table.h"
#include "core/engine/document.h"
#include "core/verbs/canonical.h"
#include "core/verbs/root_digest.h"
#include "core/verbs/text_forms.h"

#include <nlohmann/json.hpp>

#include <map>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

Error at(const ReplayStep& step, const Error& cause) {
  const std::string message = step.where + " cannot be replayed\n" + cause.message;
  for (const control::ErrorRow& row : control::error_table())
    if (cause.id == row.code) return make_error(row.id, message, cause.hint);
  return make_error(ErrorId::kInputFile, message);
}

Error missing_deps(const std::string& where, const ChangeHash& change, const ChangeHash& dep) {
  return make_error(ErrorId::kChangeMissingDeps, where + " has change " + change.to_hex() +
                                                     ", which depends on " + dep.to_hex() +
                                                     "\n  the log does not have that one");
}

class MemoryTarget final : public ReplayTarget {
 public:
  Result<void> apply(const ReplayStep& step) override {
    const DocumentId key = step.id.value_or(DocumentId{});
    if (step.is_delete) {
      documents_.erase(key);
      return {};
    }
    auto found = documents_.find(key);
    if (found == documents_.end())
      found =
          documents_.emplace(key, Entry{engine::Document(ActorId(as_bytes("replay"))), {}, {}, {}})
              .first;
    Entry& entry = found->second;
    if (!step.name.empty()) entry.name = step.name;
    entry.has_id = step.id.has_value();
    const auto report = entry.document.apply_changes({step.chunk});
    if (!report) return at(step, report.error());
    if (!report->queued.empty()) entry.waiting.emplace(step.hash, step.where);
    return {};
  }

  Result<void> finish() override {
    for (const auto& [id, entry] : documents_)
      for (const ChangeHash& orphan : entry.document.orphans()) {
        const auto where = entry.waiting.find(orphan);
        for (const ChangeHash& dep : entry.document.change_deps(orphan).value_or(Heads{}))
          if (where != entry.waiting.end() && !entry.document.has_change(dep) &&
              !entry.document.has_orphan(dep))
            return missing_deps(where->second, orphan, dep);
      }
    return {};
  }

  Result<json> digest() override {
    verbs::RootDigest root;
    json items = json::array();
    for (const auto& [id, entry] : documents_) {
      const verbs::Digest sum = verbs::history_digest(entry.document.heads());
      root.add(id, sum);
      items.push_back({{"id", entry.has_id ? json(id.to_url()) : json()},
                       {"name", entry.name.empty() ? json() : json(entry.name)},
                       {"digest", to_hex(sum)}});
    }
    // Files have no ids: their root is over their digests alone, and one file's is its own.
    const bool nameless = items.size() == 1 && items[0]["id"].is_null();
    return json{{"kind", "Digest"},
                {"v", 1},
                {"over", "history"},
                {"count", items.size()},
                {"root", nameless ? items[0]["digest"] : json(root.hex())},
                {"items", items}};
  }

 private:
  struct Entry {
    engine::Document document;
    std::string name;
    bool has_id = false;
    std::map<ChangeHash, std::string> waiting;  ///< orphans, and where they stood
  };
  std::map<DocumentId, Entry> documents_;
};

class StoreReplay final : public ReplayTarget {
 public:
  explicit StoreReplay(std::unique_ptr<Target> store) : store_(std::move(store)) {}

  Result<void> apply(const ReplayStep& step) override {
    // Changes of one document that follow each other are one request.
    if (!pending_.empty() && (step.is_delete || step.id != first_.id || pending_.size() > kBatch))
      if (auto done = flush(); !done) return done;
    if (step.is_delete) {
      const auto removed = store_->call("doc.rm", {{"docs", {step.id->to_url()}}});
      return removed ? Result<void>() : at(step, removed.error());
    }
    if (pending_.empty()) first_ = step;
    pending_.insert(pending_.end(), step.chunk.begin(), step.chunk.end());
    return {};
  }

  Result<void> finish() override { return flush(); }

  Result<json> digest() override {
    if (auto done = flush(); !done) return done.error();
    return store_->call("doc.digest", {{"patterns", json::array()}});
  }

 private:
  static constexpr std::size_t kBatch = std::size_t{1} << 20;

  Result<void> flush() {
    if (pending_.empty()) return {};
    json params = {{"format", "changes"},
                   {"update", true},
                   {"data", verbs::to_base64(pending_)},
                   {"request_id", new_request_id()}};
    const auto known = ids_.find(first_.id.value_or(DocumentId{}));
    if (known != ids_.end()) {
      params["id"] = known->second;
    } else {
      if (first_.id) params["id"] = first_.id->to_url();
      if (!first_.name.empty()) params["name"] = first_.name;
    }
    pending_.clear();
    const auto ack = store_->call("doc.import", params);
    if (!ack) return at(first_, ack.error());
    ids_[first_.id.value_or(DocumentId{})] = field(*ack, "id");
    return {};
  }

  std::unique_ptr<Target> store_;
  std::map<DocumentId, std::string> ids_;  ///< in the store, which makes one where the log has none
  ReplayStep first_;                       ///< of the pending ones
  Bytes pending_;
};

}  // namespace

std::unique_ptr<ReplayTarget> replay_into_memory() { return std::make_unique<MemoryTarget>(); }

Result<std::unique_ptr<ReplayTarget>> replay_into_store(Session& session,
                                                        const std::string& directory) {
  if (auto made = make_store_directory(absolute_path(directory)); !made) return made.error();
  // It takes as long as the log is large, unless somebody said otherwise.
  const auto deadline = session.has_timeout() ? session.deadline() : client::Client::kNoDeadline;
  auto store = open_store_target(directory, session.clock(), deadline);
  if (!store) return store.error();
  return std::unique_ptr<ReplayTarget>(std::make_unique<StoreReplay>(std::move(*store)));
}

}  // namespace converge::cli
