#include "core/base/assert.h"
#include "core/control/json_text.h"
#include "core/verbs/edits.h"
#include "core/verbs/value.h"
#include "tests/fuzz/targets.h"

#include <nlohmann/json.hpp>

#include <array>
#include <string_view>

namespace converge::fuzz {
namespace {

using nlohmann::json;

engine::Document start() {
  engine::Document document(ActorId(std::array{std::byte{1}}));
  const json content{{"list", {1, "two", {{"id", 3}}}},
                     {"map", {{"a", nullptr}}},
                     {"text", "hello"},
                     {"counter", {{"$counter", 5}}},
                     {"scalar", {{"$str", "x"}}}};
  const json edits = json::array({{{"pointer", ""}, {"value", content}}});
  ASSERT(verbs::set(document, edits, {}).has_value());
  return document;
}

/// What is there reads, and its typed form says just that.
void check_reads_back(engine::Document& document) {
  const auto form =
      verbs::object_to_json(document.now(), model::kRoot, {.form = verbs::Form::kTyped});
  if (!form || !verbs::check_writable(*form)) return;
  ASSERT(verbs::object_equals_json(document.now(), model::kRoot, *form, verbs::Match::kExact));
  const auto again = verbs::apply(document, *form, std::nullopt, {});
  ASSERT(again.has_value());
  ASSERT(again->unchanged);
}

void run_line(engine::Document& document, std::string_view line) {
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return;
  const auto params = control::parse_json(line.substr(blank + 1), "params");
  if (!params) return;
  const Bytes saved = document.save();
  const auto outcome = verbs::run_edit(document, line.substr(0, blank), *params, {});
  if (!outcome) {
    ASSERT(!outcome.error().id.empty());
    ASSERT(!outcome.error().message.empty());
  }
  if (!outcome || !outcome->change) ASSERT(document.save() == saved);
  document.check_invariants();
  check_reads_back(document);
}

}  // namespace

// Requests of the control protocol against one document: "doc.set {...}", one a line.
void edits(ByteView input) {
  constexpr int kLinesMax = 32;
  engine::Document document = start();
  std::string_view rest = as_text(input);
  for (int i = 0; i < kLinesMax && !rest.empty(); ++i) {
    const std::size_t end = rest.find('\n');
    run_line(document, rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
}

}  // namespace converge::fuzz

CONVERGE_FUZZ_ENTRY(converge::fuzz::edits)
