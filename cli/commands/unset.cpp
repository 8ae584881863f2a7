#include "cli/commands/handlers.h"
#include "cli/commands/params.h"
#include "cli/commands/render.h"

#include <nlohmann/json.hpp>

namespace converge::cli {

Result<int> run_unset(Session& session) {
  auto params = write_params(session);
  if (!params) return params.error();
  const std::string doc = session.document(session.arg(0));
  (*params)["doc"] = doc;
  (*params)["pointers"] = session.args(1);
  const auto ack = session.ask_for(doc, "doc.unset", *params);
  if (!ack) return ack.error();
  return print_ack(session, *ack);
}

}  // namespace converge::cli
