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
#include <set>

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

/// What the names mean at this point of the log.
class Names {
 public:
  void bind(const std::string& name, const std::optional<DocumentId>& id) {
    if (const auto bound = documents_.find(name); bound != documents_.end()) {
      of_[bound->second].erase(name);
      documents_.erase(bound);
    }
    if (!id) return;
    documents_.emplace(name, *id);
    of_[*id].insert(name);
  }

  /// What a change calls its document, which says nothing new where the document has a name. False
  /// where it has, or the name is another's: a line about that name follows.
  bool suggest(const std::string& name, const DocumentId& id) {
    if (name.empty() || !all_of(id).empty() || documents_.contains(name)) return false;
    bind(name, id);
    return true;
  }

  void forget(const DocumentId& id) {
    for (const std::string& name : all_of(id)) documents_.erase(name);
    of_.erase(id);
  }

  /// In order; an agent shows the first.
  const std::set<std::string>& all_of(const DocumentId& id) const {
    static const std::set<std::string> kNone;
    const auto found = of_.find(id);
    return found == of_.end() ? kNone : found->second;
  }

 private:
  std::map<std::string, DocumentId> documents_;
  std::map<DocumentId, std::set<std::string>> of_;
};

class MemoryTarget final : public ReplayTarget {
 public:
  Result<void> apply(const ReplayStep& step) override {
    if (step.kind == ReplayStep::Kind::kName) {
      names_.bind(step.name, step.id);
      return {};
    }
    const DocumentId key = step.id.value_or(DocumentId{});
    if (step.kind == ReplayStep::Kind::kDelete) {
      documents_.erase(key);
      names_.forget(key);
      return {};
    }
    auto found = documents_.find(key);
    if (found == documents_.end())
      found = documents_.emplace(key, Entry{engine::Document(ActorId(as_bytes("replay"))), {}, {}})
                  .first;
    Entry& entry = found->second;
    names_.suggest(step.name, key);
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
      const auto& names = names_.all_of(id);
      items.push_back({{"id", entry.has_id ? json(id.to_url()) : json()},
                       {"name", names.empty() ? json() : json(*names.begin())},
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
    bool has_id = false;
    std::map<ChangeHash, std::string> waiting;  ///< orphans, and where they stood
  };
  std::map<DocumentId, Entry> documents_;
  Names names_;
};

class StoreReplay final : public ReplayTarget {
 public:
  explicit StoreReplay(std::unique_ptr<Target> store) : store_(std::move(store)) {}

  Result<void> apply(const ReplayStep& step) override {
    const bool is_change = step.kind == ReplayStep::Kind::kChange;
    // Changes of one document that follow each other are one request.
    if (!pending_.empty() && (!is_change || step.id != first_.id || pending_.size() > kBatch))
      if (auto done = flush(); !done) return done;
    if (step.kind == ReplayStep::Kind::kName) return name(step);
    if (step.kind == ReplayStep::Kind::kDelete) {
      for (const std::string& name : names_.all_of(*step.id)) stored_names_.erase(name);
      names_.forget(*step.id);
      ids_.erase(*step.id);
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

  /// A name of a document that has no change yet waits for the first.
  Result<void> name(const ReplayStep& step) {
    const bool was_there = stored_names_.contains(step.name);
    names_.bind(step.name, step.id);
    if (step.id && ids_.contains(*step.id)) return set_name(step, step.name, *step.id);
    if (!was_there) return {};
    stored_names_.erase(step.name);
    const auto removed = store_->call("name.rm", {{"name", step.name}});
    return removed ? Result<void>() : at(step, removed.error());
  }

  Result<void> set_name(const ReplayStep& step, const std::string& name, const DocumentId& id) {
    stored_names_.insert(name);
    const auto set = store_->call("name.set", {{"name", name}, {"doc", id.to_url()}});
    return set ? Result<void>() : at(step, set.error());
  }

  Result<void> flush() {
    if (pending_.empty()) return {};
    const DocumentId key = first_.id.value_or(DocumentId{});
    json params = {{"format", "changes"},
                   {"update", true},
                   {"data", verbs::to_base64(pending_)},
                   {"request_id", new_request_id()}};
    const auto known = ids_.find(key);
    names_.suggest(first_.name, key);
    if (known != ids_.end()) {
      params["id"] = known->second;
    } else {
      if (first_.id) params["id"] = first_.id->to_url();
      const auto& names = names_.all_of(key);
      if (!names.empty()) params["name"] = *names.begin();
    }
    pending_.clear();
    const auto ack = store_->call("doc.import", params);
    if (!ack) return at(first_, ack.error());
    if (!ids_.emplace(key, field(*ack, "id")).second) return {};
    for (const std::string& name : names_.all_of(key)) {
      stored_names_.insert(name);
      if (params["name"] == name) continue;
      if (auto set = set_name(first_, name, key); !set) return set;
    }
    return {};
  }

  std::unique_ptr<Target> store_;
  std::map<DocumentId, std::string> ids_;  ///< in the store, which makes one where the log has none
  Names names_;
  std::set<std::string> stored_names_;
  ReplayStep first_;  ///< of the pending ones
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
