#include "cli/app/kinds.h"

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;

constexpr std::array<KindInfo, 34> kInfos = {{
    {"DOC", "a document: a name, URL, id prefix of 5 characters, a file, or - for stdin"},
    {"DOC@REV", "a document, with @REV as it was at a revision"},
    {"POINTER", "JSON Pointer, /items/0/title; ~1 is /, ~0 is ~, - is past the end"},
    {"PATH", "JSONPath, $.items[?@.done==false].title"},
    {"PATTERN", "names with * within one part and ** across parts; quote it"},
    {"DOC@CHANGE", "a document and a change hash of it, 7 or more hex digits"},
    {"REV", "change hash of 7 or more hex digits, several joined by +, #RECEIPT, ~N or {WHEN}"},
    {"PEER", "a configured name, or a key fingerprint"},
    {"CURSOR", "a place in a list or stream, as an earlier answer printed it"},
    {"WHEN", "2026-11-20T09:00:00Z, 2h, 3d, yesterday or #RECEIPT"},
    {"WHEN", "a time as this replica received changes: 2h, yesterday, #RECEIPT; or a revision"},
    {"DUR", "500ms, 30s, 5m, 2h or 3d; 0 is none"},
    {"SIZE", "64KiB or 10MB"},
    {"RATE", "bytes a second: 64KiB/s or 10MB/s"},
    {"FILE", "a file; - is stdin or stdout"},
    {"DIR", "a directory"},
    {"SOCKET", "path of a Unix socket"},
    {"KEY", "a setting, as config ls prints it"},
    {"ENUM", "one of the words listed"},
    {"INT", "a whole number"},
    {"VALUE", "JSON; a string becomes collaborative text"},
    {"CMD", "a command and its arguments behind --"},
    {"CMD", "one string, run with sh -c"},
    {"TEXT", "any text"},
    {"NAME", "a name such as todo/home"},
    {"ID", "a whole document id or URL"},
    {"CONFLICT", "a conflict's id as conflict ls prints it"},
    {"COND", "ready, durable, synced, converged, idle, heads=REV or value=POINTER=VALUE"},
    {"ACTOR", "hex digits an actor's id begins with"},
    {"URL", "ws://HOST:PORT or wss://HOST:PORT"},
    {"INVITE", "the line that invite printed, or - for stdin"},
    {"TOPIC", "a command or a help topic"},
    {"FORMAT", "text, wide, json, ndjson, csv, name or jsonpath=PATH"},
    {"CONTEXT", "a configured name, or a file that syncd --ready-file wrote"},
}};
static_assert(kInfos.size() == static_cast<std::size_t>(Kind::kContext) + 1);

/// Why a word is not of its kind: the rest of the sentence after the quoted word, and a hint.
struct Refusal {
  std::string why;
  std::string hint = {};
};
using Verdict = std::optional<Refusal>;

Verdict check_pointer(std::string_view word) {
  if (!word.empty() && word.front() != '/')
    return Refusal{"does not begin with \"/\"", "try \"/" + std::string(word) + "\""};
  for (std::size_t i = 0; i < word.size(); ++i)
    if (word[i] == '~' && (i + 1 == word.size() || (word[i + 1] != '0' && word[i + 1] != '1')))
      return Refusal{"has a \"~\" that is neither \"~0\" nor \"~1\"", "\"~0\" stands for \"~\""};
  return {};
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Verdict check_rev(std::string_view word) {
  const Refusal malformed{"is not a revision",
                          "write 7 or more hex digits of a change hash, #RECEIPT, ~N or {WHEN}"};
  if (word.empty()) return malformed;
  if (word.front() == '#' || word.front() == '~')
    return is_digits(word.substr(1)) ? Verdict() : malformed;
  if (word.front() == '{') return word.back() == '}' && word.size() > 2 ? Verdict() : malformed;
  while (!word.empty()) {
    const std::size_t plus = word.find('+');
    const std::string_view head = word.substr(0, plus);
    if (head.size() < 7 || head.size() > 64 || !is_hex(head)) return malformed;
    if (plus == std::string_view::npos) return {};
    word.remove_prefix(plus + 1);
  }
  return malformed;
}

/// The "@" that begins a revision: the last one, unless what follows belongs to a path.
std::size_t rev_mark(std::string_view word) {
  const std::size_t at = word.rfind('@');
  if (at == std::string_view::npos || at == 0) return std::string_view::npos;
  const std::string_view rev = word.substr(at + 1);
  if (!rev.empty() && rev.front() == '{') return at;
  return rev.find('/') == std::string_view::npos && !rev.ends_with(".automerge")
             ? at
             : std::string_view::npos;
}

Verdict check_doc(std::string_view word, bool with_rev) {
  if (word.empty()) return Refusal{"names no document"};
  if (word.size() > 4096) return Refusal{"is too long for a document"};
  const std::size_t at = rev_mark(word);
  if (at == std::string_view::npos) return {};
  if (!with_rev)
    return Refusal{"carries a revision, which this command does not take",
                   "leave out \"" + std::string(word.substr(at)) + "\""};
  if (auto refusal = check_rev(word.substr(at + 1)))
    return Refusal{"does not end in a revision", refusal->hint};
  return {};
}

Verdict check_change(std::string_view word) {
  const std::size_t at = rev_mark(word);
  if (at == std::string_view::npos)
    return Refusal{"names no change", "write DOC@CHANGE; \"syncctl log DOC\" lists the changes"};
  if (auto refusal = check_rev(word.substr(at + 1)))
    return Refusal{"does not end in a change hash", refusal->hint};
  return {};
}

Verdict check_name(std::string_view word) {
  if (word.empty()) return Refusal{"is not a name: it is empty"};
  if (word.size() > limits::kNameBytesMax)
    return Refusal{"is longer than " + std::to_string(limits::kNameBytesMax) + " bytes"};
  if (word.front() == '/' || word.back() == '/' || word.find("//") != std::string_view::npos)
    return Refusal{"is not a name: it has an empty part", "names look like todo/home"};
  if (word.front() == '.' || word.ends_with(".automerge"))
    return Refusal{"looks like a file, so it cannot be a name", "names look like todo/home"};
  if (word == "-" || word.starts_with("automerge:") || word.find('@') != std::string_view::npos ||
      word.find('*') != std::string_view::npos)
    return Refusal{"is not a name: it would mean something else where a document is expected"};
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(word, control))
    return Refusal{"is not a name: it has control characters"};
  return {};
}

