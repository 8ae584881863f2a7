#include "core/verbs/text_forms.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace converge::verbs {
namespace {

constexpr std::int64_t kMsPerDay = 86'400'000;

/// Floor division: days before 1970 count down.
constexpr std::int64_t floor_div(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

struct Date {
  std::int64_t year;
  int month;
  int day;
};

/// Proleptic Gregorian calendar. Source: the usual 400-year era arithmetic, years begin in March.
constexpr Date date_of_days(std::int64_t days) {
  const std::int64_t shifted = days + 719'468;
  const std::int64_t era = floor_div(shifted, 146'097);
  const std::int64_t day_of_era = shifted - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int month =
      static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  const int day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

constexpr std::int64_t days_of_date(Date date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = floor_div(year, 400);
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t month_from_march = date.month > 2 ? date.month - 3 : date.month + 9;
  const std::int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719'468;
}

constexpr int days_in_month(std::int64_t year, int month) {
  constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return kDays[static_cast<std::size_t>(month - 1)] + (leap && month == 2 ? 1 : 0);
}

/// Reads a date-time from left to right; every step fails softly.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : text_(text) {}

  bool digits(std::size_t count, std::int64_t& out) {
    if (text_.size() < count) return false;
    out = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return false;
      out = out * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(count);
    return true;
  }
  bool any_of(std::string_view wanted, char* got = nullptr) {
    if (text_.empty() || wanted.find(text_.front()) == std::string_view::npos) return false;
    if (got != nullptr) *got = text_.front();
    text_.remove_prefix(1);
    return true;
  }
  /// ".123456": milliseconds, finer digits cut.
  bool fraction(std::int64_t& ms) {
    std::int64_t digit = 0;
    int count = 0;
    ms = 0;
    for (; digits(1, digit); ++count)
      if (count < 3) ms = ms * 10 + digit;
    if (count == 0) return false;
    for (; count < 3; ++count) ms *= 10;
    return true;
  }
  bool at_end() const { return text_.empty(); }
  std::size_t left() const { return text_.size(); }

 private:
  std::string_view text_;
};

/// "+012345" or "2026". Extended years may have 6 to 9 digits: all that an i64 of milliseconds
/// holds.
bool read_year(TimeReader& in, std::int64_t& year, std::size_t year_digits) {
  char sign = 0;
  if (!in.any_of("+-", &sign)) return in.digits(4, year);
  if (!in.digits(year_digits, year)) return false;
  if (sign == '-') year = -year;
  return true;
}

bool read_offset(TimeReader& in, std::int64_t& minutes) {
  if (in.any_of("Zz")) return in.at_end();
  char sign = 0;
  std::int64_t hour = 0;
  std::int64_t minute = 0;
  if (!in.any_of("+-", &sign) || !in.digits(2, hour) || !in.any_of(":") || !in.digits(2, minute))
    return false;
  if (hour > 23 || minute > 59) return false;
  minutes = (hour * 60 + minute) * (sign == '-' ? -1 : 1);
  return in.at_end();
}

constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

}  // namespace

std::string format_timestamp(std::int64_t milliseconds) {
  const std::int64_t days = floor_div(milliseconds, kMsPerDay);
  // Not milliseconds - days * kMsPerDay: the start of the first day that fits does not.
  const std::int64_t rest = (milliseconds % kMsPerDay + kMsPerDay) % kMsPerDay;
  const Date date = date_of_days(days);
  std::string year = fmt::format("{:04}", date.year);
  if (date.year < 0 || date.year > 9999)
    year = fmt::format("{}{:06}", date.year < 0 ? '-' : '+', std::abs(date.year));
  return fmt::format("{}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", year, date.month, date.day,
                     rest / 3'600'000, rest / 60'000 % 60, rest / 1000 % 60, rest % 1000);
}

std::string format_seconds(std::int64_t seconds) {
  std::int64_t milliseconds = 0;
  if (__builtin_mul_overflow(seconds, std::int64_t{1000}, &milliseconds))
    milliseconds = seconds < 0 ? std::numeric_limits<std::int64_t>::min()
                               : std::numeric_limits<std::int64_t>::max();
  return format_timestamp(milliseconds);
}

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  // An extended year ends at the first "-" behind its sign.
  const std::size_t dash = text.find('-', 1);
  const std::size_t year_digits = dash == std::string_view::npos ? 0 : dash - 1;
  if (!text.empty() && (text.front() == '+' || text.front() == '-') &&
      (year_digits < 6 || year_digits > 9))
    return std::nullopt;

  TimeReader in(text);
  Date date{};
  std::int64_t month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0, offset = 0;
  if (!read_year(in, date.year, year_digits) || !in.any_of("-") || !in.digits(2, month) ||
      !in.any_of("-") || !in.digits(2, day) || !in.any_of("Tt ") || !in.digits(2, hour) ||
      !in.any_of(":") || !in.digits(2, minute) || !in.any_of(":") || !in.digits(2, second))
    return std::nullopt;
  if (in.any_of(".") && !in.fraction(ms)) return std::nullopt;
  if (!read_offset(in, offset)) return std::nullopt;
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60)
    return std::nullopt;
  date.month = static_cast<int>(month);
  if (day > days_in_month(date.year, date.month)) return std::nullopt;
  date.day = static_cast<int>(day);

  // Before 1970 the day counts from its end: the first moments that fit begin inside a day that
  // does not.
  std::int64_t days = days_of_date(date);
  std::int64_t of_day = ((hour * 60 + minute - offset) * 60 + second) * 1000 + ms;
  if (days < 0) {
    ++days;
    of_day -= kMsPerDay;
  }
  std::int64_t result = 0;
  if (__builtin_mul_overflow(days, kMsPerDay, &result) ||
      __builtin_add_overflow(result, of_day, &result))
    return std::nullopt;
  return result;
}

std::string to_base64(ByteView bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < have ? std::to_integer<unsigned>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      out += k <= have ? kBase64Digits[group >> (18 - 6 * k) & 63u] : '=';
  }
  return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;

