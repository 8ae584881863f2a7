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
/// Reading gives one of two forms. *Plain*: what a program expects; counters are numbers,
/// timestamps RFC 3339 strings, bytes base64, text and strings alike strings, NaN and infinities
/// null. *Typed*: loses nothing.
///
///     {"$counter":3}  {"$timestamp":"2026-11-20T09:00:00.000Z"}  {"$bytes":"AAEC"}  {"$text":"hi"}
///     {"$uint":7}  {"$float":3}  {"$str":"x"}  {"$unknown":{"type":12,"bytes":"AAEC"}}
///
/// Numbers beyond 2^53 inside these forms, NaN, Infinity and -Infinity are strings; timestamps
/// outside the years 0000 to 9999 are milliseconds. A float with a fraction stands bare. A real key
/// that begins with "$" is written with "$$" in the typed form, and must be in any JSON that is
/// written into a document.
///
/// Writing takes one language for both: a number without fraction or exponent is an int (above
/// 2^63-1 a uint), any other a float, and a string becomes a text object. Only a JSON value that
/// itself says "$text" or "$str" somewhere is taken to name its texts, and its bare strings are
/// plain scalar strings; the typed form always says one of the two when it holds a scalar string
/// (it writes {"$str":"x"} where no text is near), so what it prints can be written back without a
/// flag.
namespace converge::verbs {

enum class Form : std::uint8_t { kPlain, kTyped };

/// Nesting that a read as a JSON value can show. Digests and the canonical form have no such bound.
inline constexpr std::size_t kReadDepthMax = 1024;

struct Reading {
  Form form = Form::kPlain;
  /// Counts values that the plain form could not show (NaN, infinities, unknown types): the caller
  /// says so in a note. May be null.
  std::size_t* unshown = nullptr;
};

/// The value as JSON. Iterative; cost O(output). Errors: limit.exceeded beyond kReadDepthMax.
Result<nlohmann::json> to_json(const engine::View& view, const engine::Value& value,
                               const Reading& reading = {});

/// The object, normally model::kRoot.
Result<nlohmann::json> object_to_json(const engine::View& view, engine::ObjId object,
                                      const Reading& reading = {});

/// A scalar alone; unknown types are null in the plain form.
nlohmann::json scalar_to_json(const model::Scalar& scalar, Form form);

/// Whether the JSON is well-formed for writing: depth within limits::kJsonDepthMax, typed forms
/// whole. Everything that writes calls it first, so that nothing fails half-way.
/// Errors: input.json naming the place inside the value, limit.exceeded.
Result<void> check_writable(const nlohmann::json& value);

/// Writes `value` into the register, as one put or a put_object and its contents, breadth first
/// (automerge-format appendix C). REQUIRES: check_writable. Errors: those of the transaction.
Result<void> put_json(engine::Transaction& edit, engine::ObjId object, const engine::Prop& prop,
                      const nlohmann::json& value);
/// The same as a new list element before `index`.
Result<void> insert_json(engine::Transaction& edit, engine::ObjId list, std::size_t index,
                         const nlohmann::json& value);

/// Whether the register's value already says `value`, in either form (plain JSON numbers equal a
/// counter or uint of that value, plain strings equal text, a scalar string, or the plain form of
/// bytes and timestamps). Cost O(smaller).
bool equals_json(const engine::View& view, const engine::Value& present,
                 const nlohmann::json& value);

/// The JSON for a word of the command line under --type: text str int uint float counter timestamp
/// bytes bool null. Errors: usage.argument naming the type and the word; usage.flag for a type that
/// is none of these.
Result<nlohmann::json> json_of_type(std::string_view type, std::string_view word);

/// RFC 3339 UTC with milliseconds; years outside 0000..9999 as ECMAScript writes them (+012345).
std::string format_timestamp(std::int64_t milliseconds);
/// Milliseconds since 1970. Accepts any RFC 3339 date-time, and the same of format_timestamp.
std::optional<std::int64_t> parse_timestamp(std::string_view text);

std::string to_base64(ByteView bytes);
/// Standard alphabet, padding required, nothing else. Nothing otherwise.
std::optional<Bytes> from_base64(std::string_view text);

}  // namespace converge::verbs
