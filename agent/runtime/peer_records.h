#pragma once

#include "agent/control/services.h"
#include "core/base/result.h"
#include "core/store/types.h"

#include <cstdint>
#include <string>

namespace converge::runtime {

/// Where the store keeps the peer of this name.
store::PeerKey peer_key_of(const std::string& name);

/// Settings as the store keeps them, and back. Attributes it does not know are ignored.
store::PeerRecord to_record(const handlers::PeerSettings& settings);
handlers::PeerSettings from_record(const store::PeerRecord& record);

/// "SHA256:..." or bare hex, as the hub wants it.
std::string bare_fingerprint(const std::string& key);

/// "64KiB/s", "10MB/s": bytes a second. Errors: usage.argument, also below kPeerRateMin.
Result<std::uint64_t> parse_rate(std::string_view text);

}  // namespace converge::runtime
