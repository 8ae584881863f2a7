#include "core/control/json_text.h"

#include "core/control/error_table.h"
#include "core/control/plain_text.h"
#include "core/control/prepared_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

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

void write_string(const std::string& text, std::string& out) {
  if (plain_prefix(text) < text.size()) {
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
      if (is_prepared(value))
        out += prepared_text(value);
      else
        out += dump(value, -1);
  }
}

/// Builds the value as the library's parse() does, but takes no integer for a float: the library
/// makes one of any that is beyond 64 bits, and digits would be lost silently. Only "$float" asks
/// for that.
class Builder {
 public:
  explicit Builder(nlohmann::json& root) : root_(root) {}

  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(std::int64_t value) { return count() && put(value); }
  bool number_unsigned(std::uint64_t value) { return count() && put(value); }
  bool number_float(double value, const std::string& token) {
    const bool is_integer = token.find_first_of(".eE") == std::string::npos;
    if (is_integer && !asks_for_float_) {
      too_long = token;
      return false;
    }
    return count() && put(value);
  }
  bool string(std::string& value) { return put(std::move(value)); }
  bool binary(nlohmann::json::binary_t&) { return false; }  // no JSON text holds one

  bool start_object(std::size_t) { return open(nlohmann::json::object()); }
  bool key(std::string& name) {
    asks_for_float_ = name == "$float";
    member_ = &(*open_.back())[std::move(name)];
    return true;
  }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(nlohmann::json::array()); }
  bool end_array() { return close(); }

  bool parse_error(std::size_t byte, const std::string&, const nlohmann::json::exception& error) {
    stopped_at = byte;
    is_out_of_range = dynamic_cast<const nlohmann::json::out_of_range*>(&error) != nullptr;
    return false;
  }

  std::string too_long;          ///< the integer beyond 64 bits; empty: none
  std::size_t numbers = 0;       ///< before it
  std::size_t stopped_at = 0;    ///< bytes read when this was no JSON
  bool is_out_of_range = false;  ///< it was a number that no float holds

 private:
  bool count() {
    ++numbers;
    return true;
  }

  bool put(nlohmann::json value) {
    place(std::move(value));
    return true;
  }

  nlohmann::json& place(nlohmann::json value) {
    asks_for_float_ = false;
    nlohmann::json* slot = &root_;
    if (!open_.empty() && open_.back()->is_array())
      slot = &open_.back()->get_ref<nlohmann::json::array_t&>().emplace_back();
    else if (!open_.empty())
      slot = member_;
    *slot = std::move(value);
    return *slot;
  }

  bool open(nlohmann::json container) {
    open_.push_back(&place(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  nlohmann::json& root_;
  std::vector<nlohmann::json*> open_;  ///< objects and arrays around; none moves while it is here
  nlohmann::json* member_ = nullptr;   ///< of the innermost object
  bool asks_for_float_ = false;
};

/// The first byte of the number that so many others precede.
std::size_t number_at(std::string_view text, std::size_t numbers) {
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      if (numbers-- == 0) return i;
      i = std::min(text.find_first_not_of("+-.eE0123456789", i), text.size()) - 1;
    }
  }
  return text.size();
}

std::string at_place(std::string_view text, std::size_t byte) {
  const JsonPlace place = place_of(text, byte);
  return " at line " + std::to_string(place.line) + ", column " + std::to_string(place.column);
}

/// The kind tells it from a text that is no JSON at all.
Error bad_number(std::string message, std::string hint) {
  Error error = make_error(ErrorId::kInputJson, std::move(message), std::move(hint));
  error.code = ErrorCode::kLimitExceeded;
  return error;
}

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text, std::string_view what) {
  if (too_deep(text))
    return make_error(ErrorId::kLimitExceeded, std::string(what) + " is nested deeper than " +
                                                   std::to_string(limits::kJsonDepthMax) +
                                                   " levels");
  nlohmann::json out;
  Builder builder(out);
  if (nlohmann::json::sax_parse(text, &builder)) return out;
  if (!builder.too_long.empty()) {
    constexpr std::size_t kShown = 40;
    const std::string shown = builder.too_long.size() > kShown
                                  ? builder.too_long.substr(0, kShown) + "..."
                                  : builder.too_long;
    return bad_number(std::string(what) + " holds an integer beyond 64 bits, " + shown + "," +
                          at_place(text, number_at(text, builder.numbers)),
                      "for a float write it with a fraction or an exponent, for text in quotes");
  }
  const std::string place = at_place(text, builder.stopped_at > 0 ? builder.stopped_at - 1 : 0);
  if (builder.is_out_of_range)
    return bad_number(std::string(what) + " holds a number that no float can hold" + place, {});
  return make_error(ErrorId::kInputJson, std::string(what) + " is not JSON" + place);
}

std::string to_compact(const nlohmann::json& value) {
  std::string out;
  write_compact(value, out);
  return out;
}

std::string to_pretty(const nlohmann::json& value) { return dump(value, 2); }

}  // namespace converge::control
