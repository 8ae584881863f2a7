#pragma once

#include "core/base/result.h"
#include "core/engine/document.h"
#include "core/verbs/pointer.h"
#include "core/verbs/revision.h"
#include "core/verbs/value.h"

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace converge::verbs {

struct GetOptions {
  std::string_view rev = {};  ///< empty: now
  Form form = Form::kPlain;
  std::size_t* unshown = nullptr;  ///< see Reading
  const RevisionSource* revisions = nullptr;
};

/// The value at `pointer`. Errors: path.not_found, path.type, rev.*.
Result<nlohmann::json> get(const engine::Document& document, const Pointer& pointer,
                           const GetOptions& options = {});

/// The pieces of a Document object that the document knows: heads, changes, actors, size_bytes (of
/// a fresh save), conflicts. The caller adds kind, id, name, seq, state, updated_at and value.
/// Cost: O(document), because of size and conflicts.
nlohmann::json document_facts(const engine::Document& document);

/// ["1f3a…", …], ascending.
nlohmann::json heads_json(const Heads& heads);

}  // namespace converge::verbs
