#include "agent/config/toml_file.h"

#include "agent/config/keys.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <toml++/toml.h>

namespace converge::config {
namespace {

constexpr std::size_t kFileBytesMax = 1u << 20;

Error at(std::string_view origin, const toml::source_region& where, std::string_view message) {
  return Error{ErrorCode::kInvalid,
               fmt::format("{}:{}:{}: {}", origin, where.begin.line, where.begin.column, message)};
}

/// The value as the text that a flag would carry; nothing when its TOML type does not fit.
std::optional<std::string> as_setting(const toml::node& node, ValueType type) {
  switch (type) {
    case ValueType::kBoolean:
      if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
      return std::nullopt;
    case ValueType::kInteger:
      if (const auto* value = node.as_integer()) return std::to_string(value->get());
      return std::nullopt;
    case ValueType::kSize:
      if (const auto* value = node.as_integer()) return std::to_string(value->get());
      [[fallthrough]];
    case ValueType::kText:
    case ValueType::kDuration:
      if (const auto* value = node.as_string()) return value->get();
      return std::nullopt;
  }
  return std::nullopt;
}

std::string_view type_word(ValueType type) {
  switch (type) {
    case ValueType::kBoolean:
      return "true or false";
    case ValueType::kInteger:
      return "a whole number";
    case ValueType::kSize:
      return "a size such as \"64MiB\"";
    case ValueType::kDuration:
      return "a duration such as \"30s\"";
    case ValueType::kText:
      return "a string";
  }
  return "";
}

Result<void> apply_table(const toml::table& table, const std::string& prefix,
                         std::string_view origin, Config& config) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    if (const auto* inner = node.as_table()) {
      const auto done = apply_table(*inner, key + ".", origin, config);
      if (!done) return done.error();
      continue;
    }
    const KeySpec* spec = find_key(key);
    if (spec == nullptr) {
      return at(origin, name.source(), fmt::format("\"{}\" is not a setting", key));
    }
    const auto text = as_setting(node, spec->type);
    if (!text) {
      return at(origin, node.source(),
                fmt::format("\"{}\" must be {}", key, type_word(spec->type)));
    }
    const auto done = spec->apply(config, *text);
    if (!done) {
      return at(origin, node.source(), fmt::format("\"{}\": {}", key, done.error().message));
    }
  }
  return {};
}

}  // namespace

Result<void> apply_toml(std::string_view text, std::string_view origin, Config& config) {
  try {
    const toml::table table = toml::parse(text, origin);
    return apply_table(table, "", origin, config);
  } catch (const toml::parse_error& error) {
    return at(origin, error.source(), error.description());
  }
}

Result<void> apply_file(const std::filesystem::path& path, Config& config) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    const int reason = errno;
    return Error{
        reason == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
        fmt::format("cannot read the configuration {}: {}", path.native(), std::strerror(reason))};
  }
  std::string text;
  text.resize(kFileBytesMax + 1);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad())
    return Error{ErrorCode::kIo, fmt::format("cannot read the configuration {}", path.native())};
  if (text.size() > kFileBytesMax) {
    return Error{ErrorCode::kLimitExceeded, fmt::format("the configuration {} is over {} bytes",
                                                        path.native(), kFileBytesMax)};
  }
  return apply_toml(text, path.native(), config);
}

}  // namespace converge::config
