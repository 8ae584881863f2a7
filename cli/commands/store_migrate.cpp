#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/commands/store_shared.h"
#include "core/control/error_table.h"
#include "core/store/migrate.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace converge::cli {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

Result<int> run_store_migrate(Session& session) {
  const auto directory = stopped_store(session);
  if (!directory) return directory.error();
  if (!*directory)
    return make_error(ErrorId::kUsageFlag, "store migrate is for a stopped store",
                      "stop the agent and name its store with --store DIR");
  store::MigrateOptions options;
  if (const auto to = session.invocation().number("to"))
    options.to = static_cast<std::uint32_t>(*to);
  const auto plan = store::plan_migration(**directory, options);
  if (!plan) return plan.error();
  // Every step is written together with the format that needs it; so far there is one format.
  const json report = {{"kind", "MigrateReport"},
                       {"v", 1},
                       {"store", (*directory)->string()},
                       {"from", plan->from},
                       {"to", plan->to},
                       {"writer", plan->writer},
                       {"steps", plan->steps},
                       {"unchanged", plan->steps == 0},
                       {"backup", nullptr},
                       {"dry_run", session.has("dry-run")}};
  const auto text = [&]() -> std::string {
    if (session.out().quiet()) return "";
    return "unchanged  the store has format " + field(report, "to") + "\n";
  };
  if (auto done = session.out().result(report, {.text = text}); !done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
