#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

/// The words in which agent/net writes coroutines.
namespace converge::net {

namespace asio = boost::asio;
using boost::system::error_code;
template <class T>
using Task = asio::awaitable<T>;

/// Errors come back as values: `const auto [error, n] = co_await f(..., kTuple)`.
inline constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

}  // namespace converge::net
