#include "agent/control/receipt_revisions.h"

#include "core/control/error_table.h"
#include "core/verbs/text_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <vector>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

constexpr std::size_t kPage = 1000;
constexpr std::uint64_t kPointReadCost = 20;  // against a record of a scan

/// Members of `candidates` that are no ancestors of another; sorted.
Heads maximal(const engine::Document& document, const std::set<ChangeHash>& candidates) {
  Heads heads;
  for (const ChangeHash& candidate : candidates) {
    Heads others;
    for (const ChangeHash& other : candidates) {
      if (other != candidate) others.push_back(other);
    }
    if (others.empty() || !document.is_ancestor(candidate, others)) heads.push_back(candidate);
  }
  return heads;
}

/// These receipts, each by a point read. What is not there is left out: check tells.
Result<std::vector<store::Receipt>> read_receipts(store::Store& store,
                                                  std::span<const store::ReceiptNumber> numbers) {
  std::vector<store::Receipt> out;
  for (const store::ReceiptNumber number : numbers) {
    auto page = store.receipts(number, 1);
    if (!page) return page.error();
    if (!page->items.empty() && page->items.front().number == number)
      out.push_back(std::move(page->items.front()));
  }
  return out;
}

}  // namespace

Result<std::vector<store::Receipt>> receipts_of_document(store::Store& store,
                                                         const DocumentId& document,
                                                         store::ReceiptNumber from) {
  const store::ReceiptNumber last = store.counts().last_receipt;
  const auto known = store.receipts_of(document);
  if (known && *known) {
    const auto begin = std::ranges::lower_bound(**known, from);
    const auto wanted =
        std::span(**known).subspan(static_cast<std::size_t>(begin - (*known)->begin()));
    if (from > last || wanted.size() < (last - from + 1) / kPointReadCost)
      return read_receipts(store, wanted);
  }
  std::vector<store::Receipt> out;
  while (from <= last) {
    const auto page = store.receipts(from, kPage);
    if (!page) return page.error();
    if (page->items.empty()) break;
    for (const store::Receipt& receipt : page->items)
      if (receipt.document == document) out.push_back(receipt);
    from = page->items.back().number + 1;
  }
  return out;
}

Heads heads_without(const engine::Document& document, const Heads& heads,
                    const std::set<ChangeHash>& without) {
  std::vector<ChangeHash> pending(heads.begin(), heads.end());
  std::set<ChangeHash> seen;
  std::set<ChangeHash> kept;
  while (!pending.empty()) {
    const ChangeHash hash = pending.back();
    pending.pop_back();
    if (!seen.insert(hash).second) continue;
    if (!without.contains(hash)) {
      kept.insert(hash);
      continue;
    }
    const auto deps = document.change_deps(hash);
    if (deps) pending.insert(pending.end(), deps->begin(), deps->end());
  }
  return maximal(document, kept);
}

Heads heads_with(const engine::Document& document, const Heads& before, const ChangeHash& change) {
  std::set<ChangeHash> heads(before.begin(), before.end());
  if (const auto deps = document.change_deps(change)) {
    for (const ChangeHash& dep : *deps) heads.erase(dep);
  }
  heads.insert(change);
  return {heads.begin(), heads.end()};
}

Result<Heads> ReceiptRevisions::at_receipt(std::uint64_t number) const {
  if (const auto known = check_receipt(store_, number); !known) return known.error();
  const Heads now = stored_heads();
  const auto receipts = receipts_of_document(store_, id_, number + 1);
  if (!receipts) return receipts.error();
  std::set<ChangeHash> younger;
  for (const store::Receipt& receipt : *receipts) younger.insert(receipt.hash);
  return heads_without(document_, now, younger);
}

/// In a degraded document, what there is of it.
Heads ReceiptRevisions::stored_heads() const {
  const auto header = store_.header(id_);
  const bool is_whole =
      header && std::ranges::all_of(header->heads, [this](const ChangeHash& head) {
        return document_.has_change(head);
      });
  return is_whole ? header->heads : document_.heads();
}

