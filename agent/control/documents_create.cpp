#include "agent/control/creation.h"
#include "agent/control/handlers.h"
#include "agent/control/shard_document.h"
#include "core/control/json_text.h"
#include "core/verbs/merge.h"
#include "core/verbs/read.h"
#include "core/verbs/revision.h"
#include "core/verbs/text_forms.h"
#include "core/verbs/value.h"

#include <fmt/format.h>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

/// name, id and dry_run, which all creating requests share.
Result<Creation> creation_of(const Call& call) {
  Creation creation;
  const auto name = string_param(call, "name");
  const auto id = string_param(call, "id");
  const auto dry_run = bool_param(call, "dry_run");
  if (!name) return name.error();
  if (!id) return id.error();
  if (!dry_run) return dry_run.error();
  creation.name = *name;
  creation.dry_run = *dry_run;
  if (!id->empty()) {
    creation.id = DocumentId::parse(*id);
    if (!creation.id) {
      return make_error(ErrorId::kUsageArgument, fmt::format("\"{}\" is not a document id", *id));
    }
  }
  return creation;
}

Error exists(const Creation& creation) {
  const std::string words = creation.name.empty() ? creation.id->to_url() : creation.name;
  return make_error(ErrorId::kDocExists,
                    fmt::format("\"{}\" exists already, with other content", words),
                    "change it with \"set\" or \"apply\", or choose another name");
}

std::int64_t now_seconds(const Clock& clock) { return clock.wall_now_ms() / 1000; }

/// A new document with this content. Of a document that others may make too, because its name or id
/// is given, the first change is the same wherever it is made, so it has no time. One with a
/// random id is made here alone and says when.
Creation with_value(Creation creation, const Json& value, const std::string& message,
                    std::int64_t now) {
  creation.derive_actor = !creation.name.empty() || creation.id;
  creation.content = control::to_compact(value) + '\0' + message;
  const std::int64_t time = creation.derive_actor ? 0 : now;
  creation.fill = [value, message, time](engine::Document& document) -> Result<void> {
    if (!value.empty()) {
      verbs::WriteOptions options;
      options.message = message;
      options.time = time;
      const auto set =
          verbs::set(document, Json::array({Json{{"pointer", ""}, {"value", value}}}), options);
      if (!set) return set.error();
      if (set->change) return {};
    }
    engine::CommitOptions empty;
    empty.message = message;
    empty.time = time;
    empty.allow_empty = true;
    document.transact().commit(empty);
    return {};
  };
  creation.meet = [value, creation](engine::Document& document) -> Result<verbs::Outcome> {
    const engine::View view = document.now();
    if (!verbs::object_equals_json(view, model::kRoot, value, verbs::Match::kLoose)) {
      return exists(creation);
    }
    verbs::Outcome outcome;
    outcome.heads = document.heads();
    return outcome;
  };
  return creation;
}

Result<Json> root_value(const Call& call) {
  const Json value = has_param(call, "value") ? call.params->at("value") : Json::object();
  if (!value.is_object()) {
    return make_error(ErrorId::kInputJson, "a document is a JSON object at the top");
  }
  const auto writable = verbs::check_writable(value);
  if (!writable) return writable.error();
  return value;
}

Result<Bytes> data_param(const Call& call) {
  const auto text = required_string(call, "data");
  if (!text) return text.error();
  auto bytes = verbs::from_base64(*text);
  if (!bytes) return make_error(ErrorId::kUsageArgument, "the parameter \"data\" is not base64");
  return std::move(*bytes);
}

