#include "agent/control/catalog_mark.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>

namespace converge::handlers {
namespace {

constexpr const char* kMarkSetting = "catalog.settled";
constexpr std::size_t kNumberBytes = 8;
constexpr std::size_t kPage = 1000;

void append_number(Bytes& out, std::uint64_t number) {
  for (std::size_t i = 0; i < kNumberBytes; ++i)
    out.push_back(static_cast<std::byte>(number >> (8 * (kNumberBytes - 1 - i)) & 0xff));
}

/// Whose mark it is; the receipt follows.
Bytes owner_of(store::Store& store, const CatalogState& state) {
  Bytes out = to_bytes(store.identity().store_id);
  out.insert(out.end(), state.catalog.bytes.begin(), state.catalog.bytes.end());
  append_number(out, state.set_aside);
  return out;
}

std::optional<store::ReceiptNumber> marked_receipt(store::Store& store, const CatalogState& state) {
  const auto mark = store.setting(kMarkSetting);
  const Bytes owner = owner_of(store, state);
  if (!mark || !*mark || (*mark)->size() != owner.size() + kNumberBytes) return std::nullopt;
  if (!std::equal(owner.begin(), owner.end(), (*mark)->begin())) return std::nullopt;
  store::ReceiptNumber receipt = 0;
  for (std::size_t i = owner.size(); i < (*mark)->size(); ++i)
    receipt = receipt << 8 | std::to_integer<std::uint64_t>((**mark)[i]);
  return receipt;
}

/// Nothing but changes of our own for the catalog among the receipts from `from` to `last`.
bool only_local(store::Store& store, const DocumentId& catalog, store::ReceiptNumber from,
                store::ReceiptNumber last) {
  while (from <= last) {
    const auto page = store.receipts(from, kPage);
    if (!page) return false;
    if (page->items.empty()) return true;
    const bool foreign = std::ranges::any_of(page->items, [&](const store::Receipt& receipt) {
      return receipt.document == catalog && !receipt.source.is_local();
    });
    if (foreign) return false;
    from = page->items.back().number + 1;
  }
  return true;
}

}  // namespace

std::uint64_t count_set_aside(const std::string& store_directory) {
  std::uint64_t count = 0;
  std::error_code error;
  const auto folder = std::filesystem::path(store_directory) / "quarantine";
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error))
    ++count;
  return count;
}

void mark_catalog(store::Store& store, const CatalogState& state, store::ReceiptNumber receipt) {
  Bytes mark = owner_of(store, state);
  append_number(mark, receipt);
  const auto known = store.setting(kMarkSetting);
  if (known && *known && **known == mark) return;
  store.put_setting(kMarkSetting, std::move(mark), [](const Result<store::CommitNumber>&) {
    // Without the mark the next start compares once more.
  });
}

void unmark_catalog(store::Store& store) {
  const auto known = store.setting(kMarkSetting);
  if (known && !*known) return;
  store.put_setting(kMarkSetting, std::nullopt, [](const Result<store::CommitNumber>&) {
    // If this fails, so does the change behind it.
  });
}

bool is_catalog_settled(store::Store& store, const CatalogState& state) {
  const auto marked = marked_receipt(store, state);
  const store::ReceiptNumber last = store.counts().last_receipt;
  if (!marked || *marked > last) return false;
  const auto header = store.header(state.catalog);
  if (!header || header->state != store::DocumentState::kActive) return false;
  const store::ReceiptNumber newest = header->last_receipt == 0 ? last : header->last_receipt;
  if (newest <= *marked) return true;
  if (newest - *marked > kMarkReceiptsMax) return false;
  return only_local(store, state.catalog, *marked + 1, newest);
}

}  // namespace converge::handlers
