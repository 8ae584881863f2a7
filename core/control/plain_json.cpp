#include "core/control/plain_json.h"

#include "core/base/limits.h"
#include "core/control/plain_text.h"

#include <nlohmann/json.hpp>

#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

namespace converge::control {
namespace {

using nlohmann::json;

/// Every step says false where the text is not plain; nothing is read behind that.
class PlainReader {
 public:
  explicit PlainReader(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  bool read(json& out) {
    if (!value(out, limits::kJsonDepthMax)) return false;
    skip_blanks();
    return at_ == end_;
  }

 private:
  void skip_blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }

  /// Whether the next character that is no blank is this one; then it is behind us.
  bool take(char wanted) {
    skip_blanks();
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }

  bool word(std::string_view wanted) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(wanted))
      return false;
    at_ += wanted.size();
    return true;
  }

  /// Behind its first quote.
  bool string(std::string& out) {
    const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
    const std::size_t size = plain_prefix(rest);
    if (size == rest.size() || rest[size] != '"') return false;
    out.assign(rest.substr(0, size));
    at_ += size + 1;
    return true;
  }

  bool integer(json& out) {
    constexpr std::ptrdiff_t kDigitsMax = 18;
    const bool is_negative = *at_ == '-';
    const char* const digits = is_negative ? at_ + 1 : at_;
    const char* end = digits;
    while (end != end_ && *end >= '0' && *end <= '9') ++end;
    if (end == digits || end - digits > kDigitsMax || (*digits == '0' && end - digits > 1))
      return false;
    if (end != end_ && (*end == '.' || *end == 'e' || *end == 'E')) return false;
    std::int64_t number = 0;
    std::from_chars(at_, end, number);
    at_ = end;
    // As the library has it: what has no sign is unsigned.
    out = is_negative ? json(number) : json(static_cast<std::uint64_t>(number));
    return true;
  }

  bool list(json& out, int depth) {
    out = json::array();
    auto& items = out.get_ref<json::array_t&>();
    if (take(']')) return true;
    do {
      if (!value(items.emplace_back(), depth)) return false;
    } while (take(','));
    return take(']');
  }

  bool object(json& out, int depth) {
    out = json::object();
    auto& members = out.get_ref<json::object_t&>();
    if (take('}')) return true;
    std::string key;
    do {
      if (!take('"') || !string(key) || !take(':')) return false;
      if (!value(members[key], depth)) return false;
    } while (take(','));
    return take('}');
  }

  bool value(json& out, int depth) {
    skip_blanks();
    if (at_ == end_ || depth == 0) return false;
    switch (*at_) {
      case '"': {
        ++at_;
        std::string text;
        if (!string(text)) return false;
        out = std::move(text);
        return true;
      }
      case '{':
        ++at_;
        return object(out, depth - 1);
      case '[':
        ++at_;
        return list(out, depth - 1);
      case 't':
        out = true;
        return word("true");
      case 'f':
        out = false;
        return word("false");
      case 'n':
        out = nullptr;
        return word("null");
      default:
        return integer(out);
    }
  }

  const char* at_;
  const char* const end_;
};

}  // namespace

bool read_plain_json(std::string_view text, json& out) { return PlainReader(text).read(out); }

}  // namespace converge::control
