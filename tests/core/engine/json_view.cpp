#include "tests/core/engine/json_view.h"

#include <cmath>
#include <cstdio>
#include <ctime>
#include <stdexcept>

namespace converge::testing {

using engine::ObjId;
using engine::ObjType;
using engine::Value;
using engine::View;
using model::ScalarType;
using nlohmann::json;

namespace {

std::string iso_time(std::int64_t milliseconds) {
  std::int64_t seconds = milliseconds / 1000;
  std::int64_t rest = milliseconds % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(rest));
  return text;
}

std::string base64(std::string_view bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      word = word << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k > bytes.size() ? '=' : kDigits[word >> (18 - 6 * k) & 63];
    }
  }
  return out;
}

json integer_to_json(std::int64_t value, JsonStyle style) {
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  const bool big = value > kExact - 1 || value < -(kExact - 1);
  if (big && style == JsonStyle::kVectors) return "BIG" + std::to_string(value);
  return value;
}

json bytes_to_json(std::string_view raw, JsonStyle style) {
  if (style == JsonStyle::kDigest) return {{"$bytes", base64(raw)}};
  json list = json::array();
  for (const char c : raw) list.push_back(static_cast<unsigned char>(c));
  return {{"bytes", list}};
}

json value_to_json(const View& view, const Value& value, JsonStyle style) {
  if (value.object) return to_json(view, value.id, style);
  return scalar_to_json(value.scalar, style);
}

}  // namespace

json scalar_to_json(const model::Scalar& scalar, JsonStyle style) {
  const model::ScalarRef ref = scalar.ref();
  switch (ref.kind()) {
    case ScalarType::kNull:
      return nullptr;
    case ScalarType::kFalse:
      return false;
    case ScalarType::kTrue:
      return true;
    case ScalarType::kUint:
      // JavaScript gets every unsigned integer as a BigInt.
      if (style == JsonStyle::kVectors) return "BIG" + std::to_string(ref.as_uint());
      return ref.as_uint();
    case ScalarType::kInt:
    case ScalarType::kCounter:
      return integer_to_json(ref.as_int(), style);
    case ScalarType::kFloat64:
      if (!std::isfinite(ref.as_float64())) return nullptr;
      return ref.as_float64();
    case ScalarType::kString:
      return std::string(ref.raw);
    case ScalarType::kBytes:
      return bytes_to_json(ref.raw, style);
    case ScalarType::kTimestamp:
      if (style == JsonStyle::kDigest) return {{"$timestamp", iso_time(ref.as_int())}};
      return iso_time(ref.as_int());
  }
  return {{"unknown", std::string(ref.raw)}};
}

json to_json(const View& view, ObjId object, JsonStyle style) {
  switch (*view.object_type(object)) {
    case ObjType::kText:
      return view.text(object);
    case ObjType::kList: {
      json out = json::array();
      view.for_each_element(object, [&](model::OpId, const Value& value, std::size_t) {
        out.push_back(value_to_json(view, value, style));
      });
      return out;
    }
    case ObjType::kMap:
    case ObjType::kTable:
      break;
  }
  json out = json::object();
  view.for_each_key(object, [&](std::string_view key, const Value& value, std::size_t) {
    out[std::string(key)] = value_to_json(view, value, style);
  });
  return out;
}

json marks_to_json(const View& view, ObjId text) {
  json out = json::array();
  for (const engine::Mark& mark : view.marks(text)) {
    out.push_back({{"name", mark.name},
                   {"value", scalar_to_json(mark.value, JsonStyle::kVectors)},
                   {"start", mark.start},
                   {"end", mark.end}});
  }
  return out;
}

json spans_to_json(const View& view, ObjId text) {
  json out = json::array();
  for (const engine::Span& span : view.spans(text)) {
    if (span.block) {
      out.push_back(
          {{"type", "block"}, {"value", to_json(view, *span.block, JsonStyle::kVectors)}});
      continue;
    }
    json item = {{"type", "text"}, {"value", span.text}};
    for (const auto& [name, scalar] : span.marks) {
      item["marks"][name] = scalar_to_json(scalar, JsonStyle::kVectors);
    }
    out.push_back(item);
  }
  return out;
}

ObjId root_object(const View& view, const std::string& key) {
  const auto value = view.get(model::kRoot, key);
  if (!value || !value->object) throw std::runtime_error("no object at " + key);
  return value->id;
}

Bytes bytes_of_hex(const std::string& hex) {
  auto bytes = from_hex(hex);
  if (!bytes) throw std::runtime_error("not hexadecimal");
  return *bytes;
}

model::ActorId actor(const std::string& hex) { return model::ActorId(bytes_of_hex(hex)); }

}  // namespace converge::testing
