#pragma once

#include "agent/control/call.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace converge::handlers {

/// A document in a listing.
struct Row {
  store::DocumentHeader header;
  std::string name;
  std::uint64_t conflicts = 0;
  bool is_past = false;  ///< heads, changes and time are those of an earlier moment
};

/// The documents that patterns name; without patterns all but the catalog. A pattern without
/// wildcards names one document, by name or id, and must exist. Reads a page of headers at a time
/// and lets other requests in between. `done` runs on the control thread; an error answers the
/// call.
void walk(Services& services, const CallPtr& call, const std::vector<std::string>& patterns,
          std::function<void(std::vector<Row>)> done);

/// Looks at each row's document on its shard, some at a time, in any order; a document that
/// is gone meanwhile is passed over. `done` runs on the control thread with the rows as visited.
using Visit = std::function<Result<void>(ShardAccess&, const engine::Document&, Row&)>;
void visit_all(Services& services, const CallPtr& call, std::vector<Row> rows, Visit visit,
               std::function<void(std::vector<Row>)> done);

}  // namespace converge::handlers
