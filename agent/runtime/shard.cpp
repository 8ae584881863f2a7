#include "agent/runtime/shard.h"

#include "agent/control/conflict_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace converge::runtime {

Shard::Shard(std::size_t number, std::size_t cache_bytes, store::Store& store, const Clock& clock,
             Random& random, ExchangeOutput& output)
    : worker_(fmt::format("shard-{}", number)),
      exchange_(store, clock, output),
      repo_(std::make_unique<repo::Repo>(
          store, clock, random,
          [this](std::function<void()> task) {
            run([task = std::move(task)](handlers::ShardAccess&, DocumentExchange&) { task(); });
          },
          exchange_,
          repo::Repo::Options{.cache_bytes = cache_bytes,
                              .actors_max = 100'000,
                              .conflicts = handlers::conflict_entry})),
      access_{*repo_, store, clock} {
  exchange_.attach(*repo_);
}

Shard::~Shard() { worker_.stop(); }

void Shard::run(Task task) {
  worker_.post([this, task = std::move(task)] {
    task(access_, exchange_);
    schedule_tick();
  });
}

void Shard::stop() { worker_.stop(); }

/// One timer for the earliest deadline; an earlier one starts another, a later one is found by the
/// timer that was set.
void Shard::schedule_tick() {
  const auto deadline = exchange_.next_deadline();
  if (!deadline || (tick_at_ && *tick_at_ <= *deadline)) return;
  tick_at_ = deadline;
  const auto delay = std::max(*deadline - access_.clock.steady_now(), session::Duration::zero());
  worker_.after(delay, [this, due = *deadline] {
    if (tick_at_ == due) tick_at_.reset();
    exchange_.tick();
    schedule_tick();
  });
}

}  // namespace converge::runtime
