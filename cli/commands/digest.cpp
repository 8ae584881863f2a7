#include "cli/app/kinds.h"
#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>

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
  if (files == 0) return session.ask("doc.digest", params);
  if (files == static_cast<long>(words.size())) return session.files().call("doc.digest", params);
  return make_error(ErrorId::kUsageArgument, "files and documents are mixed",
                    "ask for them in two commands");
}

/// What an earlier output says: digests by document, or only a root.
struct Expected {
  std::string root;
  std::map<std::string, std::string> digests;
};

void add_item(Expected& expected, const json& item) {
  const std::string id = field(item, "id").empty() ? field(item, "name") : field(item, "id");
  if (!id.empty()) expected.digests[id] = field(item, "digest");
}

Result<Expected> read_expected(const std::string& file) {
  auto content = read_input(file);
  if (!content) return content.error();
  Expected expected;
  std::string_view rest = *content;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.empty()) continue;
    if (line.front() == '{') {
      // Pretty JSON spans lines; then the whole content is one object.
      auto object = control::parse_json(line, "the line");
      if (!object) object = control::parse_json(*content, "the file \"" + file + "\"");
      if (!object) return object.error();
      if (object->contains("items")) {
        expected.root = field(*object, "root");
        for (const json& item : (*object)["items"]) add_item(expected, item);
        if (line.size() < 2) return expected;
      } else {
        add_item(expected, *object);
      }
      continue;
    }
    const std::size_t gap = line.find_first_of(" \t");
    const std::string digest(line.substr(0, gap));
    if (digest.size() != 64)
      return make_error(ErrorId::kInputFile,
                        "the file \"" + file + "\" is not an output of \"syncctl digest\"");
    const std::size_t id = gap == std::string_view::npos ? gap : line.find_first_not_of(" \t", gap);
    if (id == std::string_view::npos)
      expected.root = digest;
    else
      expected.digests[std::string(line.substr(id, line.find_first_of("\t", id) - id))] = digest;
  }
  return expected;
}

struct Difference {
  char sign;
  std::string what;
};

std::vector<Difference> compare(const json& digest, const Expected& expected) {
  std::vector<Difference> out;
  if (expected.digests.empty()) {
    if (field(digest, "root") != expected.root) out.push_back({'*', "root"});
    return out;
  }
  std::set<std::string> seen;
  for (const json& item : digest.value("items", json::array())) {
    const std::string id = field(item, "id").empty() ? field(item, "name") : field(item, "id");
    const auto found = expected.digests.find(id);
    seen.insert(id);
    if (found == expected.digests.end())
      out.push_back({'<', name_or_id(item)});
    else if (found->second != field(item, "digest"))
      out.push_back({'*', name_or_id(item)});
  }
  for (const auto& [id, sum] : expected.digests)
    if (!seen.contains(id)) out.push_back({'>', id});
  return out;
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
  std::optional<Expected> expected;
  if (const auto file = session.value("expect")) {
    auto read = read_expected(*file);
    if (!read) return read.error();
    expected = std::move(*read);
  }
  auto digest = ask_digest(session);
  if (!digest) return digest.error();
  if (expected) {
    const auto differences = compare(*digest, *expected);
    json items = json::array();
    std::string text;
    for (const Difference& difference : differences) {
      items.push_back({{"state", difference.sign == '<'   ? "only_left"
                                 : difference.sign == '>' ? "only_right"
                                                          : "differ"},
                       {"name", difference.what}});
      text += std::string(1, difference.sign) + " " + printable(difference.what) + "\n";
    }
    const json report = {{"kind", "DigestComparison"},
                         {"v", 1},
                         {"equal", differences.empty()},
                         {"items", std::move(items)}};
    if (auto done = session.out().result(report, {.text = [&] { return text; }}); !done)
      return done.error();
    if (differences.empty()) session.out().note("equal");
    return differences.empty() ? control::exit_code::kOk : control::exit_code::kNo;
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
