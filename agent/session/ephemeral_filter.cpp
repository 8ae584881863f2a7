#include "agent/session/ephemeral_filter.h"

#include "core/base/assert.h"

namespace converge::session {

bool EphemeralFilter::accept(const std::string& author, const std::string& session_id,
                             std::uint64_t count, Time now) {
  expire(now);
  // Peer ids hold no control characters, so the separator keeps pairs apart.
  const std::string key = author + '\n' + session_id;
  if (const auto found = index_.find(key); found != index_.end()) {
    const auto entry = found->second;
    entry->last_used = now;
    recent_.splice(recent_.begin(), recent_, entry);
    if (count <= entry->count) return false;
    entry->count = count;
    return true;
  }
  if (index_.size() >= options_.authors_max) {
    index_.erase(recent_.back().key);
    recent_.pop_back();
  }
  recent_.push_front(Entry{key, count, now});
  index_.emplace(key, recent_.begin());
  DEBUG_ASSERT(index_.size() == recent_.size());
  return true;
}

void EphemeralFilter::expire(Time now) {
  while (!recent_.empty() && recent_.back().last_used + options_.author_lifetime <= now) {
    index_.erase(recent_.back().key);
    recent_.pop_back();
  }
}

}  // namespace converge::session
