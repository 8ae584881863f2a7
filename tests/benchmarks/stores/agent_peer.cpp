// The same writes through the agent: its socket, its requests, its JSON.
//
//   agent_peer SOCKET WRITERS COUNT   makes the documents, then COUNT durable sets by so many
//   clients
//                                     that each wait for the answer; prints the seconds of the sets

#include "core/base/system.h"
#include "core/client/client.h"
#include "tests/benchmarks/stores/peer.h"

#include <nlohmann/json.hpp>

#include <memory>

using namespace converge;
using namespace converge::benchmarks;
using client::Client;
using nlohmann::json;

namespace {

constexpr std::size_t kDocuments = 10'000;
constexpr std::size_t kPipelined = 256;

std::unique_ptr<Client> connect(const std::string& socket, const Clock& clock) {
  auto client = Client::connect({.socket = socket, .clock = &clock});
  require(client.has_value(), client ? "" : client.error().message);
  return std::move(*client);
}

json answer(const Result<json>& result) {
  require(result.has_value(), result ? "" : result.error().message);
  return *result;
}

std::vector<std::string> make_documents(Client& client, std::size_t count) {
  std::vector<std::string> ids;
  std::vector<Client::Ticket> tickets;
  for (std::size_t first = 0; first < count; first += kPipelined) {
    for (std::size_t i = first; i < std::min(count, first + kPipelined); ++i) {
      const auto ticket = client.send(
          "doc.new",
          {{"value", {{"n", 0}, {"title", "a small document, number " + std::to_string(i)}}}});
      require(ticket.has_value(), "a request was not sent");
      tickets.push_back(*ticket);
    }
    for (const Client::Ticket ticket : tickets) {
      ids.push_back(answer(client.wait(ticket))["id"].get<std::string>());
    }
    tickets.clear();
  }
  return ids;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  require(arguments.size() == 3, "usage: SOCKET WRITERS COUNT");
  const std::size_t writers = std::stoul(arguments[1]);
  const std::size_t count = std::stoul(arguments[2]);
  const SystemClock clock;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < writers; ++i) clients.push_back(connect(arguments[0], clock));
  const auto ids = make_documents(*clients.front(), std::min(count, kDocuments));
  const Seconds seconds = time_writers(writers, count, [&](std::size_t i) {
    const json params = {{"doc", ids[i % ids.size()]},
                         {"edits", json::array({{{"pointer", "/n"}, {"value", i}}})}};
    answer(clients[i % writers]->call("doc.set", params));
  });
  std::printf("%.6f\n", seconds.passed);
}
