#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The one table of commands. Parser, help, man pages, completions and the reference page are made
/// from it and from nothing else: a flag that is not here does not exist.
namespace converge::cli {

/// What a word on the command line is. Each kind has one parser, one error text, one completer and
/// one line of documentation (kinds.h).
enum class Kind {
  kDoc,
  kDocRev,
  kPointer,
  kPath,
  kPattern,
  kChange,
  kRev,
  kPeer,
  kCursor,
  kWhen,
  kAt,  ///< a WHEN or a REV
  kDuration,
  kSize,
  kRate,
  kFile,
  kDir,
  kSocket,
  kKey,
  kEnum,
  kInt,
  kValue,
  kCommand,    ///< an argument vector behind "--"
  kShell,      ///< one string that is run with sh -c
  kText,       ///< any words
  kName,       ///< a document's name
  kDocId,      ///< a whole document id
  kConflict,   ///< a conflict's id
  kCondition,  ///< what "wait --for" waits for
  kActor,
  kUrl,
  kInvite,
  kTopic,  ///< a command or a help topic
  kFormat,
  kContext,
};

struct Arg {
  const char* name;  ///< as shown: "DOC", "POINTER"
  Kind kind = Kind::kText;
  const char* help = "";
  bool optional = false;
  bool repeats = false;
  std::vector<const char*> choices = {};  ///< kEnum
};

struct Flag {
  const char* name;             ///< long name without dashes
  char letter = 0;              ///< 0: none
  const char* value = nullptr;  ///< placeholder; null: a switch
  Kind kind = Kind::kText;
  const char* help = "";
  const char* fallback = nullptr;  ///< the default, as shown
  bool repeats = false;
  std::vector<const char*> choices = {};  ///< kEnum
  long min = 0;                           ///< kInt
  long max = 1'000'000'000;
  std::vector<const char*> excludes = {};  ///< long names that may not stand beside it
  bool hidden = false;                     ///< takes effect elsewhere; not shown again
};

struct Example {
  const char* line;         ///< what is typed, without the prompt
  const char* output = "";  ///< lines it prints, or empty
};

struct ExitNote {
  int code;
  const char* when;
};

enum class Group { kDocuments, kHistory, kSync, kVerify, kOperate, kMore };

struct Command {
  const char* name;  ///< words as typed: "get", "peer add"
  Group group = Group::kDocuments;
  const char* summary = "";  ///< one sentence without full stop
  std::vector<Arg> args = {};
  std::vector<Flag> flags = {};
  std::vector<Example> examples = {};
  std::vector<ExitNote> exits = {};        ///< beyond those that apply to every command
  std::vector<const char*> kinds = {};     ///< JSON kinds it prints
  std::vector<const char*> see_also = {};  ///< commands and topics
  std::vector<const char*> notes = {};     ///< paragraphs of the man page
  bool is_group = false;                   ///< only a parent of others: alone it prints their list
  bool writes = false;                     ///< takes -n
  bool write_flags = false;                ///< takes the WRITE FLAGS
  bool reads = false;                      ///< takes --at
  bool pages = false;                      ///< may use the pager
  bool answers = false;                    ///< may exit 1
  bool hidden = false;
};

/// Every command, in the order of the overview.
std::span<const Command> command_table();

/// Flags that stand before or after any command.
std::span<const Flag> global_flags();

/// The flags every write verb has.
std::span<const Flag> write_flags();

/// The command's own flags and, where it has them, the write flags; not the global ones.
std::vector<Flag> flags_of(const Command& command);

/// By exact words; null when there is none.
const Command* find_command(std::string_view words);

/// Commands directly below a group, in table order.
std::vector<const Command*> subcommands_of(const Command& group);

const char* title_of(Group group);

/// "syncctl get DOC[@REV] [POINTER] [flags]"
std::string usage_of(const Command& command);

/// An argument as the usage line has it: "[POINTER]", "DOC...".
std::string shown(const Arg& arg);

}  // namespace converge::cli
