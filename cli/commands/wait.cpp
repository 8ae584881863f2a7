#include "cli/app/kinds.h"
#include "cli/commands/handlers.h"
#include "cli/commands/interrupt.h"
#include "cli/commands/render.h"
#include "core/client/outbox.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <poll.h>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
using std::chrono::milliseconds;

/// How long one question to the agent lasts.
constexpr milliseconds kSlice{1000};

Result<int> print_met(Session& session, const json& answer) {
  const auto text = [&]() -> std::string {
    return session.out().quiet() ? "" : field(answer, "condition") + "\n";
  };
  if (auto done = session.out().result(answer, {.text = text}); !done) return done.error();
  return control::exit_code::kOk;
}

/// An agent that is not there yet is what "ready" waits for.
Result<int> wait_ready(Session& session) {
  while (true) {
    const auto hello = session.ask("agent.hello", {{"client", "syncctl"}});
    if (hello)
      return print_met(session,
                       {{"kind", "Wait"}, {"v", 1}, {"condition", "ready"}, {"met", true}});
    const int exit = control::exit_code_of(hello.error());
    if (exit != control::exit_code::kNoAgent) return hello.error();
    const bool over =
        session.deadline() != client::Client::kNoDeadline &&
        session.clock().steady_now() + std::chrono::milliseconds(50) >= session.deadline();
    if (over)
      return make_error(
          ErrorId::kTimeout,
          "not ready in time\n" + hello.error().message.substr(0, hello.error().message.find('\n')),
          hello.error().hint);
    ::poll(nullptr, 0, 50);
  }
}

/// Nothing that this user wrote waits for an agent any more.
Result<int> wait_durable(Session& session) {
  const client::Outbox outbox(session.outbox_directory(), session.clock());
  while (true) {
    // Reaching the agent sends what waits for it.
    const auto hello = session.ask("agent.hello", {{"client", "syncctl"}});
    const auto entries = outbox.list();
    if (!entries) return entries.error();
    if (entries->empty() && hello)
      return print_met(session,
                       {{"kind", "Wait"}, {"v", 1}, {"condition", "durable"}, {"met", true}});
    const bool over =
        session.deadline() != client::Client::kNoDeadline &&
        session.clock().steady_now() + std::chrono::milliseconds(50) >= session.deadline();
    if (over)
      return make_error(
          ErrorId::kTimeout,
          "not durable in time: " + std::to_string(entries->size()) + " writes are in the outbox",
          "\"syncctl outbox ls\" shows them");
    ::poll(nullptr, 0, 50);
  }
}

/// Asks in slices, so that INT ends it soon, with what is still missing.
Result<int> wait_for(Session& session, json params) {
  const auto slack = std::min(session.timeout() / 10, milliseconds(200));
  while (true) {
    milliseconds slice = kSlice;
    bool is_last = false;
    if (session.deadline() != client::Client::kNoDeadline) {
      const auto left = std::chrono::duration_cast<milliseconds>(session.deadline() - slack -
                                                                 session.clock().steady_now());
      is_last = left <= slice;
      slice = std::clamp(left, milliseconds(1), slice);
    }
    params["timeout_ms"] = slice.count();
    const auto answer = session.ask("sync.wait", params);
    if (answer) return print_met(session, *answer);
    const bool is_open = control::is(answer.error(), ErrorId::kTimeout);
    if (!is_open || (is_last && !stopping())) return answer.error();
    if (stopping()) {
      const std::string& why = answer.error().message;
      constexpr std::string_view kTimeIsUp = "time is up: ";
      session.out().note(why.starts_with(kTimeIsUp) ? why.substr(kTimeIsUp.size()) : why);
      return control::exit_code::kTimeout;  // not seen: the signal ends the process
    }
  }
}

}  // namespace

Result<int> run_wait(Session& session) {
  const auto condition = session.value("for");
  if (!condition)
    return make_error(ErrorId::kUsageFlag, "\"wait\" needs --for COND",
                      std::string("COND is ") + info(Kind::kCondition).text);
  if (*condition == "ready") return wait_ready(session);
  if (*condition == "durable") return wait_durable(session);
  json params = {{"for", *condition}};
  if (!session.args(0).empty()) params["doc"] = session.document(session.arg(0));
  if (const auto peer = session.value("peer")) params["peer"] = *peer;
  const bool about_document = condition->find('=') != std::string::npos;
  if (about_document && !params.contains("doc"))
    return make_error(ErrorId::kUsageArgument, "\"" + *condition + "\" needs a DOC",
                      "syncctl wait DOC --for " + *condition);
  catch_signals(session);
  return wait_for(session, std::move(params));
}

}  // namespace converge::cli
