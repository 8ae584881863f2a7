#include "agent/control/creation.h"

#include "agent/control/catalog_access.h"
#include "agent/control/shard_document.h"
#include "core/repo/catalog.h"

#include <fmt/format.h>

#include <utility>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

struct Job {
  Services& services;
  CallPtr call;
  Creation creation;
  Target target;
  bool needs_binding = false;
};
using JobPtr = std::shared_ptr<Job>;

void answer(const JobPtr& job, const verbs::Outcome& outcome) {
  job->call->reply(make_ack(job->target, *job->call, outcome, true));
}

/// The document is durable; now its name, and with it the memory of the request.
void bind(const JobPtr& job, const verbs::Outcome& outcome) {
  if (!job->needs_binding) return answer(job, outcome);
  const Json ack = make_ack(job->target, *job->call, outcome, true);
  bind_name(job->services, job->call, job->creation.name, job->target.id,
            commit_request(*job->call, ack).idempotency, [job, outcome](Result<bool> bound) {
              if (!bound) return job->call->fail(bound.error());
              answer(job, outcome);
            });
}

void commit(const JobPtr& job, ShardAccess& shard, const verbs::Outcome& outcome) {
  repo::CommitRequest request;
  // With a name to bind, the answer is remembered by the last of the two appends.
  if (!job->needs_binding) {
    request = commit_request(*job->call, make_ack(job->target, *job->call, outcome, true));
  }
  shard.repo.commit(job->target.id, std::move(request),
                    [job, outcome](const Result<repo::Committed>& done) {
                      if (!done) return job->call->fail(done.error());
                      bind(job, outcome);
                    });
}

void meet_existing(const JobPtr& job, ShardAccess& shard) {
  const auto document = shard.repo.open(job->target.id);
  if (!document) return job->call->fail(document.error());
  const auto outcome = job->creation.meet(**document);
  if (!outcome) {
    return shard.repo.when_durable(job->target.id,
                                   [job, error = outcome.error()](Result<void> released) {
                                     job->call->fail(released ? error : released.error());
                                   });
  }
  if (job->creation.dry_run) return answer(job, *outcome);
  commit(job, shard, *outcome);
}

void create(const JobPtr& job, ShardAccess& shard) {
  const DocumentId id = job->target.id;
  std::optional<ActorId> actor;
  if (job->creation.derive_actor) actor = repo::first_actor(id, job->creation.content);
  const auto document = shard.repo.create(id, actor);
  if (!document) {
    if (document.error().id == "doc.exists") return meet_existing(job, shard);
    return job->call->fail(name_the_document(document.error(), job->target));
  }
  const auto filled = job->creation.fill(**document);
  if (!filled || job->creation.dry_run) {
    const verbs::Outcome outcome = filled ? outcome_of(**document, "create") : verbs::Outcome{};
    shard.repo.discard(id);
    if (!filled) return job->call->fail(filled.error());
    return answer(job, outcome);
  }
  commit(job, shard, outcome_of(**document, "create"));
}

void create_on_shard(const JobPtr& job) {
  job->services.on_shard(job->target.id, [job](ShardAccess& shard) { create(job, shard); });
}

DocumentId random_id(Random& random) {
  DocumentId id;
  random.fill(id.bytes);
  return id;
}

}  // namespace

verbs::Outcome outcome_of(const engine::Document& document, std::string summary) {
  verbs::Outcome outcome;
  outcome.unchanged = false;
  outcome.heads = document.heads();
  if (outcome.heads.size() == 1) outcome.change = outcome.heads.front();
  outcome.summary = std::move(summary);
  return outcome;
}

void create_document(Services& services, const CallPtr& call, Creation creation) {
  const auto job = std::make_shared<Job>(Job{services, call, std::move(creation), {}, false});
  job->target.name = job->creation.name;
  if (job->creation.name.empty()) {
    job->target.id = job->creation.id ? *job->creation.id : random_id(services.random());
    return create_on_shard(job);
  }
  const auto valid = repo::check_name(job->creation.name);
  if (!valid) return call->fail(valid.error());
  look_up_name(services, job->creation.name, [job](const Result<NameState>& state) {
    if (!state) return job->call->fail(state.error());
    const Creation& wanted = job->creation;
    if (state->document && wanted.id && *state->document != *wanted.id) {
      return job->call->fail(make_error(
          ErrorId::kDocExists, fmt::format("the name \"{}\" belongs to another document, {}",
                                           wanted.name, state->document->to_url())));
    }
    job->needs_binding = !state->document && !wanted.dry_run;
    if (state->document) {
      job->target.id = *state->document;
    } else if (wanted.id) {
      job->target.id = *wanted.id;
    } else {
      job->target.id = repo::id_of_name(job->services.catalog(), wanted.name, state->generation);
    }
    create_on_shard(job);
  });
}

}  // namespace converge::handlers
