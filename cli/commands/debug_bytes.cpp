#include "cli/commands/dump.h"
#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "core/control/error_table.h"
#include "core/verify/explain.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

constexpr std::size_t kInputBytesMax = std::size_t{256} << 20;

/// A trace or a mail holds bytes as hex digits; nothing else that is read here consists of them.
std::string bytes_of(std::string input) {
  std::string digits;
  for (const char c : input)
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') digits += c;
  const auto bytes = digits.empty() ? std::nullopt : from_hex(digits);
  return bytes ? std::string(as_text(*bytes)) : input;
}

using Explain = json (*)(ByteView bytes, bool details);

Result<int> explain(Session& session, const char* kind, const char* what, Explain explain_bytes) {
  const std::string file = session.arg(0);
  const auto input = read_input(file, kInputBytesMax);
  if (!input) return input.error();
  const std::string bytes = bytes_of(*input);
  if (bytes.empty()) return make_error(ErrorId::kInputFile, "\"" + file + "\" is empty");
  json items = explain_bytes(as_bytes(bytes), session.has("explain"));
  const std::size_t errors = verify::count_errors(items);
  const bool is_noise = std::none_of(items.begin(), items.end(), [](const json& item) {
    return item.value("type", "unknown") != "unknown";
  });
  if (is_noise)
    return make_error(ErrorId::kInputFile,
                      "\"" + file + "\" holds no " + what + ": " + items.at(0).value("error", ""));
  const auto printed = print_dump(session, json{{"kind", kind},
                                                {"v", 1},
                                                {"file", file},
                                                {"size_bytes", bytes.size()},
                                                {"damaged", errors},
                                                {"items", std::move(items)}});
  if (!printed || errors == 0) return printed;
  return make_error(ErrorId::kInputFile, "\"" + file + "\" is not whole " + what + ": " +
                                             std::to_string(errors) +
                                             " of its parts cannot be read");
}

}  // namespace

Result<int> run_debug_change(Session& session) {
  return explain(session, "ChunkDump", "changes", verify::explain_chunks);
}

Result<int> run_debug_message(Session& session) {
  return explain(session, "MessageDump", "messages", verify::explain_messages);
}

}  // namespace converge::cli
