#include "cli/app/kinds.h"
#include "cli/commands/backoff.h"
#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/interrupt.h"
#include "cli/commands/progress.h"
#include "cli/commands/render.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/verbs/root_digest.h"
#include "core/verbs/text_forms.h"
#include "core/verify/anonymize.h"
#include "core/verify/history_file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

/// Changes asked for at once: enough to make the round trip cheap, few enough for one answer.
constexpr std::size_t kChangesAtOnce = 256;

/// What is known of a document while its changes are recorded.
struct Recorded {
  std::set<ChangeHash> heads;  ///< of the recorded changes
  std::uint64_t seq = 0;       ///< the last receipt recorded
  std::optional<verify::Anonymizer> anonymizer;
};

/// Writes the lines and keeps count, so that a mark tells exactly what stands before it.
class RecordingFile {
 public:
  enum class Payloads { kFull, kAnonymous, kNone };

  RecordingFile(Session& session, Payloads payloads) : session_(session), payloads_(payloads) {
    secret_.resize(32);
    SystemRandom().fill(secret_);
  }

  Result<void> begin(const std::string& to, const json& hello) {
    if (to != "-") {
      auto file = FileWriter::begin(to, {.replace = session_.has("force")});
      if (!file) return file.error();
      file_.emplace(std::move(*file));
    }
    return write({{"kind", "Recording"},
                  {"v", 1},
                  {"store_id", hello.value("store_id", json())},
                  {"payloads", session_.value("payloads").value_or("full")},
                  {"started_at", verbs::format_timestamp(session_.clock().wall_now_ms())}});
  }

  /// `facts`: seq, at, origin and, where known, the name. Errors: io; input.file for a chunk that
  /// is no change.
  Result<void> change(const DocumentId& id, const json& facts, Bytes chunk) {
    Recorded& document = documents_[id];
    auto header = verify::facts_of_change(chunk);
    if (!header) return header.error();
    if (payloads_ == Payloads::kAnonymous) {
      if (!document.anonymizer) document.anonymizer.emplace(secret_);
      auto renamed = document.anonymizer->change(chunk);
      if (!renamed) return renamed.error();
      *header = {renamed->hash, std::move(renamed->deps)};
      chunk = std::move(renamed->chunk);
    }
    json deps = json::array();
    for (const ChangeHash& dep : header->deps) {
      document.heads.erase(dep);
      deps.push_back(dep.to_hex());
    }
    document.heads.insert(header->hash);
    document.seq = std::max(document.seq, count_field(facts, "seq"));
    ++changes_;
    json line = facts;
    line["kind"] = "RecordedChange";
    line["v"] = 1;
    line["id"] = id.to_url();
    line["name"] = shown_name(field(facts, "name"));
    line["hash"] = header->hash.to_hex();
    line["deps"] = std::move(deps);
    if (payloads_ != Payloads::kNone) line["data"] = verbs::to_base64(chunk);
    return write(line);
  }

  Result<void> deleted(const DocumentId& id, const json& event) {
    documents_.erase(id);
    return write({{"kind", "RecordedDelete"},
                  {"v", 1},
                  {"seq", event.value("seq", json())},
                  {"id", id.to_url()},
                  {"at", event.value("at", json())}});
  }

  /// `facts`: seq, at, name, and the id, which is null where the name means nothing any more.
  Result<void> named(const json& facts) {
    return write({{"kind", "RecordedName"},
                  {"v", 1},
                  {"seq", facts.value("seq", json())},
                  {"name", shown_name(field(facts, "name"))},
                  {"id", facts.value("id", json())},
                  {"at", facts.value("at", json())}});
  }

  Result<void> mark() {
    verbs::RootDigest root;
    std::uint64_t seq = 0;
    for (const auto& [id, document] : documents_) {
      root.add(id, verbs::history_digest({document.heads.begin(), document.heads.end()}));
      seq = std::max(seq, document.seq);
    }
    digest_ = root.hex();
    return write({{"kind", "RecordedMark"},
                  {"v", 1},
                  {"seq", seq},
                  {"documents", documents_.size()},
                  {"changes", changes_},
                  {"digest", digest_}});
  }

  Result<void> commit() { return file_ ? file_->commit() : Result<void>(); }

  bool has(const DocumentId& id, std::uint64_t seq) const {
    const auto found = documents_.find(id);
    return found != documents_.end() && found->second.seq >= seq;
  }
  std::uint64_t changes() const { return changes_; }
  std::size_t documents() const { return documents_.size(); }
  const std::string& digest() const { return digest_; }

