#include "core/verify/sql_invariant.h"

#include <memory>
#include <sqlite3.h>
#include <string_view>

namespace converge::verify {
namespace {

struct Close {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

Error bad_statement(const std::string& statement, const std::string& why) {
  return {ErrorCode::kInvalid, "the invariant \"" + statement + "\" " + why, "query.syntax",
          "write one SELECT in which :doc is the document's JSON"};
}

/// One prepared statement and its database; members go in reverse, so the statement goes first.
class Statement {
 public:
  static Result<std::shared_ptr<Statement>> prepare(const std::string& text) {
    auto self = std::make_shared<Statement>();
    self->text_ = text;
    sqlite3* database = nullptr;
    const int opened = sqlite3_open(":memory:", &database);
    self->database_.reset(database);
    if (opened != SQLITE_OK) return Error{ErrorCode::kIo, "SQLite cannot be started", "io"};
    sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_stmt* statement = nullptr;
    const char* rest = nullptr;
    if (sqlite3_prepare_v2(database, text.c_str(), -1, &statement, &rest) != SQLITE_OK)
      return bad_statement(text, std::string("is not understood\n") + sqlite3_errmsg(database));
    self->statement_.reset(statement);
    if (statement == nullptr) return bad_statement(text, "is empty");
    if (std::string_view(rest).find_first_not_of(" \t\r\n;") != std::string_view::npos)
      return bad_statement(text, "is more than one statement");
    if (sqlite3_stmt_readonly(statement) == 0) return bad_statement(text, "writes");
    if (sqlite3_column_count(statement) != 1)
      return bad_statement(text, "does not give one value a row");
    for (int i = 1; i <= sqlite3_bind_parameter_count(statement); ++i) {
      const char* name = sqlite3_bind_parameter_name(statement, i);
      if (name == nullptr || std::string_view(name) != ":doc")
        return bad_statement(text, "has another parameter than :doc");
    }
    return self;
  }

  Result<std::optional<std::string>> check(const std::string& state) {
    sqlite3_stmt* statement = statement_.get();
    sqlite3_reset(statement);
    if (sqlite3_bind_parameter_count(statement) > 0)
      sqlite3_bind_text64(statement, 1, state.data(), state.size(), SQLITE_STATIC, SQLITE_UTF8);
    const int step = sqlite3_step(statement);
    if (step == SQLITE_DONE) return std::optional<std::string>("no row");
    if (step != SQLITE_ROW) return cannot_be_evaluated();
    const auto* shown = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    const std::string got = shown == nullptr ? "NULL" : shown;
    const bool holds = sqlite3_column_double(statement, 0) != 0.0;
    const int next = sqlite3_step(statement);
    if (next == SQLITE_ROW) return bad_statement(text_, "gives more than one row");
    if (next != SQLITE_DONE) return cannot_be_evaluated();
    sqlite3_reset(statement);
    return holds ? std::optional<std::string>() : got;
  }

 private:
  Error cannot_be_evaluated() const {
    return bad_statement(text_,
                         std::string("cannot be evaluated\n") + sqlite3_errmsg(database_.get()));
  }

  std::string text_;
  std::unique_ptr<sqlite3, Close> database_;
  std::unique_ptr<sqlite3_stmt, Close> statement_;
};

}  // namespace

Result<Invariant> sql_invariant(std::string name, const std::string& statement) {
  auto prepared = Statement::prepare(statement);
  if (!prepared) return prepared.error();
  return Invariant{std::move(name), [statement = *prepared](const std::string& state) {
                     return statement->check(state);
                   }};
}

}  // namespace converge::verify
