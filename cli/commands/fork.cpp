#include "cli/app/kinds.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {

using nlohmann::json;

Result<int> run_fork(Session& session) {
  const std::string doc = session.document(session.arg(0));
  if (is_file_word(doc))
    return control::make_error(control::ErrorId::kUsageArgument,
                               "\"" + doc + "\" is a file, and fork makes documents",
                               "copy the file, or take it in with: syncctl import " + doc);
  json params = {{"doc", doc}, {"request_id", new_request_id()}};
  if (const auto name = session.value("name")) params["name"] = session.document(*name);
  if (session.has("dry-run")) params["dry_run"] = true;
  const auto ack = session.ask("doc.fork", params);
  if (!ack) return ack.error();
  const auto done = session.out().result(
      *ack, {.text = [&] { return field(*ack, "id") + "\n"; },
             .names = [&] { return std::vector<std::string>{field(*ack, "id")}; }});
  if (!done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
