#include "core/verify/anonymize.h"

#include "core/codec/sha256.h"
#include "core/format/change.h"
#include "core/model/change.h"

#include <algorithm>
#include <deque>
#include <optional>

namespace converge::verify {
namespace {

using model::ScalarType;

std::size_t bytes_of(unsigned char lead) {
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

char plain(char c) {
  if (c >= '0' && c <= '9') return '0';
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return 'x';
  return c;
}

}  // namespace

std::string Anonymizer::text(std::string_view utf8) {
  static constexpr std::string_view kWide[] = {"\u00e9", "\u4e00", "\U0001F600"};
  std::string out;
  out.reserve(utf8.size());
  for (std::size_t i = 0; i < utf8.size();) {
    const std::size_t bytes = bytes_of(static_cast<unsigned char>(utf8[i]));
    if (bytes == 1)
      out += plain(utf8[i]);
    else
      out += kWide[bytes - 2];
    i += bytes;
  }
  return out;
}

std::string Anonymizer::key(std::string_view name) const {
  return to_hex(codec::sha256(secret_, as_bytes(name))).substr(0, 16);
}

Result<Anonymizer::Change> Anonymizer::change(ByteView chunk) {
  auto decoded = format::decode_change(chunk);
  if (!decoded) return decoded.error();
  const model::ChangeHash original = decoded->hash;
  for (model::ChangeHash& dep : decoded->deps) {
    const auto found = renamed_.find(dep);
    if (found == renamed_.end())
      return Error{ErrorCode::kNotFound,
                   "change " + original.to_hex() + " depends on " + dep.to_hex() +
                       ", which did not come before it",
                   "change.missing_deps"};
    dep = found->second;
  }
  std::ranges::sort(decoded->deps);
  // What the rewritten views point into until the change is sealed.
  std::deque<std::string> words;
  const auto keep = [&words](std::string word) -> std::string_view {
    return words.emplace_back(std::move(word));
  };
  decoded->message = keep(text(decoded->message));
  decoded->extra = {};
  for (model::OpRun& run : decoded->ops) {
    if (run.key.is_map) run.key.name = keep(key(run.key.name));
    if (run.mark_name) run.mark_name = keep(key(*run.mark_name));
    if (run.shape == model::OpRun::Shape::kText) run.text = keep(text(run.text));
    const bool is_text = run.value.is(ScalarType::kString);
    const bool is_opaque = run.value.is(ScalarType::kBytes) ||
                           run.value.type > static_cast<std::uint8_t>(ScalarType::kTimestamp);
    if (is_text) run.value.raw = keep(text(run.value.raw));
    if (is_opaque) run.value.raw = keep(std::string(run.value.raw.size(), '\0'));
  }
  if (auto sealed = format::seal_change(*decoded); !sealed) return sealed.error();
  renamed_.emplace(original, decoded->hash);
  return Change{decoded->hash, decoded->deps, format::change_chunk(*decoded)};
}

}  // namespace converge::verify