  Bytes out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::size_t have = i + 4 == text.size() ? 4 - padding : 4;
    unsigned group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const int digit = k < have ? base64_digit(text[i + k]) : 0;
      if (digit < 0) return std::nullopt;
      group = group << 6 | static_cast<unsigned>(digit);
    }
    // Bits behind the last byte must be zero, so that every value has one spelling.
    if (have < 4 && (group & ((1u << (8 * (4 - have))) - 1)) != 0) return std::nullopt;
    for (std::size_t k = 0; k + 1 < have; ++k)
      out.push_back(static_cast<std::byte>(group >> (16 - 8 * k) & 0xFFu));
  }
  return out;
}

std::string format_number(double value) {
  if (value == 0) return "0";
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value),
                                 std::chars_format::scientific)
                       .ptr;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const std::size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  int exponent = 0;
  const std::size_t exponent_at = text[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(text.data() + exponent_at, end, exponent);

  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // digits before the decimal point
  std::string out = value < 0 ? "-" : "";
  if (point >= count && point <= 21) {
    out += digits + std::string(static_cast<std::size_t>(point - count), '0');
  } else if (point > 0 && point <= 21) {
    out += digits.substr(0, static_cast<std::size_t>(point)) + "." +
           digits.substr(static_cast<std::size_t>(point));
  } else if (point > -6 && point <= 0) {
    out += "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  } else {
    out += digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    out += fmt::format("e{}{}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  return out;
}

void append_quoted(std::string& out, std::string_view text, char quote) {
  out += quote;
  for (const char c : text) {
    if (c == quote) {
      out += '\\';
      out += c;
      continue;
    }
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
          out += c;
    }
  }
  out += quote;
}

std::size_t count_code_points(std::string_view utf8) {
  std::size_t count = 0;
  for (const char c : utf8) count += (static_cast<unsigned char>(c) & 0xC0u) != 0x80u;
  return count;
}

}  // namespace converge::verbs
