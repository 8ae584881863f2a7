#include "cli/app/tables.h"

#include <algorithm>

namespace converge::cli {
namespace {

const Arg kPeer = {.name = "PEER", .kind = Kind::kPeer, .help = "a configured name"};
const Flag kExitCode = {.name = "exit-code", .help = "exit 1 when something is still owed"};

std::vector<Flag> peer_settings() {
  return {{.name = "key", .value = "FILE", .kind = Kind::kFile, .help = "the peer's public key"},
          {.name = "collections",
           .value = "P,...",
           .kind = Kind::kText,
           .help = "share only these collections"},
          {.name = "policy",
           .value = "POLICY",
           .kind = Kind::kEnum,
           .help = "what goes which way",
           .fallback = "sync",
           .choices = {"sync", "pull", "push", "review"}},
          {.name = "rate",
           .value = "RATE",
           .kind = Kind::kRate,
           .help = "bytes a second at most, such as 2MB/s"},
          {.name = "paused", .help = "keep it, but do not connect"}};
}

Command cmd_status() {
  return {.name = "status",
          .summary = "See the agent, its store, peers and conflicts",
          .flags = {{.name = "check", .help = "exit 1 when there are problems"}},
          .examples = {{"syncctl status", ""}, {"syncctl status --check -q || echo unhealthy", ""}},
          .exits = {{1, "with --check: there are problems"}},
          .kinds = {"Status"},
          .see_also = {"sync", "peer ls", "conflict ls"},
          .answers = true};
}

Command cmd_sync() {
  Arg peers = kPeer;
  peers.optional = peers.repeats = true;
  return {.name = "sync",
          .summary = "Exchange changes with peers now",
          .args = {peers},
          .flags = {{.name = "wait", .help = "until nothing is owed either way"},
                    {.name = "explain", .help = "say what was compared and sent"},
                    kExitCode},
          .examples = {{"syncctl sync", ""}, {"syncctl sync nas --wait --timeout 5m", ""}},
          .exits = {{1, "with --exit-code: documents remain"},
                    {3, "no such peer"},
                    {6, "--wait and the time ran out"},
                    {14, "a peer does not answer"}},
          .kinds = {"SyncReportList", "SyncReport"},
          .see_also = {"wait", "status", "peer ls"},
          .writes = true,
          .answers = true};
}

Command cmd_wait() {
  return {.name = "wait",
          .summary = "Wait until a condition holds",
          .args = {{.name = "DOC",
                    .kind = Kind::kDoc,
                    .help = "a document or a pattern; without it all",
                    .optional = true}},
          .flags = {{.name = "for",
                     .value = "COND",
                     .kind = Kind::kCondition,
                     .help = "ready, durable, synced, converged, idle, heads=REV or "
                             "value=POINTER=VALUE"},
                    {.name = "peer",
                     .value = "PEER",
                     .kind = Kind::kPeer,
                     .help = "with synced and converged: with whom"}},
          .examples = {{"syncctl wait --for ready --timeout 10s", ""},
                       {"syncctl wait --for synced --peer nas", ""},
                       {"syncctl wait todo/home --for value=/done=true", ""}},
          .exits = {{6, "the time ran out; says what was still missing"}},
          .kinds = {"Wait"},
          .see_also = {"sync", "status", "watch"}};
}

Command cmd_watch() {
  return {.name = "watch",
          .summary = "Print an event for every change, as it happens",
          .args = {{.name = "PATTERN",
                    .kind = Kind::kPattern,
                    .help = "documents or patterns; without it all",
                    .optional = true,
                    .repeats = true},
                   {.name = "CMD",
                    .kind = Kind::kCommand,
                    .help = "run for each event, which is on its stdin",
                    .optional = true,
                    .repeats = true}},
          .flags = {{.name = "since",
                     .value = "CURSOR",
                     .kind = Kind::kCursor,
                     .help = "continue behind this cursor"},
                    {.name = "initial", .help = "first the present state, then the changes"},
                    {.name = "path",
                     .value = "POINTER",
                     .kind = Kind::kPointer,
                     .help = "only changes at or below this place"},
                    {.name = "debounce",
                     .value = "DUR",
                     .kind = Kind::kDuration,
                     .help = "with CMD: fold bursts of this length into one run"},
                    {.name = "fail-fast", .help = "with CMD: stop when it fails"}},
          .examples = {{"syncctl watch 'todo/*' -o ndjson", ""},
                       {"syncctl watch todo/home -- make site", ""}},
          .exits = {{5, "the cursor is foreign or expired"},
                    {126, "CMD cannot be executed"},
                    {127, "CMD is not found"}},
          .kinds = {"Event"},
          .see_also = {"wait", "log"},
          .notes = {"Ends only by a signal, or when --timeout passes in silence. CMD sees "
                    "SYNCCTL_EVENT_TYPE, SYNCCTL_DOC, SYNCCTL_NAME and SYNCCTL_CURSOR."}};
}

/// A command that changes one peer and takes no settings.
Command on_peer(const char* name, const char* summary, const char* example, const char* other) {
  return {.name = name,
          .summary = summary,
          .args = {kPeer},
          .examples = {{example, ""}},
          .exits = {{3, "no such peer"}},
          .kinds = {"Peer"},
          .see_also = {other},
          .writes = true};
}

std::vector<Command> cmd_peer() {
  return {
      {.name = "peer", .summary = "Configure the machines to sync with", .is_group = true},
      {.name = "peer ls",
       .summary = "List peers and how they are",
       .examples = {{"syncctl peer ls", ""}},
       .kinds = {"PeerList"},
       .see_also = {"peer show", "status"}},
      {.name = "peer show",
       .summary = "Show one peer",
       .args = {kPeer},
       .examples = {{"syncctl peer show nas", ""}},
       .exits = {{3, "no such peer"}},
       .kinds = {"Peer"},
       .see_also = {"peer ls"}},
      {.name = "peer add",
       .summary = "Add a peer",
       .args = {{.name = "NAME", .kind = Kind::kName, .help = "what to call it"},
                {.name = "URL", .kind = Kind::kUrl, .help = "ws://HOST:PORT or wss://HOST:PORT"}},
       .flags = peer_settings(),
       .examples = {{"syncctl peer add nas wss://nas.example:4433 --key nas.pub", ""}},
       .exits = {{5, "the peer exists with other settings"}},
       .kinds = {"Peer"},
       .see_also = {"peer set", "invite"},
       .notes = {"Adding the same peer with the same settings is a success and changes nothing."},
       .writes = true},
      {.name = "peer set",
       .summary = "Change a peer's settings",
       .args = {kPeer},
       .flags =
           [] {
             auto flags = peer_settings();
             flags.insert(
                 flags.begin(),
                 {.name = "url", .value = "URL", .kind = Kind::kUrl, .help = "its address"});
             return flags;
           }(),
       .examples = {{"syncctl peer set nas --policy pull", ""}},
       .exits = {{3, "no such peer"}},
       .kinds = {"Peer"},
       .see_also = {"peer add"},
       .writes = true},
      on_peer("peer rm", "Forget a peer; its documents stay", "syncctl peer rm nas", "peer add"),
      on_peer("peer pause", "Stop syncing with a peer for now", "syncctl peer pause nas",
              "peer resume"),
      on_peer("peer resume", "Sync with a paused peer again", "syncctl peer resume nas",
              "peer pause"),
      {.name = "peer ping",
       .summary = "Measure the way to a peer and back",
       .args = {kPeer},
       .examples = {{"syncctl peer ping nas", "nas 3 ms"}},
       .exits = {{3, "no such peer"}, {14, "it does not answer"}},
       .kinds = {"Ping"},
       .see_also = {"peer show"}},
  };
}

std::vector<Command> cmd_outbox() {
  const Flag peer = {.name = "peer",
                     .value = "PEER",
                     .kind = Kind::kPeer,
                     .help = "only what waits for this peer"};
  const Flag older = {.name = "older",
                      .value = "DUR",
                      .kind = Kind::kDuration,
                      .help = "only what was queued at least so long ago"};
  const Arg entries = {.name = "ENTRY",
                       .help = "as outbox ls prints it; without it all that the flags select",
                       .optional = true,
                       .repeats = true};
  return {{.name = "outbox",
           .summary = "See writes that wait for an agent that is down",
           .see_also = {"wait", "status"},
           .notes = {"A write that means the same later is kept on disk when no agent answers, and "
                     "sent in order by the next command that reaches the agent, or by the agent "
                     "when it starts. What the agent then refuses stays here as failed."},
           .is_group = true},
          {.name = "outbox ls",
           .summary = "List writes that wait",
           .flags = {peer, older},
           .examples = {{"syncctl outbox ls", ""}, {"syncctl outbox ls --older 1h -o name", ""}},
           .kinds = {"OutboxList", "OutboxEntry"},
           .see_also = {"outbox show", "outbox retry"}},
          {.name = "outbox show",
           .summary = "Show one waiting write in full",
           .args = {{.name = "ENTRY", .help = "as outbox ls prints it"}},
           .examples = {{"syncctl outbox show o-88", ""}},
           .exits = {{3, "no such entry"}},
           .kinds = {"OutboxEntry"},
           .see_also = {"outbox ls"}},
          {.name = "outbox retry",
           .summary = "Send failed and waiting writes now",
           .args = {entries},
           .flags = {peer, older},
           .examples = {{"syncctl outbox retry o-88", ""}, {"syncctl outbox retry", ""}},
           .exits = {{3, "no such entry"}, {10, "some were refused again"}},
           .kinds = {"OutboxList"},
           .see_also = {"outbox ls", "outbox drop"},
           .writes = true},
          {.name = "outbox drop",
           .summary = "Forget writes that wait",
           .args = {entries},
           .flags = {peer, older},
           .examples = {{"syncctl outbox drop o-88", ""},
                        {"syncctl outbox drop --older 30m --yes", ""}},
           .exits = {{3, "no such entry"}, {13, "answered no, or nobody could be asked"}},
           .kinds = {"OutboxList"},
           .see_also = {"outbox ls"},
           .writes = true}};
}

std::vector<Command> cmd_invite_join() {
  return {
      {.name = "invite",
       .summary = "Print a line that lets another machine join this workspace",
       .flags = {{.name = "collections",
                  .value = "P,...",
                  .kind = Kind::kText,
                  .help = "share only these collections"},
                 {.name = "read", .help = "the joining machine may only read"},
                 {.name = "expires",
                  .value = "DUR",
                  .kind = Kind::kDuration,
                  .help = "how long the invitation works",
                  .fallback = "15m"}},
       .examples = {{"syncctl invite --expires 1h", ""}},
       .kinds = {"Invite"},
       .see_also = {"join", "peer add"},
       .notes = {"The line is a secret: it holds addresses, the workspace's catalog, this "
                 "machine's key fingerprint and a one-time token."},
       .writes = true},
      {.name = "join",
       .summary = "Join the workspace of an invitation",
       .args = {{.name = "INVITE",
                 .kind = Kind::kInvite,
                 .help = "what invite printed (-: read it from stdin)"}},
       .flags = {{.name = "name",
                  .value = "NAME",
                  .kind = Kind::kName,
                  .help = "what to call the inviting peer"}},
       .examples = {{"ssh nas syncctl invite | syncctl join - --name nas", ""}},
       .exits = {{2, "the line is not an invitation"},
                 {5, "this replica holds another workspace's documents"},
                 {7, "the token is used up or expired"},
                 {14, "the inviting machine does not answer"}},
       .kinds = {"Peer"},
       .see_also = {"invite", "peer ls", "wait"},
       .notes = {"Done means that the peer is configured. Names and documents come then; a script "
                 "waits for them with wait --for synced."},
       .writes = true},
  };
}

}  // namespace

std::vector<Command> sync_commands() {
  std::vector<Command> all = {cmd_status(), cmd_sync(), cmd_wait(), cmd_watch()};
  std::ranges::move(cmd_peer(), std::back_inserter(all));
  std::ranges::move(cmd_outbox(), std::back_inserter(all));
  std::ranges::move(cmd_invite_join(), std::back_inserter(all));
  for (Command& command : all) command.group = Group::kSync;
  return all;
}

}  // namespace converge::cli