 private:
  /// Parts of an anonymous name stay parts, so that collections stay together.
  json shown_name(const std::string& name) const {
    if (name.empty()) return nullptr;
    if (payloads_ != Payloads::kAnonymous) return name;
    const verify::Anonymizer anonymizer(secret_);
    std::string out;
    std::string_view rest = name;
    while (true) {
      const std::size_t slash = rest.find('/');
      out += anonymizer.key(rest.substr(0, slash));
      if (slash == std::string_view::npos) return out;
      out += '/';
      rest.remove_prefix(slash + 1);
    }
  }

  Result<void> write(const json& line) {
    const std::string text = control::to_compact(line) + "\n";
    return file_ ? file_->append(text) : session_.out().data(text);
  }

  Session& session_;
  Payloads payloads_;
  Bytes secret_;
  std::optional<FileWriter> file_;
  std::map<DocumentId, Recorded> documents_;
  std::uint64_t changes_ = 0;
  std::string digest_;
};

class Recorder {
 public:
  Recorder(Session& session, RecordingFile::Payloads payloads)
      : session_(session),
        file_(session, payloads),
        progress_(session, "record", "changes"),
        backoff_(session) {}

  Result<int> run() {
    const std::string to = *session_.value("to");
    const auto live = session_.value("for");
    if (live) end_ = session_.clock().steady_now() + *parse_duration(*live);
    auto target = session_.watch_target();
    if (!target) return target.error();
    const auto hello = session_.ask("agent.hello", {{"client", "syncctl"}});
    if (!hello) return hello.error();
    // Receipts up to this one are in the first part; what comes meanwhile is asked for again.
    const auto newest = session_.ask("doc.log", {{"limit", 1}});
    if (!newest) return newest.error();
    const json& items = newest->at("items");
    newest_ = items.empty() ? 0 : count_field(items[0], "received_seq");
    cursor_ = "s1." + std::to_string(newest_);
    if (auto done = file_.begin(to, *hello); !done) return done.error();
    if (auto done = record_present(); !done) return done.error();
    if (auto done = record_names(); !done) return done.error();
    if (auto done = file_.mark(); !done) return done.error();
    // Nobody else writes to a store that is open here.
    const bool follows = session_.asks_agent() && (!live || *live != "0") && !stopping();
    if (follows) {
      session_.out().note("recorded " + std::to_string(file_.changes()) +
                          " changes, recording what comes");
      if (auto done = follow(); !done) return done.error();
      if (auto done = file_.mark(); !done) return done.error();
    }
    progress_.erase();
    if (auto done = file_.commit(); !done) return done.error();
    return report(to);
  }

 private:
  Result<int> report(const std::string& to) {
    const json report = {{"kind", "RecordReport"},
                         {"v", 1},
                         {"to", to},
                         {"documents", file_.documents()},
                         {"changes", file_.changes()},
                         {"digest", file_.digest()},
                         {"unreadable", unreadable_}};
    if (to != "-") {
      const auto text = [&] {
        const char* gap = session_.terminal().out_tty ? "  " : "\t";
        return "recorded" + (gap + std::to_string(file_.changes())) + " changes" + gap +
               std::to_string(file_.documents()) + " documents" + gap + file_.digest() + "\n";
      };
      if (auto done = session_.out().result(report, {.text = text}); !done) return done.error();
    }
    return failures_.finish(session_, file_.documents());
  }

  Result<void> record_present() {
    json params = {{"patterns", json::array()}};
    while (!stopping()) {
      const auto list = session_.ask("doc.list", params);
      if (!list) return list.error();
      for (const json& document : list->at("items")) {
        if (stopping()) break;
        if (auto done = record_document(field(document, "id")); !done) return done;
      }
      if (field(*list, "next").empty()) break;
      params["after"] = (*list)["next"];
    }
    return {};
  }

  /// Changes tell their document's first name only.
  Result<void> record_names() {
    json params = json::object();
    while (!stopping()) {
      const auto list = session_.ask("name.list", params);
      if (!list) return list.error();
      for (const json& entry : list->at("items")) {
        json facts = entry;
        facts["seq"] = newest_;
        if (auto done = file_.named(facts); !done) return done;
      }
      if (field(*list, "next").empty()) break;
      params["after"] = (*list)["next"];
    }
    return {};
  }

