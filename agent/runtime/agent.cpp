#include "agent/runtime/agent.h"

#include "agent/config/units.h"
#include "agent/runtime/agent_services.h"
#include "agent/runtime/context.h"
#include "agent/runtime/control_desk.h"
#include "agent/runtime/endpoint.h"
#include "agent/runtime/healer.h"
#include "agent/runtime/monitor.h"
#include "agent/runtime/outbox_courier.h"
#include "agent/runtime/version.h"
#include "core/repo/catalog_search.h"
#include "core/repo/compaction.h"
#include "core/store/repair.h"
#include "core/store/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <future>
#include <optional>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace converge::runtime {

using telemetry::Level;
using Milliseconds = std::chrono::milliseconds;

namespace {

constexpr const char* kCatalogSetting = "catalog";

Level level_of(store::StoreEvent::Severity severity) {
  switch (severity) {
    case store::StoreEvent::Severity::kDebug:
      return Level::kDebug;
    case store::StoreEvent::Severity::kInfo:
      return Level::kInfo;
    case store::StoreEvent::Severity::kWarning:
      return Level::kWarn;
    case store::StoreEvent::Severity::kError:
      return Level::kError;
  }
  return Level::kError;
}

/// Waits until the task that is handed `done` calls it, on whatever thread.
void wait_for(const std::function<void(std::function<void()> done)>& begin, Milliseconds deadline) {
  const auto promise = std::make_shared<std::promise<void>>();
  auto finished = promise->get_future();
  begin([promise] { promise->set_value(); });
  finished.wait_for(deadline);
}

/// "laptop-3f2a9c1d": the machine's name for people, the store's for uniqueness.
std::string peer_id_of(const store::StoreIdentity& identity) {
  std::array<char, 64> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::string name;
  for (const char* c = host.data(); *c != '\0' && *c != '.'; ++c) {
    const bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                       (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';
    if (plain) name += *c;
  }
  if (name.empty()) name = "syncd";
  return name + "-" + to_hex(identity.store_id).substr(0, 8);
}

}  // namespace

struct Agent::Impl {
  Context context;
  std::filesystem::path socket;
  std::filesystem::path temporary_dir;  ///< of an ephemeral agent's socket; removed at the end
  std::optional<std::uint16_t> port;
  std::unique_ptr<AgentServices> services;
  std::atomic<AgentServices*> running{nullptr};  ///< for events of the store, while it serves
  std::unique_ptr<ControlDesk> desk;
  std::unique_ptr<Monitor> monitor;
  std::unique_ptr<OutboxCourier> courier;  ///< null: this user has no outbox
  bool stopped = false;

  Impl(const config::Config& config, telemetry::Log& log) : context(config, log) {}
  ~Impl();

