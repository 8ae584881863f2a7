#include "cli/commands/graph.h"
#include "cli/output/error_text.h"
#include "cli/output/table.h"
#include "cli/output/terminal.h"
#include "cli/output/text.h"
#include "cli/output/word_diff.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <map>

namespace converge::cli {
namespace {

using nlohmann::json;

TEST_CASE("nothing printed can steer a terminal", "[cli]") {
  CHECK(printable("a\x1b[31mb") == "a\\u001b[31mb");
  CHECK(printable("a\nb\tc") == "a\\u000ab\\u0009c");
  CHECK(printable("a\nb\tc", true) == "a\nb\tc");
  CHECK(printable("\xc2\x9b") == "\\u009b");      // C1 control
  CHECK(printable("\xe2\x80\xae") == "\\u202e");  // right-to-left override
  CHECK(printable("\xff\xc3") == "\\xff\\xc3");   // not UTF-8
  CHECK(printable("\xc0\x80") == "\\xc0\\x80");   // overlong
  CHECK(printable("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80") == "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80");
}

TEST_CASE("widths count columns", "[cli]") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("\xe6\xbc\xa2\xe5\xad\x97") == 4);
  CHECK(display_width("e\xcc\x81") == 1);
  CHECK(cut("abcdef", 4, false) == "abc~");
  CHECK(cut("abcdef", 6, false) == "abcdef");
  CHECK(cut("\xe6\xbc\xa2\xe5\xad\x97", 3, true) == "\xe6\xbc\xa2\xe2\x80\xa6");
}

TEST_CASE("times are told relative to now", "[cli]") {
  const auto then = parse_time("2026-11-20T09:00:00.120Z");
  REQUIRE(then);
  CHECK(*then % 1000 == 120);
  CHECK(relative_time("2026-11-20T09:00:00.120Z", *then + 125'000) == "2m ago");
  CHECK(relative_time("2026-11-20T09:00:00.120Z", *then) == "now");
  CHECK(relative_time("soon", 0) == "soon");
}

Table sample() {
  Table table({{.header = "name", .importance = 2},
               {.header = "size", .right = true},
               {.header = "key", .wide_only = true}});
  table.add({{"todo/home", "", Paint::kNone},
             {"1234", "1.2 kB", Paint::kNone},
             {"k,1", "", Paint::kNone}});
  table.add(
      {{"a", "", Paint::kNone}, {"5", "5 B", Paint::kNone}, {"say \"hi\"", "", Paint::kNone}});
  return table;
}

TEST_CASE("a table is aligned for people, tabbed for pipes, quoted for csv", "[cli]") {
  Terminal pipe;
  CHECK(sample().to_text(pipe, false) == "todo/home\t1234\na\t5\n");
  Terminal terminal;
  terminal.out_tty = true;
  CHECK(sample().to_text(terminal, false) ==
        "NAME         SIZE\ntodo/home  1.2 kB\na             5 B\n");
  terminal.width = 14;
  const std::string narrow = sample().to_text(terminal, false);
  CHECK_THAT(narrow, Catch::Contains("1.2~") || Catch::Contains("to"));
  for (std::size_t at = 0; at < narrow.size();) {
    const std::size_t end = narrow.find('\n', at);
    CHECK(display_width(narrow.substr(at, end - at)) <= 15);
    at = end + 1;
  }
  CHECK(sample().to_csv() ==
        "name,size,key\r\ntodo/home,1234,\"k,1\"\r\na,5,\"say \"\"hi\"\"\"\r\n");
}

TEST_CASE("colour follows the flag, then NO_COLOR, then FORCE_COLOR", "[cli]") {
  const auto with = [](std::map<std::string, std::string> variables) {
    return [variables](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      if (found == variables.end() || found->second.empty()) return std::nullopt;
      return found->second;
    };
  };
  CHECK(find_terminal(with({}), "always").color_out);
  CHECK(find_terminal(with({{"NO_COLOR", "1"}}), "always").color_out);
  CHECK(find_terminal(with({{"FORCE_COLOR", "1"}}), "auto").color_out);
  CHECK_FALSE(find_terminal(with({{"FORCE_COLOR", "1"}, {"NO_COLOR", "1"}}), "auto").color_out);
  CHECK_FALSE(find_terminal(with({{"FORCE_COLOR", "1"}}), "never").color_out);
}

TEST_CASE("an error has at most five lines in the contract's order", "[cli]") {
  const Error error =
      control::make_error(control::ErrorId::kHeadsMoved,
                          "todo/home has moved on\n1 change since\nand more", "read again");
  CHECK(error_text(error, true, false) ==
        "syncctl: error: todo/home has moved on\n  1 change since\nhint: read again\ncode: "
        "heads.moved "
        "(exit 5)\n");
  CHECK(error_text(control::make_error(control::ErrorId::kIo, "x\x1b[2J"), false, false) ==
        "syncctl: error: x\\u001b[2J\n");
}

TEST_CASE("a graph shows where history parts and meets", "[cli]") {
  const std::vector<GraphNode> nodes = {
      {"d", {"b", "c"}, "d"}, {"c", {"a"}, "c"}, {"b", {"a"}, "b"}, {"a", {}, "a"}};
  CHECK(draw_graph(nodes, false) ==
        "* d\n"
        "|-\\\n"
        "| * c\n"
        "* | b\n"
        "|-/\n"
        "* a\n");
  CHECK(draw_graph({{"b", {"a"}, "b"}, {"a", {}, "a"}}, true) == "● b\n● a\n");
}

TEST_CASE("a graph of three lanes crosses, meets and closes them", "[cli]") {
  // Three heads over one root; m joins two of them, n joins all that is left.
  const std::vector<GraphNode> nodes = {{"n", {"m", "z"}, "n"}, {"m", {"x", "y"}, "m"},
                                        {"z", {"y", "r"}, "z"}, {"x", {"r"}, "x"},
                                        {"y", {"r"}, "y"},      {"r", {}, "r"}};
  CHECK(draw_graph(nodes, true) ==
        "● n\n"
        "├─╮\n"
        "● │ m\n"
        "├─┼─╮\n"
        "│ ● │ z\n"
        "│ ├─╯\n"
        "│ ├─╮\n"
        "● │ │ x\n"
        "├─┼─╯\n"
        "│ ● y\n"
        "├─╯\n"
        "● r\n");
  for (const char c : draw_graph(nodes, false)) CHECK(static_cast<unsigned char>(c) < 0x80);
}

TEST_CASE("a text's changes are shown word by word", "[cli]") {
  using Lines = std::vector<std::string>;
  CHECK(word_diff("same", "same", false).empty());
  CHECK(word_diff("buy milk now", "buy oat milk now", false) == Lines{"buy {+oat +}milk now"});
  CHECK(word_diff("a red car", "a blue car", true) ==
        Lines{"a \x1b[31m[-red-]\x1b[0m\x1b[32m{+blue+}\x1b[0m car"});
  CHECK(word_diff("1\n2\n3\n4\n5\n6\n", "1\n2\n3\nfour\n5\n6\n", false) ==
        Lines{"...", "3", "[-4-]{+four+}", "5", "..."});
  CHECK(word_diff("x", "", false) == Lines{"[-x-]"});
  CHECK(word_diff("a\x1b[2Jb", "c", false).front().find('\x1b') == std::string::npos);
  const std::string line(300, 'w');
  const Lines cut = word_diff(line + " old", line + " new", false);
  REQUIRE(cut.size() == 1);
  CHECK(cut.front() == std::string(40, 'w') + " ... " + std::string(39, 'w') + " [-old-]{+new+}");
}

}  // namespace
}  // namespace converge::cli