  /// A document that cannot be read is named at the end; the others are recorded.
  Result<void> record_document(const std::string& url) {
    const auto id = DocumentId::parse(url);
    if (!id) return make_error(ErrorId::kInternal, "the agent names a document \"" + url + "\"");
    const auto log = session_.ask("doc.log", {{"doc", url}});
    if (!log) return give_up(log.error());
    std::vector<json> changes = log->at("items").get<std::vector<json>>();
    std::ranges::reverse(changes);  // the log begins with the newest
    for (std::size_t from = 0; from < changes.size(); from += kChangesAtOnce) {
      const std::size_t to = std::min(changes.size(), from + kChangesAtOnce);
      json hashes = json::array();
      for (std::size_t i = from; i < to; ++i) hashes.push_back(changes[i]["hash"]);
      auto chunks = fetch(url, hashes);
      if (!chunks) return give_up(chunks.error());
      for (std::size_t i = from; i < to; ++i) {
        const json facts = {{"seq", count_field(changes[i], "received_seq")},
                            {"name", log->value("name", json())},
                            {"at", changes[i].value("received_at", json())},
                            {"origin", changes[i].value("origin", json())}};
        if (auto done = file_.change(*id, facts, std::move((*chunks)[i - from])); !done)
          return done;
      }
      progress_.update(file_.changes());
    }
    return {};
  }

  Result<void> give_up(const Error& error) {
    if (control::is(error, ErrorId::kAgentUnreachable)) return error;
    failures_.add(error);
    ++unreadable_;
    return {};
  }

  Result<std::vector<Bytes>> fetch(const std::string& doc, const json& hashes) {
    const auto exported =
        session_.ask("doc.export", {{"doc", doc}, {"format", "changes"}, {"changes", hashes}});
    if (!exported) return exported.error();
    const auto data = verbs::from_base64(field(*exported, "data"));
    if (!data) return make_error(ErrorId::kInternal, "the exported changes are not base64");
    auto chunks = verify::split_changes(*data);
    if (chunks && chunks->size() != hashes.size())
      return make_error(ErrorId::kInternal, "the agent sent other changes than it was asked for");
    return chunks;
  }

  bool is_over() const {
    return stopping() ||
           (end_ != client::Client::kNoDeadline && session_.clock().steady_now() >= end_);
  }

  /// Records what is received until the time is over, across restarts of the agent.
  Result<void> follow() {
    while (!is_over()) {
      const auto done = follow_connection();
      if (done) return {};
      if (control::exit_code_of(done.error()) != control::exit_code::kNoAgent) return done.error();
      backoff_.wait();
    }
    return {};
  }

  Result<void> follow_connection() {
    const auto options = session_.client_options();
    if (!options) return options.error();
    AgentTarget stream(*options, client::Client::kNoDeadline);
    const auto begun = stream.call(
        "watch.start", {{"patterns", json::array()}, {"since", cursor_}, {"names", true}});
    if (!begun) return begun.error();
    while (!is_over()) {
      const auto event = next_event_or_stop(session_, stream, end_);
      if (!event) return event.error();
      if (!*event) continue;
      backoff_.reset();
      const json& latest = (**event)["event"];
      if (auto done = take(latest); !done) return done;
      cursor_ = field(latest, "cursor");
      progress_.update(file_.changes());
    }
    return {};
  }

  Result<void> take(const json& event) {
    if (field(event, "type") == "named") return file_.named(event);
    const auto id = DocumentId::parse(field(event, "id"));
    if (!id) return {};
    if (field(event, "type") == "deleted") return file_.deleted(*id, event);
    const std::uint64_t seq = count_field(event, "seq");
    if (!event.contains("change") || file_.has(*id, seq)) return {};
    auto chunks = fetch(id->to_url(), json::array({event["change"]}));
    if (!chunks) return give_up(chunks.error());
    const json facts = {{"seq", seq},
                        {"name", event.value("name", json())},
                        {"at", event.value("at", json())},
                        {"origin", event.value("origin", json())}};
    const auto done = file_.change(*id, facts, std::move(chunks->front()));
    // Only an anonymous change needs those it depends on to be there first.
    if (!done && control::is(done.error(), ErrorId::kChangeMissingDeps))
      return give_up(done.error());
    return done;
  }

  Session& session_;
  RecordingFile file_;
  Progress progress_;
  Backoff backoff_;
  Failures failures_;
  std::string cursor_;
  std::uint64_t newest_ = 0;  ///< receipt of the first part
  client::Client::Deadline end_ = client::Client::kNoDeadline;
  std::uint64_t unreadable_ = 0;
};

}  // namespace

Result<int> run_record(Session& session) {
  if (!session.value("to"))
    return make_error(ErrorId::kUsageFlag, "\"record\" needs --to FILE",
                      "a file that is not there yet, or - for stdout");
  const std::string payloads = session.value("payloads").value_or("full");
  catch_signals(session);
  Recorder recorder(session, payloads == "anonymous" ? RecordingFile::Payloads::kAnonymous
                             : payloads == "none"    ? RecordingFile::Payloads::kNone
                                                     : RecordingFile::Payloads::kFull);
  return recorder.run();
}

}  // namespace converge::cli
