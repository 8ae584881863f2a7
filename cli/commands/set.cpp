#include "cli/app/kinds.h"
#include "cli/commands/handlers.h"
#include "cli/commands/params.h"
#include "cli/commands/render.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

/// The pairs behind the first one.
Result<void> add_pairs(Session& session, json& edits) {
  const std::vector<std::string>& words = session.args(3);
  if (words.size() % 2 != 0)
    return make_error(ErrorId::kUsageArgument, "\"" + words.back() + "\" has no value",
                      "write pairs: POINTER VALUE POINTER VALUE");
  for (std::size_t i = 0; i < words.size(); i += 2) {
    const Arg spec = {.name = "POINTER", .kind = Kind::kPointer};
    if (auto good = check_word(spec, words[i]); !good) return good.error();
    auto value = value_of(session, words[i + 1]);
    if (!value) return value.error();
    edits.push_back({{"pointer", words[i]}, {"value", std::move(*value)}});
  }
  return {};
}

Result<json> edits_of(Session& session) {
  json edits = json::array();
  if (const auto file = session.value("file")) {
    if (!session.args(3).empty() || !session.args(2).empty())
      return make_error(ErrorId::kUsageArgument, "a VALUE and --file exclude each other",
                        "with -f give one POINTER and no VALUE");
    auto value = value_of_file(session, *file);
    if (!value) return value.error();
    edits.push_back({{"pointer", session.arg(1)}, {"value", std::move(*value)}});
    return edits;
  }
  auto value = value_of(session, session.arg(2));
  if (!value) return value.error();
  edits.push_back({{"pointer", session.arg(1)}, {"value", std::move(*value)}});
  if (auto done = add_pairs(session, edits); !done) return done.error();
  return edits;
}

}  // namespace

Result<int> run_set(Session& session) {
  auto params = write_params(session);
  if (!params) return params.error();
  auto edits = edits_of(session);
  if (!edits) return edits.error();
  const std::string doc = session.document(session.arg(0));
  (*params)["doc"] = doc;
  (*params)["edits"] = std::move(*edits);
  const auto ack = session.ask_for(doc, "doc.set", *params);
  if (!ack) return ack.error();
  return print_ack(session, *ack);
}

}  // namespace converge::cli
