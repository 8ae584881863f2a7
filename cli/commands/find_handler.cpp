#include "cli/commands/handlers.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace converge::cli {

namespace {

constexpr std::pair<std::string_view, Handler> kHandlers[] = {
    {"new", run_new},
    {"ls", run_ls},
    {"get", run_get},
    {"heads", run_heads},
    {"set", run_set},
    {"unset", run_unset},
    {"insert", run_insert},
    {"incr", run_incr},
    {"splice", run_splice},
    {"patch", run_patch},
    {"apply", run_apply},
    {"rm", run_rm},
    {"name ls", run_name_ls},
    {"name set", run_name_set},
    {"name rm", run_name_rm},
    {"import", run_import},
    {"export", run_export},
    {"query", run_query},
    {"edit", run_edit_command},
    {"log", run_log},
    {"show", run_show},
    {"diff", run_diff},
    {"blame", run_blame},
    {"explain", run_explain},
    {"bisect", run_bisect},
    {"restore", run_restore},
    {"revert", run_revert},
    {"fork", run_fork},
    {"merge", run_merge},
    {"conflict ls", run_conflict_ls},
    {"conflict show", run_conflict_show},
    {"conflict ignore", run_conflict_ignore},
    {"conflict resolve", run_conflict_resolve},
    {"status", run_status},
    {"sync", run_sync},
    {"wait", run_wait},
    {"watch", run_watch},
    {"peer ls", run_peer_ls},
    {"peer show", run_peer_show},
    {"peer add", run_peer_add},
    {"peer set", run_peer_set},
    {"peer rm", run_peer_rm},
    {"peer pause", run_peer_pause},
    {"peer resume", run_peer_resume},
    {"peer ping", run_peer_ping},
    {"invite", run_invite},
    {"join", run_join},
    {"digest", run_digest},
    {"compare", run_compare},
    {"verify file", run_verify_file},
    {"verify convergence", run_verify_convergence},
    {"git install", run_git_install},
    {"git uninstall", run_git_uninstall},
    {"git merge-driver", run_git_merge_driver},
    {"git textconv", run_git_textconv},
    {"agent show", run_agent_show},
    {"agent ping", run_agent_ping},
    {"agent stop", run_agent_stop},
    {"agent reload", run_agent_reload},
    {"agent metrics", run_agent_metrics},
    {"agent logs", run_agent_logs},
    {"agent level", run_agent_level},
    {"debug kv", run_debug_kv},
    {"debug wal", run_debug_wal},
    {"debug manifest", run_debug_manifest},
    {"debug table", run_debug_table},
    {"store check", run_store_check},
    {"store repair", run_store_repair},
    {"store salvage", run_store_salvage},
    {"store compact", run_store_compact},
    {"store stats", run_store_stats},
    {"store backup", run_store_backup},
    {"store restore", run_store_restore},
    {"store id", run_store_id},
    {"batch", run_batch},
    {"outbox ls", run_outbox_ls},
    {"outbox show", run_outbox_show},
    {"outbox retry", run_outbox_retry},
    {"outbox drop", run_outbox_drop},
    {"config ls", run_config_ls},
    {"config get", run_config_get},
    {"config set", run_config_set},
    {"config unset", run_config_unset},
    {"config edit", run_config_edit},
    {"config validate", run_config_validate},
    {"config path", run_config_path},
    {"completion", run_completion},
    {"man", run_man},
    {"schema", run_schema},
    {"help", run_help},
    {"version", run_version},
    {"__complete", run_complete},
};

}  // namespace

Handler find_handler(std::string_view command) {
  const auto* found =
      std::ranges::find(kHandlers, command, &std::pair<std::string_view, Handler>::first);
  return found == std::end(kHandlers) ? nullptr : found->second;
}

}  // namespace converge::cli
