#pragma once

#include "cli/commands/session.h"

/// One function per command, each in its own file.
namespace converge::cli {

Result<int> run_new(Session& session);
Result<int> run_ls(Session& session);
Result<int> run_get(Session& session);
Result<int> run_heads(Session& session);
Result<int> run_set(Session& session);
Result<int> run_unset(Session& session);
Result<int> run_insert(Session& session);
Result<int> run_incr(Session& session);
Result<int> run_splice(Session& session);
Result<int> run_patch(Session& session);
Result<int> run_apply(Session& session);
Result<int> run_rm(Session& session);
Result<int> run_name_ls(Session& session);
Result<int> run_name_set(Session& session);
Result<int> run_name_rm(Session& session);
Result<int> run_import(Session& session);
Result<int> run_export(Session& session);
Result<int> run_log(Session& session);
Result<int> run_show(Session& session);
Result<int> run_diff(Session& session);
Result<int> run_fork(Session& session);
Result<int> run_merge(Session& session);
Result<int> run_conflict_ls(Session& session);
Result<int> run_conflict_show(Session& session);
Result<int> run_conflict_ignore(Session& session);
Result<int> run_conflict_resolve(Session& session);
Result<int> run_status(Session& session);
Result<int> run_sync(Session& session);
Result<int> run_wait(Session& session);
Result<int> run_watch(Session& session);
Result<int> run_peer_ls(Session& session);
Result<int> run_peer_show(Session& session);
Result<int> run_peer_add(Session& session);
Result<int> run_peer_set(Session& session);
Result<int> run_peer_rm(Session& session);
Result<int> run_peer_pause(Session& session);
Result<int> run_peer_resume(Session& session);
Result<int> run_peer_ping(Session& session);
Result<int> run_invite(Session& session);
Result<int> run_join(Session& session);
Result<int> run_digest(Session& session);
Result<int> run_verify_file(Session& session);
Result<int> run_verify_convergence(Session& session);
Result<int> run_batch(Session& session);
Result<int> run_outbox_ls(Session& session);
Result<int> run_outbox_show(Session& session);
Result<int> run_outbox_retry(Session& session);
Result<int> run_outbox_drop(Session& session);
Result<int> run_agent_show(Session& session);
Result<int> run_agent_ping(Session& session);
Result<int> run_agent_stop(Session& session);
Result<int> run_debug_kv(Session& session);
Result<int> run_debug_wal(Session& session);
Result<int> run_debug_manifest(Session& session);
Result<int> run_debug_table(Session& session);
Result<int> run_store_check(Session& session);
Result<int> run_store_repair(Session& session);
Result<int> run_store_salvage(Session& session);
Result<int> run_store_compact(Session& session);
Result<int> run_store_stats(Session& session);
Result<int> run_store_backup(Session& session);
Result<int> run_store_restore(Session& session);
Result<int> run_store_id(Session& session);
Result<int> run_config_ls(Session& session);
Result<int> run_config_get(Session& session);
Result<int> run_config_set(Session& session);
Result<int> run_config_unset(Session& session);
Result<int> run_config_edit(Session& session);
Result<int> run_config_validate(Session& session);
Result<int> run_config_path(Session& session);
Result<int> run_completion(Session& session);
Result<int> run_man(Session& session);
Result<int> run_schema(Session& session);
Result<int> run_help(Session& session);
Result<int> run_version(Session& session);
Result<int> run_complete(Session& session);

}  // namespace converge::cli
