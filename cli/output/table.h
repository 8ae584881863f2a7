#pragma once

#include "cli/output/terminal.h"

#include <cstdint>
#include <string>
#include <vector>

namespace converge::cli {

/// One value of a table: what a program gets and what a person sees.
struct Cell {
  std::string full;   ///< whole ids, RFC 3339
  std::string shown;  ///< on a terminal; empty: the same as full
  Paint paint = Paint::kNone;
};

struct Column {
  std::string header;      ///< lower case; capitals on a terminal
  bool right = false;      ///< numbers
  bool wide_only = false;  ///< only with -o wide and csv
  int importance = 1;      ///< the least important is cut first
};

/// A list for people: aligned with a header on a terminal, tab-separated without one when piped.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<Cell> row);
  bool empty() const { return rows_.empty(); }

  /// `text` or `wide`. Ends in a line break unless empty.
  std::string to_text(const Terminal& terminal, bool wide) const;
  /// RFC 4180 with a header row.
  std::string to_csv() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace converge::cli
