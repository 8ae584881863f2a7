#include "core/control/prepared_json.h"

#include "core/control/json_text.h"
#include "core/control/plain_text.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <vector>

namespace converge::control {
namespace {

/// The library lets binary values carry a mark; no JSON text makes one.
constexpr std::uint64_t kPrepared = 0x70726570;

}  // namespace

nlohmann::json prepared_json(std::string_view text) {
  return nlohmann::json::binary(std::vector<std::uint8_t>(text.begin(), text.end()), kPrepared);
}

bool is_prepared(const nlohmann::json& value) {
  return value.is_binary() && value.get_binary().has_subtype() &&
         value.get_binary().subtype() == kPrepared;
}

std::string_view prepared_text(const nlohmann::json& value) {
  const auto& bytes = value.get_binary();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

nlohmann::json unprepared(nlohmann::json value) {
  if (!is_prepared(value)) return value;
  return nlohmann::json::parse(prepared_text(value), nullptr, false);
}

void append_json_string(std::string_view text, std::string& out) {
  if (plain_prefix(text) < text.size()) {
    out += to_compact(nlohmann::json(text));
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

}  // namespace converge::control
