#include "cli/app/tables.h"

#include <algorithm>

namespace converge::cli {
namespace {

const Arg kDoc = {.name = "DOC", .kind = Kind::kDoc, .help = "a name, URL, id prefix or file"};
const Arg kPointer = {.name = "POINTER", .kind = Kind::kPointer, .help = "where in the document"};

std::vector<Flag> with_value_flags(std::vector<Flag> flags) {
  const std::vector<Flag> value = {
      {.name = "string",
       .letter = 's',
       .help = "VALUE is text as it stands, not JSON",
       .excludes = {"type"}},
      {.name = "type",
       .value = "T",
       .kind = Kind::kEnum,
       .help = "VALUE is of a type that JSON cannot say",
       .choices = {"text", "str", "int", "uint", "float", "counter", "timestamp", "bytes", "bool",
                   "null"}},
      {.name = "file",
       .letter = 'f',
       .value = "FILE",
       .kind = Kind::kFile,
       .help = "VALUE is the content of FILE (-: stdin)"},
  };
  flags.insert(flags.begin(), value.begin(), value.end());
  return flags;
}

const ExitNote kMoved = {5,
                         "a condition (--if-heads, --if-value, --if-absent) does not hold, or "
                         "what is there has the wrong type"};

Command cmd_new() {
  return {
      .name = "new",
      .summary = "Make a document and print its URL",
      .flags =
          {{.name = "file",
            .letter = 'f',
            .value = "FILE",
            .kind = Kind::kFile,
            .help = "JSON of the first state (-: stdin)",
            .fallback = "{}"},
           {.name = "name",
            .value = "NAME",
            .kind = Kind::kName,
            .help = "give it a name, such as todo/home"},
           {.name = "id",
            .value = "ID",
            .kind = Kind::kDocId,
            .help = "use this document id instead of a fresh one"},
           {.name = "message", .letter = 'm', .value = "MSG", .help = "the first change's message"},
           {.name = "request-id",
            .value = "ID",
            .help = "the same id again answers the first result"}},
      .examples = {{"syncctl new --name todo/home -f todo.json",
                    "automerge:4NMNnkMhL8jXrdJ9jamS58PAVdXu"},
                   {"echo '{\"items\":[]}' | syncctl new -f -", ""}},
      .exits = {{5, "the name or id exists already with other content"}, {8, "FILE is not JSON"}},
      .kinds = {"Ack"},
      .see_also = {"name set", "import", "rm"},
      .notes = {"The first state is JSON; strings become collaborative text. The typed forms "
                "{\"$counter\":3}, {\"$timestamp\":...}, {\"$bytes\":...} are understood."},
      .writes = true};
}

Command cmd_ls() {
  return {.name = "ls",
          .summary = "List documents",
          .args = {{.name = "PATTERN",
                    .kind = Kind::kPattern,
                    .help = "names to list; * within one part, ** across parts",
                    .optional = true,
                    .repeats = true}},
          .flags = {{.name = "limit",
                     .letter = 'l',
                     .value = "N",
                     .kind = Kind::kInt,
                     .help = "at most N documents",
                     .min = 1},
                    {.name = "after",
                     .value = "CURSOR",
                     .kind = Kind::kCursor,
                     .help = "continue behind the cursor of an earlier list"},
                    {.name = "sort",
                     .value = "BY",
                     .kind = Kind::kEnum,
                     .help = "order of the list",
                     .fallback = "name",
                     .choices = {"name", "updated", "size", "changes"}},
                    {.name = "reverse", .help = "the other way round"},
                    {.name = "conflicted", .help = "only documents with open conflicts"},
                    {.name = "degraded", .help = "only documents with unreadable parts"},
                    {.name = "deleted", .help = "only removed documents"},
                    {.name = "count", .help = "print only how many there are"}},
          .examples = {{"syncctl ls 'todo/*'", ""},
                       {"syncctl ls --conflicted -o name", ""},
                       {"syncctl ls --sort size --reverse -l 10", ""}},
          .kinds = {"DocumentList", "Count"},
          .see_also = {"get", "name ls", "conflict ls"},
          .reads = true};
}

Command cmd_get() {
  return {
      .name = "get",
      .summary = "Print a document's JSON, or one value of it",
      .args = {{.name = "DOC[@REV]",
                .kind = Kind::kDocRev,
                .help = "a document, as it is or at a revision"},
               {.name = "POINTER",
                .kind = Kind::kPointer,
                .help = "JSON Pointer; without it the whole document",
                .optional = true}},
      .flags = {{.name = "raw", .letter = 'r', .help = "print a string without quotes and escapes"},
                {.name = "typed", .help = "lose nothing: counters, times, bytes as $ objects"},
                {.name = "default",
                 .value = "VALUE",
                 .kind = Kind::kValue,
                 .help = "print VALUE when nothing is at POINTER"},
                {.name = "meta", .help = "wrap the value with heads, sizes and state"}},
      .examples = {{"syncctl get todo/home /items/0/title", "\"milk\""},
                   {"syncctl get todo/home@1f3a9c2 /items/0/title -r", "milk"},
                   {"syncctl get ./home.automerge --typed", ""},
                   {"syncctl get todo/home /limit --default 10", ""}},
      .exits = {{3, "no such document, or nothing at POINTER and no --default"}},
      .kinds = {"Document"},
      .see_also = {"set", "heads", "revisions", "pointers"},
      .notes = {"The document's own JSON is printed with no envelope: pretty on a terminal, "
                "compact when piped. Counters become numbers, times and text strings, bytes "
                "base64, unless --typed is given."},
      .reads = true};
}

Command cmd_heads() {
  return {.name = "heads",
          .summary = "Print a document's heads, in the form every REV argument takes",
          .args = {{.name = "DOC[@REV]",
                    .kind = Kind::kDocRev,
                    .help = "a name, URL, id prefix or file"}},
          .examples = {{"syncctl heads todo/home", "3f2a9c1d...+88d0e1b4..."},
                       {"rev=$(syncctl heads todo/home); syncctl get todo/home@$rev", ""}},
          .kinds = {"Heads"},
          .see_also = {"log", "revisions"},
          .reads = true};
}

Command cmd_set() {
  return {.name = "set",
          .summary = "Set one or more values in one change",
          .args = {kDoc,
                   kPointer,
                   {.name = "VALUE",
                    .kind = Kind::kValue,
                    .help = "JSON; see -s, --type and -f",
                    .optional = true},
                   {.name = "POINTER VALUE",
                    .kind = Kind::kText,
                    .help = "further pairs of the same change",
                    .optional = true,
                    .repeats = true}},
          .flags = with_value_flags({}),
          .examples = {{"syncctl set todo/home /items/0/done true", ""},
                       {"syncctl set todo/home /title --string milk", ""},
                       {"syncctl set todo/home /a 1 /b '[1,2]' -m 'two at once'", ""},
                       {"syncctl set ./home.automerge /hits 0 --type counter", ""}},
          .exits = {{3, "no such document, or no parent at POINTER"}, kMoved},
          .kinds = {"Ack"},
          .see_also = {"unset", "insert", "patch", "pointers"},
          .notes = {"VALUE is JSON. A word that is not JSON is an error; it is never taken as a "
                    "string by guess.",
                    "With several pairs -s, --type and -f apply to every VALUE; with -f no VALUE "
                    "is given and only one POINTER."},
          .writes = true,
          .write_flags = true};
}

Command cmd_unset() {
  Arg pointers = kPointer;
  pointers.repeats = true;
  return {.name = "unset",
          .summary = "Remove map keys and list elements in one change",
          .args = {kDoc, pointers},
          .examples = {{"syncctl unset todo/home /items/0/due", ""},
                       {"syncctl unset todo/home /items/3 --base 3f2a9c1", ""}},
          .exits = {{3, "no such document, or nothing at POINTER"}, kMoved},
          .kinds = {"Ack"},
          .see_also = {"set", "rm"},
          .writes = true,
          .write_flags = true};
}

Command cmd_insert() {
  return {.name = "insert",
          .summary = "Insert values into a list; what is there moves up",
          .args = {kDoc,
                   {.name = "POINTER",
                    .kind = Kind::kPointer,
                    .help = "an index of a list; /items/- appends"},
                   {.name = "VALUE",
                    .kind = Kind::kValue,
                    .help = "JSON; see -s, --type and -f",
                    .optional = true,
                    .repeats = true}},
          .flags = with_value_flags({}),
          .examples = {{"syncctl insert todo/home /items/- '{\"title\":\"milk\"}'", ""},
                       {"syncctl insert todo/home /tags/0 -s urgent -s home", ""}},
          .exits = {{3, "no such document, or no list at POINTER"}, kMoved},
          .kinds = {"Ack"},
          .see_also = {"set", "splice"},
          .writes = true,
          .write_flags = true};
}

Command cmd_incr() {
  return {.name = "incr",
          .summary = "Add to a counter; concurrent increments all count",
          .args = {kDoc,
                   {.name = "POINTER", .kind = Kind::kPointer, .help = "a counter"},
                   {.name = "N",
                    .kind = Kind::kInt,
                    .help = "how much; may be negative",
                    .optional = true}},
          .examples = {{"syncctl incr stats/today /visits", ""},
                       {"syncctl incr stats/today /stock -3", ""}},
          .exits = {{3, "no such document, or nothing at POINTER"}, kMoved},
          .kinds = {"Ack"},
          .see_also = {"set"},
          .notes = {"N is 1 when not given. Make a counter with: syncctl set DOC POINTER 0 --type "
                    "counter."},
          .writes = true,
          .write_flags = true};
}

Command cmd_splice() {
  return {
      .name = "splice",
      .summary = "Delete from a text and put other text in its place",
      .args = {kDoc,
               {.name = "POINTER", .kind = Kind::kPointer, .help = "a text"},
               {.name = "INDEX", .kind = Kind::kInt, .help = "where, in characters (code points)"},
               {.name = "DELETE", .kind = Kind::kInt, .help = "how many characters to delete"},
               {.name = "TEXT",
                .kind = Kind::kText,
                .help = "what to insert (-: read it from stdin)",
                .optional = true}},
      .examples = {{"syncctl splice notes/a /body 0 5 Hello", ""},
                   {"syncctl splice notes/a /body 0 0 - < intro.txt", ""}},
      .exits = {{3, "no such document, nothing at POINTER, or INDEX or DELETE beyond its end"},
                {5, "no text at POINTER, or a condition does not hold"}},
      .kinds = {"Ack"},
      .see_also = {"set", "insert"},
      .writes = true,
      .write_flags = true};
}

Command cmd_patch() {
  return {.name = "patch",
          .summary = "Apply a JSON Patch or a merge patch in one change",
          .args = {kDoc},
          .flags = {{.name = "file",
                     .letter = 'f',
                     .value = "FILE",
                     .kind = Kind::kFile,
                     .help = "the patch (-: stdin)"},
                    {.name = "type",
                     .value = "T",
                     .kind = Kind::kEnum,
                     .help = "RFC 6902 (json) or RFC 7396 (merge)",
                     .fallback = "json",
                     .choices = {"json", "merge"}}},
          .examples = {{"syncctl patch todo/home -f change.json", ""},
                       {"echo '{\"done\":true}' | syncctl patch todo/home --type merge -f -", ""}},
          .exits = {{3, "no such document, or a path of the patch does not exist"},
                    {5, "a test operation fails, or a condition does not hold"},
                    {8, "FILE is not JSON or not a patch"}},
          .kinds = {"Ack"},
          .see_also = {"diff", "apply"},
          .writes = true,
          .write_flags = true};
}

Command cmd_apply() {
  return {.name = "apply",
          .summary = "Make a document equal to the JSON given, by the smallest edit",
          .args = {kDoc},
          .flags = {{.name = "file",
                     .letter = 'f',
                     .value = "FILE",
                     .kind = Kind::kFile,
                     .help = "the wanted JSON (-: stdin)"},
                    {.name = "list-key",
                     .value = "NAME",
                     .help = "match list elements by this field",
                     .fallback = "id, key or name"}},
          .examples = {{"syncctl get todo/home > t.json; vi t.json; syncctl apply todo/home -f "
                        "t.json",
                        ""},
                       {"syncctl apply todo/home -f t.json --base 3f2a9c1", ""}},
          .exits = {kMoved, {8, "FILE is not JSON"}},
          .kinds = {"Ack"},
          .see_also = {"patch", "set"},
          .notes = {"The difference is taken at --base (default: the present heads) and merged "
                    "with whatever came since. Equal input writes no change."},
          .writes = true,
          .write_flags = true};
}

Command cmd_rm() {
  Arg docs = kDoc;
  docs.repeats = true;
  return {
      .name = "rm",
      .summary = "Remove documents; the removal syncs",
      .args = {docs},
      .flags = {{.name = "purge", .help = "erase the local history, too, and prove it"},
                {.name = "confirm",
                 .value = "NAME",
                 .kind = Kind::kName,
                 .help = "with --purge: the name of the document once more"}},
      .examples = {{"syncctl rm todo/old", "removed todo/old"},
                   {"syncctl rm --purge --confirm hr/anna hr/anna", ""},
                   {"syncctl ls 'tmp/**' -o name | xargs syncctl rm -y", ""}},
      .exits = {{3, "no such document"},
                {10, "some were removed, some not; or a purge left something"},
                {13, "several documents and no --yes, or --purge and no --confirm"}},
      .kinds = {"RemoveReport"},
      .see_also = {"name rm", "ls"},
      .notes = {"After --purge no table and no log of this store holds anything of the document; "
                "the answer says what was found when they were read. Peers, backups and "
                "exports keep what they have."},
      .writes = true};
}

std::vector<Command> cmd_name() {
  return {
      {.name = "name", .summary = "Give documents names", .see_also = {"ls"}, .is_group = true},
      {.name = "name ls",
       .summary = "List names and what they point to",
       .args =
           {{.name = "PATTERN", .kind = Kind::kPattern, .help = "names to list", .optional = true}},
       .examples = {{"syncctl name ls 'todo/*'", ""}},
       .kinds = {"NameList"},
       .see_also = {"ls", "name set"}},
      {.name = "name set",
       .summary = "Let a name point to a document",
       .args = {{.name = "NAME", .kind = Kind::kName, .help = "such as todo/home"}, kDoc},
       .examples = {{"syncctl name set todo/work automerge:4NMNnkMhL8jXrdJ9jamS58PAVdXu", ""}},
       .exits = {{3, "no such document"}, {5, "the name points elsewhere already"}},
       .kinds = {"Name"},
       .see_also = {"name ls", "name rm"},
       .writes = true},
      {.name = "name rm",
       .summary = "Take a name away; the document stays",
       .args = {{.name = "NAME", .kind = Kind::kName, .help = "such as todo/home"}},
       .examples = {{"syncctl name rm todo/work", ""}},
       .exits = {{3, "no such name"}},
       .kinds = {"Name"},
       .see_also = {"name set", "rm"},
       .writes = true},
  };
}

std::vector<Command> cmd_import_export() {
  return {
      {.name = "import",
       .summary = "Take files in as documents",
       .args = {{.name = "FILE",
                 .kind = Kind::kFile,
                 .help = "files or folders to import (-: stdin)",
                 .repeats = true}},
       .flags = {{.name = "format",
                  .value = "F",
                  .kind = Kind::kEnum,
                  .help = "what the files are; default: by name and content",
                  .choices = {"automerge", "json", "ndjson", "changes"}},
                 {.name = "into",
                  .value = "COLLECTION",
                  .kind = Kind::kName,
                  .help = "name each COLLECTION/FILE without its ending"},
                 {.name = "update", .help = "merge into documents that exist"}},
       .examples = {{"syncctl import --into notes ./*.automerge", ""},
                    {"syncctl import /mnt/export", ""},
                    {"syncctl import --update --into notes draft.json", ""}},
       .exits = {{5, "a document exists already and --update is not given"},
                 {8, "a file is not what its format says"},
                 {10, "some were imported, some not"}},
       .kinds = {"AckList"},
       .see_also = {"export", "new"},
       .notes = {"A folder is what export wrote (names and ids come back), a folder of .automerge "
                 "files, or the Node storage of automerge-repo. Of damaged files in it what is "
                 "whole is taken, and the rest is told."},
       .writes = true},
      {.name = "export",
       .summary = "Write documents to files or stdout",
       .args = {{.name = "DOC",
                 .kind = Kind::kDocRev,
                 .help = "documents, or patterns of names",
                 .repeats = true}},
       .flags = {{.name = "format",
                  .value = "F",
                  .kind = Kind::kEnum,
                  .help = "what to write",
                  .fallback = "automerge",
                  .choices = {"automerge", "json", "ndjson", "changes"}},
                 {.name = "typed", .help = "json and ndjson: lose nothing"},
                 {.name = "to",
                  .value = "PATH",
                  .kind = Kind::kFile,
                  .help = "a file, or a directory for several (-: stdout)",
                  .fallback = "-"},
                 {.name = "force", .help = "replace an existing file"}},
       .examples = {{"syncctl export todo/home --to home.automerge", ""},
                    {"syncctl export 'todo/*' --format json --to backup/", ""}},
       .exits = {{2, "several documents and no --to DIR"},
                 {5, "the file exists and --force is not given"}},
       .kinds = {"ExportReport"},
       .see_also = {"import", "get"},
       .reads = true},
  };
}

Command cmd_batch() {
  return {
      .name = "batch",
      .summary = "Carry out many requests over one connection",
      .flags = {{.name = "file",
                 .letter = 'f',
                 .value = "FILE",
                 .kind = Kind::kFile,
                 .help = "one JSON request a line: {\"id\":1,\"cmd\":[WORD,...]}",
                 .fallback = "-"},
                {.name = "keep-going", .help = "go on after a request that failed"},
                {.name = "parallel",
                 .value = "N",
                 .kind = Kind::kInt,
                 .help = "requests under way at once; 1: each waits for the last",
                 .fallback = "64",
                 .min = 1,
                 .max = 1024}},
      .examples = {{"syncctl batch -f edits.ndjson", ""},
                   {"echo '{\"id\":1,\"cmd\":[\"incr\",\"stats\",\"/n\"]}' | syncctl batch", ""}},
      .exits = {{10, "a request failed; its answer says why"}},
      .kinds = {"BatchAnswer"},
      .see_also = {"set", "outbox"},
      .notes = {"Answers come one a line, in the order of the requests. Requests for one document "
                "are carried out in order; those for different documents may overtake each "
                "other, except that everything waits for new, fork and name."}};
}

Command cmd_edit() {
  return {
      .name = "edit",
      .summary = "Open a document's JSON in the editor and apply what was changed",
      .args = {kDoc,
               {.name = "POINTER",
                .kind = Kind::kPointer,
                .help = "edit only what is there",
                .optional = true}},
      .flags = {{.name = "message", .letter = 'm', .value = "MSG", .help = "the change's message"}},
      .examples = {{"EDITOR=nano syncctl edit todo/home /items", ""}},
      .exits = {{3, "no such document, or nothing at POINTER"},
                {8, "what was written is not JSON; the text is kept"},
                {13, "there is no terminal and no EDITOR"}},
      .kinds = {"Ack"},
      .see_also = {"apply", "set"},
      .notes =
          {"The text is the document as --typed input: texts are bare strings, what JSON has no "
           "word for is typed, nothing is lost. What was changed is merged with what others "
           "wrote meanwhile; equal text writes no change."},
      .writes = true};
}

Command cmd_query() {
  return {.name = "query",
          .summary = "Evaluate a path in every document, one result a line",
          .args = {{.name = "PATH",
                    .kind = Kind::kPath,
                    .help = "JSONPath, RFC 9535; may be left out with --jq",
                    .optional = true}},
          .flags = {{.name = "in",
                     .value = "PATTERN",
                     .kind = Kind::kPattern,
                     .help = "documents to look into: names, patterns, files",
                     .fallback = "all",
                     .repeats = true},
                    {.name = "jq",
                     .value = "PROGRAM",
                     .help = "run a jq program on each document, or on what PATH finds"},
                    {.name = "with-doc", .help = "print the document's name before each result"},
                    {.name = "count", .help = "print only how many results there are"},
                    {.name = "limit",
                     .letter = 'l',
                     .value = "N",
                     .kind = Kind::kInt,
                     .help = "at most N results",
                     .min = 1}},
          .examples = {{"syncctl query '$.items[?@.done==false].title' --in 'todo/**'", "\"milk\""},
                       {"syncctl query '$..email' --with-doc -o ndjson", ""},
                       {"syncctl query --jq '.items | length' --in todo/home", "3"}},
          .exits = {{2, "PATH or PROGRAM is not understood"},
                    {3, "a document named with --in does not exist"}},
          .kinds = {"QueryResultList", "QueryResult", "Count"},
          .see_also = {"get", "ls"},
          .notes = {"Results come document by document, by name where --in has patterns, and are "
                    "printed as they come, except by -o json and csv. -o name prints the names of "
                    "the documents that have any."},
          .reads = true};
}

}  // namespace

std::vector<Command> document_commands() {
  std::vector<Command> all = {cmd_new(),    cmd_ls(),    cmd_get(),    cmd_heads(),
                              cmd_set(),    cmd_unset(), cmd_insert(), cmd_incr(),
                              cmd_splice(), cmd_patch(), cmd_apply(),  cmd_rm()};
  std::ranges::move(cmd_name(), std::back_inserter(all));
  std::ranges::move(cmd_import_export(), std::back_inserter(all));
  all.push_back(cmd_batch());
  all.push_back(cmd_edit());
  all.push_back(cmd_query());
  for (Command& command : all) command.group = Group::kDocuments;
  return all;
}

}  // namespace converge::cli
