#pragma once

#include "core/engine/document.h"
#include "core/verbs/edits.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace converge::verbs::testing {

using nlohmann::json;

/// Short actors: a, b, c... by number.
ActorId actor(std::uint8_t number);

engine::Document empty_document(std::uint8_t actor_number = 1);

/// A document with one change that holds `value`'s members. Fails the test when it cannot be.
engine::Document document_of(const json& value, std::uint8_t actor_number = 1);
json parse(std::string_view text);

Pointer ptr(std::string_view text);

json plain(const engine::Document& document, std::string_view pointer = "");
json typed(const engine::Document& document, std::string_view pointer = "");
json plain_at(const engine::Document& document, const Heads& heads);
json typed_at(const engine::Document& document, const Heads& heads);

/// One pair, no options.
Result<Outcome> set_one(engine::Document& document, std::string_view pointer, const json& value);

/// The error's id, or "" when there is none.
template <class T>
std::string error_id(const Result<T>& result) {
  return result ? "" : result.error().id;
}

/// Turns a list of numbers into decisions; past its end every decision is the simplest one. So a
/// property test shrinks a list of numbers, and a fuzzer mutates one.
class Choices {
 public:
  explicit Choices(std::vector<std::uint8_t> numbers) : numbers_(std::move(numbers)) {}

  /// 0 .. bound - 1.
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : next() % bound; }
  bool done() const { return at_ >= numbers_.size(); }
  std::uint8_t next() { return done() ? std::uint8_t{0} : numbers_[at_++]; }

 private:
  std::vector<std::uint8_t> numbers_;
  std::size_t at_ = 0;
};

/// Any writable JSON value, typed forms included.
json random_value(Choices& choices, int depth = 0);
/// An object of such.
json random_object(Choices& choices);

/// One random edit; what it returns is of no interest, most succeed.
Result<Outcome> random_edit(Choices& choices, engine::Document& document);

/// A document that several actors edited, partly while apart.
engine::Document random_history(Choices& choices);

}  // namespace converge::verbs::testing
