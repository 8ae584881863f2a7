// The conformance vectors made by the reference implementation (automerge-format 13).

#include "core/engine/document.h"
#include "tests/core/engine/json_view.h"
#include "tests/core/engine/patch_json.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <sstream>

using namespace converge;
using engine::Document;
using nlohmann::json;
using testing::actor;
using testing::bytes_of_hex;

namespace {

/// Calls f with each line of a vector file; skips loudly where the hand-outs are missing.
void for_each_vector(const std::string& kind, const std::function<void(const json&)>& f) {
  const auto path = testing::shared_data("vectors/" + kind + ".jsonl.gz");
  if (!path) {
    WARN("vectors/" + kind + ".jsonl.gz is missing: skipped");
    return;
  }
  std::istringstream lines(testing::read_text_maybe_gzip(*path));
  std::string line;
  std::size_t count = 0;
  while (std::getline(lines, line)) {
    f(json::parse(line));
    ++count;
  }
  CHECK(count > 100);
}

Document load(const std::string& hex) {
  auto document = Document::load(bytes_of_hex(hex), actor("ee"));
  if (!document) FAIL(document.error().message);
  return std::move(*document);
}

std::vector<Bytes> changes_of(const json& list, std::size_t begin = 0, std::size_t end = SIZE_MAX) {
  std::vector<Bytes> out;
  for (std::size_t i = begin; i < std::min(end, list.size()); ++i) {
    out.push_back(bytes_of_hex(list[i]));
  }
  return out;
}

/// One by one: a batch would be free to reorder what is concurrent.
Document apply_all(const json& changes) {
  Document document(actor("ee"));
  for (const json& change : changes) {
    auto report = document.apply_changes({bytes_of_hex(change)});
    if (!report) FAIL(report.error().message);
  }
  return document;
}

Heads heads_of(const json& list) {
  Heads out;
  for (const json& hash : list) out.push_back(*ChangeHash::from_hex(hash.get<std::string>()));
  return out;
}

std::vector<std::string> hex_of(const std::vector<ChangeHash>& hashes) {
  std::vector<std::string> out;
  for (const ChangeHash& hash : hashes) out.push_back(hash.to_hex());
  return out;
}

std::string save_plain(const Document& document) {
  return to_hex(document.save({.deflate = false, .include_orphans = true}));
}

void check_view(const engine::View& view, const json& expected) {
  CHECK(testing::to_json(view) == expected["json"]);
  const auto text = view.get(model::kRoot, std::string("text"));
  if (!text || !text->object) return;
  CHECK(testing::spans_to_json(view, text->id) == expected["spans"]);
  CHECK(testing::marks_to_json(view, text->id) == expected["marks"]);
}

void check_document(const Document& document, const json& expected) {
  document.check_invariants();
  CHECK(hex_of(document.heads()) == expected["heads"].get<std::vector<std::string>>());
  CHECK(hex_of(document.all_changes()) == expected["hashes"].get<std::vector<std::string>>());
  check_view(document.now(), expected);
  CHECK(save_plain(document) == expected["nocomp"].get<std::string>());
  for (const json& old : expected["hist"]) {
    const auto view = document.at(heads_of(old["heads"]));
    REQUIRE(view.has_value());
    check_view(*view, old);
  }
  for (std::size_t i = 0; i < expected["changes"].size(); ++i) {
    const auto bytes =
        document.change_bytes(*ChangeHash::from_hex(expected["hashes"][i].get<std::string>()));
    REQUIRE(bytes.has_value());
    CHECK(to_hex(*bytes) == expected["changes"][i].get<std::string>());
  }
}

}  // namespace

TEST_CASE("vector documents load from both forms and from changes and read the same now and then",
          "[engine][vectors]") {
  for_each_vector("documents", [](const json& line) {
    INFO(line["name"].get<std::string>());
    check_document(load(line["nocomp"]), line);
    check_document(load(line["comp"]), line);
    check_document(apply_all(line["changes"]), line);
  });
}

TEST_CASE("vector changes in any order give the reference's bytes, orphans included",
          "[engine][vectors]") {
  for_each_vector("shuffle", [](const json& line) {
    Document document(actor("ee"));
    const auto k = line["k"].get<std::size_t>();
    REQUIRE(document.apply_changes(changes_of(line["c"], 0, k)).has_value());
    document.check_invariants();
    CHECK(save_plain(document) == line["mid"].get<std::string>());
    auto missing = line["md"].get<std::vector<std::string>>();
    std::sort(missing.begin(), missing.end());
    CHECK(hex_of(document.missing_deps({})) == missing);

    REQUIRE(document.apply_changes(changes_of(line["c"], k)).has_value());
    document.check_invariants();
    CHECK(save_plain(document) == line["fin"].get<std::string>());
  });
}

TEST_CASE("vector merges give the reference's bytes", "[engine][vectors]") {
  for_each_vector("merge", [](const json& line) {
    Document a = load(line["a"]);
    const Document b = load(line["b"]);

    const auto report = a.merge(b);

    REQUIRE(report.has_value());
    a.check_invariants();
    CHECK(save_plain(a) == line["m"].get<std::string>());
  });
}

TEST_CASE("vector inserts reference the same element", "[engine][vectors]") {
  for_each_vector("ins", [](const json& line) {
    const Document document = load(line["before"]);
    const engine::View view = document.now();
    const bool text = line["kind"] == "t";
    const auto object = testing::root_object(view, text ? "text" : "list");

    const auto reference = view.insert_reference(object, line["idx"].get<std::size_t>());

    REQUIRE(reference.has_value());
    const auto expected = line["elem"].get<std::string>();
    CHECK((reference->is_none() ? "_head" : document.format_id(*reference)) == expected);
  });
}

TEST_CASE("vector diffs give the reference's patches", "[engine][vectors]") {
  std::map<std::string, json> documents;
  for_each_vector("documents", [&](const json& line) { documents[line["name"]] = line; });
  std::map<std::string, Document> applied;
  for_each_vector("diffs", [&](const json& line) {
    const auto name = line["f"].get<std::string>();
    const json& saved = documents.at(name);
    // As changes, so that single places are followed; as a chunk, so that everything is walked.
    auto by_changes = applied.find(name);
    if (by_changes == applied.end()) {
      by_changes = applied.emplace(name, apply_all(saved["changes"])).first;
    }
    const Document loaded = load(saved["nocomp"]);
    for (const Document* const document : {&std::as_const(by_changes->second), &loaded}) {
      const auto patches = document->diff(heads_of(line["a"]), heads_of(line["b"]));

      REQUIRE(patches.has_value());
      INFO(name << " from " << line["a"] << " to " << line["b"]);
      CHECK(testing::patches_to_json(*patches) == line["p"]);
    }
  });
}
