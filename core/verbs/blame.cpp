#include "core/verbs/blame.h"

#include "core/control/error_table.h"
#include "core/verbs/history.h"
#include "core/verbs/revision.h"
#include "core/verbs/text_forms.h"
#include "core/verbs/value.h"

#include <nlohmann/json.hpp>

#include <string>

namespace converge::verbs {
namespace {

using engine::ObjType;
using nlohmann::json;

class Blame {
 public:
  Blame(const engine::Document& document, const engine::View& view, std::size_t depth)
      : document_(document), view_(view), depth_(depth) {}

  /// The value at `path` and what is below it.
  Result<void> value(const engine::Value& value, const std::string& path, std::size_t level) {
    if (level > kReadDepthMax)
      return control::make_error(control::ErrorId::kLimitExceeded,
                                 "the document is nested too deep at " + path);
    const bool apart =
        value.object && (depth_ == 0 || level < depth_) && view_.length(value.id) > 0;
    if (apart && level > 0) return object(value.id, *value.object, path, level);
    json item = item_of(value.id, path);
    if (!apart) {
      auto shown = to_json(view_, value);
      if (!shown) return shown.error();
      item["value"] = std::move(*shown);
    }
    items_.push_back(std::move(item));
    return apart ? object(value.id, *value.object, path, level) : Result<void>();
  }

  Result<void> object(engine::ObjId id, ObjType type, const std::string& path, std::size_t level) {
    if (type == ObjType::kText) {
      text(id, path);
      return {};
    }
    Result<void> done;
    if (type == ObjType::kList) {
      std::size_t index = 0;
      view_.for_each_element(id, [&](engine::OpId, const engine::Value& inner, std::size_t) {
        const std::string there = path + "/" + std::to_string(index++);
        if (done) done = value(inner, there, level + 1);
      });
    } else {
      view_.for_each_key(id, [&](std::string_view key, const engine::Value& inner, std::size_t) {
        if (done) done = value(inner, path + "/" + escape_part(key), level + 1);
      });
    }
    return done;
  }

  json take() { return std::move(items_); }

 private:
  json item_of(engine::OpId id, const std::string& path) const {
    json item = {{"path", path}, {"change", nullptr}};
    const auto hash = document_.change_of(id);
    const auto info = hash ? document_.change_info(*hash) : std::nullopt;
    if (!info) return item;
    item["change"] = hash->to_hex();
    item["actor"] = info->actor.to_hex();
    item["seq"] = info->seq;
    item["message"] = info->message.empty() ? json() : json(info->message);
    item["author_time"] = author_time(info->time);
    return item;
  }

  /// A stretch goes on as long as the change is the same.
  void text(engine::ObjId id, const std::string& path) {
    std::size_t at = 0;
    std::string run;
    std::size_t start = 0;
    json item;
    const auto finish = [&] {
      if (run.empty()) return;
      item["value"] = run;
      item["start"] = start;
      item["length"] = at - start;
      items_.push_back(std::move(item));
      run.clear();
    };
    std::optional<ChangeHash> last;
    view_.for_each_element(id, [&](engine::OpId, const engine::Value& part, std::size_t) {
      const auto change = document_.change_of(part.id);
      if (run.empty() || change != last) {
        finish();
        last = change;
        start = at;
        item = item_of(part.id, path);
      }
      const bool is_text = !part.object && part.scalar.ref().is(model::ScalarType::kString);
      const std::string piece = is_text ? std::string(part.scalar.raw) : "\xEF\xBF\xBC";
      run += piece;
      at += count_code_points(piece);
    });
    finish();
  }

  const engine::Document& document_;
  const engine::View& view_;
  std::size_t depth_;
  json items_ = json::array();
};

}  // namespace

Result<json> blame(const engine::Document& document, const Heads& heads,
                   const BlameOptions& options) {
  const auto view = view_at(document, heads);
  if (!view) return view.error();
  Blame walk(document, *view, options.depth);
  if (options.pointer.is_root()) {
    if (auto done = walk.object(model::kRoot, ObjType::kMap, "", 0); !done) return done.error();
    return walk.take();
  }
  const auto place = resolve_existing(*view, options.pointer);
  if (!place) return place.error();
  if (auto done = walk.value(*place->value, options.pointer.text(), 0); !done) return done.error();
  return walk.take();
}

}  // namespace converge::verbs
