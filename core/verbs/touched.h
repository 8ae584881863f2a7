#pragma once

#include "core/base/result.h"
#include "core/engine/document.h"
#include "core/verbs/pointer.h"

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

/// Which changes touched what. Private to the module.
namespace converge::verbs {

/// An id as one number, for hashed sets.
inline std::uint64_t packed(engine::OpId id) { return std::uint64_t{id.counter} << 32 | id.actor; }

/// Follows one pointer through a document's history: fed with changes in application order, it
/// tells of each whether it wrote the place, something below it, or a place above it. It remembers
/// every object that ever stood on the way, so what was replaced or deleted since is found too.
class PathWatcher {
 public:
  /// `view` says which elements the pointer's list indices mean. Errors: see LogOptions::path.
  static Result<PathWatcher> make(const engine::View& view, const Pointer& pointer);

  Result<bool> touched_by(const engine::Document& document, const ChangeHash& hash);

 private:
  struct Step {
    std::string key;
    engine::OpId element;                       ///< not none: a list element instead of a key
    std::unordered_set<std::uint64_t> parents;  ///< objects whose register this step names
  };

  std::vector<Step> steps_;
  std::unordered_set<std::uint64_t> inside_;  ///< the objects at the place and below
};

/// The objects that the changes wrote into, with all objects around them as `view` has them.
/// Errors: rev.not_found.
Result<std::unordered_set<std::uint64_t>> written_objects(const engine::Document& document,
                                                          const engine::View& view,
                                                          const std::vector<ChangeHash>& changes);

}  // namespace converge::verbs
