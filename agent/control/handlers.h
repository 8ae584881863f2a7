#pragma once

#include "agent/control/call.h"

/// One function per method of core/control/PROTOCOL.md. Each is called on the control thread and
/// answers its call exactly once, from any thread.
namespace converge::handlers {

void agent_hello(Services& services, CallPtr call);
void agent_level(Services& services, CallPtr call);
void agent_logs(Services& services, CallPtr call);
void agent_metrics(Services& services, CallPtr call);
void agent_reload(Services& services, CallPtr call);
void agent_settings(Services& services, CallPtr call);
void agent_status(Services& services, CallPtr call);
void agent_stop(Services& services, CallPtr call);

void doc_new(Services& services, CallPtr call);
void doc_list(Services& services, CallPtr call);
void doc_get(Services& services, CallPtr call);
void doc_heads(Services& services, CallPtr call);
void doc_edit(Services& services, CallPtr call);  // set unset insert incr splice patch apply
void doc_rm(Services& services, CallPtr call);
void doc_import(Services& services, CallPtr call);
void doc_export(Services& services, CallPtr call);
void doc_log(Services& services, CallPtr call);
void doc_show(Services& services, CallPtr call);
void doc_diff(Services& services, CallPtr call);
void doc_fork(Services& services, CallPtr call);
void doc_merge(Services& services, CallPtr call);
void doc_digest(Services& services, CallPtr call);
void doc_query(Services& services, CallPtr call);
void doc_blame(Services& services, CallPtr call);

void name_list(Services& services, CallPtr call);
void name_set(Services& services, CallPtr call);
void name_rm(Services& services, CallPtr call);

void conflict_list(Services& services, CallPtr call);
void conflict_show(Services& services, CallPtr call);
void conflict_resolve(Services& services, CallPtr call);
void conflict_ignore(Services& services, CallPtr call);

void quarantine_list(Services& services, CallPtr call);
void quarantine_show(Services& services, CallPtr call);
void quarantine_retry(Services& services, CallPtr call);
void quarantine_drop(Services& services, CallPtr call);

void store_backup(Services& services, CallPtr call);
void store_check(Services& services, CallPtr call);
void store_compact(Services& services, CallPtr call);
void store_repair(Services& services, CallPtr call);
void store_stats(Services& services, CallPtr call);

void sync_now(Services& services, CallPtr call);
void sync_wait(Services& services, CallPtr call);
void watch_start(Services& services, CallPtr call);

void peer_list(Services& services, CallPtr call);
void peer_show(Services& services, CallPtr call);
void peer_add(Services& services, CallPtr call);
void peer_set(Services& services, CallPtr call);
void peer_rm(Services& services, CallPtr call);
void peer_pause(Services& services, CallPtr call);
void peer_resume(Services& services, CallPtr call);
void peer_digest(Services& services, CallPtr call);
void peer_ping(Services& services, CallPtr call);

void key_list(Services& services, CallPtr call);
void key_new(Services& services, CallPtr call);
void key_revoke(Services& services, CallPtr call);
void key_rotate(Services& services, CallPtr call);
void key_show(Services& services, CallPtr call);
void key_trust(Services& services, CallPtr call);

void invite_create(Services& services, CallPtr call);
void invite_join(Services& services, CallPtr call);

}  // namespace converge::handlers
