#include "cli/app/kinds.h"
#include "cli/commands/child.h"
#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/interrupt.h"
#include "cli/commands/params.h"
#include "cli/commands/progress.h"
#include "cli/commands/verify_inputs.h"
#include "cli/commands/verify_report.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/verify/json_schema.h"
#include "core/verify/sql_invariant.h"

#include <nlohmann/json.hpp>

#include <charconv>
#include <memory>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

Result<verify::Invariant> schema_invariant(const std::string& file) {
  auto parsed = json_of_file(file);
  if (!parsed) return parsed.error();
  auto schema = verify::JsonSchema::make(std::move(*parsed));
  if (!schema) return schema.error();
  return verify::Invariant{
      "schema", [schema = *schema](const std::string& state) -> Result<std::optional<std::string>> {
        const json value = json::parse(state, nullptr, false);
        if (value.is_discarded())
          return make_error(ErrorId::kLimitExceeded, "the document is nested too deep");
        return schema.check(value);
      }};
}

/// sh -c COMMAND with the document on its stdin; anything but exit 0 is a breach.
verify::Invariant command_invariant(std::string name, const std::string& command) {
  return {std::move(name),
          [command](const std::string& state) -> Result<std::optional<std::string>> {
            const auto run = run_child({"sh", "-c", command}, state + "\n", {.capture = true});
            if (!run) return run.error();
            if (run->exit == 126 || run->exit == 127)
              return make_error(ErrorId::kUsageFlag,
                                "the command \"" + command + "\" of --invariant-cmd cannot be run",
                                "try it in a shell: it gets the document's JSON on stdin");
            if (run->exit == 0) return std::optional<std::string>();
            std::string said = run->output.substr(0, run->output.find('\n'));
            return std::optional<std::string>("exit " + std::to_string(run->exit) +
                                              (said.empty() ? "" : ": " + said));
          }};
}

Result<std::vector<verify::Invariant>> invariants_of(const Session& session) {
  std::vector<verify::Invariant> out;
  if (const auto file = session.value("schema")) {
    auto schema = schema_invariant(*file);
    if (!schema) return schema.error();
    out.push_back(std::move(*schema));
  }
  std::size_t number = 0;
  for (const std::string& statement : session.invocation().values("invariant")) {
    auto made = verify::sql_invariant("invariant:" + std::to_string(++number), statement);
    if (!made) return made.error();
    out.push_back(std::move(*made));
  }
  for (const std::string& command : session.invocation().values("invariant-cmd"))
    out.push_back(command_invariant("invariant:" + std::to_string(++number), command));
  return out;
}

Result<std::uint64_t> number_of(const std::string& flag, const std::string& word) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error == std::errc() && end == word.data() + word.size()) return number;
  return make_error(ErrorId::kUsageFlag, "--" + flag + " \"" + word + "\" is not a whole number",
                    flag == "orders" ? "write all, or how many" : "");
}

Result<verify::Options> options_of(Session& session) {
  verify::Options options;
  auto invariants = invariants_of(session);
  if (!invariants) return invariants.error();
  options.invariants = std::move(*invariants);
  options.duplicates = !session.has("no-duplicates");
  options.batches = !session.has("no-batches");
  options.save_load = !session.has("no-save-load");
  options.minimize = !session.has("no-minimize");
  options.clock = &session.clock();
  SystemRandom random;
  options.seed = random.next_u64() & 0xffff'ffffu;
  if (const auto seed = session.value("seed")) {
    const auto number = number_of("seed", *seed);
    if (!number) return number.error();
    options.seed = *number;
  }
  const std::string orders = session.value("orders").value_or("");
  options.all_orders = orders == "all";
  if (!orders.empty() && !options.all_orders) {
    const auto number = number_of("orders", orders);
    if (!number) return number.error();
    if (*number == 0)
      return make_error(ErrorId::kUsageFlag, "--orders \"0\" would try nothing",
                        "write all, or how many");
    options.orders = *number;
  }
  const auto now = session.clock().steady_now();
  if (const auto limit = session.value("max-time"))
    options.deadline = now + *parse_duration(*limit);
  if (session.has_timeout() && session.deadline() != client::Client::kNoDeadline)
    options.deadline = std::min(options.deadline.value_or(session.deadline()), session.deadline());
  return options;
}

/// The words after the inputs that make a run the same run again.
std::string repeating_flags(const Session& session, std::uint64_t seed) {
  std::string out = " --orders all --seed " + std::to_string(seed);
  for (const char* flag : {"no-duplicates", "no-batches", "no-save-load", "no-minimize"})
    if (session.has(flag)) out += std::string(" --") + flag;
  if (const auto schema = session.value("schema")) out += " --schema " + shell_word(*schema);
  for (const char* flag : {"invariant", "invariant-cmd"})
    for (const std::string& value : session.invocation().values(flag))
      out += std::string(" --") + flag + " " + shell_word(value);
  return out;
}

Error failed(const VerifySubject& subject, Error error) {
  if (error.id == "change.missing_deps")
    return make_error(ErrorId::kChangeMissingDeps, subject.name + ": " + error.message,
                      "give the replica that has it as one more input");
  return error;
}

}  // namespace

Result<int> run_verify_convergence(Session& session) {
  auto options = options_of(session);
  if (!options) return options.error();
  catch_signals(session);
  Progress progress(session, "verify convergence", "cases");
  std::uint64_t before = 0;  // cases of earlier documents
  std::uint64_t cases = 0;
  options->stop = [&](std::uint64_t so_far) {
    cases = before + so_far;
    progress.update(cases);
    return stopping();
  };
  VerifyReport report(session, options->seed, repeating_flags(session, options->seed));
  auto inputs = read_verify_inputs(session, session.args(0));
  if (!inputs) return report.unreadable(inputs.error());
  report.inputs(*inputs);
  for (const VerifySubject& subject : inputs->documents) {
    if (stopping()) break;
    before = cases;
    const auto changes = verify::ChangeSet::make(subject.chunks);
    if (!changes) return report.unreadable(failed(subject, changes.error()));
    auto result = verify::check_convergence(*changes, verify::engine_subjects(), *options);
    if (!result) return report.unreadable(failed(subject, result.error()));
    if (auto added = report.add(subject, std::move(*result)); !added) return added.error();
  }
  progress.erase();
  if (!stopping() && session.has_timeout() && session.clock().steady_now() >= session.deadline())
    return make_error(ErrorId::kTimeout, "--timeout ran out before all orders were tried",
                      "give it more time, or limit the work with --orders or --max-time");
  return report.finish();
}

}  // namespace converge::cli
