#pragma once

#include "agent/control/services.h"

#include <optional>
#include <string>
#include <string_view>

namespace converge::handlers {

/// What a DOC names.
struct Target {
  DocumentId id;
  std::string name;  ///< empty: it has none
  std::string rev;   ///< what stood behind "@"; empty: the present
};

/// DOC as the user wrote it, with an optional @REV: a name first, then an id or URL, then an id
/// prefix of at least 5 characters (contract, section 3). An id that is well-formed but unknown is
/// accepted: whether it exists is found out where it is opened.
/// Errors: doc.not_found (with names that are close), doc.ambiguous (up to five candidates).
Result<Target> resolve_document(store::Store& store, std::string_view text);

/// doc.not_found for the user's own words.
Error no_document(const std::string& words);

/// The document's name, the first in order if it has several; empty without one.
std::string name_of(store::Store& store, const DocumentId& document);

}  // namespace converge::handlers
