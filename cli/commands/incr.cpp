#include "cli/commands/handlers.h"
#include "cli/commands/params.h"
#include "cli/commands/render.h"

#include <nlohmann/json.hpp>

namespace converge::cli {

Result<int> run_incr(Session& session) {
  auto params = write_params(session);
  if (!params) return params.error();
  const std::string doc = session.document(session.arg(0));
  (*params)["doc"] = doc;
  (*params)["pointer"] = session.arg(1);
  (*params)["amount"] = session.args(2).empty() ? 1L : std::stol(session.arg(2));
  const auto ack = session.ask_for(doc, "doc.incr", *params);
  if (!ack) return ack.error();
  return print_ack(session, *ack);
}

}  // namespace converge::cli
