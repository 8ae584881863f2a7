#pragma once

#include "cli/commands/session.h"
#include "cli/output/table.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

/// Pieces that several commands print alike.
namespace converge::cli {

/// A field as text: a string as it is, a number in digits, null or absent empty.
std::string field(const nlohmann::json& object, std::string_view key);
std::uint64_t count_field(const nlohmann::json& object, std::string_view key);

/// The document's name, else its URL.
std::string name_or_id(const nlohmann::json& object);

/// A URL or hash: whole, and short on a terminal.
Cell id_cell(const std::string& id);
Cell hash_cell(const std::string& hash);
/// RFC 3339, and relative on a terminal.
Cell time_cell(const Session& session, const std::string& rfc3339);

/// "changed  todo/home  88d0e1b  replace /a  durable" as the contract, section 13, has it.
std::string ack_line(const Session& session, const nlohmann::json& ack);

/// Prints one Ack; -o name prints the change's hash.
Result<int> print_ack(Session& session, const nlohmann::json& ack);

/// A typed value as people read it: {"$text":"x"} is "x", {"$counter":3} is 3.
nlohmann::json plain_value(const nlohmann::json& typed);

/// A patch as people read it: "+ /a 1", "- /b", "! /c 1"; coloured.
std::string patch_text(const Session& session, const nlohmann::json& patch);

/// Carries on over failures of single items: every error is printed once with its count, and the
/// exit code is 10 when some succeeded, else that of the strongest error.
class Failures {
 public:
  void add(const Error& error);
  bool empty() const { return errors_.empty(); }
  int finish(Session& session, std::size_t succeeded) const;

 private:
  struct Entry {
    Error error;
    std::size_t count;
  };
  std::vector<Entry> errors_;
};

/// Prints a list of Acks as `kind` and the failures; -o name prints the field `name_key` of each.
Result<int> print_acks(Session& session, const char* kind, const nlohmann::json& items,
                       const Failures& failures, const char* name_key = "change");

}  // namespace converge::cli
