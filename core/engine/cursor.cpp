#include "core/engine/cursor.h"

#include "core/base/limits.h"
#include "core/codec/leb128.h"
#include "core/codec/reader.h"

#include <charconv>

namespace converge::engine {
namespace {

// These numbers are stored and sent.
constexpr std::byte kVersion0{0};  // an element's id, moving after
constexpr std::byte kVersion1{1};
constexpr std::byte kStart{1};
constexpr std::byte kEnd{2};
constexpr std::byte kElement{3};
constexpr std::byte kBefore{1};
constexpr std::byte kAfter{2};

Error truncated() { return {ErrorCode::kTruncated, "the cursor ends early"}; }
Error corrupt(const char* what) { return {ErrorCode::kCorrupt, std::string("cursor: ") + what}; }

Result<void> read_op(codec::Reader& in, Cursor& out) {
  const auto size = codec::read_uleb(in);
  if (!size) return size.error();
  if (*size > in.remaining()) return truncated();
  if (*size > limits::kActorIdBytesMax) return corrupt("its actor id is too long");
  out.actor = model::ActorId(in.take(*size));
  const auto counter = codec::read_uleb32(in);
  if (!counter) return counter.error();
  if (*counter == 0) return corrupt("counter 0");
  out.counter = *counter;
  return {};
}

}  // namespace

std::string format_cursor(const Cursor& cursor) {
  if (cursor.kind == Cursor::Kind::kStart) return "s";
  if (cursor.kind == Cursor::Kind::kEnd) return "e";
  return (cursor.move == CursorMove::kBefore ? "-" : "") + std::to_string(cursor.counter) + "@" +
         cursor.actor.to_hex();
}

Result<Cursor> parse_cursor(std::string_view text) {
  const auto bad = [&] {
    return Error{ErrorCode::kInvalid, "\"" + std::string(text) + "\" is not a cursor"};
  };
  Cursor out;
  if (text == "s") return out;
  if (text == "e") {
    out.kind = Cursor::Kind::kEnd;
    return out;
  }
  out.kind = Cursor::Kind::kElement;
  std::string_view id = text;
  if (id.starts_with('-')) {
    out.move = CursorMove::kBefore;
    id.remove_prefix(1);
  }
  const std::size_t at = id.find('@');
  if (at == std::string_view::npos) return bad();
  const auto [end, error] = std::from_chars(id.data(), id.data() + at, out.counter);
  if (error != std::errc() || end != id.data() + at || out.counter == 0) return bad();
  auto actor = model::ActorId::from_hex(id.substr(at + 1));
  if (!actor) return bad();
  out.actor = std::move(*actor);
  return out;
}

Bytes encode_cursor(const Cursor& cursor) {
  Bytes out{kVersion1};
  if (cursor.kind == Cursor::Kind::kStart) {
    out.push_back(kStart);
  } else if (cursor.kind == Cursor::Kind::kEnd) {
    out.push_back(kEnd);
  } else {
    out.push_back(kElement);
    const ByteView actor = cursor.actor.bytes();
    codec::write_uleb(out, actor.size());
    out.insert(out.end(), actor.begin(), actor.end());
    codec::write_uleb(out, cursor.counter);
    out.push_back(cursor.move == CursorMove::kBefore ? kBefore : kAfter);
  }
  return out;
}

Result<Cursor> decode_cursor(ByteView bytes) {
  codec::Reader in(bytes);
  if (in.at_end()) return truncated();
  const std::byte version = in.take(1)[0];
  if (version != kVersion0 && version != kVersion1) {
    return Error{ErrorCode::kUnsupported, "cursor of an unknown version"};
  }
  Cursor out;
  out.kind = Cursor::Kind::kElement;
  if (version == kVersion1) {
    if (in.at_end()) return truncated();
    const std::byte kind = in.take(1)[0];
    if (kind == kStart) out.kind = Cursor::Kind::kStart;
    if (kind == kEnd) out.kind = Cursor::Kind::kEnd;
    if (kind != kStart && kind != kEnd && kind != kElement) return corrupt("unknown kind");
  }
  if (out.kind == Cursor::Kind::kElement) {
    if (auto read = read_op(in, out); !read) return read.error();
    if (version == kVersion1) {
      if (in.at_end()) return truncated();
      const std::byte move = in.take(1)[0];
      if (move != kBefore && move != kAfter) return corrupt("unknown direction");
      if (move == kBefore) out.move = CursorMove::kBefore;
    }
  }
  if (!in.at_end()) return corrupt("bytes left over");
  return out;
}

}  // namespace converge::engine
