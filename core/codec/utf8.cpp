#include "core/codec/utf8.h"

#include <utf8.h>

#include <cstdint>
#include <cstring>

namespace converge::codec {
namespace {

std::size_t ascii_prefix(std::string_view text) {
  std::size_t at = 0;
  for (; at + sizeof(std::uint64_t) <= text.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080u) != 0) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  const std::string_view rest = text.substr(ascii_prefix(text));
  return rest.empty() || utf8::is_valid(rest.begin(), rest.end());
}

std::size_t skip_code_points(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (; count > 0; --count) at += code_point_size(text[at]);
  return at;
}

}  // namespace converge::codec
