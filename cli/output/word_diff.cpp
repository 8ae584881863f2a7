#include "cli/output/word_diff.h"

#include "cli/output/terminal.h"
#include "cli/output/text.h"
#include "core/verbs/sequence_diff.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>

namespace converge::cli {
namespace {

/// Of an unchanged stretch so much stays on either side, in bytes, when it is longer than twice
/// that and a bit.
constexpr std::size_t kContextBytes = 40;

bool is_word_byte(unsigned char c) {
  return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         c == '_';
}

/// Words, runs of spaces, line breaks and single other characters; joined they are the text.
std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto is_word = [](char c) { return is_word_byte(static_cast<unsigned char>(c)); };
    const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
    std::size_t size = 1;
    if (is_word(text.front()))
      size = static_cast<std::size_t>(std::ranges::find_if_not(text, is_word) - text.begin());
    else if (is_space(text.front()))
      size = static_cast<std::size_t>(std::ranges::find_if_not(text, is_space) - text.begin());
    out.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return out;
}

struct Line {
  std::string text;
  bool is_changed = false;
};

/// Puts pieces together into lines.
class Lines {
 public:
  explicit Lines(bool color) : color_(color) { lines_.emplace_back(); }

  void same(std::string_view text) {
    each_line(text, [this](std::string_view part) { lines_.back().text += shortened(part); });
  }
  void removed(std::string_view text) { marked(text, "[-", "-]", Paint::kRed); }
  void added(std::string_view text) { marked(text, "{+", "+}", Paint::kGreen); }

  std::vector<std::string> take() const {
    std::vector<std::string> out;
    bool is_cut = false;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      const auto changed = [this](std::size_t at) {
        return at < lines_.size() && lines_[at].is_changed;
      };
      if (changed(i) || changed(i + 1) || (i > 0 && changed(i - 1))) {
        out.push_back(lines_[i].text);
        is_cut = false;
      } else if (!is_cut) {
        out.emplace_back("...");
        is_cut = true;
      }
    }
    return out;
  }

 private:
  template <class F>
  void each_line(std::string_view text, const F& f) {
    while (true) {
      const std::size_t end = text.find('\n');
      f(text.substr(0, end));
      if (end == std::string_view::npos) return;
      lines_.emplace_back();
      text.remove_prefix(end + 1);
    }
  }

  void marked(std::string_view text, const char* open, const char* close, Paint paint) {
    if (text.empty()) return;
    each_line(text, [&](std::string_view part) {
      lines_.back().is_changed = true;
      lines_.back().text += painted(paint, open + printable(part) + close, color_);
    });
  }

  static std::string shortened(std::string_view part) {
    if (part.size() <= 2 * kContextBytes + 10) return printable(part);
    std::size_t left = kContextBytes;
    std::size_t right = part.size() - kContextBytes;
    const auto is_inside = [&](std::size_t at) {
      return (static_cast<unsigned char>(part[at]) & 0xC0) == 0x80;
    };
    while (left > 0 && is_inside(left)) --left;
    while (right < part.size() && is_inside(right)) ++right;
    return printable(part.substr(0, left)) + " ... " + printable(part.substr(right));
  }

  bool color_;
  std::vector<Line> lines_;
};

std::string joined(const std::vector<std::string_view>& words, std::size_t from,
                   std::size_t count) {
  std::string out;
  for (std::size_t i = from; i < from + count; ++i) out += words[i];
  return out;
}

}  // namespace

std::vector<std::string> word_diff(std::string_view before, std::string_view after, bool color) {
  if (before == after) return {};
  const auto old_words = words_of(before);
  const auto new_words = words_of(after);
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  const auto numbered = [&numbers](const std::vector<std::string_view>& words) {
    std::vector<std::uint32_t> out;
    for (const std::string_view word : words)
      out.push_back(
          numbers.emplace(word, static_cast<std::uint32_t>(numbers.size())).first->second);
    return out;
  };
  const auto old_numbers = numbered(old_words);
  const auto new_numbers = numbered(new_words);
  const auto pairs = verbs::common_subsequence(old_numbers, new_numbers);
  Lines lines(color);
  std::size_t done = 0;  // of the old words
  for (const verbs::Hunk& hunk : verbs::hunks_between(pairs, old_words.size(), new_words.size())) {
    lines.same(joined(old_words, done, hunk.at - done));
    lines.removed(joined(old_words, hunk.at, hunk.removed));
    lines.added(joined(new_words, hunk.from, hunk.added));
    done = hunk.at + hunk.removed;
  }
  lines.same(joined(old_words, done, old_words.size() - done));
  return lines.take();
}

}  // namespace converge::cli