Verdict check_value(std::string_view word) {
  const auto value = control::parse_json(word, "it");
  if (value) return {};
  if (value.error().code == ErrorCode::kLimitExceeded)
    return Refusal{"cannot be stored: " + value.error().message, value.error().hint};
  return Refusal{"is not JSON", "a string needs quotes: '\"" + std::string(word) + "\"'"};
}

Verdict check_int(std::string_view word, long min, long max) {
  long value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error == std::errc::result_out_of_range) return Refusal{"is out of range"};
  if (error != std::errc() || end != word.data() + word.size())
    return Refusal{"is not a whole number"};
  if (value < min || value > max)
    return Refusal{"is not between " + std::to_string(min) + " and " + std::to_string(max)};
  return {};
}

Verdict check_enum(std::string_view word, const std::vector<const char*>& choices) {
  std::string list;
  for (const char* choice : choices) {
    if (word == choice) return {};
    list += (list.empty() ? "" : ", ") + std::string(choice);
  }
  return Refusal{"is not one of " + list};
}

Verdict check_format(std::string_view word) {
  if (word.starts_with("jsonpath=") && word.size() > 9) return {};
  return check_enum(word, {"text", "wide", "json", "ndjson", "csv", "name", "jsonpath=PATH"});
}

Verdict check_condition(std::string_view word) {
  for (const char* known : {"ready", "durable", "synced", "converged", "idle"})
    if (word == known) return {};
  if (word.starts_with("heads=")) return check_rev(word.substr(6));
  if (word.starts_with("value=")) {
    const std::string_view rest = word.substr(6);
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return Refusal{"lacks the value", "value=POINTER=VALUE"};
    if (auto refusal = check_pointer(rest.substr(0, equals))) return refusal;
    return check_value(rest.substr(equals + 1));
  }
  return Refusal{"is not a condition",
                 "one of ready, durable, synced, converged, idle, heads=REV, value=POINTER=VALUE"};
}

Verdict check_when(std::string_view word) {
  if (word.empty()) return Refusal{"is not a time"};
  if (word.front() == '#') return check_rev(word);
  if (word == "yesterday" || word == "now" || word == "today") return {};
  if (word.size() >= 10 && word[4] == '-' && word[7] == '-') return {};
  if (parse_duration(word)) return {};
  return Refusal{"is not a time", "write 2026-11-20T09:00:00Z, 2h, 3d, yesterday or #RECEIPT"};
}

Verdict check_url(std::string_view word) {
  for (const std::string_view scheme : {"ws://", "wss://"})
    if (word.starts_with(scheme) && word.size() > scheme.size()) return {};
  return Refusal{"is not an address of a peer", "write ws://HOST:PORT or wss://HOST:PORT"};
}

Verdict from_result(const Error& error) { return Refusal{error.message, error.hint}; }

