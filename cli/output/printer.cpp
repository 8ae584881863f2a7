#include "cli/output/printer.h"

#include "cli/output/error_text.h"
#include "cli/output/text.h"
#include "core/control/error_json.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/verbs/jsonpath.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
using nlohmann::ordered_json;

/// The fields a reader looks for first come first; the rest stays in alphabetical order.
ordered_json in_order(const json& value, bool deep) {
  if (!value.is_object() || !value.contains("kind")) return ordered_json(value);
  ordered_json out = ordered_json::object();
  for (const char* key : {"kind", "v", "id", "name", "code", "exit", "message", "hash"})
    if (value.contains(key)) out[key] = ordered_json(value[key]);
  for (const auto& [key, field] : value.items()) {
    if (out.contains(key)) continue;
    if (deep && key == "items" && field.is_array()) {
      ordered_json items = ordered_json::array();
      for (const json& item : field) items.push_back(in_order(item, false));
      out[key] = std::move(items);
    } else {
      out[key] = ordered_json(field);
    }
  }
  return out;
}

std::string dump(const ordered_json& value, bool pretty) {
  return value.dump(pretty ? 2 : -1, ' ', false, ordered_json::error_handler_t::replace);
}

Error io_error(int number) {
  return make_error(number == ENOSPC ? ErrorId::kStoreNoSpace : ErrorId::kIo,
                    "stdout cannot be written: " + std::generic_category().message(number));
}

/// "items[0]" and ".items" mean "$.items[0]" and "$.items".
std::string rooted(const std::string& path) {
  if (path.starts_with('$')) return path;
  return (path.starts_with('.') || path.starts_with('[') ? "$" : "$.") + path;
}

Error no_format(const char* format, const char* why) {
  return make_error(ErrorId::kUsageFlag,
                    std::string("this command has no output format \"") + format + "\"", why);
}

}  // namespace

Format Format::from_word(std::string_view word) {
  if (word == "wide") return {Kind::kWide};
  if (word == "json") return {Kind::kJson};
  if (word == "ndjson") return {Kind::kNdjson};
  if (word == "csv") return {Kind::kCsv};
  if (word == "name") return {Kind::kName};
  if (word.starts_with("jsonpath=")) return {Kind::kJsonPath, std::string(word.substr(9))};
  return {Kind::kText};
}

std::string Printer::to_line(const json& value, bool own) const {
  const bool pretty = options_.terminal.out_tty && options_.format.kind != Format::Kind::kNdjson;
  return dump(own ? ordered_json(value) : in_order(value, true), pretty) + "\n";
}

Result<void> Printer::data(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size()) return io_error(errno);
  if (std::fflush(stdout) != 0) return io_error(errno);
  return {};
}

Result<void> Printer::paged(const std::string& text) {
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
  const bool fits = options_.terminal.height == 0 || lines < options_.terminal.height;
  if (!options_.terminal.out_tty || options_.pager.empty() || fits) return data(text);
  std::FILE* pager = ::popen(options_.pager.c_str(), "w");
  if (pager == nullptr) return data(text);
  std::fwrite(text.data(), 1, text.size(), pager);  // a pager that was quit early is no failure
  ::pclose(pager);
  return {};
}

Result<void> Printer::result(const json& value, const Rendering& rendering) {
  const bool list = value.is_object() && value.contains("items") && value["items"].is_array();
  switch (options_.format.kind) {
    case Format::Kind::kJson:
      return data(to_line(value));
    case Format::Kind::kNdjson: {
      if (!list) return data(to_line(value));
      for (const json& item : value["items"])
        if (auto done = data(to_line(item)); !done) return done;
      return {};
    }
    case Format::Kind::kCsv:
      if (!rendering.table) return no_format("csv", "csv is for lists; try -o json");
      return data(rendering.table().to_csv());
    case Format::Kind::kName: {
      if (!rendering.names) return no_format("name", "it prints nothing that has a name");
      std::string out;
      for (const std::string& name : rendering.names()) out += printable(name) + "\n";
      return data(out);
    }
    case Format::Kind::kJsonPath: {
      return selected(value);
    }
    case Format::Kind::kText:
    case Format::Kind::kWide:
      break;
  }
  std::string text;
  if (rendering.table) text = rendering.table().to_text(options_.terminal, wide());
  if (rendering.text) text += rendering.text();
  return rendering.pages ? paged(text) : data(text);
}

Result<void> Printer::check_format() const {
  if (options_.format.kind != Format::Kind::kJsonPath) return {};
  const auto path = verbs::JsonPath::parse(rooted(options_.format.path));
  if (!path) return path.error();
  return {};
}

Result<void> Printer::selected(const json& value) {
  const auto path = verbs::JsonPath::parse(rooted(options_.format.path));
  if (!path) return path.error();
  const auto nodes = path->select(value);
  if (!nodes) return nodes.error();
  std::string out;
  for (const auto& node : *nodes)
    out += (node.value->is_string() ? node.value->get<std::string>()
                                    : control::to_compact(*node.value)) +
           "\n";
  return data(out);
}

void Printer::note(std::string_view message) {
  if (options_.quiet || options_.format.is_json()) return;
  std::fputs((printable(message) + "\n").c_str(), stderr);
}

void Printer::warning(const std::string& message) {
  if (options_.quiet) return;
  std::fputs(warning_text(message, options_.terminal.color_err).c_str(), stderr);
}

void Printer::error(const Error& error) {
  std::fflush(stdout);
  if (options_.format.is_json()) {
    std::fputs((dump(in_order(control::to_json(error), false), false) + "\n").c_str(), stderr);
    return;
  }
  const bool with_code = options_.verbose > 0 || !options_.terminal.err_tty;
  std::fputs(error_text(error, with_code, options_.terminal.color_err).c_str(), stderr);
}

}  // namespace converge::cli
