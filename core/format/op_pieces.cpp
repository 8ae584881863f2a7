#include "core/format/op_pieces.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace converge::format {
namespace {

using model::OpId;
using model::RowRun;
using model::Snapshot;

// Order of ids in a document's sorted actor table.
bool less(OpId a, OpId b) { return std::tie(a.counter, a.actor) < std::tie(b.counter, b.actor); }

/// By actor, then counter. Pieces come by object and place, so ids are as good as shuffled; but
/// they are numbers below the count of ops and of actors, so sorting by digits needs two or three
/// passes where comparing would need one for every doubling.
void sort_pieces(std::vector<OpPiece>& pieces) {
  constexpr std::size_t kFewPieces = 256;
  constexpr unsigned kDigitBits = 11;
  constexpr std::size_t kDigits = std::size_t{1} << kDigitBits;
  const auto key = [](const OpPiece& piece) {
    return std::uint64_t{piece.actor} << 32 | piece.counter;
  };
  const auto less = [&](const OpPiece& a, const OpPiece& b) { return key(a) < key(b); };
  if (std::is_sorted(pieces.begin(), pieces.end(), less)) return;
  if (pieces.size() <= kFewPieces) {
    std::sort(pieces.begin(), pieces.end(), less);
    return;
  }
  std::uint64_t differing = 0;
  for (const OpPiece& piece : pieces) differing |= key(piece) ^ key(pieces.front());
  std::vector<OpPiece> sorted(pieces.size());
  for (unsigned shift = 0; shift < 64; shift += kDigitBits) {
    const auto digit = [&](const OpPiece& piece) { return key(piece) >> shift & (kDigits - 1); };
    if ((differing >> shift & (kDigits - 1)) == 0) continue;  // one digit everywhere
    std::vector<std::size_t> place(kDigits + 1, 0);
    for (const OpPiece& piece : pieces) ++place[digit(piece) + 1];
    std::partial_sum(place.begin(), place.end(), place.begin());
    for (const OpPiece& piece : pieces) sorted[place[digit(piece)]++] = piece;
    pieces.swap(sorted);
  }
}

class Collector {
 public:
  explicit Collector(const Snapshot& snapshot) : snapshot_(snapshot) {}

  OpPieces collect() {
    out_.pieces.reserve(snapshot_.rows.size() * 2);
    const auto size = static_cast<std::uint32_t>(snapshot_.rows.size());
    for (std::uint32_t row = 0; row < size;) {
      if (snapshot_.rows[row].shape == RowRun::Shape::kText) {
        add_text(row++);
        continue;
      }
      std::uint32_t end = row + 1;
      while (end < size && same_register(snapshot_.rows[row], snapshot_.rows[end])) ++end;
      if (end - row == 1) {
        add_lone_row(row);
      } else {
        add_register(row, end);
      }
      row = end;
    }
    sort();
    return std::move(out_);
  }

 private:
  static bool same_register(const RowRun& first, const RowRun& other) {
    if (other.shape != RowRun::Shape::kSingle || other.object != first.object) return false;
    if (first.key.is_map) return other.key.name == first.key.name;
    return !other.insert && other.key.element == element_of(first);
  }

  void add_text(std::uint32_t row) {
    const RowRun& run = snapshot_.rows[row];
    out_.pieces.push_back(
        {run.id.actor, run.id.counter, run.count, row, 0, 0, OpPiece::Kind::kText});
    if (!run.has_succ) return;
    const std::uint32_t first =
        run.succ_step > 0 ? run.succ.counter : run.succ.counter - (run.count - 1);
    out_.pieces.push_back(
        {run.succ.actor, first, run.count, row, 0, 0, OpPiece::Kind::kTextDeletes});
  }

  // Nobody but deletes can be successors here, each of this op alone.
  void add_lone_row(std::uint32_t row) {
    const RowRun& run = snapshot_.rows[row];
    add_single(row, 0, 0);
    if (run.succ_count == 0) return;
    const auto pred = static_cast<std::uint32_t>(out_.preds.size());
    out_.preds.push_back(run.id);
    for (std::uint32_t i = 0; i < run.succ_count; ++i) {
      add_delete(snapshot_.succs[run.succ_begin + i], row, pred, 1);
    }
  }

  void add_register(std::uint32_t begin, std::uint32_t end) {
    links_.clear();
    for (std::uint32_t row = begin; row < end; ++row) {
      const RowRun& run = snapshot_.rows[row];
      for (std::uint32_t i = 0; i < run.succ_count; ++i) {
        links_.push_back({snapshot_.succs[run.succ_begin + i], run.id});
      }
    }
    // Rows ascend, so a stable sort by successor leaves each one's predecessors ascending.
    std::stable_sort(links_.begin(), links_.end(),
                     [](const Link& a, const Link& b) { return less(a.succ, b.succ); });

    std::uint32_t row = begin;
    for (std::size_t i = 0; i < links_.size();) {
      const OpId succ = links_[i].succ;
      const auto pred_begin = static_cast<std::uint32_t>(out_.preds.size());
      for (; i < links_.size() && links_[i].succ == succ; ++i) {
        out_.preds.push_back(links_[i].pred);
      }
      const auto count = static_cast<std::uint32_t>(out_.preds.size()) - pred_begin;
      for (; row < end && less(snapshot_.rows[row].id, succ); ++row) add_single(row, 0, 0);
      if (row < end && snapshot_.rows[row].id == succ) {
        add_single(row++, pred_begin, count);
      } else {
        add_delete(succ, begin, pred_begin, count);
      }
    }
    for (; row < end; ++row) add_single(row, 0, 0);
  }

  void add_single(std::uint32_t row, std::uint32_t pred_begin, std::uint32_t pred_count) {
    const OpId id = snapshot_.rows[row].id;
    out_.pieces.push_back(
        {id.actor, id.counter, 1, row, pred_begin, pred_count, OpPiece::Kind::kSingle});
  }

  void add_delete(OpId id, std::uint32_t row, std::uint32_t pred_begin, std::uint32_t pred_count) {
    out_.pieces.push_back(
        {id.actor, id.counter, 1, row, pred_begin, pred_count, OpPiece::Kind::kSingleDelete});
  }

  void sort() {
    sort_pieces(out_.pieces);
    out_.actor_begin.assign(snapshot_.actors.size() + 1, out_.pieces.size());
    for (std::size_t i = out_.pieces.size(); i > 0; --i) {
      out_.actor_begin[out_.pieces[i - 1].actor] = i - 1;
    }
    for (std::size_t a = snapshot_.actors.size(); a > 0; --a) {
      out_.actor_begin[a - 1] = std::min(out_.actor_begin[a - 1], out_.actor_begin[a]);
    }
  }

  struct Link {
    OpId succ;
    OpId pred;
  };

  const Snapshot& snapshot_;
  OpPieces out_;
  std::vector<Link> links_;
};

}  // namespace

OpPieces collect_pieces(const Snapshot& snapshot) { return Collector(snapshot).collect(); }

}  // namespace converge::format
