#include "core/base/assert.h"
#include "core/control/json_text.h"
#include "core/verbs/jsonpath.h"
#include "tests/fuzz/targets.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace converge::fuzz {

// A query, a line break, a JSON value. Each node's normalized path must lead back to it.
void jsonpath(ByteView input) {
  constexpr std::size_t kNodesChecked = 50;
  const std::string_view text = as_text(input);
  const std::size_t end = text.find('\n');
  const auto query = verbs::JsonPath::parse(text.substr(0, end));
  if (!query) {
    ASSERT(query.error().id == "query.syntax");
    return;
  }
  if (end == std::string_view::npos) return;
  const auto value = control::parse_json(text.substr(end + 1), "the value");
  if (!value) return;
  const auto nodes = query->select(*value, true);
  if (!nodes) return;
  for (std::size_t i = 0; i < std::min(nodes->size(), kNodesChecked); ++i) {
    const auto path = verbs::JsonPath::parse((*nodes)[i].path);
    ASSERT(path.has_value());
    const auto again = path->select(*value);
    ASSERT(again.has_value());
    ASSERT(again->size() == 1);
    ASSERT(again->front().value == (*nodes)[i].value);
  }
}

}  // namespace converge::fuzz

CONVERGE_FUZZ_ENTRY(converge::fuzz::jsonpath)
