#include "cli/app/tables.h"

namespace converge::cli {
namespace {

const Arg kBackupPath = {.name = "PATH", .kind = Kind::kDir, .help = "directory of the backup"};
const Flag kInto = {.name = "into",
                    .value = "DIR",
                    .kind = Kind::kDir,
                    .help = "where the new store is made; absent or empty"};
const Flag kReport = {.name = "report",
                      .value = "FILE",
                      .kind = Kind::kFile,
                      .help = "write the whole report as JSON there"};

std::vector<Command> cmd_proof() {
  return {
      {.name = "store", .summary = "Check, back up and repair the store", .is_group = true},
      {.name = "store check",
       .summary = "Prove that what is stored is what was written",
       .flags = {{.name = "quick", .help = "no data blocks", .excludes = {"deep", "sample"}},
                 {.name = "deep", .help = "every block, hash and document", .excludes = {"sample"}},
                 {.name = "sample",
                  .value = "PCT",
                  .kind = Kind::kInt,
                  .help = "part of the data blocks to read",
                  .fallback = "5",
                  .min = 1,
                  .max = 100},
                 {.name = "doc",
                  .value = "DOC",
                  .kind = Kind::kDoc,
                  .help = "only this document, deeply",
                  .repeats = true,
                  .excludes = {"quick", "deep", "sample"}},
                 {.name = "backup",
                  .value = "PATH",
                  .kind = Kind::kDir,
                  .help = "a backup instead of the store"},
                 {.name = "junit",
                  .value = "FILE",
                  .kind = Kind::kFile,
                  .help = "write the findings as JUnit XML there"}},
       .examples = {{"syncctl store check", ""},
                    {"syncctl --store /srv/store store check --deep", ""},
                    {"syncctl store check --backup /mnt/backup/monday", ""}},
       .exits = {{1, "there are findings"}, {9, "with --store: the store is in use"}},
       .kinds = {"StoreCheckReport"},
       .see_also = {"store salvage", "store backup"},
       .notes = {"A running agent checks itself, beside its work and at a limited rate."},
       .answers = true},
      {.name = "store repair",
       .summary = "Repair what is damaged in place, and ask peers for what is lost",
       .flags = {{.name = "apply", .help = "carry the plan out; without it nothing is changed"},
                 {.name = "plan", .value = "ID", .help = "the plan that was looked at"},
                 {.name = "from-peer",
                  .value = "PEER",
                  .kind = Kind::kPeer,
                  .help = "ask this peer for exactly the changes that are missing",
                  .repeats = true}},
       .examples = {{"syncctl store repair --apply --from-peer nas", ""},
                    {"syncctl --store /srv/store store repair", ""},
                    {"syncctl --store /srv/store store repair --apply --plan 7c1e03aa", ""}},
       .exits = {{1, "there is damage, or documents are degraded"},
                 {5, "the store is no longer what the plan was made for"},
                 {8, "the MANIFEST cannot be read: see store salvage"},
                 {9, "the store is in use"}},
       .kinds = {"RepairPlan", "RepairReport"},
       .see_also = {"store check", "quarantine ls", "store salvage"},
       .notes =
           {"A running agent repairs itself beside its work; --store names a stopped one.",
            "A damaged block costs the records that were in it and no others. The damaged file "
            "is kept in quarantine/. What is missing comes back from peers."},
       .answers = true},
      {.name = "store salvage",
       .summary = "Make a new store of what a damaged one still holds",
       .args = {{.name = "SRC", .kind = Kind::kDir, .help = "directory of the damaged store"}},
       .flags = {kInto, kReport},
       .examples = {{"syncctl store salvage /srv/store --into /srv/store.new", ""}},
       .exits = {{9, "the damaged store is in use"}, {10, "some documents are degraded or lost"}},
       .kinds = {"SalvageReport"},
       .see_also = {"store check", "store restore"},
       .notes = {"SRC is only read. The new store has a new id; peers send what is missing."}},
  };
}

std::vector<Command> cmd_upkeep() {
  return {
      {.name = "store compact",
       .summary = "Turn changes into snapshots, and rewrite tables",
       .flags = {{.name = "docs", .help = "every document; without any flag this"},
                 {.name = "tables", .help = "the files that hold the records"},
                 {.name = "doc",
                  .value = "DOC",
                  .kind = Kind::kDoc,
                  .help = "only this document",
                  .repeats = true}},
       .examples = {{"syncctl store compact --doc todo/home", ""}},
       .exits = {{10, "some documents could not be compacted"}},
       .kinds = {"CompactReport"},
       .see_also = {"store stats"},
       .notes = {"The agent compacts by itself; this is for now and not later."}},
      {.name = "store stats",
       .summary = "Show sizes, counts and what the disk did",
       .flags = {{.name = "top",
                  .value = "N",
                  .kind = Kind::kInt,
                  .help = "the N largest documents",
                  .fallback = "0",
                  .max = 1000},
                 {.name = "by",
                  .value = "WHAT",
                  .kind = Kind::kEnum,
                  .help = "what --top ranks by",
                  .fallback = "bytes",
                  .choices = {"bytes", "changes"}}},
       .examples = {{"syncctl store stats --top 10", ""}},
       .kinds = {"StoreStats"},
       .see_also = {"status", "store compact"}},
  };
}

std::vector<Command> cmd_copies() {
  return {
      {.name = "store backup",
       .summary = "Copy the store while it is in use",
       .args = {kBackupPath},
       .flags = {{.name = "incremental",
                  .help = "take unchanged tables from the newest backup beside PATH"}},
       .examples = {{"syncctl store backup /mnt/backup/monday", ""},
                    {"syncctl store backup --incremental /mnt/backup/tuesday", ""}},
       .exits = {{5, "PATH exists and is not empty"}},
       .kinds = {"BackupReport"},
       .see_also = {"store restore", "store check"},
       .notes = {"Point other tools, such as Pebble's, at a backup and never at a live store."}},
      {.name = "store restore",
       .summary = "Make a store of a backup",
       .args = {kBackupPath},
       .flags = {kInto,
                 {.name = "check",
                  .value = "DEPTH",
                  .kind = Kind::kEnum,
                  .help = "how much is proven afterwards",
                  .fallback = "quick",
                  .choices = {"quick", "deep"}}},
       .examples = {{"syncctl store restore /mnt/backup/monday --into /srv/store", ""},
                    {"syncctl store restore /mnt/b --into /srv/store --at '#1200'", ""},
                    {"syncctl store restore -n /mnt/backup/monday --into /srv/store", ""}},
       .exits = {{5, "DIR is not empty, or a change behind --at is in a snapshot"},
                 {8, "a file of the backup is not what its report says; nothing was written"}},
       .kinds = {"RestoreReport"},
       .see_also = {"store backup", "store check"},
       .notes = {"Every file is verified first. The new store has a new id."},
       .writes = true,
       .reads = true},
      {.name = "store import-legacy",
       .summary = "Make a store of the append-only file of the proof of concept",
       .args = {{.name = "FILE",
                 .kind = Kind::kFile,
                 .help = "one JSON object a line: key, value, timestamp, node (-: stdin)"}},
       .flags = {kInto, kReport},
       .examples = {{"syncctl store import-legacy todo.log --into /srv/store", ""}},
       .exits = {{5, "DIR is not empty"},
                 {8, "the file holds no operation"},
                 {10, "some bytes were no operation; the report says where"}},
       .kinds = {"LegacyImport"},
       .see_also = {"import", "store check"},
       .notes =
           {"Each operation becomes a change with its time and its node's author, in one "
            "document named legacy/FILE; per key the last writer wins, as it did. Damaged spans "
            "are reported by their byte offset and skipped, whatever is whole behind them on "
            "the same line is taken."}},
  };
}

std::vector<Command> cmd_identity() {
  return {
      {.name = "store migrate",
       .summary = "Bring a stopped store to the newest format",
       .flags = {{.name = "to",
                  .value = "N",
                  .kind = Kind::kInt,
                  .help = "this format and no newer; default: the newest",
                  .min = 1,
                  .max = 1000},
                 {.name = "backup",
                  .value = "PATH",
                  .kind = Kind::kDir,
                  .help = "where the backup goes that is made before anything is changed"}},
       .examples = {{"syncctl --store /srv/store store migrate",
                     "unchanged  the store has format 1"}},
       .exits = {{8, "not a store, or damaged"},
                 {9, "the store is in use"},
                 {11, "the format or a feature is newer than this release"}},
       .kinds = {"MigrateReport"},
       .see_also = {"store backup", "store check", "export"},
       .notes = {"There is one format so far, so there is nothing to change and no backup is made. "
                 "There is no way back from a newer format but export and import."},
       .writes = true},
      {.name = "store id",
       .summary = "Print the id under which peers know this replica",
       .flags = {{.name = "new", .help = "give a stopped store a new one: on one of two copies"}},
       .examples = {{"syncctl store id", ""}, {"syncctl --store /srv/copy store id --new", ""}},
       .exits = {{9, "the store is in use"}},
       .kinds = {"StoreId"},
       .see_also = {"store stats"}},
  };
}

std::vector<Command> cmd_quarantine() {
  const Arg entry = {.name = "ENTRY", .help = "as quarantine ls prints it"};
  const Arg entries = {.name = "ENTRY", .help = "as quarantine ls prints it", .repeats = true};
  return {
      {.name = "quarantine",
       .summary = "See what was found damaged and set aside",
       .see_also = {"store repair", "store check"},
       .notes =
           {"What cannot be read is kept as it is, with an entry that says what is missing. The "
            "document is degraded: the rest of it is served, and nothing is written on top of "
            "the hole. It is whole again when a peer has sent what is missing; the entry stays "
            "until it is dropped."},
       .is_group = true},
      {.name = "quarantine ls",
       .summary = "List what was set aside",
       .examples = {{"syncctl quarantine ls", ""}, {"syncctl quarantine ls -o json", ""}},
       .kinds = {"QuarantineList", "QuarantineEntry"},
       .see_also = {"quarantine show", "store repair"}},
      {.name = "quarantine show",
       .summary = "Show one entry in full",
       .args = {entry},
       .examples = {{"syncctl quarantine show q-1", ""}},
       .exits = {{3, "no such entry"}},
       .kinds = {"QuarantineEntry"},
       .see_also = {"quarantine ls"}},
      {.name = "quarantine export",
       .summary = "Write the damaged bytes to a file",
       .args = {entry},
       .flags = {{.name = "to",
                  .value = "FILE",
                  .kind = Kind::kFile,
                  .help = "where to; a second file of the entry becomes FILE.2"}},
       .examples = {{"syncctl quarantine export q-1 --to damaged.bin", ""}},
       .exits = {{3, "no such entry, or it has no bytes"}},
       .kinds = {"QuarantineExport"},
       .see_also = {"quarantine show"}},
      {.name = "quarantine retry",
       .summary = "Look at the documents again",
       .args = {entries},
       .examples = {{"syncctl quarantine retry q-1", ""}},
       .exits = {{3, "no such entry"},
                 {8, "the documents are still degraded"},
                 {10, "some of them are"}},
       .kinds = {"QuarantineList"},
       .see_also = {"store repair"}},
      {.name = "quarantine drop",
       .summary = "Delete entries and the damaged bytes",
       .args = {entries},
       .examples = {{"syncctl quarantine drop q-1 --yes", ""}},
       .exits = {{3, "no such entry"}, {13, "answered no, or nobody could be asked"}},
       .kinds = {"QuarantineList"},
       .see_also = {"quarantine ls"},
       .writes = true},
  };
}

Command dump(const char* name, const char* summary, const char* example, const char* explain) {
  Command command = {.name = name,
                     .summary = summary,
                     .args = {{.name = "FILE", .kind = Kind::kFile, .help = "a file of db/"}},
                     .examples = {{example, ""}},
                     .exits = {{8, "the file cannot be read as such"}},
                     .see_also = {"debug kv", "store check"},
                     .pages = true};
  if (explain != nullptr) command.flags = {{.name = "explain", .help = explain}};
  return command;
}

std::vector<Command> cmd_debug() {
  Command wal = dump("debug wal", "Show the batches of a log",
                     "syncctl debug wal --explain /srv/store/db/000012.log", "decode the records");
  wal.kinds = {"LogDump"};
  Command manifest = dump("debug manifest", "Show the version that a MANIFEST ends with",
                          "syncctl debug manifest /srv/store/db/MANIFEST-000013", nullptr);
  manifest.kinds = {"ManifestDump"};
  Command table = dump("debug table", "Show the blocks of a table",
                       "syncctl debug table /srv/store/db/000011.sst", "decode the records");
  table.kinds = {"TableDump"};
  return {
      {.name = "debug",
       .summary = "Look inside stores, changes and messages, byte by byte",
       .is_group = true},
      {.name = "debug kv",
       .summary = "Show the records of a stopped store or a backup",
       .args = {{.name = "DIR",
                 .kind = Kind::kDir,
                 .help = "the store or backup; default: --store",
                 .optional = true}},
       .flags = {{.name = "prefix", .value = "TEXT", .help = "only keys that begin so"},
                 {.name = "explain", .help = "decode the values"},
                 {.name = "limit",
                  .letter = 'l',
                  .value = "N",
                  .kind = Kind::kInt,
                  .help = "at most so many; 0: all",
                  .fallback = "1000"},
                 {.name = "digest",
                  .help = "only their count and one SHA-256 over all",
                  .excludes = {"explain", "limit"}}},
       .examples = {{"syncctl debug kv --explain --prefix n /mnt/backup/monday", ""},
                    {"syncctl --store /srv/store debug kv --digest", ""}},
       .exits = {{8, "the store is damaged"}, {9, "the store is in use"}},
       .kinds = {"RecordDump", "RecordDigest"},
       .see_also = {"store check", "debug table"},
       .notes = {"The digest is over each key and value as length (8 bytes, big-endian) and bytes, "
                 "in key order: any program that reads the database can compute it."},
       .pages = true},
      wal,
      manifest,
      table,
  };
}

std::vector<Command> cmd_debug_bytes() {
  const Arg bytes = {
      .name = "FILE", .kind = Kind::kFile, .help = "the bytes, or the same in hex (-: stdin)"};
  return {
      {.name = "debug change",
       .summary = "Show the chunks of a document file or of single changes",
       .args = {bytes},
       .flags = {{.name = "explain", .help = "every field with its place, and the operations"}},
       .examples = {{"syncctl debug change --explain ./todo.automerge", ""},
                    {"syncctl export todo/home --format changes --to - | syncctl debug change -",
                     ""}},
       .exits = {{8, "some of it cannot be read; the rest is shown"}},
       .kinds = {"ChunkDump"},
       .see_also = {"show", "verify file", "debug message"},
       .notes = {"A wrong checksum is told, and the chunk shown all the same; bytes that are no "
                 "chunk are stepped over up to the next one."},
       .pages = true},
      {.name = "debug message",
       .summary = "Show what peers say to each other, from its bytes",
       .args = {bytes},
       .flags = {{.name = "explain", .help = "every field with its place, and the changes inside"}},
       .examples = {{"syncctl debug message --explain frame.bin", ""},
                    {"echo 42 00 00 01 00 00 00 | syncctl debug message -", ""}},
       .exits = {{8, "some of it cannot be read; the rest is shown"}},
       .kinds = {"MessageDump"},
       .see_also = {"debug change", "sync"},
       .notes = {"Takes sync messages (first byte 42 or 43) and frames of the automerge-repo "
                 "protocol (CBOR) as they travel over WebSocket."},
       .pages = true},
  };
}

}  // namespace

std::vector<Command> store_commands() {
  std::vector<Command> all;
  for (const auto& part : {cmd_proof(), cmd_upkeep(), cmd_copies(), cmd_identity(),
                           cmd_quarantine(), cmd_debug(), cmd_debug_bytes()})
    all.insert(all.end(), part.begin(), part.end());
  for (Command& command : all) command.group = Group::kOperate;
  return all;
}

}  // namespace converge::cli
