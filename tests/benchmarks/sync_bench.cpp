// Sync sessions between two replicas in one process: time, bytes and messages until both are equal.

#include "core/engine/document.h"
#include "core/sync/message.h"
#include "core/sync/state.h"
#include "tests/benchmarks/inputs.h"

#include <benchmark/benchmark.h>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <utility>

using namespace converge;
using benchmarks::actor;
using benchmarks::text_of;
using engine::Document;

namespace {

constexpr int kCommonChanges = 10'000;

void require(bool condition) {
  if (!condition) std::abort();
}

void type(Document& document, std::size_t position, std::string_view inserted) {
  const auto text = text_of(document);
  auto tx = document.transact();
  require(tx.splice_text(text, position, 0, inserted).has_value());
  tx.commit();
}

Document common_history() {
  Document document(actor(1));
  auto tx = document.transact();
  require(tx.put_object(model::kRoot, std::string("text"), engine::ObjType::kText).has_value());
  tx.commit();
  for (int i = 0; i < kCommonChanges; ++i) type(document, static_cast<std::size_t>(i % 50), "y");
  return document;
}

/// Lets both talk until both are silent. Agents of ours remember what they had in common the last
/// time, and read bundles.
std::pair<std::size_t, std::size_t> bytes_and_messages(Document& left, Document& right,
                                                       const Heads& common, bool agents) {
  struct Side {
    Document& document;
    sync::State state;
  };
  Side sides[2] = {{left, {}}, {right, {}}};
  for (Side& side : sides) {
    side.state.peer_reads_bundles = agents;
    if (agents) side.state.shared_heads = common;
  }
  std::size_t bytes = 0;
  std::size_t messages = 0;
  for (int turn = 0, silent = 0; silent < 2; turn ^= 1) {
    Side& from = sides[turn];
    Side& to = sides[turn ^ 1];
    const auto message = sync::generate(from.document, from.state);
    silent = message ? 0 : silent + 1;
    if (!message) continue;
    const auto wire = sync::encode_message(*message);
    bytes += wire.size();
    ++messages;
    const auto received = sync::decode_message(wire);
    require(received.has_value());
    require(sync::receive(to.document, to.state, *received).has_value());
  }
  return {bytes, messages};
}

void session(benchmark::State& state, int own_changes, bool empty_peer, bool agents) {
  const Document base = common_history();
  const auto file = base.save();
  std::pair<std::size_t, std::size_t> sent;
  std::optional<Document> left;  // outside of the loop, so that no end of a document is timed
  std::optional<Document> right;
  for (auto _ : state) {
    state.PauseTiming();
    left = *Document::load(file, actor(2));
    right = empty_peer ? Document(actor(3)) : *Document::load(file, actor(3));
    for (int i = 0; i < own_changes; ++i) {
      type(*left, 3, "a");
      type(*right, 5, "b");
    }
    state.ResumeTiming();
    sent = bytes_and_messages(*left, *right, base.heads(), agents);
    state.PauseTiming();
    require(left->heads() == right->heads());
    state.ResumeTiming();
  }
  state.counters["bytes"] = static_cast<double>(sent.first);
  state.counters["messages"] = static_cast<double>(sent.second);
}

}  // namespace

int main(int argc, char** argv) {
  const auto add = [](const std::string& name, int own_changes, bool empty_peer, bool agents) {
    benchmark::RegisterBenchmark(name.c_str(), [=](auto& s) {
      session(s, own_changes, empty_peer, agents);
    })->Unit(benchmark::kMillisecond);
  };
  add("sync/100_new_each", 100, false, false);
  add("sync/100_new_each_agents", 100, false, true);
  add("sync/into_empty", 0, true, false);
  add("sync/equal", 0, false, false);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
