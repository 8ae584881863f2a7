#include "cli/app/kinds.h"
#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/params.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

Result<int> run_invite(Session& session) {
  json params = {{"request_id", new_request_id()}};
  if (const auto text = session.value("collections")) params["collections"] = comma_list(*text);
  if (session.has("read")) params["read"] = true;
  const auto expires = parse_duration(session.value("expires").value_or("15m"));
  if (!expires) return expires.error();
  params["expires_ms"] = expires->count();
  if (session.has("dry-run"))
    return make_error(ErrorId::kUsageFlag, "an invitation cannot be made on trial",
                      "leave out -n; an unused invitation expires");
  const auto invite = session.ask("invite.create", params);
  if (!invite) return invite.error();
  const auto line = [&] { return field(*invite, "invite"); };
  const auto done =
      session.out().result(*invite, {.text = [&] { return line() + "\n"; },
                                     .names = [&] { return std::vector<std::string>{line()}; }});
  if (!done) return done.error();
  if (session.terminal().out_tty)
    session.out().note("valid until " + field(*invite, "expires_at") +
                       "; on the other machine: syncctl join LINE. Keep it secret.");
  return control::exit_code::kOk;
}

Result<int> run_join(Session& session) {
  std::string invite = session.arg(0);
  if (invite == "-") {
    auto content = read_input("-", 64 * 1024);
    if (!content) return content.error();
    invite = content->substr(0, content->find('\n'));
  }
  while (!invite.empty() && (invite.back() == ' ' || invite.back() == '\r')) invite.pop_back();
  if (invite.empty())
    return make_error(ErrorId::kUsageArgument, "the invitation is empty",
                      "give the line that \"syncctl invite\" printed on the other machine");
  json params = {{"invite", invite}, {"request_id", new_request_id()}};
  if (const auto name = session.value("name")) params["name"] = *name;
  if (session.has("dry-run")) params["dry_run"] = true;
  const auto peer = session.ask("invite.join", params);
  if (!peer) return peer.error();
  const auto text = [&]() -> std::string {
    if (session.out().quiet()) return "";
    const char* gap = session.terminal().out_tty ? "  " : "\t";
    return std::string(session.has("dry-run") ? "would join" : "joined") + gap +
           printable(field(*peer, "name")) + gap + printable(field(*peer, "url")) + "\n";
  };
  const auto names = [&] { return std::vector<std::string>{field(*peer, "name")}; };
  if (auto done = session.out().result(*peer, {.text = text, .names = names}); !done)
    return done.error();
  if (!session.has("dry-run"))
    session.out().note("its documents are on their way; \"syncctl wait --for synced --peer " +
                       field(*peer, "name") + "\" ends when they are here");
  return control::exit_code::kOk;
}

}  // namespace converge::cli
