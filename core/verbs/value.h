#pragma once

#include "core/base/result.h"
#include "core/engine/document.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// JSON and document values, both ways.
///
/// Reading gives one of three forms. *Plain*: what a program expects; counters are numbers,
/// timestamps RFC 3339 strings, bytes base64, text and strings alike strings, NaN, infinities and
/// unknown types null. *Typed*: loses nothing.
///
///     {"$counter":3}  {"$timestamp":"2026-11-20T09:00:00.000Z"}  {"$bytes":"AAEC"}  {"$text":"hi"}
///     {"$uint":7}  {"$float":3}  {"$str":"x"}  {"$unknown":{"type":12,"bytes":"AAEC"}}
///
/// Numbers beyond 2^53 inside these forms, NaN, Infinity and -Infinity are strings; timestamps
/// outside the years 0000 to 9999 are milliseconds. A float with a fraction stands bare. A real key
/// that begins with "$" is written with "$$". A scalar string stands bare where the value holds a
/// text too, else it is {"$str":"x"}. *Input*: the typed form with bare strings for text and "$str"
/// for scalar strings: what a user would type, used in patches.
///
/// Writing takes one language for all: a number without fraction or exponent is an int (above
/// 2^63-1 a uint), any other a float, and a bare string becomes a text object, unless the same JSON
/// value says "$text" somewhere: then it names its texts, and its bare strings are scalar strings.
/// So the typed form can be written back without a flag. The plain form can too, except for keys
/// that begin with "$".
namespace converge::verbs {

enum class Form : std::uint8_t { kPlain, kTyped, kInput };

/// Nesting that a read as a JSON value can show. The canonical form has no such bound.
inline constexpr std::size_t kReadDepthMax = 1024;

struct Reading {
  Form form = Form::kPlain;
  /// Counts values that the plain form could not show: the caller says so in a note. May be null.
  std::size_t* unshown = nullptr;
};

/// The value as JSON. Iterative; cost O(output). Errors: limit.exceeded beyond kReadDepthMax.
Result<nlohmann::json> to_json(const engine::View& view, const engine::Value& value,
                               const Reading& reading = {});

/// The object, normally model::kRoot.
Result<nlohmann::json> object_to_json(const engine::View& view, engine::ObjId object,
                                      const Reading& reading = {});

/// A scalar alone.
nlohmann::json scalar_to_json(const model::Scalar& scalar, Form form);

/// Whether the JSON is well-formed for writing: depth within limits::kJsonDepthMax, typed forms
/// whole, no key with a bare "$". Everything that writes calls it first, so that nothing fails
/// half-way. `what` names the value in messages ("the value", "FILE").
/// Errors: input.json naming the place inside the value, limit.exceeded.
Result<void> check_writable(const nlohmann::json& value, std::string_view what = "the value");

/// Writes `value` into the register, as one put or a put_object and its contents, breadth first
/// (automerge-format appendix C). REQUIRES: check_writable. Errors: those of the transaction.
Result<void> put_json(engine::Transaction& edit, engine::ObjId object, const engine::Prop& prop,
                      const nlohmann::json& value);
/// The same as a new list element before `index`.
Result<void> insert_json(engine::Transaction& edit, engine::ObjId list, std::size_t index,
                         const nlohmann::json& value);

enum class Match : std::uint8_t {
  kExact,  ///< same value and same type as put_json would write
  kLoose,  ///< bare JSON equals all that reads as it in the plain form (a number equals a counter,
           ///< uint, int or float of that value; a string equals text, a string, or the plain form
           ///< of bytes and timestamps); "$" forms still name their type
};

/// Whether the document's value already says `value`. REQUIRES: check_writable. Iterative.
/// Cost: O(the smaller of both).
bool equals_json(const engine::View& view, const engine::Value& present,
                 const nlohmann::json& value, Match match);
/// The same for a whole object, normally the root map.
bool object_equals_json(const engine::View& view, engine::ObjId object, const nlohmann::json& value,
                        Match match);

/// The JSON for a word of the command line under --type: text str int uint float counter timestamp
/// bytes bool null. Errors: usage.argument naming the type and the word; usage.flag for a type that
/// is none of these.
Result<nlohmann::json> json_of_type(std::string_view type, std::string_view word);

}  // namespace converge::verbs
