#pragma once

#include "agent/control/services.h"
#include "core/store/store.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace converge::runtime {

/// Streams of events for `watch`. Every subscription reads the store's receipts from its cursor on,
/// in their order, so that a stream that was cut and resumed is the same stream: no gap, no
/// repetition. Only receipts that are durable are shown. A slow reader holds up only its own
/// subscription. Control thread only.
class WatchHub {
 public:
  /// `services` outlives the hub.
  explicit WatchHub(handlers::Services& services);
  ~WatchHub();
  WatchHub(const WatchHub&) = delete;
  WatchHub& operator=(const WatchHub&) = delete;

  void subscribe(handlers::WatchRequest request, handlers::EventSink sink);
  /// Everything up to this receipt is durable.
  void advance(store::ReceiptNumber receipt);
  /// The document was deleted; told to whoever watches it, with the present cursor.
  void deleted(const DocumentId& document);
  store::ReceiptNumber durable() const { return durable_; }
  std::size_t subscriptions() const { return subscriptions_.size(); }

 private:
  struct Subscription;
  using SubscriptionPtr = std::shared_ptr<Subscription>;

  void pump(const SubscriptionPtr& subscription);
  void show(const SubscriptionPtr& subscription, const store::Receipt& receipt);
  void show_change(const SubscriptionPtr& subscription, const store::Receipt& receipt,
                   const nlohmann::json& patch, const Heads& heads, bool is_first);
  void show_names(const SubscriptionPtr& subscription, const store::Receipt& receipt,
                  const nlohmann::json& patch);
  void show_initial(const SubscriptionPtr& subscription);
  void emit(const SubscriptionPtr& subscription, const nlohmann::json& event);
  void end(const SubscriptionPtr& subscription);

  handlers::Services& services_;
  store::ReceiptNumber durable_;
  std::vector<SubscriptionPtr> subscriptions_;
};

}  // namespace converge::runtime
