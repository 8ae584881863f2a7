#include "core/verbs/revision.h"

#include "core/control/error_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;

constexpr std::size_t kPrefixDigitsMin = 7;
constexpr std::size_t kCandidatesShown = 5;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// Whether `text` could be a REV: decides where a document's name ends.
bool looks_like_revision(std::string_view text) {
  if (text.empty()) return false;
  if (text.front() == '#' || text.front() == '~' || text.front() == '{') return true;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '+' || is_hex(std::string_view(&c, 1)); });
}

bool is_file(std::string_view text) {
  return text.starts_with('.') || text.starts_with('/') || text.ends_with(".automerge");
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Error malformed(std::string_view rev, std::string_view why) {
  return make_error(ErrorId::kUsageArgument, fmt::format("\"{}\" is not a revision: {}", rev, why),
                    "revisions are hashes (joined by \"+\"), #N, ~N or {WHEN}: see \"syncctl help "
                    "revisions\"");
}

Result<Heads> through_source(std::string_view rev, const RevisionSource* source) {
  std::optional<std::uint64_t> number;
  if (rev.front() == '{') {
    if (rev.size() < 3 || rev.back() != '}') return malformed(rev, "it wants {WHEN}");
  } else {
    number = parse_number(rev.substr(1));
    if (!number) return malformed(rev, "a number must follow");
  }
  if (source == nullptr)
    return make_error(
        ErrorId::kRevNotFound,
        fmt::format("revision \"{}\" means a receipt of a replica, and a file has none", rev),
        "name the revision by its change hash");
  if (rev.front() == '{') return source->at_time(rev.substr(1, rev.size() - 2));
  return rev.front() == '#' ? source->at_receipt(*number) : source->receipts_back(*number);
}

Result<void> check_hash(std::string_view text) {
  if (!is_hex(text) || text.size() > 64)
    return malformed(text, "a change hash has up to 64 hexadecimal digits");
  if (text.size() < kPrefixDigitsMin)
    return malformed(text, fmt::format("a hash needs at least {} digits", kPrefixDigitsMin));
  return {};
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at != std::string_view::npos;) {
    const std::size_t end = text.find(separator, at);
    out.push_back(text.substr(at, end == std::string_view::npos ? end : end - at));
    at = end == std::string_view::npos ? end : end + 1;
  }
  return out;
}

Result<ChangeHash> by_prefix(const engine::Document& document, const std::string& prefix) {
  std::vector<ChangeHash> found;
  for (const auto& hash : document.all_changes())
    if (hash.to_hex().starts_with(prefix)) found.push_back(hash);
  if (found.size() == 1) return found.front();
  if (found.empty())
    return make_error(ErrorId::kRevNotFound,
                      fmt::format("no change of the document begins with {}", prefix));
  std::string shown;
  std::vector<std::string> candidates;
  for (std::size_t i = 0; i < std::min(found.size(), kCandidatesShown); ++i) {
    candidates.push_back(found[i].to_hex());
    shown += (i == 0 ? "" : " ") + candidates.back().substr(0, prefix.size() + 4);
  }
  if (found.size() > kCandidatesShown) shown += " ...";
  Error error = make_error(ErrorId::kRevAmbiguous,
                           fmt::format("{} changes begin with {}: {}", found.size(), prefix, shown),
                           "give more digits");
  error.subject = prefix;
  error.candidates = std::move(candidates);
  return error;
}

/// Sorted, unique, and without members that another member already contains.
Heads normalise(const engine::Document& document, Heads heads) {
  std::sort(heads.begin(), heads.end());
  heads.erase(std::unique(heads.begin(), heads.end()), heads.end());
  if (heads.size() < 2) return heads;
  Heads kept;
  for (const auto& hash : heads) {
    Heads others;
    for (const auto& other : heads)
      if (other != hash) others.push_back(other);
    if (!document.is_ancestor(hash, others)) kept.push_back(hash);
  }
  return kept;
}

}  // namespace

DocRev split_doc_rev(std::string_view text) {
  const std::size_t brace = text.find("@{");
  const std::size_t at = brace != std::string_view::npos ? brace : text.rfind('@');
  if (at == std::string_view::npos) return {std::string(text), ""};
  const std::string_view rev = text.substr(at + 1);
  if (!looks_like_revision(rev) && is_file(text)) return {std::string(text), ""};
  return {std::string(text.substr(0, at)), std::string(rev)};
}

Result<ChangeHash> resolve_change(const engine::Document& document, std::string_view text) {
  if (auto fine = check_hash(text); !fine) return fine.error();
  if (text.size() < 64) return by_prefix(document, lower(text));
  const auto hash = ChangeHash::from_hex(text);
  if (!hash || !document.has_change(*hash))
    return make_error(ErrorId::kRevNotFound, fmt::format("the document has no change {}", text));
  return *hash;
}

Result<Heads> resolve_revision(const engine::Document& document, std::string_view rev,
                               const RevisionSource* source) {
  if (rev.empty()) return document.heads();
  if (rev.front() == '#' || rev.front() == '~' || rev.front() == '{')
    return through_source(rev, source);
  const auto parts = split(rev, '+');
  for (const auto part : parts)
    if (auto fine = check_hash(part); !fine) return fine.error();
  Heads heads;
  for (const auto part : parts) {
    auto hash = resolve_change(document, part);
    if (!hash) return hash.error();
    heads.push_back(*hash);
  }
  return normalise(document, std::move(heads));
}

Result<engine::View> view_at(const engine::Document& document, const Heads& heads) {
  auto view = document.at(heads);
  if (view) return std::move(*view);
  return make_error(ErrorId::kRevNotFound, view.error().message);
}

std::string format_heads(const Heads& heads) {
  std::string out;
  for (const auto& hash : heads) out += (out.empty() ? "" : "+") + hash.to_hex();
  return out;
}

std::string format_heads_short(const Heads& heads) {
  std::string out;
  for (const auto& hash : heads)
    out += (out.empty() ? "" : "+") + hash.to_hex().substr(0, kPrefixDigitsMin);
  return out;
}

}  // namespace converge::verbs