  Result<void> open_store();
  Result<store::OpenedStore> open_mended(const store::OpenOptions& options);
  Result<void> open_keys();
  Result<std::optional<DocumentId>> kept_catalog();
  Result<void> choose_catalog();
  Result<void> choose_socket();
  void start_threads(ProcessHooks hooks);
  void end_threads();
};

Agent::Agent(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Agent::~Agent() {
  if (impl_ && !impl_->stopped) {
    const auto stopped = stop(impl_->context.config.shutdown_deadline);
    if (!stopped) impl_->context.log.write(Level::kError, "store.close", stopped.error().message);
  }
}

const std::filesystem::path& Agent::socket() const { return impl_->socket; }

std::optional<std::string> Agent::listen_address() const {
  if (!impl_->port) return std::nullopt;
  const auto place = config::parse_host_port(impl_->context.config.listen);
  const bool v6 = place && place->host.find(':') != std::string::npos;
  const std::string host = place ? place->host : "127.0.0.1";
  return v6 ? fmt::format("[{}]:{}", host, *impl_->port) : fmt::format("{}:{}", host, *impl_->port);
}

std::optional<std::string> Agent::listen_url() const {
  const auto address = listen_address();
  if (!address) return std::nullopt;
  return (transport_of(impl_->context.config).plain ? "ws://" : "wss://") + *address;
}

std::optional<std::string> Agent::metrics_address() const { return impl_->monitor->address(); }

Result<std::unique_ptr<Agent>> Agent::start(const config::Config& config, telemetry::Log& log,
                                            ProcessHooks hooks) {
  auto impl = std::make_unique<Impl>(config, log);
  for (const auto step :
       {&Impl::open_store, &Impl::open_keys, &Impl::choose_catalog, &Impl::choose_socket}) {
    const auto done = (impl.get()->*step)();
    if (!done) return done.error();
  }
  impl->start_threads(std::move(hooks));
  auto port = impl->services->peer_service().start();
  if (!port) {
    Error error = port.error();
    if (error.code == ErrorCode::kConflict) error.code = ErrorCode::kIo;
    if (error.hint.empty())
      error.hint = "choose another with --listen ADDRESS:PORT, or --listen off";
    return error;
  }
  impl->port = *port;
  const auto listening = impl->desk->start(impl->socket);
  if (!listening) {
    Error error = listening.error();
    if (error.message.find(impl->socket.native()) == std::string::npos) {
      error.message = fmt::format("cannot serve {}: {}", impl->socket.native(), error.message);
    }
    if (error.code == ErrorCode::kConflict) error.code = ErrorCode::kIo;
    return error;
  }
  const auto monitored = impl->monitor->start();
  if (!monitored) return monitored.error();
  impl->context.control->post([services = impl->services.get()] { services->begin(); });
  if (!config.outbox.empty()) {
    impl->courier = std::make_unique<OutboxCourier>(config.outbox, impl->socket,
                                                    impl->context.clock, impl->context.log);
  }
  return std::unique_ptr<Agent>(new Agent(std::move(impl)));
}

Result<void> Agent::Impl::open_store() {
  const config::Config& config = context.config;
  if (config.ephemeral) {
    context.store = store::make_memory_store(context.clock, context.random);
  } else {
    store::OpenOptions options;
    options.mode = store::OpenMode::kCreateIfAbsent;
    options.clock = &context.clock;
    options.random = &context.random;
    options.relaxed_sync = config.relaxed_sync;
    options.reserve_bytes = config.reserve_bytes;
    options.free_bytes_min = config.reserve_bytes;
    options.writer = fmt::format("syncd {}", kVersion);
    options.on_event = [this](const store::StoreEvent& event) {
      context.log.write(level_of(event.severity), event.code, event.message);
      // A compaction met a damaged table, and will again until that is repaired.
      const bool is_damage =
          event.code == "store.failed" && event.message.find(": table.") != std::string::npos;
      if (AgentServices* live = running.load(); is_damage && live != nullptr)
        live->healer().repair_tables();
    };
    // A fresh home has no ~/.local/share yet.
    std::error_code failed;
    std::filesystem::create_directories(config.store_dir.parent_path(), failed);
    if (failed && !config.store_dir.parent_path().empty()) {
      return Error{ErrorCode::kIo,
                   fmt::format("cannot make {}: {}", config.store_dir.parent_path().native(),
                               failed.message())};
    }
    auto opened = open_mended(options);
    if (!opened) return opened.error();
    context.store = std::move(opened->store);
    context.facts.store_dir = config.store_dir.native();
    const store::OpenReport& report = opened->report;
    context.log.write(Level::kInfo, "store.open",
                      report.created ? "made a new store" : "opened the store",
                      {{"dir", config.store_dir.native()},
                       {"clean", report.was_clean ? "yes" : "no"},
                       {"elapsed_us", std::to_string(report.elapsed.count())}});
  }
  const store::StoreIdentity identity = context.store->identity();
  context.facts.version = kVersion;
  context.facts.pid = static_cast<int>(getpid());
  context.facts.store_id = to_hex(identity.store_id);
  context.facts.peer_id = peer_id_of(identity);
  context.facts.started = context.clock.steady_now();
  return {};
}

/// Opens the store and reads what the agent cannot do without. A table that is damaged just there
/// is repaired before anybody uses the store, if it is little; everything else waits for an
/// operator.
Result<store::OpenedStore> Agent::Impl::open_mended(const store::OpenOptions& options) {
  const auto open = [&]() -> Result<store::OpenedStore> {
    auto opened = store::open_store(context.config.store_dir, options);
    if (!opened) return opened;
    if (const auto peers = opened->store->peers(); !peers) return peers.error();
    return opened;
  };
  auto opened = open();
  const bool is_damage = !opened && opened.error().code == ErrorCode::kCorrupt &&
                         opened.error().message.starts_with("table.block");
  if (!is_damage) return opened;
  context.log.write(Level::kWarn, "store.damaged", opened.error().message);
  store::RepairOptions repair;
  repair.inspect_snapshot = repo::snapshot_inspector();
  const auto report = store::repair_to_open(context.config.store_dir, repair, options);
  if (!report) return report.error();
  log_repair(context.log, *report);
  return open();
}

/// The device's key, which peers pin.
Result<void> Agent::Impl::open_keys() {
  const auto peers = context.store->peers();
  if (!peers) return peers.error();
  auto identity = open_identity(context.config, context.facts.peer_id, !peers->empty());
  if (!identity && context.config.listen == "off") {
    // Peers that want to know us will not; everything else works.
    context.log.write(Level::kWarn, "keys", identity.error().message);
    return {};
  }
  if (!identity) return identity.error();
  context.identity = std::move(*identity);
  if (context.identity) context.facts.fingerprint = context.identity->fingerprint();
  return {};
}

/// The catalog that the store names. Nothing when it names none, or one that is deleted: repairing
/// a damaged table can bring the record of an earlier one to light.
Result<std::optional<DocumentId>> Agent::Impl::kept_catalog() {
  const auto kept = context.store->setting(kCatalogSetting);
  if (!kept) return kept.error();
  DocumentId catalog;
  if (!*kept || (*kept)->size() != catalog.bytes.size()) return std::optional<DocumentId>();
  std::copy((*kept)->begin(), (*kept)->end(), catalog.bytes.begin());
  const auto tombstone = context.store->tombstone(catalog);
  if (!tombstone) return tombstone.error();
  if (*tombstone) return std::optional<DocumentId>();
  return std::optional(catalog);
}

/// The catalog this replica belongs to: kept, or found among its documents, or a random one for a
/// new store.
Result<void> Agent::Impl::choose_catalog() {
  const auto kept = kept_catalog();
  if (!kept) return kept.error();
  if (*kept) {
    context.set_catalog(**kept);
    return {};
  }
  const auto found = repo::search_catalog(*context.store);
  if (!found) return found.error();
  DocumentId catalog;
  if (*found) {
    catalog = **found;
    context.log.write(Level::kWarn, "catalog.found",
                      "the store had lost which document its catalog is",
                      {{"catalog", catalog.to_url()}});
  } else {
    context.random.fill(catalog.bytes);
  }
  context.set_catalog(catalog);
  std::promise<Result<store::CommitNumber>> promise;
  auto done = promise.get_future();
  context.store->put_setting(
      kCatalogSetting, to_bytes(catalog.bytes),
      [&promise](Result<store::CommitNumber> result) { promise.set_value(std::move(result)); });
  const auto result = done.get();
  if (!result) return result.error();
  return {};
}

Result<void> Agent::Impl::choose_socket() {
  socket = context.config.socket;
  if (!socket.empty()) return {};
  std::string name = (std::filesystem::temp_directory_path() / "syncd-XXXXXX").native();
  if (mkdtemp(name.data()) == nullptr) {
    return Error{ErrorCode::kIo, fmt::format("cannot make a directory for the socket in {}",
                                             std::filesystem::temp_directory_path().native())};
  }
  temporary_dir = name;
  socket = temporary_dir / "syncd.sock";
  return {};
}

void Agent::Impl::start_threads(ProcessHooks hooks) {
  const unsigned processors = std::max(1u, std::thread::hardware_concurrency());
  const std::size_t count = context.config.shards > 0
                                ? static_cast<std::size_t>(context.config.shards)
                                : static_cast<std::size_t>(processors);
  context.net = std::make_unique<Worker>("net");
  context.control = std::make_unique<Worker>("control");
  services = std::make_unique<AgentServices>(context, std::move(hooks));
  for (std::size_t number = 0; number < count; ++number) {
    context.shards.push_back(
        std::make_unique<Shard>(number, context.config.document_cache_bytes / count, *context.store,
                                context.clock, context.random, *services));
  }
  desk = std::make_unique<ControlDesk>(context, *services);
  monitor = std::make_unique<Monitor>(context, *services);
  running = services.get();
}

/// Tasks of one thread may post to another, so an ended thread's queue still takes them.
void Agent::Impl::end_threads() {
  if (services) services->store_work().stop();
  for (const auto& shard : context.shards) shard->stop();
  if (context.control) context.control->stop();
  if (context.net) context.net->stop();
}

Agent::Impl::~Impl() {
  running = nullptr;
  if (!stopped && context.store) {
    const auto closed = context.store->close(context.config.shutdown_deadline);
    if (!closed) context.log.write(Level::kError, "store.close", closed.error().message);
  }
  courier.reset();
  end_threads();
  monitor.reset();
  desk.reset();
  services.reset();
  if (!temporary_dir.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(temporary_dir, ignored);
  }
}

void Agent::reload() {
  impl_->context.control->post([services = impl_->services.get()] {
    const auto done = services->reload();
    (void)done;  // it is in the log
  });
}

Result<void> Agent::stop(Milliseconds deadline) {
  Impl& impl = *impl_;
  impl.stopped = true;
  impl.running = nullptr;
  impl.services->store_work().cancel();
  const auto end = std::chrono::steady_clock::now() + deadline;
  const auto left = [end] {
    return std::max(Milliseconds(50), std::chrono::duration_cast<Milliseconds>(
                                          end - std::chrono::steady_clock::now()));
  };
  const auto share = std::min(deadline / 4, Milliseconds(2000));
  impl.context.control->post([desk = impl.desk.get()] { desk->refuse_requests(); });
  impl.monitor->stopping();
  impl.courier.reset();  // what it is just sending is refused and goes on waiting
  wait_for(
      [&impl, share](std::function<void()> done) {
        impl.services->peer_service().stop(share, std::move(done));
      },
      left());
  // Requests under way get their answers; those that wait for something far away do not hold us.
  const auto patience = std::chrono::steady_clock::now() + share;
  std::size_t pending = 1;
  while (pending > 0 && std::chrono::steady_clock::now() < patience) {
    const auto counted = std::make_shared<std::promise<std::size_t>>();
    auto count = counted->get_future();
    impl.context.control->post(
        [counted, desk = impl.desk.get()] { counted->set_value(desk->pending()); });
    if (count.wait_for(left()) != std::future_status::ready) break;
    pending = count.get();
    if (pending > 0) std::this_thread::sleep_for(Milliseconds(5));
  }
  wait_for([&impl, share](std::function<void()> done) { impl.desk->stop(share, std::move(done)); },
           left());
  wait_for([&impl](std::function<void()> done) { impl.monitor->stop(std::move(done)); }, left());
  const auto closed = impl.context.store->close(left());
  impl.end_threads();
  return closed;
}

}  // namespace converge::runtime
