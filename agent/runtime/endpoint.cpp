#include "agent/runtime/endpoint.h"

#include "agent/config/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <system_error>
#include <utility>

namespace converge::runtime {
namespace {

namespace fs = std::filesystem;

bool is_loopback(const std::string& host) { return host.starts_with("127.") || host == "::1"; }

bool is_wildcard(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

std::string url_of(bool tls, const std::string& host, std::uint16_t port) {
  const bool is_v6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", tls ? "wss" : "ws", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
                     port);
}

/// Addresses under which other machines may know this one; link-local ones name no machine.
std::vector<std::string> interface_addresses(bool with_v6) {
  std::vector<std::string> out;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return out;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, &freeifaddrs);
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    const bool is_usable = each->ifa_addr != nullptr && (each->ifa_flags & IFF_UP) != 0 &&
                           (each->ifa_flags & IFF_LOOPBACK) == 0;
    if (!is_usable) continue;
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = each->ifa_addr->sa_family;
    if (family == AF_INET) {
      const auto* address = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
      inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
    } else if (family == AF_INET6 && with_v6) {
      const auto* address = reinterpret_cast<const sockaddr_in6*>(each->ifa_addr);
      if (IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr)) continue;
      inet_ntop(AF_INET6, &address->sin6_addr, text.data(), text.size());
    } else {
      continue;
    }
    out.emplace_back(text.data());
  }
  return out;
}

}  // namespace

Transport transport_of(const config::Config& config) {
  if (config.listen_tls == config::ListenTls::kOff) return {.tls = false, .plain = true};
  const auto place = config::parse_host_port(config.listen);
  const bool is_local = place && is_loopback(place->host);
  return {.tls = true, .plain = is_local && config.listen_tls == config::ListenTls::kAuto};
}

Result<std::optional<net::TlsIdentity>> open_identity(const config::Config& config,
                                                      const std::string& common_name, bool dials) {
  const bool listens = config.listen != "off" && transport_of(config).tls;
  if (!listens && !dials) return std::optional<net::TlsIdentity>{};
  if (config.keys_dir.empty()) {
    auto made = net::TlsIdentity::create(common_name);
    if (!made) return made.error();
    return std::optional<net::TlsIdentity>(std::move(*made));
  }
  std::error_code failed;
  fs::create_directories(config.keys_dir, failed);
  if (failed) {
    return Error{ErrorCode::kIo, fmt::format("cannot make the key directory {}: {}",
                                             config.keys_dir.native(), failed.message())};
  }
  auto kept = net::TlsIdentity::load_or_create(config.keys_dir / "device.crt",
                                               config.keys_dir / "device.key", common_name);
  if (!kept) return kept.error();
  return std::optional<net::TlsIdentity>(std::move(*kept));
}

std::vector<std::string> urls_of(const config::Config& config, std::uint16_t port) {
  std::vector<std::string> out;
  if (!config.advertise.empty()) out.push_back(config.advertise);
  const auto place = config::parse_host_port(config.listen);
  if (!place || port == 0) return out;
  const bool tls = transport_of(config).tls;
  if (!is_wildcard(place->host)) {
    out.push_back(url_of(tls, place->host, port));
    return out;
  }
  for (const std::string& address : interface_addresses(place->host == "::")) {
    out.push_back(url_of(tls, address, port));
  }
  return out;
}

}  // namespace converge::runtime
