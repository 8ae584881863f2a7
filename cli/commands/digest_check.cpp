#include "cli/commands/digest_check.h"

#include "cli/commands/files.h"
#include "cli/commands/recording.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/model/document_id.h"
#include "core/verbs/root_digest.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

void add_item(ExpectedDigest& expected, const json& item) {
  const std::string id = field(item, "id").empty() ? field(item, "name") : field(item, "id");
  if (!id.empty()) expected.digests[id] = field(item, "digest");
}

struct Difference {
  char sign;
  std::string what;
};

std::vector<Difference> compare(const json& digest, const ExpectedDigest& expected) {
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

}  // namespace

Result<ExpectedDigest> read_expected_digest(const std::string& file) {
  auto content = read_input(file);
  if (!content) return content.error();
  ExpectedDigest expected;
  if (is_recording(*content)) {
    const auto recording = parse_recording(*content, file);
    if (!recording) return recording.error();
    if (recording->digest.empty())
      return make_error(ErrorId::kInputFile,
                        "the recording \"" + file + "\" ends without a digest: it was cut off");
    expected.root = recording->digest;
    return expected;
  }
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

Result<void> keep_root_alone(ExpectedDigest& expected, const std::string& file) {
  const auto digests = std::exchange(expected.digests, {});
  if (!expected.root.empty()) return {};
  std::map<DocumentId, verbs::Digest> documents;
  Heads files;
  for (const auto& [word, text] : digests) {
    const auto bytes = from_hex(text);
    verbs::Digest sum{};
    if (!bytes || bytes->size() != sum.size())
      return make_error(ErrorId::kInputFile,
                        "the file \"" + file + "\" has \"" + text + "\" where a digest should be");
    std::ranges::copy(*bytes, sum.begin());
    if (const auto id = DocumentId::parse(word))
      documents.emplace(*id, sum);
    else
      files.push_back({sum});
  }
  if (!documents.empty() && !files.empty())
    return make_error(ErrorId::kInputFile,
                      "the file \"" + file + "\" has documents and files, which share no root",
                      "make it with \"syncctl digest --root\", or compare without --root");
  verbs::RootDigest root;
  for (const auto& [id, sum] : documents) root.add(id, sum);
  std::ranges::sort(files);
  expected.root = files.empty() ? root.hex() : to_hex(verbs::history_digest(files));
  return {};
}

json compare_digest(const json& digest, const ExpectedDigest& expected) {
  json items = json::array();
  for (const Difference& difference : compare(digest, expected))
    items.push_back({{"state", difference.sign == '<'   ? "only_left"
                               : difference.sign == '>' ? "only_right"
                                                        : "differ"},
                     {"name", difference.what}});
  const bool equal = items.empty();
  return {{"kind", "DigestComparison"}, {"v", 1}, {"equal", equal}, {"items", std::move(items)}};
}

std::string differences_text(const json& comparison) {
  std::string out;
  for (const json& item : comparison["items"]) {
    const std::string state = field(item, "state");
    out += state == "only_left" ? "< " : state == "only_right" ? "> " : "* ";
    out += printable(field(item, "name")) + "\n";
  }
  return out;
}

}  // namespace converge::cli
