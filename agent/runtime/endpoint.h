#pragma once

#include "agent/config/config.h"
#include "agent/net/tls.h"
#include "core/base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace converge::runtime {

/// What the listener speaks.
struct Transport {
  bool tls = false;
  bool plain = false;
};

/// Settled from listen.tls and listen.address: TLS everywhere, and beside it plain WebSocket on a
/// loopback address, where browsers and stock clients connect that know of no pinned keys.
Transport transport_of(const config::Config& config);

/// This device's key and certificate: made on the first start, in memory for an ephemeral agent.
/// Nothing when the agent neither listens nor dials (`dials`), so that one command on a stopped
/// store leaves no key behind. Errors: those of net::TlsIdentity; kIo for the directory.
Result<std::optional<net::TlsIdentity>> open_identity(const config::Config& config,
                                                      const std::string& common_name, bool dials);

/// URLs for an invitation, the best first: listen.advertise, then the address that was taken; for a
/// wildcard address those of this machine's interfaces. Empty: nobody can connect.
std::vector<std::string> urls_of(const config::Config& config, std::uint16_t port);

}  // namespace converge::runtime
