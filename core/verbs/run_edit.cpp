#include "core/control/error_table.h"
#include "core/verbs/edits.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

/// Typed access to the params of one request; the first thing wrong is remembered, later reads give
/// defaults.
class Params {
 public:
  Params(const json& params, std::string_view method) : params_(params), method_(method) {
    if (!params.is_object()) fail("params must be an object");
  }

  const json* find(const char* name) const {
    if (!params_.is_object()) return nullptr;
    const auto it = params_.find(name);
    return it == params_.end() ? nullptr : &*it;
  }

  const json& require(const char* name) {
    static const json kNothing;
    const json* value = find(name);
    if (value == nullptr) fail(fmt::format("\"{}\" is missing", name));
    return value == nullptr ? kNothing : *value;
  }

  std::optional<std::string> text(const char* name) {
    const json* value = find(name);
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (value->is_string()) return value->get<std::string>();
    fail(fmt::format("\"{}\" must be a string", name));
    return std::nullopt;
  }

  bool flag(const char* name) {
    const json* value = find(name);
    if (value == nullptr || value->is_null()) return false;
    if (value->is_boolean()) return value->get<bool>();
    fail(fmt::format("\"{}\" must be true or false", name));
    return false;
  }

  template <class Integer>
  Integer whole(const char* name, std::optional<Integer> fallback = std::nullopt) {
    const json* value = find(name);
    if (value == nullptr && fallback) return *fallback;
    const bool fits =
        value != nullptr && value->is_number_integer() &&
        (value->is_number_unsigned() ? std::in_range<Integer>(value->get<std::uint64_t>())
                                     : std::in_range<Integer>(value->get<std::int64_t>()));
    if (fits) return value->get<Integer>();
    fail(fmt::format("\"{}\" must be a whole number{}", name,
                     std::is_unsigned_v<Integer> ? " from 0 up" : ""));
    return 0;
  }

  Pointer pointer(const char* name) {
    const json& value = require(name);
    return read_pointer(value, name);
  }

  std::vector<Pointer> pointers(const char* name) {
    std::vector<Pointer> out;
    const json& list = require(name);
    if (!list.is_array() || list.empty()) fail(fmt::format("\"{}\" must be a list", name));
    if (list.is_array())
      for (const auto& item : list) out.push_back(read_pointer(item, name));
    return out;
  }

  void fail(std::string_view why) {
    if (!error_) error_ = make_error(ErrorId::kUsageArgument, fmt::format("{}: {}", method_, why));
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  Pointer read_pointer(const json& value, const char* name) {
    if (!value.is_string()) {
      fail(fmt::format("\"{}\" must be a pointer", name));
      return {};
    }
    auto pointer = Pointer::parse(value.get_ref<const std::string&>());
    if (pointer) return std::move(*pointer);
    if (!error_) error_ = pointer.error();
    return {};
  }

  const json& params_;
  std::string_view method_;
  std::optional<Error> error_;
};

WriteOptions read_options(Params& params, const WriteOptions& defaults) {
  WriteOptions options = defaults;
  if (auto message = params.text("message")) options.message = std::move(*message);
  if (auto base = params.text("base")) options.base = std::move(base);
  if (auto heads = params.text("if_heads")) options.if_heads = std::move(heads);
  if (const json* value = params.find("if_value")) options.if_value = value;
  options.if_absent = options.if_absent || params.flag("if_absent");
  options.dry_run = options.dry_run || params.flag("dry_run");
  return options;
}

using Runner = Result<Outcome> (*)(engine::Document&, Params&, const WriteOptions&);

Result<Outcome> run_set(engine::Document& document, Params& params, const WriteOptions& options) {
  const json& edits = params.require("edits");
  if (params.error()) return *params.error();
  return set(document, edits, options);
}

Result<Outcome> run_unset(engine::Document& document, Params& params, const WriteOptions& options) {
  const auto pointers = params.pointers("pointers");
  if (params.error()) return *params.error();
  return unset(document, pointers, options);
}

Result<Outcome> run_insert(engine::Document& document, Params& params,
                           const WriteOptions& options) {
  const auto pointer = params.pointer("pointer");
  const json& values = params.require("values");
  if (params.error()) return *params.error();
  return insert(document, pointer, values, options);
}

Result<Outcome> run_incr(engine::Document& document, Params& params, const WriteOptions& options) {
  const auto pointer = params.pointer("pointer");
  const auto amount = params.whole<std::int64_t>("amount", 1);
  if (params.error()) return *params.error();
  return increment(document, pointer, amount, options);
}

Result<Outcome> run_splice(engine::Document& document, Params& params,
                           const WriteOptions& options) {
  const auto pointer = params.pointer("pointer");
  const auto index = params.whole<std::size_t>("index");
  const auto erase = params.whole<std::size_t>("delete");
  const auto text = params.text("text").value_or("");
  if (params.error()) return *params.error();
  return splice(document, pointer, index, erase, text, options);
}

Result<Outcome> run_patch(engine::Document& document, Params& params, const WriteOptions& options) {
  const auto type = params.text("type").value_or("json");
  if (type != "json" && type != "merge") params.fail("\"type\" must be \"json\" or \"merge\"");
  const json& value = params.require("patch");
  if (params.error()) return *params.error();
  return patch(document, type == "json" ? PatchType::kJson : PatchType::kMerge, value, options);
}

Result<Outcome> run_apply(engine::Document& document, Params& params, const WriteOptions& options) {
  const json& value = params.require("value");
  const auto list_key = params.text("list_key");
  if (params.error()) return *params.error();
  return apply(document, value,
               list_key ? std::optional<std::string_view>(*list_key) : std::nullopt, options);
}

Runner runner_of(std::string_view method) {
  if (method == "doc.set") return run_set;
  if (method == "doc.unset") return run_unset;
  if (method == "doc.insert") return run_insert;
  if (method == "doc.incr") return run_incr;
  if (method == "doc.splice") return run_splice;
  if (method == "doc.patch") return run_patch;
  if (method == "doc.apply") return run_apply;
  return nullptr;
}

}  // namespace

bool is_edit_method(std::string_view method) { return runner_of(method) != nullptr; }

Result<Outcome> run_edit(engine::Document& document, std::string_view method, const json& params,
                         const WriteOptions& defaults) {
  const Runner run = runner_of(method);
  if (run == nullptr)
    return make_error(ErrorId::kUsageCommand, fmt::format("\"{}\" is not an edit", method));
  Params reader(params, method);
  const WriteOptions options = read_options(reader, defaults);
  if (reader.error()) return *reader.error();
  return run(document, reader, options);
}

}  // namespace converge::verbs
