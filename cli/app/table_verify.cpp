#include "cli/app/tables.h"

#include <algorithm>
#include <iterator>

namespace converge::cli {
namespace {

const Flag kJunit = {
    .name = "junit", .value = "F", .kind = Kind::kFile, .help = "write a JUnit report to F too"};
const Flag kForce = {.name = "force", .help = "replace existing report files"};

Command cmd_digest() {
  return {.name = "digest",
          .summary = "Print fingerprints that are equal when the documents are",
          .args = {{.name = "DOC",
                    .kind = Kind::kDoc,
                    .help = "documents, patterns or files; without it all",
                    .optional = true,
                    .repeats = true}},
          .flags = {{.name = "root", .help = "one line for all"},
                    {.name = "state", .help = "over values instead of history"},
                    {.name = "expect",
                     .value = "FILE",
                     .kind = Kind::kFile,
                     .help = "compare with an earlier output (-: stdin)"}},
          .examples = {{"syncctl digest --root", ""},
                       {"ssh nas syncctl digest | syncctl digest --expect -", ""},
                       {"syncctl digest ./*.automerge", ""}},
          .exits = {{1, "with --expect: they differ"}},
          .kinds = {"Digest"},
          .see_also = {"diff", "wait"},
          .reads = true,
          .answers = true};
}

Command cmd_compare() {
  const char* sides = "., peer:NAME, store:DIR, digest:FILE or a file";
  return {.name = "compare",
          .summary = "Tell which documents differ between two sides",
          .args = {{.name = "LEFT", .kind = Kind::kText, .help = sides},
                   {.name = "RIGHT", .kind = Kind::kText, .help = sides}},
          .flags = {{.name = "combined",
                     .value = "FILE",
                     .kind = Kind::kFile,
                     .help = "write a line for every document to FILE (-: stdout)"},
                    {.name = "deep", .help = "name the changes that one side lacks"},
                    {.name = "one-way", .help = "documents that only RIGHT has do not count"},
                    kForce},
          .examples = {{"syncctl compare . peer:nas", ""},
                       {"syncctl compare . store:/mnt/backup/store", ""},
                       {"ssh nas syncctl digest -o json > nas.json; syncctl compare . "
                        "digest:nas.json",
                        ""},
                       {"syncctl compare ours.automerge theirs.automerge --deep", ""}},
          .exits = {{1, "they differ"},
                    {8, "a file is neither a document nor a digest"},
                    {14, "the peer is not connected"}},
          .kinds = {"CompareReport"},
          .see_also = {"digest", "diff", "verify convergence"},
          .notes = {"\".\" is the agent, or the store of --store. Lines: \"= name\" the same, "
                    "\"< name\" only left, \"> name\" only right, \"* name\" differs, \"! "
                    "name\" could not be read. Without --combined only what differs is shown.",
                    "peer:NAME is what a connected peer has of our documents by its last messages. "
                    "What only the peer has does not show: it is on its way here."},
          .answers = true};
}

Command cmd_verify_file() {
  return {.name = "verify file",
          .summary = "Check that document files are whole",
          .args = {{.name = "FILE",
                    .kind = Kind::kFile,
                    .help = "Automerge documents (-: stdin)",
                    .repeats = true}},
          .flags = {kJunit, kForce},
          .examples = {{"syncctl verify file backup/*.automerge", "ok  backup/home.automerge"}},
          .exits = {{1, "a file is damaged, or changes are missing"},
                    {8, "a file cannot be read at all"},
                    {10, "some files cannot be read at all"}},
          .kinds = {"FileCheckReport"},
          .see_also = {"verify convergence", "digest"},
          .notes = {"Reads every chunk, recomputes every change's hash, follows every dependency, "
                    "and compares a saved copy."},
          .answers = true};
}

std::vector<Flag> convergence_flags() {
  return {
      {.name = "orders",
       .value = "all|N",
       .help = "all orders, or N random ones",
       .fallback = "all up to 5040, else 2000"},
      {.name = "seed", .value = "S", .help = "draw the same random orders again"},
      {.name = "schema",
       .value = "F",
       .kind = Kind::kFile,
       .help = "every state must be valid under the JSON Schema in F"},
      {.name = "invariant",
       .value = "SQL",
       .help = "a SELECT on :doc, the state's JSON, whose one value must be true",
       .repeats = true},
      {.name = "invariant-cmd",
       .value = "CMD",
       .kind = Kind::kShell,
       .help = "sh -c CMD gets each state on stdin and must exit 0",
       .repeats = true},
      {.name = "no-duplicates", .help = "do not deliver changes twice"},
      {.name = "no-batches", .help = "do not deliver changes in batches"},
      {.name = "no-save-load", .help = "do not save and load in between"},
      {.name = "no-minimize", .help = "show counter-examples as they were found"},
      {.name = "artifacts",
       .value = "DIR",
       .kind = Kind::kDir,
       .help = "write each counter-example as files that repeat it"},
      kJunit,
      {.name = "tap",
       .value = "F",
       .kind = Kind::kFile,
       .help = "write a TAP report to F too (-: instead, to stdout)"},
      {.name = "max-time",
       .value = "DUR",
       .kind = Kind::kDuration,
       .help = "stop trying after this long and judge what was tried"},
      kForce,
  };
}

Command cmd_verify_convergence() {
  return {
      .name = "verify convergence",
      .summary = "Check that changes give one document in whatever order they arrive",
      .args = {{.name = "INPUT",
                .kind = Kind::kFile,
                .help = "replicas: files, directories of files, stores, recordings",
                .repeats = true}},
      .flags = convergence_flags(),
      .examples = {{"syncctl verify convergence laptop.automerge phone.automerge", ""},
                   {"syncctl verify convergence a/ b/ --schema doc.schema.json --junit out.xml",
                    ""},
                   {"syncctl verify convergence *.automerge --artifacts out --invariant \"SELECT "
                    "json_extract(:doc, '$.n') < 9\"",
                    ""}},
      .exits = {{1, "a property does not hold"},
                {5, "a change depends on one that is in no input, or DIR holds an example already"},
                {8, "an input cannot be read"}},
      .kinds = {"ConvergenceReport"},
      .see_also = {"verify file", "digest"},
      .notes = {"Each INPUT is one replica. When all are files they are replicas of one document; "
                "otherwise documents are matched by name, which a file has from its own name.",
                "Properties: order, duplicate, batch, save-load: all arrivals end in the same "
                "history and values. schema and invariant:N: hold in every state on the way that "
                "is closed under dependencies.",
                "A counter-example is shrunk to the fewest changes that still show it. The same "
                "inputs and seed give the same report, but for elapsed_ms."},
      .answers = true};
}

Command cmd_record() {
  return {
      .name = "record",
      .summary = "Write every change to a file, as it was received",
      .flags = {{.name = "to",
                 .value = "FILE",
                 .kind = Kind::kFile,
                 .help = "the recording (-: stdout)"},
                {.name = "payloads",
                 .value = "HOW",
                 .kind = Kind::kEnum,
                 .help = "what changes say, only their shape, or nothing",
                 .fallback = "full",
                 .choices = {"full", "anonymous", "none"}},
                {.name = "for",
                 .value = "DUR",
                 .kind = Kind::kDuration,
                 .help = "stop after this long; 0: only what is there now"},
                kForce},
      .examples = {{"syncctl record --to night.ndjson --for 8h", ""},
                   {"syncctl record --to bug.ndjson --for 0 --payloads anonymous", ""},
                   {"syncctl --store /srv/store record --to store.ndjson", ""}},
      .exits = {{5, "FILE exists already"}, {10, "some documents could not be read"}},
      .kinds = {"RecordReport", "Recording", "RecordedChange", "RecordedDelete", "RecordedName",
                "RecordedMark"},
      .see_also = {"replay", "verify convergence", "export"},
      .notes = {"First all changes that are there, then those that come, until --for is over or "
                "INT or TERM ends it. The file appears whole at the end, with a digest of all "
                "documents that \"replay --expect\" compares.",
                "anonymous: texts keep their length and spaces, keys and names become hashes "
                "under a secret that is thrown away, bytes become zeros; numbers, times, actors "
                "and the shape of the history stay."}};
}

Command cmd_replay() {
  return {.name = "replay",
          .summary = "Receive a recorded log again, into memory or an empty store",
          .args = {{.name = "LOG",
                    .kind = Kind::kFile,
                    .help = "a recording, or changes of one document (-: stdin)"}},
          .flags = {{.name = "into",
                     .value = "DIR",
                     .kind = Kind::kDir,
                     .help = "make a store there; DIR is empty or does not exist"},
                    {.name = "until",
                     .value = "MARK",
                     .help = "stop behind #RECEIPT, a time, or a change's hash"},
                    {.name = "expect",
                     .value = "FILE",
                     .kind = Kind::kFile,
                     .help = "compare with a digest's output, or a recording"}},
          .examples = {{"syncctl replay night.ndjson --expect night.ndjson", ""},
                       {"syncctl replay night.ndjson --until '#184220' --into before/", ""},
                       {"syncctl export todo/home --format changes | syncctl replay -", ""}},
          .exits = {{1, "with --expect: the documents differ"},
                    {3, "no such change as MARK"},
                    {5, "DIR is not empty, or a change that is needed is not in the log"},
                    {8, "LOG is damaged; the line or the byte is named"}},
          .kinds = {"ReplayReport"},
          .see_also = {"record", "digest", "verify convergence"},
          .notes = {"Changes are applied one by one in the order of their receipts. The report "
                    "tells how long that took, and which change took longest.",
                    "A change that does not hash to what the log says, or depends on one that is "
                    "not in it, ends the replay."},
          .answers = true};
}

std::vector<Command> cmd_git() {
  const Flag global = {.name = "global", .help = "for all of the user's repositories"};
  const Arg file = {.name = "FILE", .kind = Kind::kFile, .help = "an Automerge document"};
  return {
      {.name = "git", .summary = "Let git merge and show Automerge documents", .is_group = true},
      {.name = "git install",
       .summary = "Teach a repository to merge and diff *.automerge files",
       .flags = {global},
       .examples = {{"syncctl git install", "installed  /home/me/notes/.gitattributes"}},
       .exits = {{20, "this is no git repository"}},
       .kinds = {"GitSetup"},
       .see_also = {"git uninstall", "git merge-driver"},
       .notes = {"Sets merge.automerge and diff.automerge in git's configuration and adds a line "
                 "to .gitattributes, which is worth committing."},
       .writes = true},
      {.name = "git uninstall",
       .summary = "Take out what git install put in",
       .flags = {global},
       .examples = {{"syncctl git uninstall", ""}},
       .exits = {{20, "this is no git repository"}},
       .kinds = {"GitSetup"},
       .see_also = {"git install"},
       .writes = true},
      {.name = "git merge-driver",
       .summary = "Merge two versions of a document for git",
       .args = {{.name = "BASE", .kind = Kind::kFile, .help = "%O; not needed, not read"},
                {.name = "OURS", .kind = Kind::kFile, .help = "%A; the result goes here"},
                {.name = "THEIRS", .kind = Kind::kFile, .help = "%B"}},
       .examples = {{"syncctl git merge-driver %O %A %B", ""}},
       .exits = {{1, "merged, and a value was set on both sides: git shows a conflict"},
                 {8, "a file is not an Automerge document"}},
       .see_also = {"git install", "conflict resolve"},
       .answers = true},
      {.name = "git textconv",
       .summary = "Print a document as text for git diff",
       .args = {file},
       .examples = {{"syncctl git textconv home.automerge", ""}},
       .exits = {{8, "FILE is not an Automerge document"}},
       .see_also = {"git install", "get"}},
  };
}

}  // namespace

std::vector<Command> verify_commands() {
  std::vector<Command> all = {
      cmd_digest(),
      cmd_compare(),
      {.name = "verify", .summary = "Check files and convergence", .is_group = true},
      cmd_verify_file(),
      cmd_verify_convergence(),
      cmd_record(),
      cmd_replay()};
  std::ranges::move(cmd_git(), std::back_inserter(all));
  for (Command& command : all) command.group = Group::kVerify;
  return all;
}

}  // namespace converge::cli
