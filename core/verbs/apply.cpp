#include "core/control/error_table.h"
#include "core/verbs/edit_session.h"
#include "core/verbs/edits.h"
#include "core/verbs/sequence_diff.h"
#include "core/verbs/text_forms.h"

#include <fmt/format.h>
#include <utf8.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;
using engine::ObjId;
using engine::ObjType;
using engine::TextUnit;
using engine::Value;
using nlohmann::json;
using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;

/// A register and what it shows.
struct Register {
  ObjId object;
  engine::Prop prop;
  Value value;
  std::size_t visible = 1;
};

std::vector<std::uint32_t> code_points(std::string_view text) {
  std::vector<std::uint32_t> out;
  out.reserve(text.size());
  utf8::unchecked::utf8to32(text.begin(), text.end(), std::back_inserter(out));
  return out;
}

std::string utf8_of(std::span<const std::uint32_t> points) {
  std::string out;
  utf8::unchecked::utf32to8(points.begin(), points.end(), std::back_inserter(out));
  return out;
}

bool is_map(ObjType type) { return type == ObjType::kMap || type == ObjType::kTable; }

/// The new value in the type the register already has, where plain JSON could not say that type.
std::optional<model::Scalar> keep_type(const model::Scalar& present, const Node& said) {
  if (!said.plain) return std::nullopt;
  if (said.kind == Node::Kind::kText) {
    switch (present.ref().kind()) {
      case ScalarType::kString:
        return model::Scalar::string(*said.text);
      case ScalarType::kTimestamp:
        if (const auto time = parse_timestamp(*said.text)) return model::Scalar::timestamp(*time);
        return std::nullopt;
      case ScalarType::kBytes:
        if (const auto bytes = from_base64(*said.text)) return model::Scalar::bytes(*bytes);
        return std::nullopt;
      default:
        return std::nullopt;
    }
  }
  if (said.kind != Node::Kind::kScalar || !said.scalar.ref().is(ScalarType::kInt))
    return std::nullopt;
  const std::int64_t number = said.scalar.ref().as_int();
  switch (present.ref().kind()) {
    case ScalarType::kCounter:
      return model::Scalar::counter(number);
    case ScalarType::kFloat64:
      return model::Scalar::float64(static_cast<double>(number));
    case ScalarType::kUint:
      if (number >= 0) return model::Scalar::uint(static_cast<std::uint64_t>(number));
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

/// Makes document values equal to JSON. Recursion follows the JSON, whose depth check_writable has
/// bounded.
class Reconciler {
 public:
  Reconciler(EditSession& session, BareString bare, std::optional<std::string_view> list_key)
      : session_(session), bare_(bare), list_key_(list_key) {}

  Result<void> map(ObjId object, const json& target, const std::string& path) {
    std::unordered_map<std::string, Register> present;
    const engine::View view = session_.view();
    view.for_each_key(object, [&](std::string_view key, const Value& value, std::size_t visible) {
      present.emplace(key, Register{object, std::string(key), value, visible});
    });
    for (const auto& key : view.keys(object)) {
      if (target.contains(json_key(key))) continue;
      session_.note("remove " + path + "/" + escape_part(key));
      if (auto done = session_.edit().erase(object, key); !done) return done;
    }
    for (auto it = target.begin(); it != target.end(); ++it) {
      const std::string key(real_key(it.key()));
      const std::string here = path + "/" + escape_part(key);
      const auto slot = present.find(key);
      if (slot != present.end()) {
        if (auto done = reconcile(slot->second, *it, here); !done) return done;
        continue;
      }
      session_.note("add " + here);
      if (auto done = put_part(session_.edit(), object, key, *it, bare_); !done) return done;
    }
    return {};
  }

 private:
  Result<void> reconcile(const Register& slot, const json& said, const std::string& path) {
    const Node node = node_of(said, bare_);
    if (!slot.value.object) return scalar(slot, said, node, path);
    const ObjType type = *slot.value.object;
    if (is_map(type) && node.kind == Node::Kind::kMap) return map(slot.value.id, said, path);
    if (type == ObjType::kList && node.kind == Node::Kind::kList)
      return list(slot.value.id, said, path);
    if (type == ObjType::kText && node.kind == Node::Kind::kText)
      return text(slot.value.id, *node.text, path);
    return replace(slot, said, path);
  }

  Result<void> replace(const Register& slot, const json& said, const std::string& path) {
    session_.note("replace " + path);
    return put_part(session_.edit(), slot.object, slot.prop, said, bare_);
  }

  Result<void> scalar(const Register& slot, const json& said, const Node& node,
                      const std::string& path) {
    const model::Scalar& present = slot.value.scalar;
    if (scalar_equals(present, node, Match::kLoose)) return {};
    const auto kept = keep_type(present, node);
    if (!kept) return replace(slot, said, path);
    std::int64_t difference = 0;
    const bool add =
        kept->ref().is(ScalarType::kCounter) && slot.visible == 1 &&
        !__builtin_sub_overflow(kept->ref().as_int(), present.ref().as_int(), &difference);
    if (add) {
      session_.note(fmt::format("add {} to {}", difference, path));
      return session_.edit().increment(slot.object, slot.prop, difference);
    }
    session_.note("replace " + path);
    return session_.edit().put(slot.object, slot.prop, *kept);
  }

  Result<void> text(ObjId object, const std::string& target, const std::string& path) {
    const std::string present = session_.view().text(object);
    if (present == target) return {};
    session_.note("edit text " + path);
    const auto old_points = code_points(present);
    const auto new_points = code_points(target);
    auto hunks = hunks_between(common_subsequence(old_points, new_points), old_points.size(),
                               new_points.size());
    // From the back, so that positions in front keep their meaning.
    std::reverse(hunks.begin(), hunks.end());
    for (const auto& hunk : hunks) {
      const auto inserted = utf8_of(std::span(new_points).subspan(hunk.from, hunk.added));
      auto done = session_.edit().splice_text(object, hunk.at, hunk.removed, inserted,
                                              TextUnit::kCodePoints);
      if (!done) return done;
    }
    // An element may hold more than one code point; cutting through one goes wrong.
    const engine::View after = session_.view();
    if (after.text(object) == target) return {};
    return session_.edit().splice_text(object, 0, after.length(object, TextUnit::kCodePoints),
                                       target, TextUnit::kCodePoints);
  }

  struct Element {
    Value value;
    std::size_t visible;
  };

  Result<void> list(ObjId object, const json& target, const std::string& path) {
    const engine::View view = session_.view();
    std::vector<Element> present;
    view.for_each_element(object, [&](engine::OpId, const Value& value, std::size_t visible) {
      present.push_back({value, visible});
    });
    const auto by_key = match_by_key(view, present, target);
    const Pairs pairs = by_key ? *by_key : match_by_content(view, present, target);
    const bool pair_gaps = !by_key.has_value();

    std::size_t i = 0;
    std::size_t j = 0;
    for (std::size_t p = 0; p <= pairs.size(); ++p) {
      const auto [next_i, next_j] =
          p < pairs.size() ? pairs[p] : std::pair(present.size(), target.size());
      if (auto done = gap(object, target, path, present, i, next_i, j, next_j, pair_gaps); !done)
        return done;
      if (p == pairs.size()) break;
      if (auto done = element(object, target, path, present[next_i], next_j); !done) return done;
      i = next_i + 1;
      j = next_j + 1;
    }
    return {};
  }

  /// Element `index` of the target onto the one that stands there now.
  Result<void> element(ObjId object, const json& target, const std::string& path,
                       const Element& present, std::size_t index) {
    return reconcile({object, index, present.value, present.visible}, target[index],
                     path + "/" + std::to_string(index));
  }

  /// Elements [i, i_end) become [j, j_end); the list before is final, so positions are those of the
  /// target.
  Result<void> gap(ObjId object, const json& target, const std::string& path,
                   const std::vector<Element>& present, std::size_t i, std::size_t i_end,
                   std::size_t j, std::size_t j_end, bool pair_up) {
    for (; pair_up && i < i_end && j < j_end; ++i, ++j)
      if (auto done = element(object, target, path, present[i], j); !done) return done;
    for (; i < i_end; ++i) {
      session_.note(fmt::format("remove {}/{}", path, j));
      if (auto done = session_.edit().erase(object, j); !done) return done;
    }
    for (; j < j_end; ++j) {
      session_.note(fmt::format("insert {}/{}", path, j));
      if (auto done = insert_part(session_.edit(), object, j, target[j], bare_); !done) return done;
    }
    return {};
  }

  Pairs match_by_content(const engine::View& view, const std::vector<Element>& present,
                         const json& target) {
    std::unordered_map<std::string, std::uint32_t> numbers;
    const auto number_of = [&](const json& plain) {
      return numbers.emplace(plain.dump(), static_cast<std::uint32_t>(numbers.size()))
          .first->second;
    };
    std::vector<std::uint32_t> a;
    std::vector<std::uint32_t> b;
    for (const auto& element : present) {
      // Deeper than JSON can show equals nothing that JSON says.
      const auto plain = to_json(view, element.value);
      a.push_back(plain ? number_of(*plain) : number_of("$too deep"));
    }
    for (const auto& element : target) b.push_back(number_of(plain_of(element, bare_)));
    return common_subsequence(a, b);
  }

  /// Nothing when the elements are not all objects with one key that tells them apart.
  std::optional<Pairs> match_by_key(const engine::View& view, const std::vector<Element>& present,
                                    const json& target) {
    if (present.empty() || target.empty()) return std::nullopt;
    if (list_key_) return match_by(view, present, target, std::string(*list_key_));
    for (const char* key : {"id", "key", "name"})
      if (auto pairs = match_by(view, present, target, key)) return pairs;
    return std::nullopt;
  }

  std::optional<Pairs> match_by(const engine::View& view, const std::vector<Element>& present,
                                const json& target, const std::string& key) {
    const auto old_keys = keys_of(view, present, key);
    const auto new_keys = keys_of(target, key);
    if (!old_keys || !new_keys) return std::nullopt;
    std::unordered_map<std::string, std::uint32_t> numbers;
    const auto number = [&](const std::vector<std::string>& keys) {
      std::vector<std::uint32_t> out;
      for (const auto& text : keys)
        out.push_back(
            numbers.emplace(text, static_cast<std::uint32_t>(numbers.size())).first->second);
      return out;
    };
    const auto a = number(*old_keys);
    const auto b = number(*new_keys);
    return common_subsequence(a, b);
  }

  static bool all_differ(const std::vector<std::string>& keys) {
    return std::unordered_set<std::string>(keys.begin(), keys.end()).size() == keys.size();
  }

  static std::optional<std::vector<std::string>> keys_of(const engine::View& view,
                                                         const std::vector<Element>& elements,
                                                         const std::string& key) {
    std::vector<std::string> out;
    for (const auto& element : elements) {
      if (!element.value.object || !is_map(*element.value.object)) return std::nullopt;
      const auto value = view.get(element.value.id, key);
      if (!value || (value->object && *value->object != ObjType::kText)) return std::nullopt;
      const auto plain = to_json(view, *value);
      if (!plain || plain->is_null()) return std::nullopt;
      out.push_back(plain->dump());
    }
    if (!all_differ(out)) return std::nullopt;
    return out;
  }

  std::optional<std::vector<std::string>> keys_of(const json& target,
                                                  const std::string& key) const {
    std::vector<std::string> out;
    for (const auto& element : target) {
      if (node_of(element, bare_).kind != Node::Kind::kMap) return std::nullopt;
      const auto value = element.find(json_key(key));
      if (value == element.end()) return std::nullopt;
      const json plain = plain_of(*value, bare_);
      if (plain.is_structured() || plain.is_null()) return std::nullopt;
      out.push_back(plain.dump());
    }
    if (!all_differ(out)) return std::nullopt;
    return out;
  }

  EditSession& session_;
  BareString bare_;
  std::optional<std::string_view> list_key_;
};

}  // namespace

Result<Outcome> apply(engine::Document& document, const json& target,
                      std::optional<std::string_view> list_key, const WriteOptions& options) {
  if (auto fine = check_writable(target, "the document to apply"); !fine) return fine.error();
  const BareString bare = bare_strings_of(target);
  if (node_of(target, bare).kind != Node::Kind::kMap)
    return make_error(ErrorId::kPathType,
                      fmt::format("a document is a map at its top; the JSON to apply is {}",
                                  target.is_array() ? "a list" : "a single value"));
  auto session = EditSession::begin(document, options);
  if (!session) return session.error();
  if (auto holds = session->check(Pointer{}); !holds) return holds.error();
  Reconciler reconciler(*session, bare, list_key);
  if (auto done = reconciler.map(model::kRoot, target, ""); !done) return done.error();
  return session->finish();
}

}  // namespace converge::verbs
