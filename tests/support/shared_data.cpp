#include "tests/support/shared_data.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <zlib.h>

namespace converge::testing {

std::optional<std::filesystem::path> shared_data(const std::string& relative_path) {
  const char* configured = std::getenv("CONVERGE_SHARED");
  const std::filesystem::path root =
      configured != nullptr ? std::filesystem::path(configured)
                            : std::filesystem::path(CONVERGE_SOURCE_DIR) / ".." / "shared";
  auto path = root / relative_path;
  std::error_code error;
  if (std::filesystem::exists(path, error)) return path;
  std::fprintf(stderr,
               "SKIPPED: %s is not here; set CONVERGE_SHARED to the conformance hand-outs\n",
               path.c_str());
  return std::nullopt;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string read_text_maybe_gzip(const std::filesystem::path& path) {
  if (path.extension() != ".gz") return read_file(path);
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error("cannot read " + path.string());
  std::string out;
  char buffer[1 << 16];
  int got = 0;
  while ((got = gzread(file, buffer, sizeof buffer)) > 0)
    out.append(buffer, static_cast<std::size_t>(got));
  gzclose(file);
  if (got < 0) throw std::runtime_error("cannot inflate " + path.string());
  return out;
}

}  // namespace converge::testing
