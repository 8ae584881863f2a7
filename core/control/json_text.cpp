#include "core/control/json_text.h"

#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

namespace converge::control {
namespace {

/// Nesting is checked before parsing: printing and freeing a deep value would recurse.
bool too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > limits::kJsonDepthMax) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

JsonPlace place_of(std::string_view text, std::size_t byte) {
  JsonPlace place;
  for (std::size_t i = 0; i < std::min(byte, text.size()); ++i) {
    ++place.column;
    if (text[i] == '\n') place = {place.line + 1, 1};
  }
  return place;
}

std::string dump(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Whether any of eight bytes is a control character, a quote, a backslash or no ASCII. May say yes
/// of others. Source: "Determine if a word has a byte less than n", Bit Twiddling Hacks.
bool may_need_work(std::uint64_t bytes) {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  constexpr std::uint64_t kHigh = kEach * 0x80;
  const std::uint64_t quote = bytes ^ (kEach * '"');
  const std::uint64_t backslash = bytes ^ (kEach * '\\');
  return ((bytes | (bytes - kEach * 0x20) | (quote - kEach) | (backslash - kEach)) & kHigh) != 0;
}

/// The library looks at each byte of a string through a table; most need nothing done.
bool is_plain(std::string_view text) {
  std::uint64_t bytes = 0;
  for (; text.size() >= sizeof bytes; text.remove_prefix(sizeof bytes)) {
    std::memcpy(&bytes, text.data(), sizeof bytes);
    if (may_need_work(bytes)) return false;
  }
  bytes = 0x6161616161616161;
  std::memcpy(&bytes, text.data(), text.size());
  return !may_need_work(bytes);
}

void write_string(const std::string& text, std::string& out) {
  if (!is_plain(text)) {
    out += dump(nlohmann::json(text), -1);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

template <class Integer>
void write_integer(Integer number, std::string& out) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

/// What the library's dump() writes, several times as fast for what answers consist of.
void write_compact(const nlohmann::json& value, std::string& out) {
  using Type = nlohmann::json::value_t;
  char between = 0;
  const auto separate = [&out, &between] {
    if (std::exchange(between, ',') != 0) out += ',';
  };
  switch (value.type()) {
    case Type::object:
      out += '{';
      for (const auto& [key, member] : value.get_ref<const nlohmann::json::object_t&>()) {
        separate();
        write_string(key, out);
        out += ':';
        write_compact(member, out);
      }
      out += '}';
      return;
    case Type::array:
      out += '[';
      for (const nlohmann::json& item : value) {
        separate();
        write_compact(item, out);
      }
      out += ']';
      return;
    case Type::string:
      return write_string(value.get_ref<const std::string&>(), out);
    case Type::number_integer:
      return write_integer(value.get<std::int64_t>(), out);
    case Type::number_unsigned:
      return write_integer(value.get<std::uint64_t>(), out);
    case Type::boolean:
      out += value.get<bool>() ? "true" : "false";
      return;
    default:
      out += dump(value, -1);
  }
}

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text, std::string_view what) {
  if (too_deep(text))
    return make_error(ErrorId::kLimitExceeded, std::string(what) + " is nested deeper than " +
                                                   std::to_string(limits::kJsonDepthMax) +
                                                   " levels");
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    const JsonPlace place = place_of(text, error.byte > 0 ? error.byte - 1 : 0);
    return make_error(ErrorId::kInputJson, std::string(what) + " is not JSON at line " +
                                               std::to_string(place.line) + ", column " +
                                               std::to_string(place.column));
  } catch (const nlohmann::json::exception&) {  // a number out of every range
    return make_error(ErrorId::kInputJson, std::string(what) + " holds a number out of range");
  }
}

std::string to_compact(const nlohmann::json& value) {
  std::string out;
  write_compact(value, out);
  return out;
}

std::string to_pretty(const nlohmann::json& value) { return dump(value, 2); }

}  // namespace converge::control
