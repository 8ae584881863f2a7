#include "cli/commands/handlers.h"
#include "cli/commands/params.h"
#include "cli/commands/render.h"
#include "core/control/error_table.h"
#include "core/model/document_id.h"

#include <nlohmann/json.hpp>

namespace converge::cli {

using nlohmann::json;

Result<int> run_new(Session& session) {
  json params = json::object();
  if (const auto id = session.value("id")) {
    if (!DocumentId::parse(*id))
      return control::make_error(control::ErrorId::kUsageFlag,
                                 "--id \"" + *id + "\" is not a document id",
                                 "ids look like automerge:4NMNnkMhL8jXrdJ9jamS58PAVdXu");
    params["id"] = *id;
  }
  if (const auto file = session.value("file")) {
    auto value = json_of_file(*file);
    if (!value) return value.error();
    if (!value->is_object())
      return control::make_error(control::ErrorId::kInputJson,
                                 "a document is a JSON object, but \"" + *file + "\" holds " +
                                     (value->is_array() ? "a list" : "another value"),
                                 "put it under a key: {\"items\": ...}");
    params["value"] = std::move(*value);
  }
  if (const auto name = session.value("name")) params["name"] = session.document(*name);
  if (const auto message = session.value("message")) params["message"] = *message;
  if (session.has("dry-run")) params["dry_run"] = true;
  params["request_id"] = session.value("request-id").value_or(new_request_id());
  const auto ack = session.ask("doc.new", params);
  if (!ack) return ack.error();
  if (ack->value("unchanged", false))
    session.out().note("unchanged: it exists already and is equal");
  // The id of a name is derived from the workspace, which only the agent knows: the name stands for
  // the document until then.
  const bool has_id = !field(*ack, "id").empty();
  const auto url = [&] { return has_id ? field(*ack, "id") : field(params, "name"); };
  if (!has_id) session.out().note("queued: its URL is known when the agent has made it");
  const auto done =
      session.out().result(*ack, {.text = [&] { return url() + "\n"; },
                                  .names = [&] { return std::vector<std::string>{url()}; }});
  if (!done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
