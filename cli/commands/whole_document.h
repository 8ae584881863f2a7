#pragma once

#include "cli/commands/session.h"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>

namespace converge::cli {

/// A document as it stood when it was read: what an edit of the whole is based on.
struct WholeDocument {
  std::string doc;
  std::string heads;                            ///< as a REV; empty: it had no changes
  std::shared_ptr<const nlohmann::json> value;  ///< input form
};

/// The typed form with texts as bare strings and other strings as {"$str":…}: parts of it keep
/// their meaning wherever they are put (core/verbs/value.h).
nlohmann::json input_form(const nlohmann::json& typed);

/// From a file, the agent or a store. Errors: those of doc.get.
Result<WholeDocument> read_whole(Session& session, const std::string& doc);

/// Makes the document as it was read equal to `wanted`, by the smallest edit, merges that with what
/// came since, and prints the Ack. `message` is the change's unless -m says another.
Result<int> write_whole(Session& session, const WholeDocument& read, nlohmann::json wanted,
                        const std::string& message);

}  // namespace converge::cli
