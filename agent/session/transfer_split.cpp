#include "agent/session/transfer_split.h"

#include "core/base/assert.h"
#include "core/codec/leb128.h"
#include "core/codec/reader.h"

#include <utility>

namespace converge::session {
namespace {

// The chunk header (automerge-format 1.5): magic, checksum, type, length.
constexpr std::size_t kTypeOffset = 8;
constexpr std::byte kDocumentChunk{0};

/// Cuts a concatenation of change chunks that we wrote ourselves. Nothing when a document chunk is
/// among them.
std::optional<std::deque<Bytes>> cut_changes(const std::vector<Bytes>& parts) {
  std::deque<Bytes> out;
  for (const Bytes& part : parts) {
    codec::Reader in(part);
    while (!in.at_end()) {
      const std::size_t begin = in.position();
      ASSERT(in.remaining() > kTypeOffset + 1);
      if (in.peek(kTypeOffset) == kDocumentChunk) return std::nullopt;
      in.skip(kTypeOffset + 1);
      const auto length = codec::read_uleb(in);
      ASSERT(length && *length <= in.remaining());
      in.skip(static_cast<std::size_t>(*length));
      out.push_back(to_bytes(ByteView(part).subspan(begin, in.position() - begin)));
    }
  }
  return out;
}

std::size_t payload_bytes(const sync::Message& message) {
  std::size_t bytes = 0;
  for (const Bytes& part : message.changes) bytes += part.size();
  return bytes;
}

}  // namespace

std::optional<TransferSplit> TransferSplit::make(sync::Message& message,
                                                 const engine::Document& document,
                                                 std::size_t above_bytes) {
  if (payload_bytes(message) <= above_bytes) return std::nullopt;
  TransferSplit out;
  if (auto changes = cut_changes(message.changes)) {
    if (changes->size() < 2) return std::nullopt;
    out.changes_ = std::move(*changes);
  } else {
    const auto all = document.all_changes();
    if (all.size() < 2) return std::nullopt;
    out.hashes_.assign(all.begin(), all.end());
  }
  message.changes.clear();
  out.head_ = message;
  return out;
}

std::optional<sync::Message> TransferSplit::next(const engine::Document& document,
                                                 std::size_t piece_bytes) {
  ASSERT(!is_done());
  sync::Message piece;
  piece.version = sync::Message::Version::kV1;
  piece.heads = head_.heads;
  piece.flags = head_.flags;
  std::size_t bytes = 0;
  while (!is_done() && bytes < piece_bytes) {
    if (!changes_.empty()) {
      piece.changes.push_back(std::move(changes_.front()));
      changes_.pop_front();
    } else {
      auto change = document.change_bytes(hashes_.front());
      if (!change) return std::nullopt;
      hashes_.pop_front();
      piece.changes.push_back(std::move(*change));
    }
    bytes += piece.changes.back().size();
  }
  if (is_first_) piece.need = head_.need;
  if (is_first_ || is_done()) piece.have = head_.have;
  is_first_ = false;
  return piece;
}

}  // namespace converge::session
