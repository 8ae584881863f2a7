#pragma once

#include "agent/net/tls.h"
#include "core/base/result.h"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

/// Internal to agent/net: TLS settings for one direction.
namespace converge::net {

struct TlsContext {
  boost::asio::ssl::context context;
  std::string pinned = {};  ///< client: expected fingerprint; empty: the system's roots decide
  bool wants_known_host = false;  ///< client without a pin: the certificate has to name the host
};

/// TLS 1.3, our certificate shown, the other end's asked for but not required and not checked
/// against any authority: its key's fingerprint is its identity.
Result<std::shared_ptr<TlsContext>> server_context(const TlsIdentity& identity);

/// `identity` may be null: no certificate is shown. `pinned` is a fingerprint or empty.
Result<std::shared_ptr<TlsContext>> client_context(const TlsIdentity* identity,
                                                   const std::string& pinned);

/// SHA-256 over the peer's public key (SPKI, DER) in hex; empty without a certificate.
std::string peer_fingerprint(SSL* ssl);

}  // namespace converge::net
