#include "cli/app/kinds.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {

using nlohmann::json;

Result<int> run_agent_show(Session& session) {
  const auto hello = session.ask("agent.hello", {{"client", "syncctl"}});
  if (!hello) return hello.error();
  const auto text = [&] {
    std::string out;
    for (const char* key : {"version", "pid", "store_id", "peer_id"}) {
      std::string title = std::string(key) + ":";
      title.resize(12, ' ');
      out += title + printable(field(*hello, key)) + "\n";
    }
    return out;
  };
  const auto names = [&] { return std::vector<std::string>{field(*hello, "peer_id")}; };
  if (auto done = session.out().result(*hello, {.text = text, .names = names}); !done)
    return done.error();
  return control::exit_code::kOk;
}

Result<int> run_agent_ping(Session& session) {
  // The first request pays for the connection; the second is the one that counts.
  if (const auto first = session.ask("agent.hello", {{"client", "syncctl"}}); !first)
    return first.error();
  const auto start = session.clock().steady_now();
  const auto hello = session.ask("agent.hello", {{"client", "syncctl"}});
  if (!hello) return hello.error();
  const std::chrono::duration<double, std::milli> took = session.clock().steady_now() - start;
  const json ping = {
      {"kind", "Ping"},
      {"v", 1},
      {"peer", nullptr},
      {"rtt_ms", static_cast<double>(static_cast<long>(took.count() * 1000)) / 1000}};
  const auto text = [&] { return field(ping, "rtt_ms") + " ms\n"; };
  if (auto done = session.out().result(ping, {.text = text}); !done) return done.error();
  return control::exit_code::kOk;
}

Result<int> run_agent_stop(Session& session) {
  const auto deadline = parse_duration(session.value("deadline").value_or("10s"));
  if (!deadline) return deadline.error();
  if (session.has("dry-run")) {
    const auto hello = session.ask("agent.hello", {{"client", "syncctl"}});
    if (!hello) return hello.error();
    session.out().note("would stop the agent, process " + field(*hello, "pid"));
    return control::exit_code::kOk;
  }
  const auto answer = session.ask("agent.stop", {{"deadline_ms", deadline->count()}});
  if (!answer) return answer.error();
  session.out().note("stopping");
  return control::exit_code::kOk;
}

}  // namespace converge::cli
