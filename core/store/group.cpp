#include "core/store/group.h"

#include "core/store/keys.h"

namespace converge::store {

Group::Group(Kv& kv, HeaderCache& cache, Ledger ledger, std::int64_t now_ms)
    : kv_(kv), cache_(cache), ledger_(std::move(ledger)), now_ms_(now_ms) {}

Result<std::optional<std::string>> Group::get(const std::string& key) {
  if (const Batch::Entry* entry = batch_.find(key)) return entry->value;
  return kv_.get(key);
}

void Group::put(std::string key, std::string value) {
  batch_.put(std::move(key), std::move(value));
}

void Group::erase(std::string key) { batch_.erase(std::move(key)); }

Result<std::optional<HeaderRecord>> Group::header(const DocumentId& document) {
  if (const auto found = headers_.find(document); found != headers_.end()) return found->second;
  if (const auto found = cache_.find(document); found != cache_.end()) {
    return std::optional(found->second);
  }
  const std::string key = header_key(document);
  auto value = kv_.get(key);
  if (!value) return value.error();
  if (!*value) return std::optional<HeaderRecord>();
  auto record = decode_header(key, **value);
  if (!record) return record.error();
  return std::optional(std::move(*record));
}

void Group::put_header(HeaderRecord record) {
  const DocumentId document = record.header.id;
  headers_[document] = std::move(record);
}

void Group::erase_header(const DocumentId& document) { headers_[document] = std::nullopt; }

const Batch& Group::seal() {
  for (const auto& [document, record] : headers_) {
    std::string key = header_key(document);
    if (record) {
      std::string value = encode_header(key, *record);
      batch_.put(std::move(key), std::move(value));
    } else {
      batch_.erase(std::move(key));
    }
  }
  std::string key = meta_key(kLedgerName);
  std::string value = encode_ledger(key, ledger_);
  batch_.put(std::move(key), std::move(value));
  return batch_;
}

void Group::publish_headers() {
  if (cache_.size() + headers_.size() > kHeaderCacheMax) cache_.clear();
  for (auto& [document, record] : headers_) {
    if (record) {
      cache_.insert_or_assign(document, std::move(*record));
    } else {
      cache_.erase(document);
    }
  }
}

}  // namespace converge::store
