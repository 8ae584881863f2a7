#pragma once

#include "agent/control/call.h"
#include "agent/control/resolve.h"
#include "core/verbs/edits.h"

#include <functional>
#include <optional>
#include <string>

namespace converge::handlers {

/// How a request makes a new document. Everything runs on the new document's shard.
struct Creation {
  std::string name;              ///< empty: none
  std::optional<DocumentId> id;  ///< nothing: derived from the name, or random
  bool dry_run = false;
  bool derive_actor = false;  ///< the first change is the same wherever it is made
  std::string content;        ///< what the actor is derived from

  /// Fills the empty document; must leave at least one change in it.
  std::function<Result<void>(engine::Document&)> fill;
  /// A document of this id exists: whether it is what the request wants. May change it (an import
  /// that updates). Errors: doc.exists where it is not.
  std::function<Result<verbs::Outcome>(engine::Document&)> meet;
};

/// Chooses the id, creates the document durably, then binds the name; answers with an Ack. A crash
/// in between leaves a document without the name, and the repeated request finds and names it.
void create_document(Services& services, const CallPtr& call, Creation creation);

/// Outcome of a creation or import: every change is new.
verbs::Outcome outcome_of(const engine::Document& document, std::string summary);

}  // namespace converge::handlers
