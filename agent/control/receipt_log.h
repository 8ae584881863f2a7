#pragma once

#include "agent/control/call.h"

#include <cstdint>
#include <map>
#include <optional>

namespace converge::handlers {

/// Adds received_seq, received_at and origin to a Change object, which only the store knows; null
/// without a receipt.
void add_receipt(Json& change, const std::optional<store::Receipt>& receipt);

/// When and from whom this replica received the changes of one document. A change behind the
/// snapshot is one point read; the first that is inside it costs reading the document's
/// receipts (receipts_of_document), which answers for all of them.
class ReceiptFinder {
 public:
  ReceiptFinder(store::Store& store, const DocumentId& document)
      : store_(store), document_(document) {}
  /// Nothing for a change that the store never received as such, and when it cannot be read.
  std::optional<store::Receipt> find(const ChangeHash& hash);

 private:
  void read_all();

  store::Store& store_;
  DocumentId document_;
  bool has_read_all_ = false;
  std::map<ChangeHash, store::Receipt> receipts_;
};

/// A WHEN parameter as wall milliseconds, 0 when absent; `#N` is the moment of that receipt.
/// Errors: usage.argument, rev.not_found.
Result<std::int64_t> when_param(Services& services, const Call& call, const char* name);

/// The log of all documents: changes as this replica received them, newest first, as a ChangeList.
/// At most `limit`, 1,000 without one. Control thread.
void log_all_documents(Services& services, const CallPtr& call, std::int64_t since_ms,
                       std::int64_t until_ms);

}  // namespace converge::handlers
