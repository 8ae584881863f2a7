#include "agent/control/handlers.h"
#include "agent/control/progress_notes.h"
#include "agent/control/resolve.h"
#include "core/repo/compaction.h"
#include "core/store/check.h"
#include "core/store/repair.h"
#include "core/store/report_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;
using store::DocumentHeader;

constexpr std::size_t kFindingsMax = 100'000;
/// Hashes in one request to a peer; it may answer with fewer changes.
constexpr std::size_t kFetchMax = 256;

/// Documents that lack changes of which the hashes are known.
Result<std::vector<DocumentHeader>> degraded_documents(store::Store& store) {
  std::vector<DocumentHeader> out;
  store::PageRequest request;
  do {
    auto page = store.list_documents(request);
    if (!page) return page.error();
    for (DocumentHeader& header : page->items) {
      if (header.state == store::DocumentState::kDegraded) out.push_back(std::move(header));
    }
    request.after = page->next;
  } while (!request.after.empty());
  return out;
}

Json degraded_json(store::Store& store, const DocumentHeader& header) {
  Json missing = Json::array();
  for (const ChangeHash& hash : header.missing) missing.push_back(hash.to_hex());
  const std::string name = name_of(store, header.id);
  return Json{{"id", header.id.to_url()},
              {"name", name.empty() ? Json() : Json(name)},
              {"changes", header.change_count},
              {"missing", std::move(missing)}};
}

Json plan_json(store::Store& store, const store::RepairPlan& plan,
               const std::vector<DocumentHeader>& degraded, const std::vector<std::string>& peers) {
  Json out = store::to_json(plan);
  Json& steps = out["steps"];
  for (const DocumentHeader& header : degraded) {
    if (peers.empty()) break;
    steps.push_back({{"n", steps.size() + 1},
                     {"do", "fetch"},
                     {"document", header.id.to_url()},
                     {"changes", header.missing.size()},
                     {"from", peers}});
  }
  out["degraded"] = Json::array();
  for (const DocumentHeader& header : degraded)
    out["degraded"].push_back(degraded_json(store, header));
  return out;
}

/// Asks peers for what is missing, one document and one peer after the other. Control thread.
class FetchRun : public std::enable_shared_from_this<FetchRun> {
 public:
  FetchRun(Services& services, CallPtr call, std::vector<std::string> peers,
           std::vector<DocumentHeader> documents, Json report)
      : services_(services),
        call_(std::move(call)),
        peers_(std::move(peers)),
        documents_(std::move(documents)),
        report_(std::move(report)) {}

  void next() {
    if (document_ == documents_.size() || peer_ == peers_.size()) {
      if (document_ < documents_.size()) ++document_;
      peer_ = 0;
    }
    if (document_ >= documents_.size() || peers_.empty()) return finish();
    const DocumentId& id = documents_[document_].id;
    const auto header = services_.store().header(id);
    const bool is_whole = !header || header->missing.empty();
    if (is_whole) {
      ++document_;
      peer_ = 0;
      return services_.on_control([self = shared_from_this()] { self->next(); });
    }
    std::vector<ChangeHash> wanted = header->missing;
    if (wanted.size() > kFetchMax) wanted.resize(kFetchMax);
    services_.fetch_changes(
        peers_[peer_], id, wanted,
        [self = shared_from_this()](Result<std::uint64_t> got) { self->answered(std::move(got)); });
  }

 private:
  void answered(Result<std::uint64_t> got) {
    if (!got) {
      report_["peers"][peers_[peer_]] = got.error().message;
      ++peer_;
    } else if (*got == 0) {
      ++peer_;
    } else {
      fetched_ += *got;
    }
    next();
  }

  void finish() {
    const auto left = degraded_documents(services_.store());
    if (!left) return call_->fail(left.error());
    report_["degraded"] = Json::array();
    for (const DocumentHeader& header : *left)
      report_["degraded"].push_back(degraded_json(services_.store(), header));
    report_["fetched"] = fetched_;
    report_["ok"] = left->empty();
    call_->reply(std::move(report_));
  }

  Services& services_;
  CallPtr call_;
  std::vector<std::string> peers_;
  std::vector<DocumentHeader> documents_;
  Json report_;
  std::size_t document_ = 0;
  std::size_t peer_ = 0;
  std::uint64_t fetched_ = 0;
};

/// What of the store is damaged: its tables, and what a deep check finds beside them.
Result<store::RepairPlan> full_plan(store::Store& store, const std::function<bool()>& go_on,
                                    ProgressNotes& notes) {
  store::CheckOptions options;
  options.depth = store::CheckDepth::kDeep;
  options.inspect_snapshot = repo::snapshot_inspector();
  options.findings_max = kFindingsMax;
  options.on_progress = [&go_on, &notes](const store::CheckProgress& progress) {
    notes.update(progress.bytes_done, progress.bytes_total);
    return go_on();
  };
  const auto report = store.check(options);
  if (!report) return report.error();
  auto plan = store.plan_repair({});
  if (plan) store::complete_plan(*plan, *report);
  return plan;
}

void apply_plan(Services& services, const CallPtr& call, const store::RepairPlan& plan,
                const std::vector<std::string>& peers) {
  store::RepairOptions options;
  options.inspect_snapshot = repo::snapshot_inspector();
  const auto report = services.store().repair(plan, options);
  if (!report) return call->fail(report.error());
  services.refresh(*report);
  auto degraded = degraded_documents(services.store());
  if (!degraded) return call->fail(degraded.error());
  Json out = store::to_json(*report);
  out["peers"] = Json::object();
  const auto run =
      std::make_shared<FetchRun>(services, call, peers, std::move(*degraded), std::move(out));
  services.on_control([run] { run->next(); });
}

}  // namespace

void store_repair(Services& services, CallPtr call) {
  const auto apply = bool_param(*call, "apply");
  const auto id = string_param(*call, "plan");
  const auto peers = strings_param(*call, "from_peer");
  const auto progress = bool_param(*call, "progress");
  if (!progress) return call->fail(progress.error());
  if (!apply) return call->fail(apply.error());
  if (!id) return call->fail(id.error());
  if (!peers) return call->fail(peers.error());
  ProgressNotes wanted(services, call, *progress, "bytes");
  services.on_store([&services, call, apply = *apply, id = *id, peers = *peers,
                     notes = wanted](const std::function<bool()>& go_on) mutable {
    const auto plan = full_plan(services.store(), go_on, notes);
    if (!plan) return call->fail(plan.error());
    if (!apply) {
      const auto degraded = degraded_documents(services.store());
      if (!degraded) return call->fail(degraded.error());
      return call->reply(plan_json(services.store(), *plan, *degraded, peers));
    }
    if (!id.empty() && id != plan->id) {
      return call->fail(make_error(ErrorId::kPlanStale,
                                   fmt::format("the plan {} is not that of the store now", id),
                                   "syncctl store repair"));
    }
    apply_plan(services, call, *plan, peers);
  });
}

}  // namespace converge::handlers
