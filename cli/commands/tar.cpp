#include "cli/commands/tar.h"

#include "core/base/assert.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace converge::cli {
namespace {

constexpr std::size_t kTarBlock = 512;
constexpr std::size_t kTarNameMax = 99;

void put(std::string& header, std::size_t offset, std::string_view text) {
  header.replace(offset, text.size(), text);
}

}  // namespace

void TarWriter::add(std::string_view name, std::string_view bytes) {
  ASSERT(!name.empty() && name.size() <= kTarNameMax && name.front() != '/');
  ASSERT(name.find("..") == std::string_view::npos);
  std::string header(kTarBlock, '\0');
  put(header, 0, name);
  put(header, 100, "0000600");
  put(header, 108, "0000000");
  put(header, 116, "0000000");
  put(header, 124, fmt::format("{:011o}", bytes.size()));
  put(header, 136, fmt::format("{:011o}", time_));
  put(header, 148, "        ");  // counts as spaces while the sum is made
  put(header, 156, "0");
  put(header, 257, std::string_view("ustar\0", 6));
  put(header, 263, "00");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(header, 148, fmt::format("{:06o}", sum));
  header[154] = '\0';
  out_ += header;
  out_ += bytes;
  out_.resize((out_.size() + kTarBlock - 1) / kTarBlock * kTarBlock, '\0');
}

std::string TarWriter::finish() && {
  out_.resize(out_.size() + 2 * kTarBlock, '\0');
  return std::move(out_);
}

}  // namespace converge::cli
