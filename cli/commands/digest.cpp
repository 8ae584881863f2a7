#include "cli/app/kinds.h"
#include "cli/commands/digest_check.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

Result<json> ask_digest(Session& session) {
  const auto& words = session.args(0);
  const auto files =
      std::ranges::count_if(words, [](const auto& word) { return is_file_word(word); });
  json params = {{"patterns", json::array()}};
  for (const std::string& word : words) params["patterns"].push_back(session.document(word));
  for (const char* flag : {"root", "state"})
    if (session.has(flag)) params[flag] = true;
  if (const auto at = session.value("at")) {
    if (files > 0)
      return make_error(ErrorId::kUsageFlag, "files have no receipts, which --at goes by",
                        "leave out --at, or name documents of the agent");
    params["at"] = *at;
  }
  if (files == 0) return session.ask("doc.digest", params);
  if (files == static_cast<long>(words.size())) return session.files().call("doc.digest", params);
  return make_error(ErrorId::kUsageArgument, "files and documents are mixed",
                    "ask for them in two commands");
}

/// "DIGEST  ID  NAME" a document: whole digests even on a terminal, to be compared by eye or diff.
std::string text_of(const Session& session, const json& digest) {
  if (session.has("root")) return field(digest, "root") + "\n";
  const char* gap = session.terminal().out_tty ? "  " : "\t";
  std::string out;
  for (const json& item : digest.value("items", json::array())) {
    const std::string id = field(item, "id");
    const std::string name = field(item, "name");
    out += field(item, "digest") + gap + printable(id.empty() ? name : id);
    if (!id.empty() && !name.empty()) out += gap + printable(name);
    out += "\n";
  }
  return out;
}

}  // namespace

Result<int> run_digest(Session& session) {
  std::optional<ExpectedDigest> expected;
  if (const auto file = session.value("expect")) {
    auto read = read_expected_digest(*file);
    if (!read) return read.error();
    expected = std::move(*read);
    if (session.has("root"))
      if (auto kept = keep_root_alone(*expected, *file); !kept) return kept.error();
  }
  auto digest = ask_digest(session);
  if (!digest) return digest.error();
  if (expected) {
    const json report = compare_digest(*digest, *expected);
    const auto text = [&] { return differences_text(report); };
    if (auto done = session.out().result(report, {.text = text}); !done) return done.error();
    const bool equal = report["equal"];
    if (equal) session.out().note("equal");
    return equal ? control::exit_code::kOk : control::exit_code::kNo;
  }
  const auto names = [&] {
    std::vector<std::string> all;
    for (const json& item : digest->value("items", json::array()))
      all.push_back(field(item, "digest"));
    return all;
  };
  const auto done = session.out().result(
      *digest, {.text = [&] { return text_of(session, *digest); }, .names = names});
  if (!done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
