#include "cli/app/tables.h"

#include <algorithm>

namespace converge::cli {
namespace {

const Flag kLimit = {.name = "limit",
                     .letter = 'l',
                     .value = "N",
                     .kind = Kind::kInt,
                     .help = "at most N",
                     .min = 1};
const Flag kMatching = {.name = "kind",
                        .value = "KIND",
                        .kind = Kind::kEnum,
                        .help = "only conflicts of this kind",
                        .choices = {"value", "delete-edit", "rule"}};

Command cmd_log() {
  return {
      .name = "log",
      .summary = "Show the changes of a document, or of all, newest first",
      .args = {{.name = "DOC",
                .kind = Kind::kDocRev,
                .help = "a document; without it all",
                .optional = true}},
      .flags = {{.name = "graph", .help = "draw who followed whom, one line a change"},
                {.name = "oneline", .help = "one line a change: short hash and message"},
                kLimit,
                {.name = "path",
                 .value = "POINTER",
                 .kind = Kind::kPointer,
                 .help = "only changes that touched what is there"},
                {.name = "actor",
                 .value = "A",
                 .kind = Kind::kActor,
                 .help = "only changes by this actor (hex, may be shortened)"},
                {.name = "since",
                 .value = "W",
                 .kind = Kind::kWhen,
                 .help = "only changes received since"},
                {.name = "until",
                 .value = "W",
                 .kind = Kind::kWhen,
                 .help = "only changes received until"},
                {.name = "follow",
                 .help = "then print each change as it is received, one a line",
                 .excludes = {"graph", "until", "at"}}},
      .examples = {{"syncctl log todo/home --oneline", "88d0e1b  done"},
                   {"syncctl log todo/home --graph", ""},
                   {"syncctl log --since 2h -o ndjson", ""}},
      .kinds = {"ChangeList", "Change"},
      .see_also = {"show", "diff", "heads", "watch"},
      .notes = {"--follow begins with the newest changes (-l, or 10), the oldest of them first, "
                "and goes on until INT; it has no time-out unless --timeout limits the "
                "silence."},
      .reads = true,
      .pages = true};
}

Command cmd_show() {
  return {.name = "show",
          .summary = "Show one change and what it did",
          .args = {{.name = "DOC@CHANGE", .kind = Kind::kChange, .help = "a change of a document"}},
          .flags = {{.name = "ops", .help = "list its operations"},
                    {.name = "stat", .help = "only how much it added, removed, replaced"}},
          .examples = {{"syncctl show todo/home@88d0e1b", ""},
                       {"syncctl show ./home.automerge@88d0e1b --ops -o json", ""}},
          .exits = {{3, "no such document or change"}},
          .kinds = {"Change"},
          .see_also = {"log", "diff"},
          .pages = true};
}

Command cmd_diff() {
  return {.name = "diff",
          .summary = "Show what differs between two documents or revisions",
          .args = {{.name = "DOC[@REV]", .kind = Kind::kDocRev, .help = "the left side"},
                   {.name = "DOC[@REV]",
                    .kind = Kind::kDocRev,
                    .help = "the right side",
                    .optional = true}},
          .flags = {{.name = "from", .value = "REV", .kind = Kind::kRev, .help = "left revision"},
                    {.name = "to",
                     .value = "REV",
                     .kind = Kind::kRev,
                     .help = "right revision; default: now"},
                    {.name = "path",
                     .value = "POINTER",
                     .kind = Kind::kPointer,
                     .help = "only below this place"},
                    {.name = "as",
                     .value = "FORM",
                     .kind = Kind::kEnum,
                     .help = "how to show it",
                     .fallback = "text",
                     .choices = {"text", "json-patch", "stat", "changes"}},
                    {.name = "exit-code", .help = "exit 1 when there is a difference"}},
          .examples = {{"syncctl diff todo/home --from 3f2a9c1", ""},
                       {"syncctl diff ours.automerge theirs.automerge --exit-code", ""},
                       {"syncctl diff todo/home@3f2a9c1 --as json-patch > p.json", ""}},
          .exits = {{1, "with --exit-code: they differ"}},
          .kinds = {"Diff"},
          .see_also = {"log", "patch", "merge"},
          .notes = {"With one document and no revisions it compares with what this replica had "
                    "before the last change it received.",
                    "What --as json-patch prints, fed to patch on the old state, gives the new "
                    "one.",
                    "On a terminal texts that changed are shown word by word: \"[-old-]\" is "
                    "gone, \"{+new+}\" has come."},
          .reads = true,
          .pages = true,
          .answers = true};
}

const Flag kMessage = {
    .name = "message", .letter = 'm', .value = "MSG", .help = "the change's message"};

Command cmd_blame() {
  return {.name = "blame",
          .summary = "Show which change each value comes from",
          .args = {{.name = "DOC[@REV]", .kind = Kind::kDocRev, .help = "a document, or a file"},
                   {.name = "POINTER",
                    .kind = Kind::kPointer,
                    .help = "only what is there",
                    .optional = true}},
          .flags = {{.name = "depth",
                     .value = "N",
                     .kind = Kind::kInt,
                     .help = "take apart only N levels",
                     .min = 1}},
          .examples = {{"syncctl blame todo/home /items", ""}},
          .exits = {{3, "no such document, or nothing at POINTER"}},
          .kinds = {"Blame"},
          .see_also = {"explain", "log", "show"},
          .notes = {"Text is shown in stretches of one change each; \"+N\" is where a stretch "
                    "begins, in code points."},
          .reads = true,
          .pages = true};
}

Command cmd_explain() {
  return {.name = "explain",
          .summary = "Tell why a value is what it is",
          .args = {{.name = "DOC", .kind = Kind::kDoc, .help = "a document, or a file"},
                   {.name = "POINTER", .kind = Kind::kPointer, .help = "the value"}},
          .examples = {{"syncctl explain todo/home /owner", ""}},
          .exits = {{3, "no such document, or nothing at POINTER"}},
          .kinds = {"Explanation"},
          .see_also = {"blame", "conflict show", "log"},
          .notes = {"The change that set it, the values that compete with it, and every change "
                    "that touched it, newest first."},
          .pages = true};
}

Command cmd_bisect() {
  return {
      .name = "bisect",
      .summary = "Find the change that made a document bad",
      .args = {{.name = "DOC", .kind = Kind::kDoc, .help = "a name, URL, id prefix or file"},
               {.name = "CMD",
                .kind = Kind::kCommand,
                .help = "gets each version's JSON on stdin; exit 0 is good, 125 skips it",
                .repeats = true}},
      .flags =
          {{.name = "good", .value = "REV", .kind = Kind::kRev, .help = "a version that is good"},
           {.name = "bad",
            .value = "REV",
            .kind = Kind::kRev,
            .help = "a version that is bad; default: now"},
           {.name = "invert", .help = "exit 0 is bad"},
           {.name = "pairs",
            .help = "go on to find the concurrent change without which it is good"}},
      .examples = {{"syncctl bisect todo/home --good 3f2a9c1 -- jq -e '.total >= 0'",
                    "88d0e1b  lower the price"}},
      .exits = {{1, "there is no culprit: --good is bad, or the last version is good"},
                {3, "no such document or version"},
                {126, "CMD cannot be executed"},
                {127, "CMD is not found"}},
      .kinds = {"BisectReport"},
      .see_also = {"log", "revert", "verify convergence"},
      .notes = {"CMD sees the last change of the version in SYNCCTL_BISECT_CHANGE. Any exit but 0, "
                "125, 126 and 127 is bad."},
      .answers = true};
}

Command cmd_restore() {
  return {.name = "restore",
          .summary = "Make a document as it was at a revision, in one new change",
          .args = {{.name = "DOC", .kind = Kind::kDoc, .help = "a name, URL, id prefix or file"},
                   {.name = "REV", .kind = Kind::kRev, .help = "where to take the values from"}},
          .flags = {{.name = "path",
                     .value = "POINTER",
                     .kind = Kind::kPointer,
                     .help = "restore only what is there"},
                    kMessage},
          .examples = {{"syncctl restore todo/home 3f2a9c1", ""},
                       {"syncctl restore todo/home '~3' --path /items", ""}},
          .exits = {{3, "no such document or revision"}},
          .kinds = {"Ack"},
          .see_also = {"revert", "diff", "apply"},
          .notes = {"Nothing is taken out of the history: the smallest edit that gives the old "
                    "values is added, and merged with what others write meanwhile."},
          .writes = true};
}

Command cmd_revert() {
  return {.name = "revert",
          .summary = "Undo single changes and keep what came after them",
          .args = {{.name = "DOC", .kind = Kind::kDoc, .help = "a name, URL, id prefix or file"},
                   {.name = "CHANGE",
                    .kind = Kind::kRev,
                    .help = "changes of the document, by hash",
                    .repeats = true}},
          .flags = {kMessage},
          .examples = {{"syncctl revert todo/home 88d0e1b", ""}},
          .exits = {{3, "no such document or change"}, {10, "some were reverted, some not"}},
          .kinds = {"AckList"},
          .see_also = {"restore", "show", "bisect"},
          .notes = {"The opposite of the change is made as if beside it and merged. Where a later "
                    "change set the same value, that becomes a conflict of both."},
          .writes = true};
}

Command cmd_fork() {
  return {.name = "fork",
          .summary = "Make a new document with the history of another",
          .args = {{.name = "DOC[@REV]", .kind = Kind::kDocRev, .help = "where to start from"}},
          .flags = {{.name = "name",
                     .value = "NAME",
                     .kind = Kind::kName,
                     .help = "the new document's name"}},
          .examples = {{"syncctl fork todo/home --name todo/try",
                        "automerge:2VTm1FTMTgUBRmZ43utnSd3pB5xE"}},
          .exits = {{3, "no such document or revision"}, {5, "the name exists already"}},
          .kinds = {"Ack"},
          .see_also = {"merge", "diff"},
          .writes = true};
}

Command cmd_merge() {
  return {
      .name = "merge",
      .summary = "Merge other documents or files into one",
      .args = {{.name = "DOC", .kind = Kind::kDoc, .help = "what is merged into"},
               {.name = "SOURCE", .kind = Kind::kDoc, .help = "what is merged", .repeats = true}},
      .flags = {{.name = "fail-on-conflict", .help = "write nothing if conflicts would be new"},
                {.name = "to",
                 .value = "FILE",
                 .kind = Kind::kFile,
                 .help = "files: where the result goes (-: stdout)",
                 .fallback = "-"},
                {.name = "force", .help = "replace an existing file"}},
      .examples = {{"syncctl merge todo/home todo/try", ""},
                   {"syncctl merge ours.automerge theirs.automerge --to all.automerge", ""}},
      .exits = {{5, "--fail-on-conflict and there are new conflicts"},
                {8, "a file is not an Automerge document"}},
      .kinds = {"MergeReport"},
      .see_also = {"fork", "conflict ls", "diff"},
      .notes = {"On files the inputs stay as they are, and nothing is written if any of them "
                "fails. Without --fail-on-conflict new conflicts are counted in the report "
                "and the exit is 0."},
      .writes = true};
}

Command cmd_conflict_resolve() {
  return {.name = "conflict resolve",
          .summary = "Choose one value; an ordinary change supersedes all competing ones",
          .args = {{.name = "ID",
                    .kind = Kind::kConflict,
                    .help = "conflicts to resolve",
                    .optional = true,
                    .repeats = true}},
          .flags = {{.name = "all",
                     .value = "PATTERN",
                     .kind = Kind::kPattern,
                     .help = "all open conflicts of the documents named so"},
                    {.name = "pick",
                     .value = "N",
                     .kind = Kind::kInt,
                     .help = "the value with number N",
                     .min = 1,
                     .excludes = {"value", "with", "rule"}},
                    {.name = "value",
                     .value = "VALUE",
                     .kind = Kind::kValue,
                     .help = "this value",
                     .excludes = {"with", "rule"}},
                    {.name = "with",
                     .value = "CMD",
                     .kind = Kind::kShell,
                     .help = "sh -c CMD gets the Conflict on stdin and prints the value as JSON",
                     .excludes = {"rule"}},
                    {.name = "rule",
                     .value = "RULE",
                     .kind = Kind::kEnum,
                     .help = "by a fixed rule",
                     .choices = {"max", "min", "union", "longest", "newest-received"}}},
          .examples = {{"syncctl conflict resolve c-41d2 --pick 2", ""},
                       {"syncctl conflict resolve --all 'todo/*' --rule longest", ""}},
          .exits = {{3, "no such conflict, or it has no value with that number"},
                    {10, "some were resolved, some not"}},
          .kinds = {"ResolveReport"},
          .see_also = {"conflict ls", "conflicts"},
          .writes = true};
}

std::vector<Command> cmd_conflict() {
  return {
      {.name = "conflict",
       .summary = "See and resolve values that were set concurrently",
       .see_also = {"conflicts"},
       .is_group = true},
      {.name = "conflict ls",
       .summary = "List conflicts",
       .args = {{.name = "PATTERN",
                 .kind = Kind::kPattern,
                 .help = "documents to look at: a pattern of names, or a file",
                 .optional = true}},
       .flags = {kMatching,
                 {.name = "state",
                  .value = "STATE",
                  .kind = Kind::kEnum,
                  .help = "which to list",
                  .fallback = "open",
                  .choices = {"open", "ignored", "all"}},
                 {.name = "exit-code", .help = "exit 1 when there are any"}},
       .examples = {{"syncctl conflict ls 'todo/*'", ""},
                    {"syncctl conflict ls --exit-code > /dev/null || echo 'look at them'", ""}},
       .exits = {{1, "with --exit-code: there are conflicts"}},
       .kinds = {"ConflictList", "Conflict"},
       .see_also = {"conflict show", "conflict resolve", "conflicts"},
       .answers = true},
      {.name = "conflict show",
       .summary = "Show one conflict with all its values",
       .args = {{.name = "ID", .kind = Kind::kConflict, .help = "as conflict ls prints it"}},
       .examples = {{"syncctl conflict show c-41d2", ""}},
       .exits = {{3, "no such conflict"}},
       .kinds = {"Conflict"},
       .see_also = {"conflict ls", "conflict resolve"}},
      {.name = "conflict ignore",
       .summary = "Leave conflicts as they are and list them no more",
       .args = {{.name = "ID",
                 .kind = Kind::kConflict,
                 .help = "conflicts to ignore",
                 .repeats = true}},
       .examples = {{"syncctl conflict ignore c-41d2", ""}},
       .exits = {{3, "no such conflict"}},
       .kinds = {"ConflictList"},
       .see_also = {"conflict ls"},
       .writes = true},
      cmd_conflict_resolve(),
  };
}

}  // namespace

std::vector<Command> history_commands() {
  std::vector<Command> all = {cmd_log(),    cmd_show(),    cmd_diff(),   cmd_blame(), cmd_explain(),
                              cmd_bisect(), cmd_restore(), cmd_revert(), cmd_fork(),  cmd_merge()};
  std::ranges::move(cmd_conflict(), std::back_inserter(all));
  for (Command& command : all) command.group = Group::kHistory;
  return all;
}

}  // namespace converge::cli
