#include "agent/control/document_look.h"

#include <chrono>
#include <memory>
#include <utility>

namespace converge::handlers {
namespace {

/// Others wait for the shard meanwhile.
constexpr std::chrono::milliseconds kTurn{2};

struct Looking {
  Services& services;
  std::vector<DocumentId> documents;
  Look look;
  Looked done;
  std::vector<Result<void>> results;  ///< each written on its document's shard
  std::size_t shares_left = 0;        ///< control thread
};
using LookingPtr = std::shared_ptr<Looking>;

/// The documents of one shard. Shard thread.
struct Share {
  std::vector<std::size_t> indices;
  std::size_t seen = 0;
  std::size_t not_durable = 0;
};
using SharePtr = std::shared_ptr<Share>;

void finish_if_done(const LookingPtr& looking, const Share& share) {
  if (share.seen < share.indices.size() || share.not_durable > 0) return;
  looking->services.on_control([looking] {
    if (--looking->shares_left == 0) looking->done(std::move(looking->results));
  });
}

void take_turn(const LookingPtr& looking, std::size_t number, const SharePtr& share,
               ShardAccess& shard) {
  const auto end = shard.clock.steady_now() + kTurn;
  while (share->seen < share->indices.size()) {
    const std::size_t index = share->indices[share->seen++];
    const DocumentId& id = looking->documents[index];
    Result<void>& result = looking->results[index];
    const auto shown = shard.repo.peek(id, [&](const engine::Document& document) {
      result = looking->look(shard, index, document);
    });
    if (!shown) result = shown.error();
    if (!shard.repo.is_durable(id)) {
      ++share->not_durable;
      shard.repo.when_durable(id, [looking, index, share](const Result<void>& released) {
        if (!released) looking->results[index] = released.error();
        --share->not_durable;
        finish_if_done(looking, *share);
      });
    }
    if (share->seen < share->indices.size() && shard.clock.steady_now() >= end) {
      return looking->services.on_shard_number(number,
                                               [looking, number, share](ShardAccess& again) {
                                                 take_turn(looking, number, share, again);
                                               });
    }
  }
  finish_if_done(looking, *share);
}

}  // namespace

void look_at(Services& services, std::vector<DocumentId> documents, Look look, Looked done) {
  const auto looking = std::make_shared<Looking>(
      Looking{services, std::move(documents), std::move(look), std::move(done), {}, 0});
  looking->results.resize(looking->documents.size());
  std::vector<SharePtr> shares(services.shard_count());
  for (std::size_t i = 0; i < looking->documents.size(); ++i) {
    SharePtr& share = shares[services.shard_of(looking->documents[i])];
    if (share == nullptr) {
      share = std::make_shared<Share>();
      ++looking->shares_left;
    }
    share->indices.push_back(i);
  }
  if (looking->shares_left == 0) return services.on_control([looking] { looking->done({}); });
  for (std::size_t number = 0; number < shares.size(); ++number) {
    if (shares[number] == nullptr) continue;
    services.on_shard_number(number, [looking, number, share = shares[number]](ShardAccess& shard) {
      take_turn(looking, number, share, shard);
    });
  }
}

}  // namespace converge::handlers
