#include "core/verbs/conflicts.h"

#include "agent/control/conflict_index.h"
#include "agent/control/document_walk.h"
#include "agent/control/handlers.h"
#include "agent/control/receipt_revisions.h"
#include "agent/control/resolve.h"
#include "agent/control/shard_document.h"
#include "core/control/prepared_json.h"
#include "core/verbs/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

/// The Conflict object with what only the replica knows.
Result<Json> conflict_object(store::Store& store, const engine::Document& document, const Row& row,
                             const verbs::Conflict& conflict, bool is_ignored) {
  auto object = verbs::to_json(document, conflict, verbs::Form::kPlain);
  if (!object) return object.error();
  (*object)["doc"] = row.header.id.to_url();
  (*object)["name"] = row.name.empty() ? Json() : Json(row.name);
  (*object)["state"] = is_ignored ? "ignored" : "open";
  std::int64_t since = 0;
  for (Json& value : (*object)["values"]) {
    const auto hash = ChangeHash::from_hex(value.value("change", ""));
    const auto stored = hash ? store.find_change(row.header.id, *hash)
                             : Result<std::optional<store::StoredChange>>(std::nullopt);
    const bool known = stored && *stored && (*stored)->receipt != 0;
    value["received_at"] = known ? Json(format_time((*stored)->received_ms)) : Json();
    value["label"] =
        !known ? Json()
               : Json((*stored)->source.is_local() ? "this replica" : (*stored)->source.peer);
    if (known) since = std::max(since, (*stored)->received_ms);
  }
  (*object)["since"] = since == 0 ? Json() : Json(format_time(since));
  return object;
}

struct Found {
  Row row;
  Json object;
};

/// Every conflict in the documents that the patterns name and whose entry in the index is `wanted`.
void collect(Services& services, const CallPtr& call, const std::vector<std::string>& patterns,
             std::function<bool(const repo::ConflictSummary&)> wanted,
             std::function<void(std::vector<Found>)> done) {
  const auto ignored = ignored_conflicts(services.store());
  if (!ignored) return call->fail(ignored.error());
  walk_conflicted(
      services, call, patterns, std::move(wanted),
      [&services, call, ignored = *ignored, done = std::move(done)](std::vector<Row> rows) {
        const auto found = std::make_shared<std::vector<Found>>();
        visit_all(
            services, call, std::move(rows),
            [&services, found, ignored](ShardAccess& shard, const engine::Document& document,
                                        Row& row) -> Result<void> {
              std::vector<Found> here;
              for (const verbs::Conflict& conflict :
                   verbs::conflicts(document, row.header.id.to_url())) {
                auto object = conflict_object(shard.store, document, row, conflict,
                                              ignored.contains(conflict.id));
                if (!object) return object.error();
                here.push_back({row, std::move(*object)});
              }
              services.on_control([found, here = std::move(here)] {
                found->insert(found->end(), here.begin(), here.end());
              });
              return {};
            },
            [found, done](const std::vector<Row>&) {
              std::sort(found->begin(), found->end(), [](const Found& a, const Found& b) {
                if (a.row.name != b.row.name) return a.row.name < b.row.name;
                if (a.row.header.id != b.row.header.id) return a.row.header.id < b.row.header.id;
                return a.object["path"] < b.object["path"];
              });
              done(std::move(*found));
            });
      });
}

Json list_of(std::vector<Found> found, const std::function<bool(const Json&)>& wanted) {
  Json items = Json::array();
  for (Found& each : found) {
    if (wanted(each.object)) items.push_back(std::move(each.object));
  }
  return Json{{"kind", "ConflictList"}, {"v", 1}, {"items", std::move(items)}, {"next", nullptr}};
}

bool names(const std::string& wanted, const std::string& id) {
  constexpr std::size_t kPrefixMin = 6;  // "c-" and 4 digits
  return wanted.size() >= kPrefixMin && id.starts_with(wanted);
}

/// Documents that may have one of these conflicts.
std::function<bool(const repo::ConflictSummary&)> having(const std::vector<std::string>& ids) {
  return [ids](const repo::ConflictSummary& summary) {
    if (!summary.is_complete()) return true;
    return std::ranges::any_of(summary.ids, [&ids](const repo::ConflictId& id) {
      const std::string text = repo::to_text(id);
      return std::ranges::any_of(ids, [&](const std::string& each) { return names(each, text); });
    });
  };
}

