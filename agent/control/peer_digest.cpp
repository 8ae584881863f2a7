#include "agent/control/document_walk.h"
#include "agent/control/handlers.h"
#include "core/verbs/canonical.h"
#include "core/verbs/root_digest.h"

#include <map>
#include <optional>
#include <utility>

namespace converge::handlers {
namespace {

/// What the peer has of a document of ours; nothing where that is not known.
std::optional<Heads> heads_there(const PeerHeads& peer, const Row& row) {
  const auto found = peer.documents.find(row.header.id);
  if (found != peer.documents.end()) return found->second;
  if (peer.is_complete) return row.header.heads;
  return std::nullopt;
}

}  // namespace

/// Documents that only the peer has do not show: it offers them, and then they are here too.
void peer_digest(Services& services, CallPtr call) {
  const auto peer = required_string(*call, "peer");
  if (!peer) return call->fail(peer.error());
  services.peer_heads(*peer, [&services, call](Result<PeerHeads> heads) {
    if (!heads) return call->fail(heads.error());
    walk(services, call, {}, [call, heads = std::move(*heads)](std::vector<Row> rows) {
      std::map<DocumentId, const Row*> by_id;
      for (const Row& row : rows) by_id.emplace(row.header.id, &row);
      verbs::RootDigest root;
      bool is_known = true;
      Json items = Json::array();
      for (const auto& [id, row] : by_id) {
        const std::optional<Heads> there = heads_there(heads, *row);
        if (there && there->empty()) continue;
        Json digest;
        if (there) {
          const verbs::Digest sum = verbs::history_digest(*there);
          root.add(id, sum);
          digest = to_hex(sum);
        }
        is_known = is_known && there.has_value();
        items.push_back(Json{{"id", id.to_url()},
                             {"name", row->name.empty() ? Json() : Json(row->name)},
                             {"digest", std::move(digest)}});
      }
      call->reply(Json{{"kind", "Digest"},
                       {"v", 1},
                       {"over", "history"},
                       {"count", items.size()},
                       {"root", is_known ? Json(root.hex()) : Json()},
                       {"items", std::move(items)}});
    });
  });
}

}  // namespace converge::handlers
