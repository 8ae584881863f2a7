#include "agent/control/catalog_access.h"
#include "agent/control/handlers.h"
#include "agent/control/pattern.h"
#include "agent/control/resolve.h"
#include "agent/control/shard_document.h"

#include <fmt/format.h>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

constexpr std::size_t kPageNames = 1000;

Json name_object(const std::string& name, const DocumentId& id, bool unchanged) {
  return Json{
      {"kind", "Name"}, {"v", 1}, {"name", name}, {"id", id.to_url()}, {"unchanged", unchanged}};
}

std::optional<store::IdempotentResult> remembered(const Call& call, const Json& result) {
  return commit_request(call, result).idempotency;
}

}  // namespace

void name_list(Services& services, CallPtr call) {
  const auto pattern = string_param(*call, "pattern");
  const auto limit = number_param(*call, "limit", 0);
  const auto after = string_param(*call, "after");
  if (!pattern) return call->fail(pattern.error());
  if (!limit) return call->fail(limit.error());
  if (!after) return call->fail(after.error());
  store::PageRequest request;
  request.prefix = std::string(literal_prefix(*pattern));
  request.limit = kPageNames;
  request.after = *after;
  Json items = Json::array();
  Json next;
  while (true) {
    const auto page = services.store().list_names(request);
    if (!page) return call->fail(page.error());
    for (const store::NameEntry& entry : page->items) {
      if (!pattern->empty() && !matches_pattern(*pattern, entry.name)) continue;
      items.push_back(Json{{"name", entry.name}, {"id", entry.document.to_url()}});
    }
    if (page->next.empty()) break;
    request.after = page->next;
    if (*limit != 0 && items.size() >= *limit) {
      next = page->next;
      break;
    }
  }
  call->reply(Json{{"kind", "NameList"}, {"v", 1}, {"items", std::move(items)}, {"next", next}});
}

void name_set(Services& services, CallPtr call) {
  const auto name = required_string(*call, "name");
  const auto doc = required_string(*call, "doc");
  const auto dry_run = bool_param(*call, "dry_run");
  if (!name) return call->fail(name.error());
  if (!doc) return call->fail(doc.error());
  if (!dry_run) return call->fail(dry_run.error());
  const auto valid = repo::check_name(*name);
  if (!valid) return call->fail(valid.error());
  const auto target = resolve_document(services.store(), *doc);
  if (!target) return call->fail(target.error());
  const auto header = services.store().header(target->id);
  if (!header || header->state == store::DocumentState::kDeleted) {
    return call->fail(no_document(*doc));
  }
  if (*dry_run) {
    const auto bound = services.store().find_name(*name);
    if (!bound) return call->fail(bound.error());
    return call->reply(name_object(*name, target->id, *bound == target->id));
  }
  const Json result = name_object(*name, target->id, false);
  bind_name(services, call, *name, target->id, remembered(*call, result),
            [call, name = *name, id = target->id](Result<bool> changed) {
              if (!changed) return call->fail(changed.error());
              call->reply(name_object(name, id, !*changed));
            });
}

void name_rm(Services& services, CallPtr call) {
  const auto name = required_string(*call, "name");
  const auto dry_run = bool_param(*call, "dry_run");
  if (!name) return call->fail(name.error());
  if (!dry_run) return call->fail(dry_run.error());
  const auto bound = services.store().find_name(*name);
  if (!bound) return call->fail(bound.error());
  if (!*bound) {
    return call->fail(no_document(*name));
  }
  const Json result = name_object(*name, **bound, false);
  if (*dry_run) return call->reply(result);
  unbind_name(services, *name, remembered(*call, result), [call, result](Result<bool> changed) {
    if (!changed) return call->fail(changed.error());
    call->reply(result);
  });
}

}  // namespace converge::handlers
