#include "core/verbs/iregexp.h"

#include <utf8.h>

#include <algorithm>
#include <memory>
#include <string>

namespace converge::verbs {
namespace {

constexpr int kNestingMax = 64;
constexpr std::uint32_t kRepeatMax = 1000;

/// The expression as a tree; quantifiers copy their part into the automaton as often as it may
/// occur.
struct Node {
  enum class Kind : std::uint8_t { kSet, kBegin, kEnd, kSequence, kChoice, kRepeat };
  Kind kind = Kind::kSequence;
  bool negated = false;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;
  std::vector<Node> parts;
  std::uint32_t least = 0;
  std::optional<std::uint32_t> most;
};

bool is_in(std::uint32_t point, std::string_view set) {
  return point < 0x80 && point != 0 && set.find(static_cast<char>(point)) != std::string_view::npos;
}

class PatternParser {
 public:
  explicit PatternParser(std::vector<std::uint32_t> points) : points_(std::move(points)) {}

  std::optional<Node> run() {
    Node out;
    if (!choice(out) || at_ != points_.size()) return std::nullopt;
    return out;
  }

 private:
  bool at_end() const { return at_ >= points_.size(); }
  std::uint32_t peek() const { return at_end() ? 0 : points_[at_]; }
  bool accept(char c) {
    if (at_end() || peek() != static_cast<std::uint32_t>(c)) return false;
    ++at_;
    return true;
  }

  bool choice(Node& out) {
    out.kind = Node::Kind::kChoice;
    do {
      out.parts.emplace_back();
      if (!branch(out.parts.back())) return false;
    } while (accept('|'));
    return true;
  }

  bool branch(Node& out) {
    out.kind = Node::Kind::kSequence;
    while (!at_end() && peek() != '|' && peek() != ')') {
      Node part;
      if (!atom(part) || !quantified(part)) return false;
      out.parts.push_back(std::move(part));
    }
    return true;
  }

  bool quantified(Node& part) {
    std::uint32_t least = 1;
    std::optional<std::uint32_t> most = 1;
    if (accept('*')) {
      least = 0;
      most.reset();
    } else if (accept('+')) {
      most.reset();
    } else if (accept('?')) {
      least = 0;
    } else if (accept('{')) {
      if (!number(least)) return false;
      most = least;
      if (accept(',')) {
        std::uint32_t bound = 0;
        most.reset();
        if (peek() != '}') {
          if (!number(bound) || bound < least) return false;
          most = bound;
        }
      }
      if (!accept('}')) return false;
    } else {
      return true;
    }
    Node repeat;
    repeat.kind = Node::Kind::kRepeat;
    repeat.least = least;
    repeat.most = most;
    repeat.parts.push_back(std::move(part));
    part = std::move(repeat);
    return true;
  }

  bool number(std::uint32_t& out) {
    if (peek() < '0' || peek() > '9') return false;
    out = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      out = out * 10 + (peek() - '0');
      if (out > kRepeatMax) return false;
    }
    return true;
  }

  bool atom(Node& out) {
    if (accept('(')) {
      if (++nesting_ > kNestingMax) return false;
      if (!choice(out) || !accept(')')) return false;
      --nesting_;
      return true;
    }
    if (accept('^') || accept('$')) {
      out.kind = points_[at_ - 1] == '^' ? Node::Kind::kBegin : Node::Kind::kEnd;
      return true;
    }
    out.kind = Node::Kind::kSet;
    if (accept('[')) return character_class(out);
    if (accept('.')) {
      out.negated = true;
      out.ranges = {{'\n', '\n'}, {'\r', '\r'}};
      return true;
    }
    std::uint32_t point = peek();
    if (accept('\\')) {
      if (!escaped(point)) return false;
    } else {
      if (is_in(point, "()*+,-.?[]{|}\\") && !is_in(point, ",-")) return false;
      ++at_;
    }
    out.ranges = {{point, point}};
    return true;
  }

  /// Behind a backslash: the characters of RFC 9485's SingleCharEsc.
  bool escaped(std::uint32_t& out) {
    if (at_end()) return false;
    out = points_[at_++];
    if (out == 'n')
      out = '\n';
    else if (out == 'r')
      out = '\r';
    else if (out == 't')
      out = '\t';
    else
      return is_in(out, "()*+-.?[\\]^{|}$");
    return true;
  }

  bool class_character(std::uint32_t& out) {
    if (at_end()) return false;
    if (accept('\\')) return escaped(out);
    if (is_in(peek(), "[]-")) return false;
    out = points_[at_++];
    return true;
  }

  bool character_class(Node& out) {
    out.negated = accept('^');
    if (accept('-')) out.ranges.emplace_back('-', '-');
    while (!at_end() && peek() != ']') {
      if (peek() == '-') {
        ++at_;  // only as the last character
        out.ranges.emplace_back('-', '-');
        break;
      }
      std::uint32_t first = 0;
      if (!class_character(first)) return false;
      std::uint32_t last = first;
      const bool range = peek() == '-' && at_ + 1 < points_.size() && points_[at_ + 1] != ']';
      if (range) {
        ++at_;
        if (!class_character(last) || last < first) return false;
      }
      out.ranges.emplace_back(first, last);
    }
    return accept(']') && !out.ranges.empty();
  }

  std::vector<std::uint32_t> points_;
  std::size_t at_ = 0;
  int nesting_ = 0;
};

}  // namespace

/// Builds the automaton from the back: each part is compiled with the state that follows it.
class IRegexpCompiler {
 public:
  using State = IRegexp::State;

