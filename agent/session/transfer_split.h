#pragma once

#include "core/base/bytes.h"
#include "core/engine/document.h"
#include "core/model/ids.h"
#include "core/sync/message.h"

#include <deque>
#include <optional>
#include <vector>

namespace converge::session {

/// A sync message too big for one frame, sent as several: each carries the next changes in
/// dependency order and the same heads, so that the peer knows more is to come. Source:
/// repo-protocol 13.
///
/// Only the first and the last piece say what we have (the others leave `have` out): the peer would
/// answer an empty statement by sending back everything it got. The first alone carries `need`.
class TransferSplit {
 public:
  /// Nothing when the message is not above `above_bytes` or is one change that cannot be cut. The
  /// message's changes are moved out then. `document` is the one it was generated from.
  static std::optional<TransferSplit> make(sync::Message& message, const engine::Document& document,
                                           std::size_t above_bytes);

  /// The next piece of about `piece_bytes`, at least one change. REQUIRES: !is_done(). Nothing when
  /// the document does not have the changes any more.
  std::optional<sync::Message> next(const engine::Document& document, std::size_t piece_bytes);
  bool is_done() const { return changes_.empty() && hashes_.empty(); }

 private:
  sync::Message head_;  ///< without changes
  bool is_first_ = true;
  std::deque<Bytes> changes_;      ///< chunks still to send, or
  std::deque<ChangeHash> hashes_;  ///< changes still to be read from the document
};

}  // namespace converge::session
