#include "cli/commands/doctor.h"

#include "cli/commands/child.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/commands/store_target.h"
#include "cli/commands/version.h"
#include "cli/output/text.h"
#include "core/client/outbox.h"
#include "core/control/error_table.h"
#include "core/verbs/text_forms.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace converge::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;
using State = Finding::State;

constexpr std::int64_t kClockSlackMs = 60'000;

struct StateWord {
  const char* word;
  Paint paint;
};
StateWord word_of(State state) {
  switch (state) {
    case State::kOk:
      return {"ok", Paint::kGreen};
    case State::kWarning:
      return {"warning", Paint::kYellow};
    case State::kFailed:
      return {"failed", Paint::kRed};
    case State::kFixed:
      return {"fixed", Paint::kGreen};
    case State::kSkipped:
      break;
  }
  return {"skipped", Paint::kDim};
}

std::map<std::string, std::string, std::less<>> settings_in(const json& answer) {
  std::map<std::string, std::string, std::less<>> settings;
  const json values = answer.value("settings", json::object());
  for (const auto& [key, value] : values.items())
    if (value.is_string()) settings.emplace(key, value.get<std::string>());
  return settings;
}

/// One run of doctor: looks at everything, in the order in which one thing needs the other.
class Doctor {
 public:
  explicit Doctor(Session& session) : session_(session) {}

  Result<int> run() {
    check_client_files(session_, findings_);
    const auto store = session_.store_directory();
    if (!store) return store.error();
    if (store->empty()) {
      look_at_agent();
    } else {
      check_store(fs::absolute(*store).lexically_normal(), {}, findings_);
    }
    if (session_.has("fix")) repair();
    if (auto done = print(); !done) return done.error();
    const bool sound = std::ranges::none_of(
        findings_, [](const Finding& each) { return each.state == State::kFailed; });
    return sound ? control::exit_code::kOk : control::exit_code::kNo;
  }

 private:
  void add(const char* check, State state, std::string message, std::string next = "") {
    findings_.push_back({check, state, std::move(message), std::move(next)});
  }

  void look_at_agent() {
    const auto options = session_.client_options();
    if (!options) return add("socket", State::kFailed, options.error().message);
    read_settings();
    const auto hello = session_.ask("agent.hello", {{"client", "syncctl"}});
    agent_.answers = hello.has_value();
    if (!agent_.answers && agent_.settings.empty()) {
      const fs::path store = session_.places().user_store;
      agent_.settings = {{"store.dir", store.string()},
                         {"agent.keys", (store.parent_path() / "keys").string()}};
    }
    check_socket(options->connection.socket, findings_);
    if (!hello) {
      add("agent", State::kFailed, hello.error().message,
          hello.error().hint.empty() ? "systemctl --user start syncd" : hello.error().hint);
    } else {
      agent_.pid = field(*hello, "pid");
      meet(*hello);
    }
    if (const std::string store = agent_.setting("store.dir"); !store.empty())
      check_store(store, agent_, findings_);
    if (!agent_.settings.empty()) check_keys(agent_, findings_);
    if (agent_.answers) look_inside();
    check_outbox();
  }

  /// The settings that the agent would start with now: its own parser reads them.
  void read_settings() {
    const std::string program = agent_program();
    const auto run =
        run_child({"sh", "-c", "exec \"$0\" --print-config 2>&1", program}, "", {.capture = true});
    if (!run) return add("config", State::kSkipped, run.error().message);
    if (run->exit == 127)
      return add("config", State::kWarning, "syncd is neither beside syncctl nor on the path");
    const json printed = json::parse(run->output, nullptr, false);
    if (run->exit != 0 || !printed.is_object()) {
      std::string_view line = std::string_view(run->output).substr(0, run->output.find('\n'));
      if (line.starts_with("syncd: error: ")) line.remove_prefix(14);
      return add("config", State::kFailed, std::string(line),
                 "put it right; \"syncd --print-config\" tells what is read");
    }
    agent_.settings = settings_in(printed);
    const std::string file = field(printed, "file");
    add("config", State::kOk, file.empty() ? "built-in, there is no file" : file);
  }

  void meet(const json& hello) {
    add("agent", State::kOk, "process " + agent_.pid + " answers");
    const std::string version = field(hello, "version");
    if (version == kVersion)
      add("version", State::kOk, version);
    else
      add("version", State::kWarning, "the agent is " + version + ", syncctl is " + kVersion,
          "restart the agent after an upgrade");
    const auto now = session_.ask("agent.settings", json::object());
    if (!now) return;
    // What it runs with counts, not what a new start would read.
    agent_.settings = settings_in(*now);
    facts_ = *now;
    std::string pending;
    for (const json& key : now->value("pending", json::array()))
      pending += (pending.empty() ? "" : ", ") + key.get<std::string>();
    if (!pending.empty())
      add("restart", State::kWarning,
          "the agent runs with other settings than it would read: " + pending,
          "syncctl agent reload, or restart it");
  }

  void look_inside() {
    check_listener();
    check_clock();
    const auto status = session_.ask("agent.status", json::object());
    if (!status) return add("status", State::kFailed, status.error().message);
    for (const json& problem : status->value("problems", json::array())) {
      if (field(problem, "code").starts_with("peer.")) continue;  // below, one by one
      add("status", field(problem, "severity") == "error" ? State::kFailed : State::kWarning,
          field(problem, "message"), field(problem, "next"));
    }
    check_peers(status->value("peers", json::array()));
  }

