#include "agent/control/handlers.h"
#include "agent/control/resolve.h"
#include "core/store/report_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

constexpr std::size_t kEntriesMax = 10'000;

/// "q-12" and 12 name the same entry.
Result<std::uint64_t> entry_number(const std::string& word) {
  const std::string digits = word.starts_with("q-") ? word.substr(2) : word;
  const bool is_number = !digits.empty() && digits.size() <= 18 &&
                         digits.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number) {
    return make_error(ErrorId::kUsageArgument,
                      fmt::format("\"{}\" is not a quarantine entry", word),
                      "syncctl quarantine ls prints them");
  }
  return std::stoull(digits);
}

/// What became of the document since: what is still missing of it now.
Json entry_json(Services& services, const store::QuarantineEntry& entry) {
  store::Store& store = services.store();
  Json out = store::to_json(entry);
  for (Json& file : out["files"])
    file = services.facts().store_dir + "/quarantine/" + file.get<std::string>();
  out["entry"] = fmt::format("q-{}", entry.id);
  out["found_at"] = format_time(entry.found_ms);
  out["name"] = Json();
  out["state"] = "resolved";
  out["missing_now"] = 0;
  if (!entry.document) return out;
  const std::string name = name_of(store, *entry.document);
  if (!name.empty()) out["name"] = name;
  const auto header = store.header(*entry.document);
  if (!header) {
    out["state"] = header.error().code == ErrorCode::kNotFound ? "gone" : "damaged";
  } else if (header->state == store::DocumentState::kDeleted) {
    out["state"] = "gone";
  } else if (header->state == store::DocumentState::kDegraded) {
    out["state"] = "degraded";
    out["missing_now"] = header->missing.size();
  }
  return out;
}

Result<std::vector<store::QuarantineEntry>> entries_param(store::Store& store, const Call& call) {
  const auto words = strings_param(call, "entries");
  if (!words) return words.error();
  std::vector<store::QuarantineEntry> out;
  for (const std::string& word : *words) {
    const auto number = entry_number(word);
    if (!number) return number.error();
    auto entry = store.quarantine_entry(*number);
    if (!entry) return entry.error();
    if (!*entry) {
      return make_error(ErrorId::kEntryNotFound,
                        fmt::format("there is no quarantine entry \"{}\"", word),
                        "syncctl quarantine ls prints them");
    }
    out.push_back(std::move(**entry));
  }
  return out;
}

Json entry_list(Services& services, const std::vector<store::QuarantineEntry>& entries) {
  Json items = Json::array();
  for (const store::QuarantineEntry& entry : entries) items.push_back(entry_json(services, entry));
  return Json{{"kind", "QuarantineList"}, {"v", 1}, {"items", std::move(items)}, {"next", nullptr}};
}

/// One document after the other; the answer says how each is now.
void retry_next(Services& services, const CallPtr& call,
                const std::shared_ptr<std::vector<store::QuarantineEntry>>& entries,
                std::size_t at) {
  while (at < entries->size() && !(*entries)[at].document) ++at;
  if (at == entries->size()) return call->reply(entry_list(services, *entries));
  services.heal(*(*entries)[at].document, [&services, call, entries, at](Result<void> done) {
    const bool is_gone = !done && done.error().code == ErrorCode::kNotFound;
    if (!done && !is_gone) return call->fail(done.error());
    retry_next(services, call, entries, at + 1);
  });
}

}  // namespace

void quarantine_list(Services& services, CallPtr call) {
  std::vector<store::QuarantineEntry> entries;
  store::PageRequest request;
  do {
    auto page = services.store().list_quarantine(request);
    if (!page) return call->fail(page.error());
    std::ranges::move(page->items, std::back_inserter(entries));
    request.after = page->next;
  } while (!request.after.empty() && entries.size() < kEntriesMax);
  call->reply(entry_list(services, entries));
}

void quarantine_show(Services& services, CallPtr call) {
  const auto entries = entries_param(services.store(), *call);
  if (!entries) return call->fail(entries.error());
  call->reply(entry_list(services, *entries));
}

void quarantine_retry(Services& services, CallPtr call) {
  auto entries = entries_param(services.store(), *call);
  if (!entries) return call->fail(entries.error());
  retry_next(services, call,
             std::make_shared<std::vector<store::QuarantineEntry>>(std::move(*entries)), 0);
}

void quarantine_drop(Services& services, CallPtr call) {
  auto entries = entries_param(services.store(), *call);
  if (!entries) return call->fail(entries.error());
  services.on_store([&services, call, entries = *entries](const std::function<bool()>&) {
    std::vector<std::uint64_t> ids;
    for (const store::QuarantineEntry& entry : entries) ids.push_back(entry.id);
    Json answer = entry_list(services, entries);
    const auto done = services.store().drop_quarantine(ids);
    if (!done) return call->fail(done.error());
    call->reply(std::move(answer));
  });
}

}  // namespace converge::handlers
