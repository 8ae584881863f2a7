#include "cli/commands/bundle_parts.h"
#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/commands/tar.h"
#include "cli/commands/version.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/verbs/text_forms.h"

#include <nlohmann/json.hpp>

#include <array>
#include <ctime>
#include <optional>
#include <string>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

/// What is asked of the agent, or of the stopped store.
struct Question {
  const char* file;
  const char* method;
};
constexpr std::array kQuestions{
    Question{"agent.json", "agent.hello"},
    Question{"settings.json", "agent.settings"},
    Question{"status.json", "agent.status"},
    Question{"metrics.json", "agent.metrics"},
    Question{"peers.json", "peer.list"},
    Question{"store.json", "store.stats"},
    Question{"quarantine.json", "quarantine.list"},
    Question{"log.json", "agent.logs"},
};

std::string default_name(std::int64_t now_ms) {
  const auto seconds = static_cast<std::time_t>(now_ms / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts);
  return std::string("syncctl-bundle-") + text.data() + ".tar";
}

/// Puts one bundle together, in memory. What could not be had is listed with the reason.
class Bundle {
 public:
  explicit Bundle(Session& session)
      : session_(session),
        anonymous_(!session.has("no-anonymize")),
        names_(secret()),
        tar_(session.clock().wall_now_ms() / 1000) {}

  Result<int> run() {
    const std::string to =
        session_.value("to").value_or(default_name(session_.clock().wall_now_ms()));
    if (to == "-" && session_.terminal().out_tty)
      return make_error(ErrorId::kUsageArgument, "a bundle is not written to a terminal",
                        "say where it goes with --to FILE");
    std::error_code ignored;
    if (to != "-" && !session_.has("force") && std::filesystem::exists(to, ignored))
      return make_error(ErrorId::kOutputExists, "\"" + to + "\" exists", "--force replaces it");
    if (const auto line = session_.value("reproduce")) add_reproduction(*line);
    add_json("system.json", describe_system());
    for (const Question& question : kQuestions)
      add_answer(question.file, session_.ask(question.method, params_of(question)));
    if (const auto doc = session_.value("doc")) add_document(session_.document(*doc));
    return write(to);
  }

 private:
  static Bytes secret() {
    Bytes out(32);
    SystemRandom().fill(out);
    return out;
  }

  static json params_of(const Question& question) {
    if (std::string_view(question.method) == "agent.hello") return {{"client", "syncctl"}};
    return json::object();
  }

  void add(const std::string& file, std::string_view bytes) {
    tar_.add(file, bytes);
    parts_.push_back({{"file", file}, {"bytes", bytes.size()}, {"error", nullptr}});
  }

  void add_json(const std::string& file, const json& value) {
    // Of the machine and of a run there is only what may be known.
    const bool is_plain = !anonymous_ || file == "system.json" || file == "reproduce.json";
    add(file, control::to_pretty(is_plain ? value : without_secrets(value, names_)) + "\n");
  }

  void add_failure(const std::string& file, const Error& error) {
    const std::string id = error.id.empty() ? "internal" : error.id;
    parts_.push_back({{"file", file}, {"bytes", 0}, {"error", id}});
  }

  void add_answer(const std::string& file, const Result<json>& answer) {
    if (answer) return add_json(file, *answer);
    if (!unreachable_) unreachable_ = answer.error();
    add_failure(file, answer.error());
  }

  void add_reproduction(const std::string& line) {
    const auto done = reproduce(line, session_.clock(), anonymous_);
    if (done) return add_json("reproduce.json", *done);
    wanted_.add(done.error());
    add_failure("reproduce.json", done.error());
  }

  void add_document(const std::string& doc) {
    const auto changes = changes_for_bundle(session_, doc, anonymous_ ? &names_ : nullptr);
    if (changes) return add("document.automerge", as_text(*changes));
    wanted_.add(changes.error());
    add_failure("document.automerge", changes.error());
  }

  Result<int> write(const std::string& to) {
    const json manifest = {{"kind", "Bundle"},
                           {"v", 1},
                           {"to", nullptr},
                           {"version", kVersion},
                           {"created_at", verbs::format_timestamp(session_.clock().wall_now_ms())},
                           {"anonymized", anonymous_},
                           {"parts", parts_}};
    tar_.add("bundle.json", control::to_pretty(manifest) + "\n");
    const std::string bytes = std::move(tar_).finish();
    // A store that was named is asked for; an agent may well be down.
    const auto named = session_.store_directory();
    if (unreachable_ && named && !named->empty()) {
      wanted_.add(*unreachable_);
      unreachable_.reset();
    }
    if (unreachable_) session_.out().warning(unreachable_->message + "; the bundle goes without");
    if (to == "-") {
      if (auto done = session_.out().data(bytes); !done) return done.error();
      return wanted_.finish(session_, 1);
    }
    if (auto done = write_file(to, bytes, {.replace = session_.has("force"), .is_private = true});
        !done)
      return done.error();
    json report = manifest;
    report["to"] = to;
    const auto text = [&]() -> std::string {
      if (session_.out().quiet()) return "";
      return "wrote  " + printable(to) + "  " + human_bytes(bytes.size()) +
             (anonymous_ ? "  anonymized" : "  with names and contents") + "\n";
    };
    const auto names = [&] { return std::vector<std::string>{to}; };
    if (auto done = session_.out().result(report, {.text = text, .names = names}); !done)
      return done.error();
    return wanted_.finish(session_, 1);
  }

  Session& session_;
  bool anonymous_;
  verify::Anonymizer names_;
  TarWriter tar_;
  json parts_ = json::array();
  std::optional<Error> unreachable_;
  Failures wanted_;  ///< what was asked for by name and could not be had
};

}  // namespace

Result<int> run_bundle(Session& session) { return Bundle(session).run(); }

}  // namespace converge::cli