/// A new document made of chunks, or chunks merged into one that exists.
Creation with_chunks(Creation creation, Bytes chunks, bool update, std::int64_t now) {
  const auto data = std::make_shared<const Bytes>(std::move(chunks));
  creation.fill = [data, now](engine::Document& document) -> Result<void> {
    const auto loaded = document.load_incremental(*data);
    if (!loaded) return loaded.error();
    if (document.heads().empty()) {
      engine::CommitOptions empty;
      empty.time = now;
      empty.allow_empty = true;
      document.transact().commit(empty);
    }
    return {};
  };
  creation.meet = [data, update, creation](engine::Document& document) -> Result<verbs::Outcome> {
    verbs::MergeOptions options;
    options.dry_run = creation.dry_run || !update;
    const auto merged = verbs::merge_chunks(document, *data, options);
    if (!merged) return merged.error();
    if (!update && !merged->unchanged()) return exists(creation);
    verbs::Outcome outcome;
    outcome.unchanged = merged->unchanged();
    outcome.heads = document.heads();
    outcome.summary = fmt::format("merge {} changes", merged->applied.size());
    return outcome;
  };
  return creation;
}

/// The bytes of a document as of its revision, from its shard, once they are durable.
void fetch_bytes(Services& services, const Target& target,
                 std::function<void(Result<Bytes>)> then) {
  services.on_shard(target.id, [target, then = std::move(then)](ShardAccess& shard) {
    const auto document = shard.repo.open(target.id);
    if (!document) return then(name_the_document(document.error(), target));
    const ReceiptRevisions revisions(shard.store, shard.clock, target.id, **document);
    const auto heads = verbs::resolve_revision(**document, target.rev, &revisions);
    if (!heads) return then(heads.error());
    Bytes bytes;
    if (target.rev.empty()) {
      bytes = (*document)->save();
    } else {
      const auto past = (*document)->fork_at(*heads, (*document)->actor());
      if (!past) return then(past.error());
      bytes = past->save();
    }
    shard.repo.when_durable(target.id, [then, bytes = std::move(bytes)](Result<void> done) {
      done ? then(bytes) : then(done.error());
    });
  });
}

struct MergeJob {
  CallPtr call;
  Target target;
  verbs::MergeOptions options;
  std::vector<Target> missing;  ///< sources whose bytes are still to come
  Bytes chunks;                 ///< all sources, one behind the other: one merge, all or nothing
};

void merge_into(ShardAccess& shard, const std::shared_ptr<MergeJob>& job) {
  const auto document = shard.repo.open(job->target.id);
  if (!document) return job->call->fail(name_the_document(document.error(), job->target));
  const auto merged = verbs::merge_chunks(**document, job->chunks, job->options);
  if (!merged) {
    return shard.repo.when_durable(job->target.id,
                                   [job, error = merged.error()](Result<void> done) {
                                     job->call->fail(done ? error : done.error());
                                   });
  }
  Json report = verbs::to_json(*merged);
  report["kind"] = "MergeReport";
  report["v"] = 1;
  report["id"] = job->target.id.to_url();
  report["name"] = job->target.name.empty() ? Json() : Json(job->target.name);
  repo::CommitRequest request = commit_request(*job->call, report);
  shard.repo.commit(job->target.id, std::move(request),
                    [job, report = std::move(report)](const Result<repo::Committed>& done) {
                      if (!done) return job->call->fail(done.error());
                      job->call->reply(report);
                    });
}

void gather(Services& services, const std::shared_ptr<MergeJob>& job) {
  if (job->missing.empty()) {
    return services.on_shard(job->target.id, [job](ShardAccess& shard) { merge_into(shard, job); });
  }
  const Target source = job->missing.back();
  job->missing.pop_back();
  fetch_bytes(services, source, [&services, job](Result<Bytes> bytes) {
    if (!bytes) return job->call->fail(bytes.error());
    job->chunks.insert(job->chunks.end(), bytes->begin(), bytes->end());
    gather(services, job);
  });
}

}  // namespace

void doc_new(Services& services, CallPtr call) {
  auto creation = creation_of(*call);
  const auto value = root_value(*call);
  const auto message = string_param(*call, "message");
  if (!creation) return call->fail(creation.error());
  if (!value) return call->fail(value.error());
  if (!message) return call->fail(message.error());
  create_document(
      services, call,
      with_value(std::move(*creation), *value, *message, now_seconds(services.clock())));
}