/// Documents that may have a conflict in this state.
std::function<bool(const repo::ConflictSummary&)> in_state(const std::string& state,
                                                           std::set<std::string> ignored) {
  if (state == "all" || (state == "open" && ignored.empty())) return {};
  return [is_ignored = state == "ignored",
          ignored = std::move(ignored)](const repo::ConflictSummary& summary) {
    if (!summary.is_complete()) return true;
    return std::ranges::any_of(summary.ids, [&](const repo::ConflictId& id) {
      return ignored.contains(repo::to_text(id)) == is_ignored;
    });
  };
}

/// One row for each conflict asked for, or an error.
Result<std::vector<Found>> select(const std::vector<Found>& found,
                                  const std::vector<std::string>& ids) {
  std::vector<Found> selected;
  for (const std::string& id : ids) {
    const auto matches = [&id](const Found& each) {
      return names(id, each.object["id"].get<std::string>());
    };
    const auto first = std::find_if(found.begin(), found.end(), matches);
    if (first == found.end()) {
      return make_error(ErrorId::kConflictNotFound, fmt::format("there is no conflict \"{}\"", id),
                        "\"syncctl conflict ls\" lists them");
    }
    if (std::find_if(std::next(first), found.end(), matches) != found.end()) {
      return make_error(ErrorId::kConflictNotFound,
                        fmt::format("\"{}\" could be more than one conflict", id),
                        "write more of the id");
    }
    selected.push_back(*first);
  }
  return selected;
}

struct Resolving {
  CallPtr call;
  verbs::Resolution resolution;
  Json value;  ///< what resolution.value points to
  std::string message;
  bool is_trial = false;
  std::vector<std::pair<Target, std::vector<std::string>>> documents;
  Json items = Json::array();
};

/// One document after the other; each is one change.
void resolve_next(Services& services, const std::shared_ptr<Resolving>& job) {
  if (job->documents.empty()) {
    return job->call->reply(
        Json{{"kind", "ResolveReport"}, {"v", 1}, {"items", std::move(job->items)}});
  }
  const auto [target, ids] = std::move(job->documents.back());
  job->documents.pop_back();
  const auto step = std::make_shared<Call>(*job->call);
  step->reply = [&services, job](Result<Json> ack) {
    services.on_control([&services, job, ack = std::move(ack)] {
      if (!ack) return job->call->fail(ack.error());
      job->items.push_back(control::unprepared(*ack));
      resolve_next(services, job);
    });
  };
  step->request_id
      .clear();  // the whole request is repeated, which is harmless: it is resolved then
  edit_document(services, step, target,
                [&services, job, id = target.id, ids = ids](engine::Document& document,
                                                            const verbs::WriteOptions& defaults) {
                  verbs::Resolution resolution = job->resolution;
                  resolution.receipt =
                      [&services, id](const ChangeHash& hash) -> std::optional<std::uint64_t> {
                    const auto stored = services.store().find_change(id, hash);
                    if (!stored || !*stored || (*stored)->receipt == 0) return std::nullopt;
                    return (*stored)->receipt;
                  };
                  verbs::WriteOptions options = defaults;
                  options.message = job->message;
                  options.dry_run = job->is_trial;
                  return verbs::resolve_conflicts(document, id.to_url(), ids, resolution, options);
                });
}

Result<std::shared_ptr<Resolving>> resolving_of(const CallPtr& call) {
  auto job = std::make_shared<Resolving>();
  job->call = call;
  const auto pick = number_param(*call, "pick", 0);
  const auto rule = string_param(*call, "rule");
  const auto message = string_param(*call, "message", "resolve conflict");
  const auto dry_run = bool_param(*call, "dry_run");
  if (!pick) return pick.error();
  if (!rule) return rule.error();
  if (!message) return message.error();
  if (!dry_run) return dry_run.error();
  job->message = *message;
  job->is_trial = *dry_run;
  if (has_param(*call, "pick")) job->resolution.pick = *pick;
  const auto value = call->params->find("value");
  if (value != call->params->end()) {
    job->value = *value;
    job->resolution.value = &job->value;
  }
  if (!rule->empty()) {
    const auto parsed = verbs::parse_rule(*rule);
    if (!parsed) return parsed.error();
    job->resolution.rule = *parsed;
  }
  const int given = (job->resolution.pick ? 1 : 0) + (job->resolution.value != nullptr ? 1 : 0) +
                    (job->resolution.rule ? 1 : 0);
  if (given != 1) {
    return make_error(ErrorId::kUsageArgument, "exactly one of pick, value and rule is needed");
  }
  return job;
}

