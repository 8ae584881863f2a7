#include "tests/core/format/vectors.h"

#include "tests/support/shared_data.h"

#include <sstream>
#include <stdexcept>

namespace converge::testing {

std::optional<std::vector<nlohmann::json>> read_vectors(const std::string& name) {
  const auto path = shared_data("vectors/" + name + ".jsonl.gz");
  if (!path) return std::nullopt;
  std::istringstream lines(read_text_maybe_gzip(*path));
  std::vector<nlohmann::json> out;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) out.push_back(nlohmann::json::parse(line));
  }
  return out;
}

Bytes bytes_of(const std::string& hex) {
  auto bytes = from_hex(hex);
  if (!bytes) throw std::runtime_error("not hexadecimal: " + hex);
  return std::move(*bytes);
}

}  // namespace converge::testing
