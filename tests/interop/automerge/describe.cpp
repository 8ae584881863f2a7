#include "tests/interop/automerge/describe.h"

#include "core/base/bytes.h"

#include <bit>
#include <cstdint>
#include <stdexcept>

namespace converge::interop {
namespace {

using engine::ObjType;
using nlohmann::json;

json describe_object(const engine::Document& document, const engine::View& view,
                     engine::ObjId object, ObjType type);

json describe_value(const engine::Document& document, const engine::View& view,
                    const engine::Value& value) {
  const auto id = document.format_id(value.id);
  if (!value.object) {
    json described = scalar_to_json(value.scalar);
    if (described.size() == 1) described.push_back(nullptr);
    described.push_back(id);
    return described;
  }
  static constexpr const char* kNames[] = {"map", "list", "text", "table"};
  return {kNames[static_cast<std::size_t>(*value.object)],
          describe_object(document, view, value.id, *value.object), id};
}

json describe_register(const engine::Document& document, const engine::View& view,
                       engine::ObjId object, const engine::Prop& prop) {
  json values = json::array();
  for (const auto& value : view.get_all(object, prop))
    values.push_back(describe_value(document, view, value));
  return values;
}

/// A block's attributes as plain values: what a reader of spans is shown.
json plain(const engine::View& view, engine::ObjId object, ObjType type);

json plain_value(const engine::View& view, const engine::Value& value) {
  if (value.object) return plain(view, value.id, *value.object);
  const auto described = scalar_to_json(value.scalar);
  return described.size() > 1 ? described.at(1) : json();
}

json plain(const engine::View& view, engine::ObjId object, ObjType type) {
  if (type == ObjType::kText) return view.text(object);
  if (type == ObjType::kList) {
    json list = json::array();
    view.for_each_element(object, [&](model::OpId, const engine::Value& value, std::size_t) {
      list.push_back(plain_value(view, value));
    });
    return list;
  }
  json map = json::object();
  view.for_each_key(object, [&](std::string_view key, const engine::Value& value, std::size_t) {
    map[std::string(key)] = plain_value(view, value);
  });
  return map;
}

json describe_text(const engine::View& view, engine::ObjId text) {
  json marks = json::array();
  for (const auto& mark : view.marks(text))
    marks.push_back({mark.name, scalar_to_json(mark.value), mark.start, mark.end});
  json spans = json::array();
  for (const auto& span : view.spans(text)) {
    if (span.block) {
      spans.push_back({"block", plain(view, *span.block, ObjType::kMap)});
      continue;
    }
    json names = json::array();
    for (const auto& [name, value] : span.marks) names.push_back({name, scalar_to_json(value)});
    spans.push_back({"text", span.text, names});
  }
  return {
      {"text", view.text(text)}, {"length", view.length(text)}, {"marks", marks}, {"spans", spans}};
}

json describe_object(const engine::Document& document, const engine::View& view,
                     engine::ObjId object, ObjType type) {
  if (type == ObjType::kText) return describe_text(view, object);
  json entries = json::array();
  if (type == ObjType::kList) {
    for (std::size_t index = 0; index < view.length(object); ++index)
      entries.push_back(describe_register(document, view, object, index));
    return {{"list", entries}};
  }
  for (const auto& key : view.keys(object))
    entries.push_back({key, describe_register(document, view, object, key)});
  return {{"map", entries}};
}

}  // namespace

json describe(const engine::Document& document, const engine::View& view) {
  return describe_object(document, view, model::kRoot, ObjType::kMap);
}

json scalar_to_json(const Scalar& scalar) {
  const auto ref = scalar.ref();
  switch (ref.kind()) {
    case ScalarType::kNull:
      return {"null"};
    case ScalarType::kFalse:
      return {"boolean", false};
    case ScalarType::kTrue:
      return {"boolean", true};
    case ScalarType::kUint:
      return {"uint", ref.as_uint()};
    case ScalarType::kInt:
      return {"int", ref.as_int()};
    case ScalarType::kFloat64: {
      const auto bits = std::bit_cast<std::uint64_t>(ref.as_float64());
      std::array<std::byte, 8> bytes{};
      for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(bits >> (56 - 8 * i));
      return {"f64", to_hex(bytes)};
    }
    case ScalarType::kString:
      return {"str", std::string(ref.raw)};
    case ScalarType::kBytes:
      return {"bytes", to_hex(as_bytes(ref.raw))};
    case ScalarType::kCounter:
      return {"counter", ref.as_int()};
    case ScalarType::kTimestamp:
      return {"timestamp", ref.as_int()};
  }
  return {"unknown", to_hex(as_bytes(ref.raw))};
}

Scalar scalar_from_json(const json& value) {
  const auto type = value.at(0).get<std::string>();
  if (type == "null") return Scalar::null();
  if (type == "boolean") return Scalar::boolean(value.at(1).get<bool>());
  if (type == "uint") return Scalar::uint(value.at(1).get<std::uint64_t>());
  if (type == "int") return Scalar::integer(value.at(1).get<std::int64_t>());
  if (type == "str") return Scalar::string(value.at(1).get<std::string>());
  if (type == "counter") return Scalar::counter(value.at(1).get<std::int64_t>());
  if (type == "timestamp") return Scalar::timestamp(value.at(1).get<std::int64_t>());
  const auto bytes = from_hex(value.at(1).get<std::string>());
  if (!bytes) throw std::invalid_argument("not hex");
  if (type == "bytes") return Scalar::bytes(*bytes);
  if (type != "f64" || bytes->size() != 8) throw std::invalid_argument("no scalar type " + type);
  std::uint64_t bits = 0;
  for (const auto byte : *bytes) bits = bits << 8 | std::to_integer<std::uint64_t>(byte);
  return Scalar::float64(std::bit_cast<double>(bits));
}

}  // namespace converge::interop
