#pragma once

#include "core/base/result.h"
#include "core/store/kv.h"
#include "core/store/manifest.h"
#include "core/store/repair.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string_view>
#include <vector>

/// The half of a repair that is about files (store.md 13.3): which tables are damaged, and writing
/// what is readable of them anew. The database must be closed while tables are rewritten; a plan
/// may be made of a linked view of a running one.
namespace converge::store {

/// A repair up to this much needs nobody's consent.
inline constexpr std::uint64_t kAutomaticBlocksMax = 16;
inline constexpr std::uint64_t kBlockBytesAbout = 4096;
/// Below this a share of the store says nothing: one block may be all of it.
inline constexpr std::uint64_t kSmallStoreBytes = std::uint64_t{16} << 20;

struct PlanOptions {
  /// Only tables that may hold records of these; empty: all.
  std::vector<DocumentId> only;
  /// Only tables that may hold records of these spaces ("m", "p"); empty: all.
  std::string spaces;
  bool is_live = false;  ///< the plan's id is of the damage alone
};
Result<RepairPlan> plan_tables(const std::filesystem::path& database, const PlanOptions& options);

struct RewrittenTables {
  std::uint64_t records_kept = 0;
  std::vector<std::filesystem::path> set_aside;
};
/// Tables that went away since the plan was made are left out.
Result<RewrittenTables> rewrite_tables(const std::filesystem::path& directory,
                                       const RepairPlan& plan,
                                       const std::function<void(std::string_view)>& on_step);

/// Documents that may have lost records, after the tables were rewritten.
Result<std::set<DocumentId>> concerned_documents(Kv& kv, const RepairPlan& plan);
/// Whether receipts or names may have been lost.
bool touches_indexes(const RepairPlan& plan);
/// Small enough to be carried out without asking: few blocks, hardly any of the store.
bool is_automatic(const RepairPlan& plan);

}  // namespace converge::store
