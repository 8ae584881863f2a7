#include "cli/reference/schema.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>

namespace converge::cli {
namespace {

using nlohmann::json;

/// One kind: its fields as "name:type", required unless the name ends in "?". Types: str int num
/// bool hash time any obj; "X|null" may be null; "[X]" is a list of X; a capital word is another
/// kind.
struct Shape {
  const char* kind;
  const char* fields;
};

constexpr Shape kShapes[] = {
    {"Ack",
     "id:str|null name:str|null change:hash|null heads:[hash] unchanged:bool queued?:bool "
     "durable:bool request_id?:str|null entry?:str acks?:[obj] summary?:str ops?:int"},
    {"AckList", "items:[Ack]"},
    {"AgentSettings",
     "file:str|null settings:obj pending?:[str] addresses?:[str] last_received_at?:time|null"},
    {"BackupReport",
     "path:str files:int bytes:int bytes_reused:int commit:int seq:int pause_us:int "
     "based_on:str|null"},
    {"BatchAnswer", "id:any ok:bool result?:any error?:obj"},
    {"BisectReport", "found:bool items:[obj] partner:obj|null candidates:int asked:int"},
    {"Blame", "id:str|null name:str|null items:[obj]"},
    {"Change",
     "hash:hash actor:str seq:int deps:[hash] message:str|null author_time:time|null "
     "received_seq?:int|null received_at?:time|null origin?:str|null ops:int "
     "size_bytes?:int signature?:obj|null patch?:[obj] stat?:obj operations?:[obj]"},
    {"ChangeList", "items:[Change] next?:str|null"},
    {"CommandTable", "commands:[obj] global_flags:[obj] exit_codes:[obj] error_codes:[obj]"},
    {"CompactReport",
     "documents:int compacted:int changes:int bytes_before:int bytes_after:int tables:bool "
     "failed:[obj]"},
    {"CompareReport", "left:str right:str equal:bool counts:obj items:[obj]"},
    {"Completion", "shell:str text:str"},
    {"ConfigReport", "ok:bool files:int items:[obj]"},
    {"Conflict",
     "id:str doc:str|null name:str|null path:str type:str state:str winner:int "
     "values:[obj] since?:time|null"},
    {"ConflictList", "items:[Conflict] next?:str|null"},
    {"ConvergenceReport",
     "ok:bool seed:int replicas:int documents:int changes:int concurrent:int orders:obj "
     "elapsed_ms:int timed_out?:bool properties:[obj] counterexamples:[obj]"},
    {"Count", "count:int"},
    {"Diff",
     "id?:str|null from:[hash] to:[hash] equal:bool patch:[obj] stat:obj only_left:[hash] "
     "only_right:[hash]"},
    {"Digest", "over:str count:int root:str|null items?:[obj]"},
    {"DigestComparison", "equal:bool items:[obj]"},
    {"Document",
     "id:str|null name:str|null heads:[hash] seq?:int|null changes:int actors?:int "
     "size_bytes?:int conflicts?:int state:str missing?:int updated_at?:time|null value?:any"},
    {"DoctorReport", "ok:bool items:[obj]"},
    {"DocumentList", "items:[Document] next?:str|null"},
    {"Error", "code:str exit:int message:str hint:str|null retryable:bool details:obj"},
    {"Event",
     "type:str cursor:str|null seq?:int|null id?:str|null name?:str|null origin?:str|null "
     "heads?:[hash] patch?:[obj] at?:time|null"},
    {"Explanation",
     "id:str|null name:str|null path:str value:any set_by:obj competing:[obj] history:[obj]"},
    {"ExportReport", "items:[obj]"},
    {"FileCheckReport", "ok:bool items:[obj]"},
    {"GitSetup", "installed:bool global:bool attributes:str unchanged:bool"},
    {"Heads", "id:str|null name:str|null heads:[hash]"},
    {"Help", "topic:str|null text:str"},
    {"Hello", "version:str pid:int store_id:str peer_id:str"},
    {"Invite", "invite:str expires_at:time"},
    {"Key", "key:str state:str own:bool peers:[str]"},
    {"KeyList", "items:[Key] next?:str|null"},
    {"KeyMade", "key:str|null path:str|null unchanged:bool needs_restart:bool dry_run:bool"},
    {"LegacyImport",
     "into:str id:str name:str bytes:int operations:int keys:int nodes:[str] damaged:[obj]"},
    {"LogDump", "file:str items:[obj]"},
    {"ManPage", "name:str text:str"},
    {"LogLevel", "level:str configured:str"},
    {"LogLine", "number:int at:time level:str code:str message:str fields:obj"},
    {"LogLineList", "items:[LogLine] next?:str|null"},
    {"ManifestDump",
     "file:str comparator:str log_number:int next_file:int last_sequence:int edits:int "
     "torn_tail:bool items:[obj]"},
    {"MergeReport",
     "id:str|null name:str|null heads:[hash] merged:int conflicts:int "
     "unchanged:bool"},
    {"Metrics", "items:[obj]"},
    {"Name", "name:str id:str unchanged:bool"},
    {"NameList", "items:[obj] next?:str|null"},
    {"Path", "name:str path:str exists:bool"},
    {"PathList", "items:[Path]"},
    {"OutboxEntry",
     "id:str request_id:str for:str cmd:[str] state:str tries:int created_at:time "
     "last_error?:obj|null socket?:str method?:str params?:obj"},
    {"OutboxList", "items:[OutboxEntry] next?:str|null"},
    {"Peer",
     "name:str url?:str|null key?:str|null state:str policy?:str collections?:[str]|null "
     "documents_behind?:int|null"},
    {"PeerList", "items:[Peer] next?:str|null"},
    {"Ping", "peer:str|null rtt_ms:num"},
    {"Progress", "op:str done:int total:int|null unit:str elapsed_ms:int eta_ms:int|null"},
    {"ChunkDump", "file:str size_bytes:int damaged:int items:[obj]"},
    {"RecordDigest", "count:int digest:hash damaged:int"},
    {"RecordDump", "directory:str damaged:int items:[obj]"},
    {"RecordReport", "to:str documents:int changes:int digest:hash unreadable:int"},
    {"RecordedChange",
     "seq:int id:str name:str|null hash:hash deps:[hash] at:time|null origin:str|null data?:str"},
    {"RecordedDelete", "seq:int id:str at:time|null"},
    {"RecordedName", "seq:int name:str id:str|null at:time|null"},
    {"RecordedMark", "seq:int documents:int changes:int digest:hash"},
    {"Recording", "store_id:str|null payloads:str started_at:time"},
    {"ReplayReport",
     "log:str into:str|null until:str|null changes:int changes_in_log:int complete:bool "
     "documents:int digest:hash recorded_digest:hash|null items:[obj] expected:any read_ms:int "
     "elapsed_ms:int apply_us:int changes_per_second:int slowest:any"},
    {"QuarantineEntry",
     "entry:str code:str message:str id:str|null name:str|null state:str missing:[hash] "
     "missing_now:int records:[str] files:[str] found_at:time"},
    {"QuarantineExport", "entry:str items:[obj]"},
    {"QuarantineList", "items:[QuarantineEntry] next?:str|null"},
    {"QueryResult", "id:str|null name:str|null path:str|null value:any"},
    {"QueryResultList", "items:[QueryResult] next?:str|null"},
    {"ReloadReport", "changed:[str] needs_restart:[str]"},
    {"RemoveReport", "items:[obj]"},
    {"RepairPlan", "id:str steps:[obj] loses:[obj] may_lack:[str] degraded?:[obj]"},
    {"RepairReport",
     "ok:bool plan:RepairPlan records_kept:int headers_rebuilt:int quarantined:int "
     "receipts_rebuilt:int receipts_lost:int names_rebuilt:int own_records:[str] new_id:str|null "
     "may_lack:[str] degraded:[obj] set_aside:[str] "
     "fetched?:int peers?:obj"},
    {"ResolveReport", "items:[Ack]"},
    {"RestoreReport",
     "files:int bytes:int commit:int seq:int changes_cut:int from_store_id:str "
     "check:StoreCheckReport "
     "into:str dry_run:bool"},
    {"SalvageReport",
     "ok:bool store_id:str used_manifest:bool tables:int log_records:int records:int "
     "records_dropped:int documents_complete:int documents_lost:int degraded:[obj] names:int "
     "tombstones:int last_commit:int findings:[obj] into:str"},
    {"Setting", "key:str value:str|null origin:str"},
    {"SettingList", "items:[Setting]"},
    {"Status",
     "agent:obj store:obj peers:[obj] outbox?:obj conflicts:obj quarantine?:obj "
     "problems:[obj]"},
    {"StoreCheckReport",
     "ok:bool mode:str documents:int changes:int records:int tables:int blocks:int "
     "bytes_read:int last_commit:int elapsed_ms:int complete:bool findings:[obj] "
     "findings_omitted:int digest:str|null"},
    {"StoreId", "store_id:str"},
    {"StoreStats",
     "state:str reason:str|null documents:int changes:int tombstones:int seq:int commit:int "
     "synced_commit:int size_bytes:int free_bytes:int memory_bytes:int manifest_bytes:int "
     "level0_files:int groups:int requests:int syncs:int queue_length:int queue_bytes:int "
     "operations:obj store_id:str incarnation:int created_at:time top:[obj]"},
    {"SyncReport",
     "peer:str state?:str compared_documents?:int differing_documents?:int sent?:obj "
     "received?:obj round_trips?:int messages?:int wire_bytes?:int "
     "remaining_documents:int elapsed_ms?:int"},
    {"SyncReportList", "items:[SyncReport]"},
    {"MigrateReport",
     "store:str from:int to:int writer:str steps:int unchanged:bool backup:str|null "
     "dry_run:bool"},
    {"Bundle", "to:str|null anonymized:bool parts:[obj]"},
    {"MessageDump", "file:str size_bytes:int damaged:int items:[obj]"},
    {"TableDump", "file:str bytes:int damage:any items:[obj]"},
    {"Version", "version:str"},
    {"Wait", "condition:str met:bool"},
};

json type_schema(std::string_view type) {
  if (type.ends_with("|null")) {
    json inner = type_schema(type.substr(0, type.size() - 5));
    return {{"anyOf", json::array({inner, {{"type", "null"}}})}};
  }
  if (type.starts_with("["))
    return {{"type", "array"}, {"items", type_schema(type.substr(1, type.size() - 2))}};
  if (type == "str") return {{"type", "string"}};
  if (type == "int") return {{"type", "integer"}};
  if (type == "num") return {{"type", "number"}};
  if (type == "bool") return {{"type", "boolean"}};
  if (type == "obj") return {{"type", "object"}};
  if (type == "hash") return {{"type", "string"}, {"pattern", "^[0-9a-f]{64}$"}};
  if (type == "time") return {{"type", "string"}, {"format", "date-time"}};
  if (type == "any") return json::object();
  return {{"$ref", "#/$defs/" + std::string(type)}};
}

json object_schema(const Shape& shape, std::vector<std::string>& references) {
  json properties = {{"kind", {{"const", shape.kind}}},
                     {"v", {{"type", "integer"}, {"minimum", 1}}}};
  json required = {"kind", "v"};
  std::istringstream fields(shape.fields);
  std::string field;
  while (fields >> field) {
    std::string name = field.substr(0, field.find(':'));
    const std::string type = field.substr(field.find(':') + 1);
    const bool optional = name.ends_with('?');
    if (optional) name.pop_back();
    properties[name] = type_schema(type);
    if (!optional) required.push_back(name);
    const std::string word = type.starts_with("[") ? type.substr(1, type.size() - 2) : type;
    if (word.front() >= 'A' && word.front() <= 'Z') references.push_back(word);
  }
  return {{"type", "object"}, {"properties", std::move(properties)}, {"required", required}};
}

const Shape* find_shape(std::string_view kind) {
  const auto* found = std::ranges::find_if(
      kShapes, [&](const Shape& shape) { return std::string_view(shape.kind) == kind; });
  return found == std::end(kShapes) ? nullptr : found;
}

}  // namespace

std::vector<std::string> schema_kinds() {
  std::vector<std::string> kinds;
  for (const Shape& shape : kShapes) kinds.emplace_back(shape.kind);
  return kinds;
}

std::optional<json> schema_of(std::string_view kind) {
  const Shape* shape = find_shape(kind);
  if (shape == nullptr) return std::nullopt;
  std::vector<std::string> references;
  json schema = object_schema(*shape, references);
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = shape->kind;
  for (std::size_t i = 0; i < references.size(); ++i)
    if (const Shape* other = find_shape(references[i]))
      schema["$defs"][other->kind] = object_schema(*other, references);
  return schema;
}

}  // namespace converge::cli
