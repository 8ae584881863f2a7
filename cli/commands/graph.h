#pragma once

#include <string>
#include <vector>

namespace converge::cli {

struct GraphNode {
  std::string id;
  std::vector<std::string> parents;
  std::string text;  ///< one line
};

/// Draws a directed acyclic graph, one node a line, children before parents as given. Parents that
/// are not among the nodes end in the open. Box characters with `utf8`, ASCII otherwise.
///
///     * d
///     |-\.
///     | * c
///     * | b
///     |-/
///     * a
std::string draw_graph(const std::vector<GraphNode>& nodes, bool utf8);

}  // namespace converge::cli