Result<std::vector<std::string>> patterns_of(const Call& call) {
  auto patterns = strings_param(call, "patterns");
  if (!patterns) return patterns;
  const auto pattern = strings_param(call, "pattern");
  if (!pattern) return pattern;
  patterns->insert(patterns->end(), pattern->begin(), pattern->end());
  return patterns;
}

}  // namespace

void conflict_list(Services& services, CallPtr call) {
  const auto patterns = patterns_of(*call);
  const auto type = string_param(*call, "type");
  const auto state = string_param(*call, "state", "open");
  if (!patterns) return call->fail(patterns.error());
  if (!type) return call->fail(type.error());
  if (!state) return call->fail(state.error());
  if (*state != "open" && *state != "ignored" && *state != "all") {
    return call->fail(make_error(ErrorId::kUsageArgument,
                                 fmt::format("\"{}\" is not a state of a conflict", *state),
                                 "the states are open, ignored and all"));
  }
  auto ignored = ignored_conflicts(services.store());
  if (!ignored) return call->fail(ignored.error());
  collect(services, call, *patterns, in_state(*state, std::move(*ignored)),
          [call, type = *type, state = *state](std::vector<Found> found) {
            call->reply(list_of(std::move(found), [&](const Json& object) {
              return (state == "all" || object["state"] == state) &&
                     (type.empty() || object["type"] == type);
            }));
          });
}

void conflict_show(Services& services, CallPtr call) {
  const auto id = required_string(*call, "id");
  if (!id) return call->fail(id.error());
  collect(services, call, {}, having({*id}), [call, id = *id](const std::vector<Found>& found) {
    const auto selected = select(found, {id});
    if (!selected) return call->fail(selected.error());
    call->reply(selected->front().object);
  });
}

void conflict_ignore(Services& services, CallPtr call) {
  const auto ids = strings_param(*call, "ids");
  const auto dry_run = bool_param(*call, "dry_run");
  if (!ids) return call->fail(ids.error());
  if (!dry_run) return call->fail(dry_run.error());
  collect(services, call, {}, having(*ids),
          [&services, call, ids = *ids, dry_run = *dry_run](const std::vector<Found>& found) {
            auto selected = select(found, ids);
            if (!selected) return call->fail(selected.error());
            for (Found& each : *selected) {
              each.object["state"] = "ignored";
              if (dry_run) continue;
              ignore_conflict(services.store(), each.object["id"].get<std::string>());
            }
            const Json list = list_of(std::move(*selected), [](const Json&) { return true; });
            if (dry_run) return call->reply(list);
            services.store().sync([call, list](const Result<store::CommitNumber>& done) {
              if (!done) return call->fail(done.error());
              call->reply(list);
            });
          });
}

void conflict_resolve(Services& services, CallPtr call) {
  const auto ids = strings_param(*call, "ids");
  const auto patterns = patterns_of(*call);
  const auto job = resolving_of(call);
  if (!ids) return call->fail(ids.error());
  if (!patterns) return call->fail(patterns.error());
  if (!job) return call->fail(job.error());
  if (ids->empty() == patterns->empty()) {
    return call->fail(
        make_error(ErrorId::kUsageArgument, "either conflict ids or a pattern is needed"));
  }
  auto wanted = ids->empty() ? std::function<bool(const repo::ConflictSummary&)>() : having(*ids);
  collect(services, call, *patterns, std::move(wanted),
          [&services, call, ids = *ids, job = *job](const std::vector<Found>& found) {
            auto selected = ids.empty() ? Result<std::vector<Found>>(found) : select(found, ids);
            if (!selected) return call->fail(selected.error());
            std::map<DocumentId, std::pair<Target, std::vector<std::string>>> by_document;
            for (const Found& each : *selected) {
              if (ids.empty() && each.object["state"] != "open") continue;
              auto& [target, conflict_ids] = by_document[each.row.header.id];
              target = Target{each.row.header.id, each.row.name, {}};
              conflict_ids.push_back(each.object["id"].get<std::string>());
            }
            for (auto& [id, document] : by_document) job->documents.push_back(std::move(document));
            resolve_next(services, job);
          });
}

}  // namespace converge::handlers