  void check_listener() {
    if (agent_.setting("listen.address") == "off")
      return add("listener", State::kOk, "off: only syncctl can connect");
    std::string urls;
    for (const json& url : facts_.value("addresses", json::array()))
      urls += (urls.empty() ? "" : ", ") + url.get<std::string>();
    if (urls.empty())
      return add("listener", State::kWarning, "nobody can connect: there is no address",
                 "set listen.address or listen.advertise");
    add("listener", State::kOk, urls);
  }

  void check_clock() {
    const auto now = session_.clock().wall_now_ms();
    const auto last = verbs::parse_timestamp(field(facts_, "last_received_at"));
    if (last && *last > now + kClockSlackMs)
      return add("clock", State::kWarning,
                 "it is " + human_duration(static_cast<std::uint64_t>(*last - now)) +
                     " behind the newest change in the store",
                 "set it right; merging is not affected, times in logs are");
    add("clock", State::kOk, verbs::format_timestamp(now));
  }

  void check_peers(const json& peers) {
    bool any = false;
    for (const json& peer : peers) {
      if (!peer.value("configured", true)) continue;
      any = true;
      const std::string name = field(peer, "name");
      const std::string state = field(peer, "state");
      const std::string why = field(peer, "last_error");
      if (peer.value("untrusted", false))
        add("peer", State::kFailed, name + ": " + why, "syncctl key trust " + name + " -f FILE");
      else if (peer.value("foreign", false))
        add("peer", State::kWarning, name + " belongs to another workspace",
            "syncctl join, on a replica without names");
      else if (state == "connecting" && !why.empty())
        add("peer", State::kWarning, name + " does not answer: " + why,
            "syncctl peer show " + name);
      else
        add("peer", State::kOk, name + " is " + state);
    }
    if (!any) add("peer", State::kOk, "none is configured");
  }

  void check_outbox() {
    const client::Outbox outbox(session_.outbox_directory(), session_.clock());
    const auto entries = outbox.list();
    if (!entries) return add("outbox", State::kFailed, entries.error().message);
    const auto failed = std::ranges::count(*entries, client::OutboxEntry::State::kFailed,
                                           &client::OutboxEntry::state);
    if (failed > 0)
      return add(
          "outbox", State::kWarning,
          counted(static_cast<std::uint64_t>(failed), "queued write") + " could not be delivered",
          "syncctl outbox ls");
    add("outbox", State::kOk,
        entries->empty() ? "empty" : counted(entries->size(), "write") + " waiting");
  }

  void repair() {
    for (Finding& finding : findings_) {
      if (!finding.repair) continue;
      if (session_.has("dry-run")) {
        session_.out().note("would run: " + finding.next);
        continue;
      }
      if (!finding.repair()) continue;
      finding.state = State::kFixed;
      finding.next.clear();
    }
  }

  Result<void> print() {
    json items = json::array();
    bool ok = true;
    for (const Finding& each : findings_) {
      ok = ok && each.state != State::kFailed;
      items.push_back({{"check", each.check},
                       {"state", word_of(each.state).word},
                       {"message", each.message},
                       {"next", each.next.empty() ? json() : json(each.next)}});
    }
    const json report = {
        {"kind", "DoctorReport"}, {"v", 1}, {"ok", ok}, {"items", std::move(items)}};
    Rendering rendering;
    rendering.names = [this] {
      std::vector<std::string> names;
      for (const Finding& each : findings_)
        if (each.state == State::kFailed || each.state == State::kWarning)
          names.push_back(each.check);
      return names;
    };
    if (session_.out().format().kind == Format::Kind::kCsv)
      rendering.table = [this] { return table(); };
    else
      rendering.text = [this] { return text(); };
    return session_.out().result(report, rendering);
  }

  Table table() const {
    Table rows(
        {{.header = "state"}, {.header = "check"}, {.header = "message"}, {.header = "next"}});
    for (const Finding& each : findings_)
      rows.add({{word_of(each.state).word, "", Paint::kNone},
                {each.check, "", Paint::kNone},
                {each.message, "", Paint::kNone},
                {each.next, "", Paint::kNone}});
    return rows;
  }

  /// One line a check; piped, with tabs.
  std::string text() {
    std::string out;
    for (const Finding& each : findings_) {
      if (session_.out().quiet() && each.state == State::kOk) continue;
      const StateWord state = word_of(each.state);
      if (!session_.terminal().out_tty) {
        out += std::string(state.word) + "\t" + each.check + "\t" + printable(each.message) + "\t" +
               printable(each.next) + "\n";
        continue;
      }
      std::string check = each.check;
      check.resize(std::max<std::size_t>(check.size() + 1, 10), ' ');
      out += painted(state.paint, state.word, session_.terminal().color_out) +
             std::string(9 - std::string_view(state.word).size(), ' ') + check +
             printable(each.message) + "\n";
      if (!each.next.empty()) out += "         next: " + printable(each.next) + "\n";
    }
    return out;
  }

  Session& session_;
  AgentPicture agent_;
  json facts_ = json::object();
  std::vector<Finding> findings_;
};

}  // namespace

Result<int> run_doctor(Session& session) { return Doctor(session).run(); }

}  // namespace converge::cli
