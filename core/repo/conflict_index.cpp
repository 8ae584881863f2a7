#include "core/repo/conflict_index.h"

#include "core/codec/leb128.h"

#include <algorithm>

namespace converge::repo {
namespace {

constexpr std::byte kVersion{1};
constexpr std::byte kNotExact{1};
constexpr std::string_view kIdPrefix = "c-";

Error bad_entry(const char* why) {
  return Error{ErrorCode::kCorrupt, std::string("an entry of the conflict index ") + why,
               "store.corrupt"};
}

}  // namespace

Bytes encode(const ConflictSummary& summary) {
  Bytes out;
  if (summary.exact && summary.count == 0) return out;
  out.push_back(kVersion);
  out.push_back(summary.exact ? std::byte{0} : kNotExact);
  codec::write_uleb(out, summary.count);
  const std::size_t listed = std::min(summary.ids.size(), kConflictIdsMax);
  for (std::size_t i = 0; i < listed; ++i) {
    out.insert(out.end(), summary.ids[i].begin(), summary.ids[i].end());
  }
  return out;
}

Result<ConflictSummary> decode_conflicts(ByteView entry) {
  ConflictSummary summary;
  if (entry.empty()) return summary;
  if (entry.size() < 3 || entry[0] != kVersion) return bad_entry("has an unknown version");
  if ((entry[1] & ~kNotExact) != std::byte{0}) return bad_entry("has unknown flags");
  summary.exact = entry[1] == std::byte{0};
  codec::Reader reader(entry.subspan(2));
  const auto count = codec::read_uleb(reader);
  if (!count) return bad_entry("has no count");
  summary.count = *count;
  const ByteView ids = entry.last(reader.remaining());
  if (ids.size() % sizeof(ConflictId) != 0) return bad_entry("ends in the middle of an id");
  if (ids.size() / sizeof(ConflictId) > *count) return bad_entry("has more ids than conflicts");
  for (std::size_t at = 0; at < ids.size(); at += sizeof(ConflictId)) {
    std::copy_n(ids.begin() + static_cast<std::ptrdiff_t>(at), sizeof(ConflictId),
                summary.ids.emplace_back().begin());
  }
  return summary;
}

std::string to_text(const ConflictId& id) { return std::string(kIdPrefix) + to_hex(id); }

std::optional<ConflictId> parse_conflict_id(std::string_view text) {
  if (!text.starts_with(kIdPrefix)) return std::nullopt;
  const auto bytes = from_hex(text.substr(kIdPrefix.size()));
  if (!bytes || bytes->size() != sizeof(ConflictId)) return std::nullopt;
  ConflictId id{};
  std::ranges::copy(*bytes, id.begin());
  return id;
}

}  // namespace converge::repo