  std::optional<IRegexp> run(const Node& pattern) {
    const std::size_t accept = add({});
    const auto start = compile(pattern, accept);
    if (!start) return std::nullopt;
    IRegexp out;
    out.states_ = std::move(states_);
    out.start_ = *start;
    return out;
  }

 private:
  std::size_t add(State state) {
    states_.push_back(std::move(state));
    return states_.size() - 1;
  }

  std::size_t add_split(std::size_t next, std::size_t other) {
    State state;
    state.kind = State::Kind::kSplit;
    state.next = next;
    state.other = other;
    return add(std::move(state));
  }

  std::optional<std::size_t> compile(const Node& node, std::size_t next) {
    if (states_.size() > IRegexp::kStatesMax) return std::nullopt;
    switch (node.kind) {
      case Node::Kind::kSet: {
        State state;
        state.kind = State::Kind::kSet;
        state.negated = node.negated;
        state.ranges = node.ranges;
        state.next = next;
        return add(std::move(state));
      }
      case Node::Kind::kBegin:
      case Node::Kind::kEnd: {
        State state;
        state.kind = node.kind == Node::Kind::kBegin ? State::Kind::kBegin : State::Kind::kEnd;
        state.next = next;
        return add(std::move(state));
      }
      case Node::Kind::kSequence: {
        std::optional<std::size_t> at = next;
        for (auto part = node.parts.rbegin(); at && part != node.parts.rend(); ++part)
          at = compile(*part, *at);
        return at;
      }
      case Node::Kind::kChoice: {
        auto at = compile(node.parts.back(), next);
        for (std::size_t i = node.parts.size() - 1; at && i-- > 0;) {
          const auto first = compile(node.parts[i], next);
          if (!first) return std::nullopt;
          at = add_split(*first, *at);
        }
        return at;
      }
      case Node::Kind::kRepeat:
        return compile_repeat(node, next);
    }
    return std::nullopt;
  }

  std::optional<std::size_t> compile_repeat(const Node& node, std::size_t next) {
    const Node& part = node.parts.front();
    std::optional<std::size_t> at = next;
    if (!node.most) {
      const std::size_t loop = add_split(0, next);
      const auto body = compile(part, loop);
      if (!body) return std::nullopt;
      states_[loop].next = *body;
      at = loop;
    } else {
      for (std::uint32_t i = node.least; at && i < *node.most; ++i) {
        const auto body = compile(part, *at);
        at = body ? std::optional(add_split(*body, next)) : std::nullopt;
      }
    }
    for (std::uint32_t i = 0; at && i < node.least; ++i) at = compile(part, *at);
    return at;
  }

  std::vector<State> states_;
};

std::optional<IRegexp> IRegexp::parse(std::string_view pattern) {
  if (!utf8::is_valid(pattern.begin(), pattern.end())) return std::nullopt;
  std::vector<std::uint32_t> points;
  utf8::unchecked::utf8to32(pattern.begin(), pattern.end(), std::back_inserter(points));
  const auto tree = PatternParser(std::move(points)).run();
  if (!tree) return std::nullopt;
  return IRegexpCompiler().run(*tree);
}

bool IRegexp::State::takes(std::uint32_t point) const {
  const bool inside = std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
    return point >= range.first && point <= range.second;
  });
  return inside != negated;
}

/// One walk over a text with all states at once.
class IRegexp::Run {
 public:
  explicit Run(const IRegexp& regexp) : regexp_(regexp), seen_(regexp.states_.size(), 0) {}

  bool operator()(std::string_view text, bool whole) {
    enter(regexp_.start_, true, text.empty());
    std::swap(now_, next_);
    for (auto at = text.begin(); at != text.end();) {
      if (!whole && accepted()) return true;
      const std::uint32_t point = utf8::unchecked::next(at);
      ++step_;
      next_.clear();
      for (const std::size_t state : now_) {
        const State& from = regexp_.states_[state];
        if (from.kind == State::Kind::kSet && from.takes(point))
          enter(from.next, false, at == text.end());
      }
      if (!whole) enter(regexp_.start_, false, at == text.end());
      std::swap(now_, next_);
      if (now_.empty() && whole) return false;
    }
    return accepted();
  }

 private:
  /// Puts `state` and all that is reached from it without a character into next_.
  void enter(std::size_t state, bool at_begin, bool at_end) {
    std::vector<std::size_t> pending{state};
    while (!pending.empty()) {
      const std::size_t at = pending.back();
      pending.pop_back();
      if (seen_[at] == step_) continue;
      seen_[at] = step_;
      const State& here = regexp_.states_[at];
      switch (here.kind) {
        case State::Kind::kSet:
        case State::Kind::kAccept:
          next_.push_back(at);
          break;
        case State::Kind::kSplit:
          pending.push_back(here.other);
          pending.push_back(here.next);
          break;
        case State::Kind::kBegin:
          if (at_begin) pending.push_back(here.next);
          break;
        case State::Kind::kEnd:
          if (at_end) pending.push_back(here.next);
          break;
      }
    }
  }

  /// The accepting state is the first that the compiler makes.
  bool accepted() const { return std::find(now_.begin(), now_.end(), 0u) != now_.end(); }

  const IRegexp& regexp_;
  std::vector<std::size_t> seen_;  ///< by state: the last step that entered it
  std::size_t step_ = 1;
  std::vector<std::size_t> now_;
  std::vector<std::size_t> next_;
};

bool IRegexp::run(std::string_view text, bool whole) const { return Run(*this)(text, whole); }

}  // namespace converge::verbs