void doc_import(Services& services, CallPtr call) {
  auto creation = creation_of(*call);
  const auto format = string_param(*call, "format", "automerge");
  const auto update = bool_param(*call, "update");
  if (!creation) return call->fail(creation.error());
  if (!format) return call->fail(format.error());
  if (!update) return call->fail(update.error());
  if (*format == "json" || has_param(*call, "value")) {
    const auto value = root_value(*call);
    if (!value) return call->fail(value.error());
    const std::int64_t now = now_seconds(services.clock());
    Creation made = with_value(std::move(*creation), *value, {}, now);
    if (*update) {
      made.meet = [value = *value, dry_run = made.dry_run, now](engine::Document& document) {
        verbs::WriteOptions options;
        options.time = now;
        options.dry_run = dry_run;
        return verbs::apply(document, value, std::nullopt, options);
      };
    }
    return create_document(services, call, std::move(made));
  }
  if (*format != "automerge" && *format != "changes") {
    return call->fail(make_error(ErrorId::kUsageArgument,
                                 fmt::format("\"{}\" is not an import format", *format)));
  }
  auto data = data_param(*call);
  if (!data) return call->fail(data.error());
  create_document(
      services, call,
      with_chunks(std::move(*creation), std::move(*data), *update, now_seconds(services.clock())));
}

void doc_fork(Services& services, CallPtr call) {
  const auto doc = required_string(*call, "doc");
  auto creation = creation_of(*call);
  if (!doc) return call->fail(doc.error());
  if (!creation) return call->fail(creation.error());
  const auto source = resolve_document(services.store(), *doc);
  if (!source) return call->fail(source.error());
  fetch_bytes(services, *source, [&services, call, creation = *creation](Result<Bytes> bytes) {
    if (!bytes) return call->fail(bytes.error());
    services.on_control([&services, call, creation, bytes = std::move(*bytes)]() mutable {
      create_document(
          services, call,
          with_chunks(creation, std::move(bytes), false, now_seconds(services.clock())));
    });
  });
}

void doc_merge(Services& services, CallPtr call) {
  const auto doc = required_string(*call, "doc");
  const auto fail_on_conflict = bool_param(*call, "fail_on_conflict");
  const auto dry_run = bool_param(*call, "dry_run");
  if (!doc) return call->fail(doc.error());
  if (!fail_on_conflict) return call->fail(fail_on_conflict.error());
  if (!dry_run) return call->fail(dry_run.error());
  const auto target = resolve_document(services.store(), *doc);
  if (!target) return call->fail(target.error());
  const auto sources = call->params->find("sources");
  if (sources == call->params->end() || !sources->is_array() || sources->empty()) {
    return call->fail(
        make_error(ErrorId::kUsageArgument, "the parameter \"sources\" must be a list of sources"));
  }
  const auto job = std::make_shared<MergeJob>();
  job->call = call;
  job->target = *target;
  job->options = {.fail_on_conflict = *fail_on_conflict, .dry_run = *dry_run};
  for (const Json& source : *sources) {
    const bool has_one = source.is_object() && source.size() == 1;
    const Json name = has_one ? source.value("doc", Json()) : Json();
    const Json data = has_one ? source.value("data", Json()) : Json();
    if (name.is_string()) {
      const auto resolved = resolve_document(services.store(), name.get<std::string>());
      if (!resolved) return call->fail(resolved.error());
      job->missing.push_back(*resolved);
      continue;
    }
    const auto bytes =
        data.is_string() ? verbs::from_base64(data.get<std::string>()) : std::nullopt;
    if (!bytes) {
      return call->fail(make_error(ErrorId::kUsageArgument,
                                   "each source must have \"doc\" or \"data\" (base64)"));
    }
    job->chunks.insert(job->chunks.end(), bytes->begin(), bytes->end());
  }
  gather(services, job);
}

}  // namespace converge::handlers