Verdict verdict(Kind kind, std::string_view word, const std::vector<const char*>& choices, long min,
                long max) {
  switch (kind) {
    case Kind::kDoc:
      return check_doc(word, false);
    case Kind::kDocRev:
      return check_doc(word, true);
    case Kind::kPointer:
      return check_pointer(word);
    case Kind::kChange:
      return check_change(word);
    case Kind::kRev:
      return check_rev(word);
    case Kind::kWhen:
      return check_when(word);
    case Kind::kAt:
      return check_rev(word) ? check_when(word) : Verdict();
    case Kind::kName:
      return check_name(word);
    case Kind::kValue:
      return check_value(word);
    case Kind::kInt:
      return check_int(word, min, max);
    case Kind::kEnum:
      return check_enum(word, choices);
    case Kind::kFormat:
      return check_format(word);
    case Kind::kCondition:
      return check_condition(word);
    case Kind::kUrl:
      return check_url(word);
    case Kind::kActor:
      return !word.empty() && is_hex(word) ? Verdict() : Refusal{"is not the hex id of an actor"};
    case Kind::kDuration: {
      const auto parsed = parse_duration(word);
      return parsed ? Verdict() : from_result(parsed.error());
    }
    case Kind::kSize: {
      const auto parsed = parse_size(word);
      return parsed ? Verdict() : from_result(parsed.error());
    }
    case Kind::kRate: {
      if (word.ends_with("/s")) word.remove_suffix(2);
      return parse_size(word) ? Verdict()
                              : Refusal{"is not a rate", "write it like 64KiB/s or 10MB/s"};
    }
    case Kind::kPath:
    case Kind::kPattern:
    case Kind::kPeer:
    case Kind::kCursor:
    case Kind::kFile:
    case Kind::kDir:
    case Kind::kSocket:
    case Kind::kKey:
    case Kind::kConflict:
    case Kind::kDocId:
    case Kind::kContext:
      return word.empty() ? Verdict(Refusal{"is empty"}) : Verdict();
    case Kind::kCommand:
    case Kind::kShell:
    case Kind::kText:
    case Kind::kInvite:
    case Kind::kTopic:
      return {};
  }
  return {};
}

Result<void> to_result(const Verdict& verdict, ErrorId id, const std::string& where,
                       std::string_view word) {
  if (!verdict) return {};
  return make_error(id, where + " \"" + std::string(word.substr(0, 200)) + "\" " + verdict->why,
                    verdict->hint);
}

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

/// Digits, then one of the suffixes. Nothing for anything else, or on overflow.
template <std::size_t N>
std::optional<std::uint64_t> parse_united(std::string_view text, const std::array<Unit, N>& units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& unit : units) {
    if (suffix != unit.suffix) continue;
    if (unit.factor != 0 && number > (std::uint64_t{1} << 62) / unit.factor) return std::nullopt;
    return number * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

const KindInfo& info(Kind kind) { return kInfos[static_cast<std::size_t>(kind)]; }

Result<void> check_word(const Arg& spec, std::string_view word) {
  return to_result(verdict(spec.kind, word, spec.choices, -1'000'000'000'000, 1'000'000'000'000),
                   ErrorId::kUsageArgument, spec.name, word);
}

Result<void> check_word(const Flag& spec, std::string_view word) {
  return to_result(verdict(spec.kind, word, spec.choices, spec.min, spec.max), ErrorId::kUsageFlag,
                   std::string("--") + spec.name, word);
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  static constexpr std::array<Unit, 5> kUnits = {
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  if (text == "0") return std::chrono::milliseconds(0);
  const auto value = parse_united(text, kUnits);
  if (value) return std::chrono::milliseconds(*value);
  return make_error(ErrorId::kUsageArgument, "is not a duration",
                    "write a number with ms, s, m, h or d, such as 30s");
}

Result<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::array<Unit, 9> kUnits = {{{"", 1},
                                                  {"B", 1},
                                                  {"kB", 1000},
                                                  {"KB", 1000},
                                                  {"MB", 1'000'000},
                                                  {"GB", 1'000'000'000},
                                                  {"KiB", 1u << 10},
                                                  {"MiB", 1u << 20},
                                                  {"GiB", 1u << 30}}};
  if (const auto value = parse_united(text, kUnits)) return *value;
  return make_error(ErrorId::kUsageArgument, "is not a size", "write it like 64KiB or 10MB");
}

bool is_file_word(std::string_view doc) {
  const std::size_t at = rev_mark(doc);
  if (at != std::string_view::npos) doc = doc.substr(0, at);
  return doc == "-" || doc.starts_with(".") || doc.starts_with("/") || doc.ends_with(".automerge");
}

bool is_pattern(std::string_view word) { return word.find('*') != std::string_view::npos; }

}  // namespace converge::cli
