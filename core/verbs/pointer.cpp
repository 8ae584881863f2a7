#include "core/verbs/pointer.h"

#include "core/control/error_table.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;
using engine::ObjType;

/// "the document" or the pointer of the first `count` parts, for messages.
std::string place_name(const Pointer& pointer, std::size_t count) {
  return count == 0 ? "the document" : pointer.prefix_text(count);
}

const char* kind_of(const engine::Value& value) {
  if (value.object) {
    switch (*value.object) {
      case ObjType::kMap:
      case ObjType::kTable:
        return "a map";
      case ObjType::kList:
        return "a list";
      case ObjType::kText:
        return "text";
    }
  }
  switch (value.scalar.ref().kind()) {
    case ScalarType::kNull:
      return "null";
    case ScalarType::kFalse:
    case ScalarType::kTrue:
      return "a boolean";
    case ScalarType::kString:
      return "a string";
    case ScalarType::kBytes:
      return "bytes";
    case ScalarType::kCounter:
      return "a counter";
    case ScalarType::kTimestamp:
      return "a timestamp";
    default:
      return "a number";
  }
}

/// The register that part `depth` names inside `place.object`.
Result<engine::Prop> step(const engine::View& view, const Place& place, const Pointer& pointer,
                          std::size_t depth) {
  const std::string& part = pointer.parts[depth];
  if (place.object_type != ObjType::kList) return engine::Prop(part);

  const std::size_t length = view.length(place.object);
  if (part == "-") return engine::Prop(length);
  const auto index = parse_index(part);
  if (!index)
    return make_error(ErrorId::kPathType,
                      fmt::format("{}: {} is a list, \"{}\" is no index", pointer.text(),
                                  place_name(pointer, depth), part));
  if (*index > length)
    return make_error(
        ErrorId::kPathNotFound,
        fmt::format("{}: index {} is beyond the end of {}, a list of {}", pointer.text(), *index,
                    depth == 0 ? "the document" : pointer.prefix_text(depth), length));
  return engine::Prop(*index);
}

}  // namespace

std::string describe_kind(const engine::Value& value) { return kind_of(value); }

Result<Pointer> Pointer::parse(std::string_view text) {
  Pointer pointer;
  if (text.empty()) return pointer;
  if (text.front() != '/')
    return make_error(ErrorId::kUsageArgument,
                      fmt::format("\"{}\" is not a pointer: it does not begin with \"/\"", text),
                      fmt::format("did you mean \"/{}\"?", text));
  pointer.parts.emplace_back();
  for (std::size_t i = 1; i < text.size(); ++i) {
    std::string& part = pointer.parts.back();
    if (text[i] == '/') {
      pointer.parts.emplace_back();
    } else if (text[i] != '~') {
      part += text[i];
    } else if (i + 1 < text.size() && (text[i + 1] == '0' || text[i + 1] == '1')) {
      part += text[++i] == '0' ? '~' : '/';
    } else {
      return make_error(
          ErrorId::kUsageArgument,
          fmt::format("\"{}\" is not a pointer: \"~\" at byte {} is neither ~0 nor ~1", text, i),
          "\"~0\" stands for \"~\", \"~1\" for \"/\"");
    }
  }
  return pointer;
}

std::string Pointer::text() const { return prefix_text(parts.size()); }

std::string Pointer::prefix_text(std::size_t count) const {
  std::string out;
  for (std::size_t i = 0; i < count && i < parts.size(); ++i) out += "/" + escape_part(parts[i]);
  return out;
}

std::string escape_part(std::string_view part) {
  std::string out;
  out.reserve(part.size());
  for (const char c : part) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::string pointer_text(const std::vector<engine::Prop>& path) {
  std::string out;
  for (const auto& prop : path) {
    out += '/';
    if (const auto* key = std::get_if<std::string>(&prop))
      out += escape_part(*key);
    else
      out += std::to_string(std::get<std::size_t>(prop));
  }
  return out;
}

std::optional<std::size_t> parse_index(std::string_view part) {
  if (part.empty() || (part.size() > 1 && part.front() == '0')) return std::nullopt;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
  if (error != std::errc{} || end != part.data() + part.size()) return std::nullopt;
  return index;
}

Result<Place> resolve(const engine::View& view, const Pointer& pointer) {
  Place place;
  place.is_root = pointer.is_root();
  for (std::size_t depth = 0; depth < pointer.parts.size(); ++depth) {
    if (depth > 0) {
      if (!place.value)
        return make_error(
            ErrorId::kPathNotFound,
            fmt::format("{}: there is nothing at {}", pointer.text(), place_name(pointer, depth)));
      if (!place.value->object || *place.value->object == ObjType::kText)
        return make_error(ErrorId::kPathType,
                          fmt::format("{}: {} is {}, it has no parts", pointer.text(),
                                      place_name(pointer, depth), kind_of(*place.value)));
      place.object = place.value->id;
      place.object_type = *place.value->object;
    }
    auto prop = step(view, place, pointer, depth);
    if (!prop) return prop.error();
    place.prop = std::move(*prop);
    const auto* index = std::get_if<std::size_t>(&place.prop);
    if (index != nullptr && *index >= view.length(place.object))
      place.value.reset();
    else
      place.value = view.get(place.object, place.prop);
  }
  return place;
}

Result<Place> resolve_existing(const engine::View& view, const Pointer& pointer) {
  auto place = resolve(view, pointer);
  if (place && !place->is_root && !place->value)
    return make_error(ErrorId::kPathNotFound,
                      fmt::format("there is nothing at {}", pointer.text()));
  return place;
}

}  // namespace converge::verbs
