#include "agent/control/call.h"

#include "agent/control/methods.h"
#include "core/base/assert.h"
#include "core/verbs/text_forms.h"

#include <fmt/format.h>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

Error wrong(const char* name, const char* expected) {
  return make_error(ErrorId::kUsageArgument,
                    fmt::format("the parameter \"{}\" must be {}", name, expected));
}

const Json* find(const Call& call, const char* name) {
  DEBUG_ASSERT(call.row->takes(name));
  const auto found = call.params->find(name);
  return found == call.params->end() || found->is_null() ? nullptr : &*found;
}

}  // namespace

bool has_param(const Call& call, const char* name) { return find(call, name) != nullptr; }

Result<std::string> string_param(const Call& call, const char* name, std::string fallback) {
  const Json* value = find(call, name);
  if (value == nullptr) return fallback;
  if (!value->is_string()) return wrong(name, "a string");
  return value->get<std::string>();
}

Result<std::string> required_string(const Call& call, const char* name) {
  if (find(call, name) == nullptr) {
    return make_error(ErrorId::kUsageArgument,
                      fmt::format("the parameter \"{}\" is missing", name));
  }
  return string_param(call, name);
}

Result<bool> bool_param(const Call& call, const char* name) {
  const Json* value = find(call, name);
  if (value == nullptr) return false;
  if (!value->is_boolean()) return wrong(name, "true or false");
  return value->get<bool>();
}

Result<std::uint64_t> number_param(const Call& call, const char* name, std::uint64_t fallback) {
  const Json* value = find(call, name);
  if (value == nullptr) return fallback;
  if (!value->is_number_unsigned()) return wrong(name, "a whole number that is not negative");
  return value->get<std::uint64_t>();
}

Result<std::vector<std::string>> strings_param(const Call& call, const char* name) {
  std::vector<std::string> out;
  const Json* value = find(call, name);
  if (value == nullptr) return out;
  if (value->is_string()) return std::vector<std::string>{value->get<std::string>()};
  if (!value->is_array()) return wrong(name, "a list of strings");
  for (const Json& item : *value) {
    if (!item.is_string()) return wrong(name, "a list of strings");
    out.push_back(item.get<std::string>());
  }
  return out;
}

std::string format_time(std::int64_t wall_ms) { return verbs::format_timestamp(wall_ms); }

}  // namespace converge::handlers
