#include "cli/output/table.h"

#include "cli/output/text.h"
#include "core/base/assert.h"

#include <algorithm>
#include <cctype>
#include <numeric>

namespace converge::cli {
namespace {

std::string capitals(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

const std::string& shown(const Cell& cell) { return cell.shown.empty() ? cell.full : cell.shown; }

std::string padded(const std::string& text, std::size_t width, bool right, bool last) {
  const std::size_t have = display_width(text);
  const std::string space(width > have ? width - have : 0, ' ');
  if (right) return space + text;
  return last ? text : text + space;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

/// Narrows columns, the least important first, until the row fits.
void fit(std::vector<std::size_t>& widths, const std::vector<Column>& columns,
         const std::vector<std::size_t>& visible, std::size_t limit) {
  const auto total = [&] {
    return std::accumulate(widths.begin(), widths.end(), std::size_t{0}) + 2 * (widths.size() - 1);
  };
  std::vector<std::size_t> order(widths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return columns[visible[a]].importance < columns[visible[b]].importance;
  });
  for (const std::size_t i : order) {
    if (total() <= limit) return;
    const std::size_t over = total() - limit;
    const std::size_t least = std::min<std::size_t>(widths[i], 4);
    widths[i] = std::max(least, widths[i] > over ? widths[i] - over : 0);
  }
}

}  // namespace

void Table::add(std::vector<Cell> row) {
  ASSERT(row.size() == columns_.size());
  for (Cell& cell : row) {
    cell.full = printable(cell.full);
    cell.shown = printable(cell.shown);
  }
  rows_.push_back(std::move(row));
}

std::string Table::to_text(const Terminal& terminal, bool wide) const {
  if (rows_.empty()) return "";
  std::vector<std::size_t> visible;
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (wide || !columns_[i].wide_only) visible.push_back(i);
  std::string out;
  if (!terminal.out_tty) {
    for (const auto& row : rows_) {
      std::string line;
      for (const std::size_t i : visible)
        line += (i == visible.front() ? "" : "\t") +
                painted(row[i].paint, row[i].full, terminal.color_out);
      out += line + "\n";
    }
    return out;
  }
  std::vector<std::size_t> widths;
  for (const std::size_t i : visible) {
    std::size_t width = columns_[i].header.size();
    for (const auto& row : rows_)
      width = std::max(width, display_width(wide ? row[i].full : shown(row[i])));
    widths.push_back(width);
  }
  if (!wide && terminal.width > 0) fit(widths, columns_, visible, terminal.width);
  for (std::size_t n = 0; n < visible.size(); ++n)
    out += (n == 0 ? "" : "  ") +
           painted(Paint::kBold,
                   padded(cut(capitals(columns_[visible[n]].header), widths[n], terminal.utf8),
                          widths[n], columns_[visible[n]].right, n + 1 == visible.size()),
                   terminal.color_out);
  out += "\n";
  for (const auto& row : rows_) {
    for (std::size_t n = 0; n < visible.size(); ++n) {
      const Cell& cell = row[visible[n]];
      const std::string text =
          cut(wide ? cell.full : shown(cell), wide ? SIZE_MAX : widths[n], terminal.utf8);
      out += (n == 0 ? "" : "  ") +
             painted(cell.paint,
                     padded(text, widths[n], columns_[visible[n]].right, n + 1 == visible.size()),
                     terminal.color_out);
    }
    out += "\n";
  }
  return out;
}

std::string Table::to_csv() const {
  std::string out;
  const auto add_line = [&](const std::vector<std::string>& fields) {
    for (std::size_t i = 0; i < fields.size(); ++i)
      out += (i == 0 ? "" : ",") + csv_field(fields[i]);
    out += "\r\n";
  };
  std::vector<std::string> header;
  for (const Column& column : columns_) header.push_back(column.header);
  add_line(header);
  for (const auto& row : rows_) {
    std::vector<std::string> fields;
    for (const Cell& cell : row) fields.push_back(cell.full);
    add_line(fields);
  }
  return out;
}

}  // namespace converge::cli
