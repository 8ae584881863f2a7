#include "cli/app/kinds.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/commands/whole_document.h"
#include "core/control/error_table.h"
#include "core/verbs/diff.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

/// `now` with what stood at the pointer at the revision; what did not stand there then goes.
Result<json> with_part(Session& session, const WholeDocument& now, const std::string& rev,
                       const std::string& pointer) {
  const auto then = session.ask_for(
      now.doc, "doc.get", {{"doc", now.doc}, {"at", rev}, {"pointer", pointer}, {"typed", true}});
  json operation = {{"path", pointer}};
  if (then) {
    operation["op"] = "add";  // replaces a member that is there
    operation["value"] = input_form(then->at("value"));
  } else if (control::is(then.error(), ErrorId::kPathNotFound)) {
    operation["op"] = "remove";
  } else {
    return then.error();
  }
  const auto present =
      session.ask_for(now.doc, "doc.get",
                      {{"doc", now.doc}, {"at", now.heads}, {"pointer", pointer}, {"typed", true}});
  if (!present && !control::is(present.error(), ErrorId::kPathNotFound)) return present.error();
  if (!present && !then) return present.error();
  if (present && then) operation["op"] = "replace";
  return verbs::apply_patch_to_json(*now.value, json::array({operation}));
}

/// The patch that undoes the change, as a change beside it would.
Result<json> inverse_of(Session& session, const std::string& doc, const json& change) {
  const std::string hash = field(change, "hash");
  if (!change["deps"].empty()) {
    std::string before;
    for (const json& dep : change["deps"])
      before += (before.empty() ? "" : "+") + dep.get<std::string>();
    const auto diff =
        session.ask_for(doc, "doc.diff", {{"doc", doc}, {"from", hash}, {"to", before}});
    if (!diff) return diff.error();
    return diff->at("patch");
  }
  // Before a first change there was nothing.
  const auto after = session.ask_for(doc, "doc.get", {{"doc", doc}, {"at", hash}});
  if (!after) return after.error();
  return verbs::diff_values(after->at("value"), json::object());
}

}  // namespace

Result<int> run_restore(Session& session) {
  const std::string doc = session.document(session.arg(0));
  auto now = read_whole(session, doc);
  if (!now) return now.error();
  const std::string& rev = session.arg(1);
  Result<json> wanted = json();
  if (const auto pointer = session.value("path"); pointer && !pointer->empty()) {
    wanted = with_part(session, *now, rev, *pointer);
  } else {
    auto then = session.ask_for(doc, "doc.get", {{"doc", doc}, {"at", rev}, {"typed", true}});
    wanted = then ? Result<json>(input_form(then->at("value"))) : Result<json>(then.error());
  }
  if (!wanted) return wanted.error();
  return write_whole(session, *now, std::move(*wanted), "restore " + rev);
}

Result<int> run_revert(Session& session) {
  const std::string doc = session.document(session.arg(0));
  json items = json::array();
  Failures failures;
  for (const std::string& word : session.args(1)) {
    auto change = session.ask_for(doc, "doc.show", {{"doc", doc + "@" + word}});
    auto patch = change ? inverse_of(session, doc, *change) : Result<json>(change.error());
    if (!patch) {
      failures.add(patch.error());
      continue;
    }
    const std::string hash = field(*change, "hash");
    json params = {{"doc", doc},
                   {"type", "json"},
                   {"patch", std::move(*patch)},
                   {"base", hash},
                   {"message", session.value("message").value_or("revert " + hash.substr(0, 7))},
                   {"request_id", new_request_id()}};
    if (session.has("dry-run")) params["dry_run"] = true;
    auto ack = session.ask_for(doc, "doc.patch", params);
    if (ack)
      items.push_back(std::move(*ack));
    else
      failures.add(ack.error());
  }
  return print_acks(session, "AckList", items, failures);
}

}  // namespace converge::cli
