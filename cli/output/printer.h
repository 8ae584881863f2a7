#pragma once

#include "cli/output/table.h"
#include "cli/output/terminal.h"
#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace converge::cli {

struct Format {
  enum class Kind { kText, kWide, kJson, kNdjson, kCsv, kName, kJsonPath };
  Kind kind = Kind::kText;
  std::string path = {};  ///< kJsonPath: RFC 9535; a leading "$" may be left out

  /// REQUIRES: a word that the FORMAT kind accepts.
  static Format from_word(std::string_view word);
  bool is_json() const { return kind == Kind::kJson || kind == Kind::kNdjson; }
};

/// How one result looks in each format; a command fills in what it has.
struct Rendering {
  std::function<std::string()> text = {};                ///< text (and wide, without a table)
  std::function<Table()> table = {};                     ///< text, wide and csv
  std::function<std::vector<std::string>()> names = {};  ///< -o name
  bool pages = false;
};

/// The only way to stdout and stderr. Data goes to stdout, everything else to stderr.
class Printer {
 public:
  struct Options {
    Format format;
    Terminal terminal;
    bool quiet = false;
    int verbose = 0;
    std::string pager = {};  ///< command to page with; empty: none
  };
  explicit Printer(Options options) : options_(std::move(options)) {}

  const Terminal& terminal() const { return options_.terminal; }
  const Format& format() const { return options_.format; }
  bool quiet() const { return options_.quiet; }
  int verbose() const { return options_.verbose; }
  bool wide() const { return options_.format.kind == Format::Kind::kWide; }
  std::string paint(Paint paint, std::string_view text) const {
    return painted(paint, text, options_.terminal.color_out);
  }

  /// Whether the format can be used at all, before anything is done. Errors: query.syntax.
  Result<void> check_format() const;

  /// One result in the chosen format. Errors: usage.flag when the format does not fit it,
  /// query.syntax, io.
  Result<void> result(const nlohmann::json& value, const Rendering& rendering);

  /// One JSON value as -o json and ndjson print it, and a line break. `own` leaves the order of
  /// keys alone: a document's content.
  std::string to_line(const nlohmann::json& value, bool own = false) const;

  /// Bytes as they are. Errors: io (disk full, closed).
  Result<void> data(std::string_view bytes);
  /// Data that may be paged on a terminal.
  Result<void> paged(const std::string& text);

  void note(std::string_view message);
  void warning(const std::string& message);
  void error(const Error& error);

 private:
  Result<void> selected(const nlohmann::json& value);

  Options options_;
};

}  // namespace converge::cli
