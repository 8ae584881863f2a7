#include "core/verbs/diff.h"
#include "core/verbs/json_forms.h"
#include "core/verbs/sequence_diff.h"

#include <nlohmann/json.hpp>

#include <unordered_map>
#include <utility>

namespace converge::verbs {
namespace {

using nlohmann::json;

/// Equal elements get equal numbers.
class Interner {
 public:
  std::vector<std::uint32_t> number(const json& list) {
    std::vector<std::uint32_t> out;
    out.reserve(list.size());
    for (const auto& element : list)
      out.push_back(numbers_.emplace(element.dump(), static_cast<std::uint32_t>(numbers_.size()))
                        .first->second);
    return out;
  }

 private:
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

class ValueDiff {
 public:
  json run(const json& before, const json& after) {
    pending_.push_back({&before, &after, ""});
    while (!pending_.empty()) {
      const Pending next = std::move(pending_.back());
      pending_.pop_back();
      compare(next);
    }
    return std::move(patch_);
  }

 private:
  struct Pending {
    const json* before;
    const json* after;
    std::string path;
  };

  void compare(const Pending& pair) {
    const bool leaf = is_typed_form(*pair.before) || is_typed_form(*pair.after);
    if (!leaf && pair.before->is_object() && pair.after->is_object())
      object(pair);
    else if (!leaf && pair.before->is_array() && pair.after->is_array())
      array(pair);
    else if (pair.before->type() != pair.after->type() || *pair.before != *pair.after)
      emit("replace", pair.path, pair.after);
  }

  void object(const Pending& pair) {
    for (auto it = pair.before->begin(); it != pair.before->end(); ++it)
      if (!pair.after->contains(it.key())) emit("remove", path_of(pair, it.key()), nullptr);
    for (auto it = pair.after->begin(); it != pair.after->end(); ++it) {
      const auto old = pair.before->find(it.key());
      if (old == pair.before->end())
        emit("add", path_of(pair, it.key()), &it.value());
      else
        pending_.push_back({&*old, &it.value(), path_of(pair, it.key())});
    }
  }

  /// Within a gap, elements that face each other are compared in place: one deep change is then not
  /// a removal and an addition of the whole element.
  void array(const Pending& pair) {
    Interner interner;
    const auto old_numbers = interner.number(*pair.before);
    const auto new_numbers = interner.number(*pair.after);
    const auto pairs = common_subsequence(old_numbers, new_numbers);
    for (const auto& hunk : hunks_between(pairs, old_numbers.size(), new_numbers.size())) {
      const std::size_t both = std::min(hunk.removed, hunk.added);
      for (std::size_t i = 0; i < both; ++i)
        pending_.push_back({&(*pair.before)[hunk.at + i], &(*pair.after)[hunk.from + i],
                            pair.path + "/" + std::to_string(hunk.from + i)});
      // Everything before the hunk is final, so positions are those of the new list.
      for (std::size_t i = both; i < hunk.removed; ++i)
        emit("remove", pair.path + "/" + std::to_string(hunk.from + both), nullptr);
      for (std::size_t i = both; i < hunk.added; ++i)
        emit("add", pair.path + "/" + std::to_string(hunk.from + i), &(*pair.after)[hunk.from + i]);
    }
  }

  static std::string path_of(const Pending& pair, const std::string& key) {
    return pair.path + "/" + escape_part(real_key(key));
  }

  void emit(const char* op, std::string path, const json* value) {
    json operation{{"op", op}, {"path", std::move(path)}};
    if (value != nullptr) operation["value"] = *value;
    patch_.push_back(std::move(operation));
  }

  json patch_ = json::array();
  std::vector<Pending> pending_;
};

}  // namespace

json diff_values(const json& before, const json& after) { return ValueDiff().run(before, after); }

}  // namespace converge::verbs
