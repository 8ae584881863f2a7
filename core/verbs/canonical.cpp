#include "core/verbs/canonical.h"

#include "core/codec/sha256.h"
#include "core/verbs/text_forms.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

namespace converge::verbs {
namespace {

using engine::ObjType;
using engine::Value;

/// One container being written: what is left of it, in order.
struct Frame {
  bool is_map = false;
  std::size_t next = 0;
  std::vector<std::string> keys;  ///< maps only, parallel to values
  std::vector<Value> values;
};

Frame open_frame(const engine::View& view, engine::ObjId object, ObjType type) {
  Frame frame;
  frame.is_map = type != ObjType::kList;
  if (frame.is_map) {
    view.for_each_key(object, [&](std::string_view key, const Value& value, std::size_t) {
      frame.keys.emplace_back(key);
      frame.values.push_back(value);
    });
  } else {
    view.for_each_element(object, [&](engine::OpId, const Value& value, std::size_t) {
      frame.values.push_back(value);
    });
  }
  return frame;
}

void append_scalar(std::string& out, const model::Scalar& scalar) {
  const ScalarRef ref = scalar.ref();
  switch (ref.kind()) {
    case ScalarType::kNull:
      out += "null";
      return;
    case ScalarType::kFalse:
      out += "false";
      return;
    case ScalarType::kTrue:
      out += "true";
      return;
    case ScalarType::kUint:
      out += std::to_string(ref.as_uint());
      return;
    case ScalarType::kInt:
    case ScalarType::kCounter:
      out += std::to_string(ref.as_int());
      return;
    case ScalarType::kFloat64:
      out += std::isfinite(ref.as_float64()) ? format_number(ref.as_float64()) : "null";
      return;
    case ScalarType::kString:
      append_quoted(out, scalar.raw);
      return;
    case ScalarType::kBytes:
      out += "{\"$bytes\":\"" + to_base64(as_bytes(scalar.raw)) + "\"}";
      return;
    case ScalarType::kTimestamp:
      out += "{\"$timestamp\":\"" + format_timestamp(ref.as_int()) + "\"}";
      return;
  }
  out += fmt::format("{{\"$unknown\":{{\"bytes\":\"{}\",\"type\":{}}}}}",
                     to_base64(as_bytes(scalar.raw)), scalar.type);
}

}  // namespace

std::string canonical_json(const engine::View& view) {
  std::string out = "{";
  std::vector<Frame> stack;
  stack.push_back(open_frame(view, model::kRoot, ObjType::kMap));
  while (!stack.empty()) {
    Frame& frame = stack.back();
    if (frame.next == frame.values.size()) {
      out += frame.is_map ? '}' : ']';
      stack.pop_back();
      continue;
    }
    const std::size_t index = frame.next++;
    if (index > 0) out += ',';
    if (frame.is_map) {
      append_quoted(out, frame.keys[index]);
      out += ':';
    }
    const Value& value = frame.values[index];
    if (!value.object) {
      append_scalar(out, value.scalar);
    } else if (*value.object == ObjType::kText) {
      append_quoted(out, view.text(value.id));
    } else {
      Frame child = open_frame(view, value.id, *value.object);
      out += child.is_map ? '{' : '[';
      stack.push_back(std::move(child));
    }
  }
  return out;
}

Digest state_digest(const engine::View& view) {
  return codec::sha256(as_bytes(canonical_json(view)));
}

Digest history_digest(const Heads& heads) {
  Bytes joined;
  joined.reserve(heads.size() * 32);
  for (const auto& hash : heads) joined.insert(joined.end(), hash.bytes.begin(), hash.bytes.end());
  return codec::sha256(joined);
}

}  // namespace converge::verbs
