#pragma once

#include "core/store/backup.h"
#include "core/store/check.h"
#include "core/store/repair.h"
#include "core/store/salvage.h"
#include "core/store/store.h"

#include <nlohmann/json_fwd.hpp>

#include <string_view>

/// The reports of this module as the command-line contract shows them (section 8.3). Whoever made a
/// report, agent or command, it looks the same. Total.
namespace converge::store {

const char* to_string(CheckDepth depth);

nlohmann::json to_json(const Finding& finding);
nlohmann::json to_json(const CheckReport& report);
nlohmann::json to_json(const BackupReport& report);
nlohmann::json to_json(const RestoreReport& report);
nlohmann::json to_json(const SalvageReport& report);
nlohmann::json to_json(const StoreStats& stats);
/// Without its time and what became of the document, which others know.
nlohmann::json to_json(const QuarantineEntry& entry);
nlohmann::json to_json(const RepairPlan& plan);
nlohmann::json to_json(const RepairReport& report);

}  // namespace converge::store
