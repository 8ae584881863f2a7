#include "agent/control/handlers.h"
#include "core/verbs/pointer.h"

#include <fmt/format.h>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

constexpr std::string_view kCursorPrefix = "s1.";

/// "s1.184220", optionally with the store it comes from: "s1.184220.3f2a9c1d".
Result<store::ReceiptNumber> parse_cursor(const std::string& text, const Services&,
                                          const std::string& store_tag) {
  const auto malformed = [&text] {
    return make_error(ErrorId::kUsageArgument, fmt::format("\"{}\" is not a cursor", text));
  };
  if (!text.starts_with(kCursorPrefix)) return malformed();
  const std::string rest = text.substr(kCursorPrefix.size());
  const std::size_t dot = rest.find('.');
  const std::string digits = rest.substr(0, dot);
  if (digits.empty() || digits.size() > 18 ||
      digits.find_first_not_of("0123456789") != std::string::npos) {
    return malformed();
  }
  if (dot != std::string::npos && rest.substr(dot + 1) != store_tag) {
    return make_error(ErrorId::kCursorForeign,
                      fmt::format("the cursor \"{}\" belongs to another store", text),
                      "start without --since");
  }
  return static_cast<store::ReceiptNumber>(std::stoull(digits));
}

}  // namespace

void watch_start(Services& services, CallPtr call) {
  const auto patterns = strings_param(*call, "patterns");
  const auto since = string_param(*call, "since");
  const auto initial = bool_param(*call, "initial");
  const auto path = string_param(*call, "path");
  if (!patterns) return call->fail(patterns.error());
  if (!since) return call->fail(since.error());
  if (!initial) return call->fail(initial.error());
  if (!path) return call->fail(path.error());
  const auto names = bool_param(*call, "names");
  if (!names) return call->fail(names.error());
  const auto pointer = verbs::Pointer::parse(*path);
  if (!pointer) return call->fail(pointer.error());
  store::ReceiptNumber after = services.durable_receipt();
  if (!since->empty()) {
    constexpr std::size_t kTagDigits = 8;
    const auto cursor =
        parse_cursor(*since, services, services.facts().store_id.substr(0, kTagDigits));
    if (!cursor) return call->fail(cursor.error());
    if (*cursor > after) {
      return call->fail(make_error(
          ErrorId::kCursorForeign,
          fmt::format("the cursor \"{}\" is ahead of this store, which is at s1.{}", *since, after),
          "start without --since"));
    }
    after = *cursor;
  }
  call->reply(Json{{"subscription", call->subscription}});
  services.watch({*patterns, after, *initial, *names, *path}, call->sink);
}

}  // namespace converge::handlers
