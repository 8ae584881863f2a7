#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/params.h"
#include "cli/commands/render.h"
#include "core/base/limits.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

Result<long> position(const std::string& word, const char* what) {
  const long number = std::stol(word);
  if (number >= 0) return number;
  return control::make_error(control::ErrorId::kUsageArgument,
                             std::string(what) + " \"" + word + "\" is below 0");
}

}  // namespace

Result<int> run_splice(Session& session) {
  auto params = write_params(session);
  if (!params) return params.error();
  const auto index = position(session.arg(2), "INDEX");
  if (!index) return index.error();
  const auto erase = position(session.arg(3), "DELETE");
  if (!erase) return erase.error();
  const std::string doc = session.document(session.arg(0));
  (*params)["doc"] = doc;
  (*params)["pointer"] = session.arg(1);
  (*params)["index"] = *index;
  (*params)["delete"] = *erase;
  if (!session.args(4).empty()) {
    std::string text = session.arg(4);
    if (text == "-") {
      auto content = read_input("-", limits::kControlMessageBytesMax);
      if (!content) return content.error();
      text = std::move(*content);
    }
    (*params)["text"] = text;
  }
  const auto ack = session.ask_for(doc, "doc.splice", *params);
  if (!ack) return ack.error();
  return print_ack(session, *ack);
}

}  // namespace converge::cli
