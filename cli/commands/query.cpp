#include "cli/app/kinds.h"
#include "cli/commands/handlers.h"
#include "cli/commands/jq_program.h"
#include "cli/commands/progress.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/verbs/jsonpath.h"

#include <nlohmann/json.hpp>

#include <optional>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

/// Takes pages of documents and prints what the query finds in them, as it comes.
class Query {
 public:
  explicit Query(Session& session) : session_(session), progress_(session, "query", "documents") {}

  Result<int> run() {
    if (auto ready = prepare(); !ready) return ready.error();
    for (const std::string& file : files_) {
      if (full()) break;
      if (auto done = look_into_file(file); !done) return done.error();
    }
    if (!patterns_.empty() || files_.empty())
      if (auto done = ask_replica(); !done) return done.error();
    return finish();
  }

 private:
  Result<void> prepare() {
    const bool has_path = session_.invocation().has_arg(0);
    if (!has_path && !session_.has("jq"))
      return make_error(ErrorId::kUsageArgument, "PATH is missing",
                        "for example '$.items[*].title', or --jq PROGRAM");
    if (has_path) {
      auto parsed = verbs::JsonPath::parse(session_.arg(0));
      if (!parsed) return parsed.error();
      path_ = std::move(*parsed);
    }
    if (const auto program = session_.value("jq")) {
      auto compiled = JqProgram::compile(*program);
      if (!compiled) return compiled.error();
      jq_ = std::move(*compiled);
    }
    for (const std::string& word : session_.invocation().values("in")) {
      if (is_file_word(word))
        files_.push_back(word);
      else
        patterns_.push_back(session_.document(word));
    }
    if (const auto limit = session_.invocation().number("limit"))
      left_ = static_cast<std::size_t>(*limit);
    return {};
  }

  bool full() const { return left_ == 0; }
  bool counts() const { return session_.has("count"); }

  Result<void> ask_replica() {
    json params = {{"patterns", patterns_}};
    if (path_) params["path"] = session_.arg(0);
    if (counts() && !jq_) params["count"] = true;
    if (const auto at = session_.at()) params["at"] = *at;
    while (!full()) {
      auto page = session_.ask("doc.query", params);
      if (!page) return page.error();
      looked_at_ += page->at("items").size();
      for (json& document : page->at("items")) {
        for (json& match : document["results"]) {
          if (full()) break;
          if (auto done = take(document, match); !done) return done;
        }
      }
      if (auto done = flush(); !done) return done;
      progress_.update(looked_at_);
      if (field(*page, "next").empty()) return {};
      params["after"] = (*page)["next"];
    }
    return {};
  }

  Result<void> look_into_file(const std::string& file) {
    json params = {{"doc", file}};
    if (const auto at = session_.at()) params["at"] = *at;
    auto answer = session_.files().call("doc.get", params);
    if (!answer) return answer.error();
    const json document = {{"id", nullptr}, {"name", file}};
    if (!path_) return take(document, {{"path", "$"}, {"value", answer->at("value")}});
    const auto nodes = path_->select(answer->at("value"), true);
    if (!nodes) return nodes.error();
    for (const auto& node : *nodes) {
      if (full()) break;
      const json match = {{"path", node.path}, {"value", *node.value}};
      if (auto done = take(document, match); !done) return done;
    }
    return flush();
  }

  /// One value that the path found; jq makes any number of results of it.
  Result<void> take(const json& document, const json& match) {
    if (!jq_) {
      add(document, match);
      return {};
    }
    return jq_->run(control::to_compact(match.at("value")), [&](std::string output) {
      json value = json::parse(output, nullptr, false);
      add(document, {{"path", nullptr}, {"value", std::move(value)}});
      return !full();
    });
  }

  void add(const json& document, const json& match) {
    ++count_;
    --left_;
    if (counts()) return;
    json item = {{"kind", "QueryResult"},
                 {"v", 1},
                 {"id", document.value("id", json())},
                 {"name", document.value("name", json())},
                 {"path", match.value("path", json())},
                 {"value", match.value("value", json())}};
    pending_.push_back(std::move(item));
  }

  bool gathers() const {
    const auto kind = session_.out().format().kind;
    return kind == Format::Kind::kJson || kind == Format::Kind::kJsonPath ||
           kind == Format::Kind::kCsv;
  }

  /// Prints what has come, unless the format needs all of it.
  Result<void> flush() {
    if (counts() || gathers()) return {};
    const auto kind = session_.out().format().kind;
    std::string out;
    for (const json& item : pending_) {
      if (kind == Format::Kind::kNdjson) {
        out += session_.out().to_line(item);
        continue;
      }
      const std::string name = printable(name_or_id(item));
      if (kind == Format::Kind::kName) {
        if (name != last_name_) out += name + "\n";
        last_name_ = name;
        continue;
      }
      const bool named = session_.has("with-doc") || session_.out().wide();
      if (named) out += name + (session_.terminal().out_tty ? "  " : "\t");
      const std::string value = control::to_compact(item["value"]);
      out += (session_.terminal().out_tty ? printable(value, true) : value) + "\n";
    }
    pending_ = json::array();
    if (!out.empty()) progress_.erase();  // lines and a redrawn one do not share a terminal
    return session_.out().data(out);
  }

  Table table() const {
    Table table({{.header = "document"}, {.header = "path"}, {.header = "value"}});
    for (const json& item : pending_)
      table.add({{name_or_id(item), "", Paint::kNone},
                 {field(item, "path"), "", Paint::kNone},
                 {control::to_compact(item["value"]), "", Paint::kNone}});
    return table;
  }

  Result<int> finish() {
    progress_.erase();
    if (counts()) {
      const json count = {{"kind", "Count"}, {"v", 1}, {"count", count_}};
      const auto done =
          session_.out().result(count, {.text = [&] { return std::to_string(count_) + "\n"; }});
      if (!done) return done.error();
      return control::exit_code::kOk;
    }
    if (gathers()) {
      const json list = {
          {"kind", "QueryResultList"}, {"v", 1}, {"items", pending_}, {"next", nullptr}};
      if (auto done = session_.out().result(list, {.table = [&] { return table(); }}); !done)
        return done.error();
    } else if (auto done = flush(); !done) {
      return done.error();
    }
    if (count_ == 0) session_.out().note("no results");
    return control::exit_code::kOk;
  }

  Session& session_;
  Progress progress_;
  std::uint64_t looked_at_ = 0;  ///< documents with a result
  std::optional<verbs::JsonPath> path_;
  std::optional<JqProgram> jq_;
  std::vector<std::string> files_;
  std::vector<std::string> patterns_;
  std::size_t left_ = SIZE_MAX;
  std::size_t count_ = 0;
  std::string last_name_;
  json pending_ = json::array();
};

}  // namespace

Result<int> run_query(Session& session) { return Query(session).run(); }

}  // namespace converge::cli