Result<Heads> ReceiptRevisions::receipts_back(std::uint64_t count) const {
  const Heads now = stored_heads();
  std::set<ChangeHash> younger;
  store::ReceiptNumber end = store_.counts().last_receipt;
  if (const auto numbers = store_.receipts_of(id_); numbers && *numbers) {
    const std::size_t older = (*numbers)->size() - std::min<std::size_t>(count, (*numbers)->size());
    const auto read = read_receipts(store_, std::span(**numbers).subspan(older));
    if (!read) return read.error();
    for (const store::Receipt& receipt : *read) younger.insert(receipt.hash);
    end = 0;
  }
  while (younger.size() < count && end > 0) {
    const store::ReceiptNumber begin = end > kPage ? end - kPage + 1 : 1;
    const auto page = store_.receipts(begin, static_cast<std::size_t>(end - begin + 1));
    if (!page) return page.error();
    for (auto receipt = page->items.rbegin(); receipt != page->items.rend(); ++receipt) {
      if (younger.size() == count) break;
      if (receipt->number <= end && receipt->document == id_) younger.insert(receipt->hash);
    }
    end = begin - 1;
  }
  if (younger.size() < count) {
    return make_error(ErrorId::kRevNotFound,
                      fmt::format("~{} is further back than the {} receipts of this document",
                                  count, younger.size()));
  }
  return heads_without(document_, now, younger);
}

Result<Heads> ReceiptRevisions::at_time(std::string_view when) const {
  const auto moment = parse_when(when, clock_.wall_now_ms());
  if (!moment) return moment.error();
  const auto receipt = receipt_at_time(store_, *moment);
  if (!receipt) return receipt.error();
  return at_receipt(*receipt);
}

Result<std::int64_t> parse_when(std::string_view text, std::int64_t now_ms) {
  constexpr std::int64_t kDayMs = 86'400'000;
  if (text == "yesterday") return now_ms - kDayMs;
  if (text == "now") return now_ms;
  if (const auto moment = verbs::parse_timestamp(text)) return *moment;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  constexpr std::int64_t kMax = 1'000'000'000;
  if (error == std::errc{} && number >= 0 && number <= kMax) {
    if (unit == "ms") return now_ms - number;
    if (unit == "s") return now_ms - number * 1000;
    if (unit == "m") return now_ms - number * 60'000;
    if (unit == "h") return now_ms - number * 3'600'000;
    if (unit == "d") return now_ms - number * kDayMs;
  }
  return make_error(ErrorId::kUsageArgument, fmt::format("\"{}\" is not a moment", text),
                    "write 2h, 3d, yesterday or 2026-11-20T09:00:00Z");
}

Result<void> check_receipt(store::Store& store, store::ReceiptNumber number) {
  const store::ReceiptNumber last = store.counts().last_receipt;
  if (number <= last) return {};
  return make_error(ErrorId::kRevNotFound,
                    fmt::format("there is no receipt #{}: the last is #{}", number, last));
}

Result<store::ReceiptNumber> parse_receipt(store::Store& store, std::string_view text) {
  store::ReceiptNumber number = 0;
  const char* begin = text.data() + std::min<std::size_t>(text.size(), 1);
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(begin, end, number);
  if (!text.starts_with('#') || parsed.ec != std::errc() || parsed.ptr != end) {
    return make_error(ErrorId::kUsageArgument, fmt::format("\"{}\" is not a receipt", text),
                      "write # and its number");
  }
  if (const auto known = check_receipt(store, number); !known) return known.error();
  return number;
}

Result<store::ReceiptNumber> receipt_at_time(store::Store& store, std::int64_t wall_ms) {
  store::ReceiptNumber low = 0;  // received in time, or none
  store::ReceiptNumber high = store.counts().last_receipt + 1;
  while (low + 1 < high) {
    const store::ReceiptNumber middle = low + (high - low) / 2;
    const auto page = store.receipts(middle, 1);
    if (!page) return page.error();
    if (!page->items.empty() && page->items.front().time_ms <= wall_ms) {
      low = std::min(page->items.front().number, high - 1);
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace converge::handlers
