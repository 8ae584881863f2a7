#pragma once

#include "core/base/result.h"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <string>

/// What every server on TCP begins with.
namespace converge::net {

/// The pause after a failed accept (no descriptors left, say), which would fail again at once.
inline constexpr auto kAcceptRetry = std::chrono::milliseconds(100);

/// Opens `acceptor` on a port, 0: any free one, which comes back.
/// Errors: kConflict (in use), kDenied, kInvalid (no address of this machine), kIo.
Result<std::uint16_t> listen_on(boost::asio::ip::tcp::acceptor& acceptor,
                                const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace converge::net
