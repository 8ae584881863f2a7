#include "core/verbs/canonical.h"
#include "core/verbs/conflicts.h"
#include "core/verbs/diff.h"
#include "core/verbs/edits.h"
#include "core/verbs/value.h"
#include "tests/core/verbs/support.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>
#include <rapidcheck/catch.h>

#include <random>

namespace converge::verbs {
using namespace testing;

using Numbers = std::vector<std::uint8_t>;

TEST_CASE("random histories are worth testing", "[verbs][property]") {
  std::mt19937 random(3);
  std::size_t with_conflicts = 0, changes = 0, bytes = 0;
  constexpr std::size_t kHistories = 300;
  for (std::size_t i = 0; i < kHistories; ++i) {
    Numbers numbers(100);
    for (auto& number : numbers) number = static_cast<std::uint8_t>(random());
    Choices choices(numbers);
    const auto document = random_history(choices);
    with_conflicts += !conflicts(document, "d").empty();
    changes += document.change_count();
    bytes += canonical_json(document.now()).size();
  }
  CHECK(with_conflicts > kHistories / 10);
  CHECK(changes > kHistories * 3);
  CHECK(bytes > kHistories * 40);
}

TEST_CASE("properties of the typed form", "[verbs][property]") {
  rc::prop("written back it gives an equal document", [](const Numbers& numbers) {
    Choices choices(numbers);
    const auto document = random_history(choices);
    const json form = typed(document);
    const auto copy = document_of(parse(form.dump()), 9);
    RC_ASSERT(typed(copy) == form);
    RC_ASSERT(canonical_json(copy.now()) == canonical_json(document.now()));
  });
}

TEST_CASE("properties of apply", "[verbs][property]") {
  rc::prop("the document equals the input, and then there is nothing to do",
           [](const Numbers& numbers, const Numbers& more) {
             Choices choices(numbers);
             Choices target_choices(more);
             auto document = random_history(choices);
             const json target = random_object(target_choices);
             RC_ASSERT(apply(document, target, std::nullopt, {}).has_value());
             RC_ASSERT(object_equals_json(document.now(), model::kRoot, target, Match::kLoose));
             RC_ASSERT(apply(document, target, std::nullopt, {})->unchanged);
           });

  rc::prop("the typed form of another document makes the types equal too",
           [](const Numbers& numbers, const Numbers& more) {
             Choices choices(numbers);
             Choices target_choices(more);
             auto document = random_history(choices);
             auto goal = random_history(target_choices);
             RC_ASSERT(set_one(goal, "/text", "so every type is named").has_value());
             RC_ASSERT(apply(document, typed(goal), std::nullopt, {}).has_value());
             RC_ASSERT(typed(document) == typed(goal));
           });
}

TEST_CASE("properties of diff", "[verbs][property]") {
  rc::prop("a patch between two versions applied to the old gives the new",
           [](const Numbers& numbers, std::uint8_t from, std::uint8_t to) {
             Choices choices(numbers);
             const auto document = random_history(choices);
             const auto all = document.all_changes();
             RC_PRE(!all.empty());
             const Heads before{all[from % all.size()]};
             const Heads after{all[to % all.size()]};
             const auto changes = diff_patch(document, before, after);
             RC_ASSERT(changes.has_value());
             RC_ASSERT(*changes == *diff_patch(document, before, after, DiffScope::kAll));
             auto old = document.fork_at(before, actor(99));
             RC_ASSERT(old.has_value());
             RC_ASSERT(patch(*old, PatchType::kJson, parse(changes->dump()), {}).has_value());
             RC_ASSERT(typed(*old) == typed_at(document, after));
           });

  rc::prop("a patch between two values applied to the old gives the new",
           [](const Numbers& numbers, const Numbers& more) {
             Choices choices(numbers);
             Choices other(more);
             auto document = document_of(random_object(choices));
             const auto goal = document_of(random_object(other), 2);
             const auto outcome = diff(document, document.heads(), goal, goal.heads());
             RC_ASSERT(outcome.has_value());
             RC_ASSERT(patch(document, PatchType::kJson, (*outcome)["patch"], {}).has_value());
             RC_ASSERT(typed(document) == typed(goal));
           });
}

TEST_CASE("properties of resolving", "[verbs][property]") {
  rc::prop("no conflict is left, and what was picked stays", [](const Numbers& numbers,
                                                                std::uint8_t pick) {
    Choices choices(numbers);
    auto document = random_history(choices);
    for (auto found = conflicts(document, "d"); !found.empty(); found = conflicts(document, "d")) {
      const auto& conflict = found.front();
      const std::size_t n = 1 + pick % conflict.values.size();
      const Resolution resolution{.pick = n};
      RC_ASSERT(resolve_conflicts(document, "d", {conflict.id}, resolution, {}).has_value());
      const auto left = document.now().get_all(conflict.object, conflict.prop);
      RC_ASSERT(left.size() == 1u);
      RC_ASSERT(left[0].id == conflict.values[n - 1].id);
    }
  });
}

TEST_CASE("properties of all edits", "[verbs][property]") {
  rc::prop("one that fails changes nothing", [](const Numbers& numbers) {
    Choices choices(numbers);
    auto document = random_history(choices);
    for (int i = 0; i < 5; ++i) {
      const auto saved = document.save();
      const auto outcome = random_edit(choices, document);
      if (!outcome || outcome->unchanged) RC_ASSERT(document.save() == saved);
      document.check_invariants();
    }
  });

  rc::prop("two from one base on different keys both stay",
           [](const Numbers& numbers, const Numbers& more) {
             Choices choices(numbers);
             Choices values(more);
             auto document = random_history(choices);
             const std::string base = format_heads(document.heads());
             const json left = random_value(values);
             const json right = random_value(values);
             const auto edit = [&](const char* key, const json& value) {
               const json edits = json::array({{{"pointer", key}, {"value", value}}});
               return set(document, edits, {.base = base}).has_value();
             };
             RC_ASSERT(edit("/left", left));
             RC_ASSERT(edit("/right", right));
             const auto view = document.now();
             RC_ASSERT(equals_json(view, *view.get(model::kRoot, "left"), left, Match::kExact));
             RC_ASSERT(equals_json(view, *view.get(model::kRoot, "right"), right, Match::kExact));
           });
}

}  // namespace converge::verbs
