#include "agent/net/listening.h"

#include "agent/net/task.h"

#include <cerrno>
#include <sstream>

namespace converge::net {
namespace {

using asio::ip::tcp;

Error listen_error(const tcp::endpoint& endpoint, const error_code& error) {
  ErrorCode code = ErrorCode::kIo;
  if (error == asio::error::address_in_use) code = ErrorCode::kConflict;
  if (error == asio::error::access_denied) code = ErrorCode::kDenied;
  if (error.value() == EADDRNOTAVAIL) code = ErrorCode::kInvalid;
  std::ostringstream place;
  place << endpoint;
  return Error{code, "cannot listen on " + place.str() + ": " + error.message()};
}

}  // namespace

Result<std::uint16_t> listen_on(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  std::uint16_t port = 0;
  if (!error) port = acceptor.local_endpoint(error).port();
  if (!error) return port;
  error_code ignored;
  acceptor.close(ignored);
  return listen_error(endpoint, error);
}

}  // namespace converge::net
