#include "core/crdt/id_index.h"

#include <algorithm>

namespace converge::crdt {

IdIndex::Spot IdIndex::lower_bound(const Lane& lane, std::uint32_t counter) {
  const auto block = std::lower_bound(
      lane.blocks.begin(), lane.blocks.end(), counter,
      [](const Block& b, std::uint32_t wanted) { return b.back().counter < wanted; });
  if (block == lane.blocks.end()) return {lane.blocks.size(), 0};
  const auto entry =
      std::lower_bound(block->begin(), block->end(), counter,
                       [](const Entry& e, std::uint32_t wanted) { return e.counter < wanted; });
  return {static_cast<std::size_t>(block - lane.blocks.begin()),
          static_cast<std::size_t>(entry - block->begin())};
}

std::uint32_t IdIndex::find_in(const Lane& lane, std::uint32_t counter) {
  if (lane.blocks.empty() || lane.blocks.front().front().counter > counter) return kNone;
  // The last block that starts at or before the counter, then its last such entry.
  auto block = std::upper_bound(
      lane.blocks.begin(), lane.blocks.end(), counter,
      [](std::uint32_t wanted, const Block& b) { return wanted < b.front().counter; });
  --block;
  auto entry =
      std::upper_bound(block->begin(), block->end(), counter,
                       [](std::uint32_t wanted, const Entry& e) { return wanted < e.counter; });
  return (entry - 1)->leaf;
}

std::uint32_t IdIndex::find(model::OpId id) const {
  if (id.actor >= lanes_.size()) return kNone;
  const Lane& lane = lanes_[id.actor];
  if (!lane.blocks.empty() && lane.blocks.back().back().counter <= id.counter) {
    return lane.blocks.back().back().leaf;
  }
  return find_in(lane, id.counter);
}

void IdIndex::insert(Lane& lane, Spot at, Entry entry) {
  if (lane.blocks.empty()) lane.blocks.emplace_back();
  if (at.block == lane.blocks.size()) {
    at.block = lane.blocks.size() - 1;
    at.entry = lane.blocks[at.block].size();
  }
  Block& block = lane.blocks[at.block];
  block.insert(block.begin() + static_cast<std::ptrdiff_t>(at.entry), entry);
  if (block.size() <= kBlockMax) return;
  // Appending leaves full blocks behind, anything else halves.
  const std::size_t keep = at.block + 1 == lane.blocks.size() && at.entry + 1 == block.size()
                               ? kBlockMax
                               : kBlockMax / 2;
  Block right(block.begin() + static_cast<std::ptrdiff_t>(keep), block.end());
  block.resize(keep);
  lane.blocks.insert(lane.blocks.begin() + static_cast<std::ptrdiff_t>(at.block) + 1,
                     std::move(right));
}

void IdIndex::erase(Lane& lane, Spot at) {
  Block& block = lane.blocks[at.block];
  block.erase(block.begin() + static_cast<std::ptrdiff_t>(at.entry));
  if (block.empty()) {
    lane.blocks.erase(lane.blocks.begin() + static_cast<std::ptrdiff_t>(at.block));
  }
}

void IdIndex::assign(model::OpId first, std::uint32_t length, std::uint32_t leaf) {
  if (first.actor >= lanes_.size()) lanes_.resize(first.actor + 1);
  Lane& lane = lanes_[first.actor];
  const std::uint64_t end = std::uint64_t{first.counter} + length;

  if (first.counter >= lane.limit) {  // new ids, the usual case
    lane.limit = end;
    if (lane.blocks.empty() || lane.blocks.back().back().leaf != leaf) {
      insert(lane, {lane.blocks.size(), 0}, {first.counter, leaf});
    }
    return;
  }

  const bool more_behind = end < lane.limit;
  const std::uint32_t behind = more_behind ? find_in(lane, static_cast<std::uint32_t>(end)) : kNone;
  lane.limit = std::max(lane.limit, end);

  Spot at = lower_bound(lane, first.counter);
  while (at.block < lane.blocks.size() && lane.blocks[at.block][at.entry].counter < end) {
    erase(lane, at);
    at = lower_bound(lane, first.counter);
  }
  const bool at_end_exact =
      at.block < lane.blocks.size() && lane.blocks[at.block][at.entry].counter == end;
  if (more_behind && behind != kNone && !at_end_exact && behind != leaf) {
    insert(lane, at, {static_cast<std::uint32_t>(end), behind});
    at = lower_bound(lane, first.counter);
  }
  if (find_in(lane, first.counter) != leaf) insert(lane, at, {first.counter, leaf});
}

std::size_t IdIndex::memory_bytes() const {
  std::size_t total = lanes_.capacity() * sizeof(Lane);
  for (const Lane& lane : lanes_) {
    total +=
        lane.blocks.capacity() * sizeof(Block) + lane.blocks.size() * kBlockMax * sizeof(Entry);
  }
  return total;
}

}  // namespace converge::crdt
