#include "tests/core/verbs/support.h"

#include "core/control/json_text.h"
#include "core/verbs/read.h"
#include "core/verbs/value.h"

#include <array>
#include <stdexcept>

namespace converge::verbs::testing {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

std::string random_text(Choices& choices) {
  static const std::array<const char*, 9> kPieces{"",  "a",          "milk",  "oat milk", "b c\n",
                                                  "é", "\U0001F600", "\"q\\", "zz"};
  std::string out = kPieces[choices.below(kPieces.size())];
  if (choices.below(3) == 1) out += kPieces[choices.below(kPieces.size())];
  return out;
}

std::string random_key(Choices& choices) {
  static const std::array<const char*, 8> kKeys{"a", "b", "c", "id", "name", "x/y", "m~n", "$$d"};
  return kKeys[choices.below(kKeys.size())];
}

json random_scalar(Choices& choices) {
  switch (choices.below(16)) {
    case 0:
      return nullptr;
    case 1:
      return true;
    case 2:
      return static_cast<int>(choices.next());
    case 3:
      return -static_cast<int>(choices.next());
    case 4:
      return random_text(choices);
    case 5:
      return 0.5 + choices.next();
    case 6:
      return {{"$counter", choices.next()}};
    case 7:
      return {{"$timestamp", 1000 * static_cast<int>(choices.next())}};
    case 8:
      return {{"$bytes", choices.below(2) == 0 ? "AAEC" : ""}};
    case 9:
      return {{"$uint", choices.next()}};
    case 10:
      return {{"$float", choices.next()}};
    case 11:
      return {{"$str", random_text(choices)}};
    case 12:
      return {{"$unknown", {{"type", 12}, {"bytes", "AAEC"}}}};
    case 13:
      return {{"$float", choices.below(2) == 0 ? "NaN" : "-Infinity"}};
    case 14:
      return {{"$uint", "18446744073709551615"}};
    default:
      return random_text(choices);
  }
}

/// Where a value stands: a random walk down the typed value.
Pointer random_pointer(Choices& choices, const json& value) {
  Pointer out;
  const json* at = &value;
  while (at->is_object() && !at->empty() && choices.below(4) != 3) {
    auto it = at->begin();
    std::advance(it, static_cast<std::ptrdiff_t>(choices.below(at->size())));
    if (it.key().starts_with("$") && !it.key().starts_with("$$")) break;
    out.parts.push_back(it.key().starts_with("$$") ? it.key().substr(1) : it.key());
    at = &*it;
    while (at->is_array() && !at->empty() && choices.below(4) != 3) {
      const std::size_t index = choices.below(at->size());
      out.parts.push_back(std::to_string(index));
      at = &(*at)[index];
    }
  }
  return out;
}

}  // namespace

ActorId actor(std::uint8_t number) {
  const std::array<std::byte, 2> bytes{std::byte{0xAC}, std::byte{number}};
  return ActorId(bytes);
}

engine::Document empty_document(std::uint8_t actor_number) {
  return engine::Document(actor(actor_number));
}

engine::Document document_of(const json& value, std::uint8_t actor_number) {
  auto document = empty_document(actor_number);
  must(set_one(document, "", value));
  return document;
}

json parse(std::string_view text) { return must(control::parse_json(text, "the test")); }

Pointer ptr(std::string_view text) { return must(Pointer::parse(text)); }

json plain(const engine::Document& document, std::string_view pointer) {
  return must(get(document, ptr(pointer)));
}

json typed(const engine::Document& document, std::string_view pointer) {
  return must(get(document, ptr(pointer), {.form = Form::kTyped}));
}

json plain_at(const engine::Document& document, const Heads& heads) {
  return must(object_to_json(must(document.at(heads)), model::kRoot));
}

json typed_at(const engine::Document& document, const Heads& heads) {
  return must(object_to_json(must(document.at(heads)), model::kRoot, {.form = Form::kTyped}));
}

Result<Outcome> set_one(engine::Document& document, std::string_view pointer, const json& value) {
  return set(document, json::array({{{"pointer", pointer}, {"value", value}}}), {});
}

json random_value(Choices& choices, int depth) {
  const std::size_t kind = choices.below(8);
  if (depth >= 3 || kind < 5) return random_scalar(choices);
  const std::size_t count = choices.below(5);
  if (kind < 7) {
    json list = json::array();
    for (std::size_t i = 0; i < count; ++i) list.push_back(random_value(choices, depth + 1));
    return list;
  }
  json map = json::object();
  for (std::size_t i = 0; i < count; ++i)
    map[random_key(choices)] = random_value(choices, depth + 1);
  return map;
}

json random_object(Choices& choices) {
  json map = json::object();
  const std::size_t count = choices.below(6);
  for (std::size_t i = 0; i < count; ++i) map[random_key(choices)] = random_value(choices, 1);
  return map;
}

Result<Outcome> random_edit(Choices& choices, engine::Document& document) {
  const json value = typed(document);
  const Pointer pointer = random_pointer(choices, value);
  switch (choices.below(8)) {
    case 0:
    case 1: {
      Pointer below = pointer;
      below.parts.push_back(random_key(choices));
      return set_one(document, below.text(), random_value(choices));
    }
    case 2:
      return set_one(document, pointer.text(), random_value(choices));
    case 3:
      return unset(document, {pointer}, {});
    case 4: {
      Pointer below = pointer;
      below.parts.push_back(choices.below(2) == 0 ? "-" : std::to_string(choices.below(3)));
      return insert(document, below, json::array({random_value(choices), random_value(choices)}),
                    {});
    }
    case 5:
      return increment(document, pointer, choices.next(), {});
    case 6:
      return splice(document, pointer, choices.below(4), choices.below(3), random_text(choices),
                    {});
    default:
      return apply(document, random_object(choices), std::nullopt, {});
  }
}

engine::Document random_history(Choices& choices) {
  auto main = document_of(random_object(choices));
  for (int round = 0; round < 3 && !choices.done(); ++round) {
    auto other = main.fork(actor(static_cast<std::uint8_t>(10 + round)));
    const std::size_t edits = 1 + choices.below(4);
    for (std::size_t i = 0; i < edits; ++i) {
      static_cast<void>(random_edit(choices, main));
      static_cast<void>(random_edit(choices, other));
    }
    must(main.merge(other));
    static_cast<void>(random_edit(choices, main));
  }
  return main;
}

}  // namespace converge::verbs::testing
