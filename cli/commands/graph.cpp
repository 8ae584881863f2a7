#include "cli/commands/graph.h"

#include <algorithm>
#include <cstddef>

namespace converge::cli {
namespace {

struct Glyphs {
  const char* node;
  const char* line;
  const char* split;  // from a lane to a new one on its right
  const char* join;   // from a lane on the right into this one
  const char* meet;   // to a lane on the right that goes on
  const char* cross;  // across a lane that goes on
};
constexpr Glyphs kAscii = {"*", "|", "\\", "/", "|", "-"};
constexpr Glyphs kBox = {"●", "│", "╮", "╯", "┤", "┼"};

/// Lanes from left to right; each waits for the node whose id it holds. Empty: free.
using Lanes = std::vector<std::string>;

void trim(Lanes& lanes) {
  while (!lanes.empty() && lanes.back().empty()) lanes.pop_back();
}

std::size_t lane_for(Lanes& lanes, const std::string& id) {
  const auto found = std::ranges::find(lanes, id);
  if (found != lanes.end()) return static_cast<std::size_t>(found - lanes.begin());
  const auto free = std::ranges::find(lanes, std::string());
  if (free != lanes.end()) {
    *free = id;
    return static_cast<std::size_t>(free - lanes.begin());
  }
  lanes.push_back(id);
  return lanes.size() - 1;
}

std::string row(const Lanes& lanes, std::size_t node, const Glyphs& glyphs) {
  std::string out;
  for (std::size_t i = 0; i < std::max(lanes.size(), node + 1); ++i) {
    const bool used = i < lanes.size() && !lanes[i].empty();
    out += i == node ? glyphs.node : used ? glyphs.line : " ";
    out += " ";
  }
  return out;
}

/// The line between two nodes on which lane `from` gains or gives up lane `to`, `from` < `to`.
std::string bend(const Lanes& lanes, std::size_t from, std::size_t to, const char* corner,
                 const Glyphs& glyphs, bool utf8) {
  std::string out;
  const char* across = utf8 ? "─" : "-";
  for (std::size_t i = 0; i < std::max(lanes.size(), to + 1); ++i) {
    const bool used = i < lanes.size() && !lanes[i].empty();
    const bool inside = i > from && i < to;
    out += i == to          ? corner
           : i == from      ? (utf8 ? "├" : "|")
           : inside && used ? glyphs.cross
           : inside         ? across
           : used           ? glyphs.line
                            : " ";
    out += i >= from && i < to ? across : " ";
  }
  while (out.ends_with(' ')) out.pop_back();
  return out + "\n";
}

}  // namespace

std::string draw_graph(const std::vector<GraphNode>& nodes, bool utf8) {
  const Glyphs& glyphs = utf8 ? kBox : kAscii;
  Lanes lanes;
  std::string out;
  for (const GraphNode& node : nodes) {
    const std::size_t at = lane_for(lanes, node.id);
    std::string line = row(lanes, at, glyphs) + node.text;
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
    lanes[at].clear();
    bool own_lane_used = false;
    for (const std::string& parent : node.parents) {
      const auto known = std::ranges::find(lanes, parent);
      if (known == lanes.end() && !own_lane_used) {
        lanes[at] = parent;
        own_lane_used = true;
        continue;
      }
      const bool joins = known != lanes.end();
      const std::size_t other =
          joins ? static_cast<std::size_t>(known - lanes.begin()) : lane_for(lanes, parent);
      if (other == at) continue;
      // A branch that meets a lane already drawn bends into it; the left one of the two goes on.
      const bool closes = joins && !own_lane_used;
      if (closes && at < other) {
        lanes[at] = parent;
        lanes[other].clear();
      }
      out += bend(lanes, std::min(at, other), std::max(at, other),
                  closes  ? glyphs.join
                  : joins ? glyphs.meet
                          : glyphs.split,
                  glyphs, utf8);
      own_lane_used = own_lane_used || closes;
    }
    trim(lanes);
  }
  return out;
}

}  // namespace converge::cli
