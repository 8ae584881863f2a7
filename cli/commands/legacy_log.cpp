#include "cli/commands/legacy_log.h"

#include "core/codec/sha256.h"
#include "core/verbs/edits.h"
#include "core/verbs/pointer.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <tuple>

namespace converge::cli {
namespace {

using nlohmann::json;

/// Searches in one line for an operation behind damage; a line of open brackets costs no more.
constexpr std::size_t kTriesMax = 256;
/// Timestamps above are milliseconds, below seconds: the year 5138 against 1973.
constexpr std::int64_t kMillisecondsFrom = 100'000'000'000;

std::optional<std::int64_t> time_of(const json& value) {
  if (!value.is_number()) return std::nullopt;
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max() / 1000)
    return std::nullopt;
  if (value.is_number_integer()) {
    const auto number = value.get<std::int64_t>();
    return number >= kMillisecondsFrom || number <= -kMillisecondsFrom ? number : number * 1000;
  }
  const double seconds = value.get<double>();
  if (!(seconds > -9e12 && seconds < 9e15)) return std::nullopt;
  return static_cast<std::int64_t>(seconds >= 1e11 ? seconds : seconds * 1000);
}

const json* member(const json& object, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto at = object.find(name);
    if (at != object.end()) return &*at;
  }
  return nullptr;
}

/// The operation, or why it is none.
std::optional<LegacyOperation> operation_of(const json& object, std::string& why) {
  const json* key = member(object, {"key"});
  const json* value = member(object, {"value"});
  const json* stamp = member(object, {"timestamp"});
  const json* node = member(object, {"node", "node_id", "nodeId"});
  const json* deleted = member(object, {"deleted"});
  LegacyOperation out;
  out.is_removal = deleted != nullptr && deleted->is_boolean() && deleted->get<bool>();
  if (key == nullptr || !key->is_string()) {
    why = "it has no key";
  } else if (value == nullptr && !out.is_removal) {
    why = "it has no value";
  } else if (stamp == nullptr || !time_of(*stamp)) {
    why = "it has no timestamp";
  } else if (node == nullptr || !(node->is_string() || node->is_number_integer())) {
    why = "it has no node";
  } else {
    out.key = key->get<std::string>();
    if (value != nullptr) out.value = value->dump();
    out.time_ms = *time_of(*stamp);
    out.node = node->is_string() ? node->get<std::string>() : node->dump();
    return out;
  }
  return std::nullopt;
}

/// Where the object that begins at `from` ends; nothing when it does not.
std::optional<std::size_t> end_of_object(std::string_view line, std::size_t from) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t at = from; at < line.size(); ++at) {
    const char c = line[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at + 1;
  }
  return std::nullopt;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

class LineReader {
 public:
  LineReader(std::string_view line, std::uint64_t offset, std::uint64_t number, LegacyLog& out)
      : line_(line), offset_(offset), number_(number), out_(out) {}

  void read() {
    std::size_t done = 0;  // before it everything is told
    std::size_t tries = 0;
    for (std::size_t at = line_.find('{'); at != std::string_view::npos && tries < kTriesMax;
         at = line_.find('{', at)) {
      ++tries;
      const auto end = end_of_object(line_, at);
      auto operation = end ? parse(line_.substr(at, *end - at)) : std::nullopt;
      if (!operation) {
        ++at;
        continue;
      }
      damage(done, at);
      out_.operations.push_back(std::move(*operation));
      done = at = *end;
    }
    damage(done, line_.size());
  }

 private:
  std::optional<LegacyOperation> parse(std::string_view text) {
    const json object = json::parse(text, nullptr, false);
    if (object.is_discarded()) {
      why_ = "it is not JSON";
      return std::nullopt;
    }
    return operation_of(object, why_);
  }

  void damage(std::size_t from, std::size_t to) {
    const std::string_view span = line_.substr(from, to - from);
    if (is_blank(span)) return;
    const bool is_zeros = span.find_first_not_of('\0') == std::string_view::npos;
    std::string why = is_zeros ? "zeros" : why_.empty() ? "it is not a whole object" : why_;
    out_.damaged.push_back({offset_ + from, to - from, number_, std::move(why)});
    why_.clear();
  }

  std::string_view line_;
  std::uint64_t offset_;
  std::uint64_t number_;
  LegacyLog& out_;
  std::string why_;
};

ActorId author_of(const std::string& node) {
  const auto digest = codec::sha256(as_bytes("legacy node " + node));
  return ActorId(ByteView(digest).first(16));
}

}  // namespace

std::size_t LegacyLog::keys() const {
  std::set<std::string_view> all;
  for (const LegacyOperation& each : operations) all.insert(each.key);
  return all.size();
}

std::vector<std::string> LegacyLog::nodes() const {
  std::set<std::string> all;
  for (const LegacyOperation& each : operations) all.insert(each.node);
  return {all.begin(), all.end()};
}

LegacyLog read_legacy_log(std::string_view content) {
  LegacyLog out;
  std::uint64_t number = 0;
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = std::min(content.find('\n', at), content.size());
    LineReader(content.substr(at, end - at), at, ++number, out).read();
    at = end + 1;
  }
  return out;
}

Result<engine::Document> replay_legacy_log(const LegacyLog& log) {
  std::vector<std::size_t> order(log.operations.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    const LegacyOperation& left = log.operations[a];
    const LegacyOperation& right = log.operations[b];
    return std::tie(left.time_ms, left.node) < std::tie(right.time_ms, right.node);
  });
  engine::Document document(author_of(""));
  for (const std::size_t index : order) {
    const LegacyOperation& operation = log.operations[index];
    document.set_actor(author_of(operation.node));
    verbs::WriteOptions options;
    options.time = operation.time_ms / 1000;
    options.message = operation.node;
    if (operation.is_removal) {
      const bool is_there = document.now().get(model::kRoot, operation.key).has_value();
      if (!is_there) continue;
      auto edit = document.transact();
      if (auto done = edit.erase(model::kRoot, operation.key); !done) return done.error();
      edit.commit({.message = options.message, .time = options.time});
      continue;
    }
    const json edits = json::array({{{"pointer", "/" + verbs::escape_part(operation.key)},
                                     {"value", json::parse(operation.value, nullptr, false)}}});
    const auto done = verbs::set(document, edits, options);
    if (!done) return done.error();
  }
  return document;
}

}  // namespace converge::cli
