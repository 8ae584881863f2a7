#include "core/verify/change_set.h"

#include "core/format/change.h"

#include <algorithm>
#include <unordered_map>

namespace converge::verify {
namespace {

using model::ChangeHash;
using model::ChangeHashHasher;

struct Parsed {
  ChangeHash hash;
  Bytes chunk;
  std::vector<ChangeHash> deps;
};

using ByHash = std::unordered_map<ChangeHash, std::size_t, ChangeHashHasher>;

Result<std::vector<Parsed>> parse_all(const std::vector<Bytes>& chunks, ByHash& by_hash) {
  std::vector<Parsed> out;
  for (const Bytes& chunk : chunks) {
    auto change = format::decode_change(chunk);
    if (!change) return change.error();
    if (!by_hash.emplace(change->hash, out.size()).second) continue;
    out.push_back({change->hash, format::change_chunk(*change), change->deps});
  }
  return out;
}

// Depth-first numbering: dependencies before dependents, otherwise in the order given. The stack is
// ours, since a history may be a chain of millions.
Result<std::vector<std::size_t>> topological(const std::vector<Parsed>& parsed,
                                             const ByHash& by_hash) {
  std::vector<std::size_t> order;
  std::vector<bool> placed(parsed.size());
  std::vector<std::size_t> stack;
  for (std::size_t root = 0; root < parsed.size(); ++root) {
    stack.push_back(root);
    while (!stack.empty()) {
      const std::size_t top = stack.back();
      const std::size_t depth = stack.size();
      if (!placed[top]) {
        for (const ChangeHash& dep : parsed[top].deps) {
          const auto found = by_hash.find(dep);
          if (found == by_hash.end()) {
            return Error{ErrorCode::kNotFound,
                         "change " + parsed[top].hash.to_hex() + " depends on " + dep.to_hex() +
                             ", which is in none of the inputs",
                         "change.missing_deps"};
          }
          if (!placed[found->second]) stack.push_back(found->second);
        }
      }
      if (stack.size() > depth) continue;
      stack.pop_back();
      if (placed[top]) continue;
      placed[top] = true;
      order.push_back(top);
    }
  }
  return order;
}

}  // namespace

Result<ChangeSet> ChangeSet::make(const std::vector<Bytes>& chunks) {
  ByHash by_hash;
  auto parsed = parse_all(chunks, by_hash);
  if (!parsed) return parsed.error();
  const auto order = topological(*parsed, by_hash);
  if (!order) return order.error();

  std::vector<std::uint32_t> place(parsed->size());
  ChangeSet out;
  for (const std::size_t from : *order) {
    Parsed& change = (*parsed)[from];
    Member member{change.hash, std::move(change.chunk), {}};
    for (const ChangeHash& dep : change.deps) member.deps.push_back(place[by_hash.at(dep)]);
    std::sort(member.deps.begin(), member.deps.end());
    member.deps.erase(std::unique(member.deps.begin(), member.deps.end()), member.deps.end());
    place[from] = static_cast<std::uint32_t>(out.members_.size());
    out.members_.push_back(std::move(member));
  }
  return out;
}

std::size_t ChangeSet::concurrent_count() const {
  // related[i] counts ancestors and descendants of i; whoever is related to all others is
  // concurrent with none.
  std::vector<std::size_t> related(size());
  std::vector<std::vector<bool>> ancestors(size());
  for (std::uint32_t i = 0; i < size(); ++i) {
    ancestors[i].resize(i);
    for (const std::uint32_t dep : members_[i].deps) {
      ancestors[i][dep] = true;
      for (std::uint32_t a = 0; a < dep; ++a) {
        if (ancestors[dep][a]) ancestors[i][a] = true;
      }
    }
    for (std::uint32_t a = 0; a < i; ++a) {
      if (!ancestors[i][a]) continue;
      ++related[i];
      ++related[a];
    }
  }
  return static_cast<std::size_t>(std::count_if(related.begin(), related.end(),
                                                [this](std::size_t n) { return n + 1 < size(); }));
}

std::uint64_t ChangeSet::count_orders(std::uint64_t cap) const {
  // Level by level over the sets closed under dependencies: the number of orders that lead to a set
  // is the sum over the sets one smaller. A level never needs more sets than cap orders can reach.
  std::unordered_map<std::vector<bool>, std::uint64_t> level = {{std::vector<bool>(size()), 1}};
  for (std::size_t step = 0; step < size(); ++step) {
    std::unordered_map<std::vector<bool>, std::uint64_t> next;
    for (const auto& [set, count] : level) {
      for (std::uint32_t i = 0; i < size(); ++i) {
        if (set[i]) continue;
        const auto& deps = members_[i].deps;
        const auto& have = set;
        if (!std::all_of(deps.begin(), deps.end(), [&have](std::uint32_t d) { return have[d]; }))
          continue;
        auto grown = set;
        grown[i] = true;
        std::uint64_t& total = next[std::move(grown)];
        total = std::min(cap, total + count);
      }
      // Every closed set can be completed, so as many orders as sets exist at least.
      if (next.size() >= cap) return cap;
    }
    level = std::move(next);
  }
  return level.begin()->second;
}

ChangeSet ChangeSet::without(std::uint32_t dropped) const {
  ChangeSet out;
  std::vector<std::uint32_t> place(size(), UINT32_MAX);
  for (std::uint32_t i = 0; i < size(); ++i) {
    Member member = members_[i];
    bool keep = i != dropped;
    for (std::uint32_t& dep : member.deps) {
      keep = keep && place[dep] != UINT32_MAX;
      dep = place[dep];
    }
    if (!keep) continue;
    place[i] = static_cast<std::uint32_t>(out.members_.size());
    out.members_.push_back(std::move(member));
  }
  return out;
}

}  // namespace converge::verify
