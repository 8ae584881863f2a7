// The workloads of the engine's performance goals. Run one alone for its peak memory:
//   engine_bench --benchmark_filter=load/automerge-paper

#include "core/engine/document.h"
#include "core/engine/patch.h"
#include "tests/benchmarks/inputs.h"

#include <benchmark/benchmark.h>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>

using namespace converge;
using benchmarks::actor;
using benchmarks::Commit;
using benchmarks::replayed_file;
using benchmarks::text_of;
using benchmarks::trace;
using engine::Document;
using engine::ObjType;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void local_edits(benchmark::State& state, const std::string& name, Commit commit) {
  const auto& input = trace(name);
  for (auto _ : state) {
    const Document document = benchmarks::replay(input, commit);
    state.PauseTiming();
    require(document.now().text(text_of(document)) == input.end);
    state.ResumeTiming();
  }
  state.counters["per_change_ns"] = benchmark::Counter(
      static_cast<double>(input.transactions.size()),
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void load_and_read(benchmark::State& state, ByteView file, bool text) {
  for (auto _ : state) {
    auto document = Document::load(file, actor(9));
    require(document.has_value());
    if (text) benchmark::DoNotOptimize(document->now().text(text_of(*document)));
  }
}

/// As our own store hands a document over: hashes beside it, under its own checksum.
Document::LoadOptions trusted(ByteView file) {
  Document::LoadOptions options;
  options.verify_hashes = false;
  options.trusted_hashes = Document::load(file, actor(9))->all_changes();
  return options;
}

void load_from_store(benchmark::State& state, ByteView file) {
  const auto options = trusted(file);
  for (auto _ : state) require(Document::load(file, actor(9), options).has_value());
}

void load_trusted(benchmark::State& state, ByteView file, bool edit) {
  const auto options = trusted(file);
  for (auto _ : state) {
    auto document = Document::load(file, actor(9), options);
    require(document.has_value());
    const auto text = text_of(*document);
    if (edit) {
      auto tx = document->transact();
      require(tx.splice_text(text, 1000, 0, "x").has_value());
      tx.commit();
    }
    benchmark::DoNotOptimize(document->now().text(text));
  }
}

void save(benchmark::State& state, ByteView file, bool edit_between) {
  auto document = Document::load(file, actor(9));
  const auto text = edit_between ? text_of(*document) : engine::ObjId{};
  for (auto _ : state) {
    if (edit_between) {
      auto tx = document->transact();
      require(tx.splice_text(text, 1000, 0, "x").has_value());
      tx.commit();
    }
    benchmark::DoNotOptimize(document->save());
  }
}

void keystroke(benchmark::State& state, ByteView file) {
  auto document = Document::load(file, actor(9));
  const auto text = text_of(*document);
  std::size_t at = document->now().length(text) / 2;
  for (auto _ : state) {
    auto tx = document->transact();
    require(tx.splice_text(text, at++, 0, "x").has_value());
    benchmark::DoNotOptimize(tx.commit());
  }
}

void incoming_change(benchmark::State& state, ByteView file) {
  auto document = Document::load(file, actor(9));
  Document writer = document->fork(actor(7));
  const auto text = text_of(writer);
  std::size_t at = document->now().length(text) / 2;
  for (auto _ : state) {
    state.PauseTiming();
    auto tx = writer.transact();
    require(tx.splice_text(text, at++, 0, "x").has_value());
    const auto hash = tx.commit();
    const std::vector<Bytes> change{*writer.change_bytes(*hash)};
    state.ResumeTiming();
    require(document->apply_changes(change).has_value());
  }
}

// ------------------------------------------------------------------------- what must not grow

/// A text of pieces of a hundred characters at random places, a change each.
const Bytes& text_file(std::size_t size) {
  static std::map<std::size_t, Bytes> made;
  Bytes& file = made[size];
  if (!file.empty()) return file;
  Document document(actor(1));
  auto tx = document.transact();
  require(tx.put_object(model::kRoot, std::string("text"), ObjType::kText).has_value());
  tx.commit();
  std::mt19937 engine(5);
  const auto text = text_of(document);
  const std::string piece(100, 'a');
  for (std::size_t length = 0; length < size; length += piece.size()) {
    auto edit = document.transact();
    require(edit.splice_text(text, engine() % (length + 1), 0, piece).has_value());
    edit.commit();
  }
  return file = document.save();
}

void diff_of_last_ten(benchmark::State& state, ByteView file) {
  auto document = Document::load(file, actor(9));
  const auto before = document->heads();
  const auto text = text_of(*document);
  for (std::size_t i = 0; i < 10; ++i) {
    auto tx = document->transact();
    require(tx.splice_text(text, 40 * i, 0, "x").has_value());
    tx.commit();
  }
  const auto after = document->heads();
  for (auto _ : state) benchmark::DoNotOptimize(document->diff(before, after));
}

std::vector<Bytes> all_chunks(const Document& document) {
  std::vector<Bytes> out;
  for (const auto& hash : document.all_changes()) out.push_back(*document.change_bytes(hash));
  return out;
}

void merge_changes(benchmark::State& state, ByteView file) {
  const auto source = Document::load(file, actor(9));
  const auto chunks = all_chunks(*source);
  for (auto _ : state) {
    Document document(actor(8));
    require(document.apply_changes(chunks).has_value());
  }
  state.counters["changes"] = static_cast<double>(chunks.size());
}

void merge_forks(benchmark::State& state) {
  Document base(actor(1));
  auto tx = base.transact();
  const auto text = *tx.put_object(model::kRoot, std::string("text"), ObjType::kText);
  std::string million;
  while (million.size() < 1'000'000) million += "lorem ipsum dolor sit amet, ";
  require(tx.splice_text(text, 0, 0, million).has_value());
  tx.commit();
  Document other = base.fork(actor(2));
  const auto edit = [&](Document& document, std::size_t step) {
    for (std::size_t i = 0; i < 1000; ++i) {
      auto edit_tx = document.transact();
      require(edit_tx.splice_text(text, i * step, 1, "ab").has_value());
      edit_tx.commit();
    }
  };
  edit(base, 911);
  edit(other, 877);
  for (auto _ : state) {
    state.PauseTiming();
    Document target = base.fork(actor(3));
    state.ResumeTiming();
    require(target.merge(other).has_value());
  }
}

// -------------------------------------------------------------------------------------------- maps

Document hundred_thousand_keys() {
  Document document(actor(1));
  auto tx = document.transact();
  for (int i = 0; i < 100'000; ++i) {
    require(tx.put(model::kRoot, "key" + std::to_string(i), model::Scalar::integer(i)).has_value());
  }
  tx.commit();
  return document;
}

void put_keys(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(hundred_thousand_keys());
}

void overwrite_keys(benchmark::State& state, bool one_change) {
  for (auto _ : state) {
    Document document(actor(1));
    std::optional<engine::Transaction> tx;
    if (one_change) tx.emplace(document.transact());
    for (int i = 0; i < 100'000; ++i) {
      if (!one_change) tx.emplace(document.transact());
      const std::string key = "key" + std::to_string(i % 100);
      require(tx->put(model::kRoot, key, model::Scalar::integer(i)).has_value());
      if (!one_change) {
        tx->commit();
        tx.reset();
      }
    }
    if (tx) tx->commit();
  }
}

Document rows() {
  Document document(actor(1));
  auto tx = document.transact();
  const auto list = *tx.put_object(model::kRoot, std::string("rows"), ObjType::kList);
  for (std::size_t i = 0; i < 10'000; ++i) {
    const auto row = *tx.insert_object(list, i, ObjType::kMap);
    const auto number = static_cast<std::int64_t>(i);
    require(tx.put(row, std::string("id"), model::Scalar::integer(number)).has_value());
    require(tx.put(row, std::string("name"), model::Scalar::string("row " + std::to_string(i)))
                .has_value());
    require(tx.put(row, std::string("done"), model::Scalar::boolean(i % 2 == 0)).has_value());
    require(tx.put(row, std::string("price"), model::Scalar::float64(0.5 * static_cast<double>(i)))
                .has_value());
    require(tx.put(row, std::string("count"), model::Scalar::counter(0)).has_value());
  }
  tx.commit();
  return document;
}

void build_rows(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(rows());
}

std::size_t read_everything(const engine::View& view, engine::ObjId object) {
  std::size_t values = 0;
  const auto take = [&](const engine::Value& value) {
    ++values;
    if (value.object) values += read_everything(view, value.id);
  };
  const auto type = *view.object_type(object);
  if (type == ObjType::kMap || type == ObjType::kTable) {
    view.for_each_key(
        object, [&](std::string_view, const engine::Value& value, std::size_t) { take(value); });
  } else {
    view.for_each_element(
        object, [&](model::OpId, const engine::Value& value, std::size_t) { take(value); });
  }
  return values;
}

void load_and_read_all(benchmark::State& state, const Bytes& file, bool read) {
  for (auto _ : state) {
    const auto document = Document::load(file, actor(9));
    require(document.has_value());
    if (read) benchmark::DoNotOptimize(read_everything(document->now(), model::kRoot));
  }
}

void small_documents(benchmark::State& state, int step) {
  const auto create = [](int i) {
    Document document(actor(static_cast<unsigned char>(i)));
    for (int k = 0; k < 10; ++k) {
      auto tx = document.transact();
      require(
          tx.put(model::kRoot, "key" + std::to_string(k), model::Scalar::integer(i)).has_value());
      tx.commit();
    }
    return document;
  };
  std::vector<Document> made;
  std::vector<Bytes> files;
  if (step > 0) {
    for (int i = 0; i < 10'000; ++i) made.push_back(create(i));
    for (const Document& document : made) files.push_back(document.save());
  }
  for (auto _ : state) {
    for (int i = 0; i < 10'000; ++i) {
      if (step == 0) benchmark::DoNotOptimize(create(i));
      if (step == 1) benchmark::DoNotOptimize(made[static_cast<std::size_t>(i)].save());
      if (step == 2) {
        const auto document = Document::load(files[static_cast<std::size_t>(i)], actor(9));
        benchmark::DoNotOptimize(read_everything(document->now(), model::kRoot));
      }
    }
  }
}

// ----------------------------------------------------------------------------------------- history

void read_history(benchmark::State& state, ByteView file) {
  const auto document = Document::load(file, actor(9));
  const auto text = text_of(*document);
  const auto changes = document->all_changes();
  std::size_t at = 0;
  for (auto _ : state) {
    at = (at + changes.size() / 7 + 13) % changes.size();
    const auto view = document->at({changes[at]});
    benchmark::DoNotOptimize(view->text(text));
  }
}

void add(const std::string& name, const std::function<void(benchmark::State&)>& run) {
  benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond);
}

void add_text_workloads() {
  for (const std::string name : {"automerge-paper", "sveltecomponent", "friendsforever_flat"}) {
    add("local/" + name + "/change_each", [=](auto& s) { local_edits(s, name, Commit::kEach); });
    add("local/" + name + "/hashes_later",
        [=](auto& s) { local_edits(s, name, Commit::kEachUnsealed); });
    add("local/" + name + "/one_change", [=](auto& s) { local_edits(s, name, Commit::kOnce); });
    add("load/" + name + "/verified",
        [=](auto& s) { load_and_read(s, replayed_file(name, false), true); });
    add("load/" + name + "/from_store",
        [=](auto& s) { load_trusted(s, replayed_file(name, false), false); });
    add("load/" + name + "/from_store_and_edit",
        [=](auto& s) { load_trusted(s, replayed_file(name, false), true); });
    add("load/" + name + "/one_change",
        [=](auto& s) { load_and_read(s, replayed_file(name, true), true); });
    add("save/" + name, [=](auto& s) { save(s, replayed_file(name, false), false); });
    add("save/" + name + "/after_edit",
        [=](auto& s) { save(s, replayed_file(name, false), true); });
    add("keystroke/" + name, [=](auto& s) { keystroke(s, replayed_file(name, false)); });
    add("incoming/" + name, [=](auto& s) { incoming_change(s, replayed_file(name, false)); });
    add("merge/" + name, [=](auto& s) { merge_changes(s, replayed_file(name, false)); });
    add("history/" + name, [=](auto& s) { read_history(s, replayed_file(name, false)); });
  }
}

void add_document_workloads() {
  for (const std::string name :
       {"A1.am", "C1.am", "S1.am", "S3.am", "monday-meeting-notes.automerge", "webstraits.amrg"}) {
    const auto file = [=] { return as_bytes(benchmarks::document_file(name)); };
    add("load/" + name + "/verified", [=](auto& s) { load_and_read(s, file(), false); });
    add("load/" + name + "/from_store", [=](auto& s) { load_from_store(s, file()); });
    add("save/" + name, [=](auto& s) { save(s, file(), false); });
    add("merge/" + name, [=](auto& s) { merge_changes(s, file()); });
  }
}

void add_other_workloads() {
  add("merge/forks_of_1MB", merge_forks);
  for (const auto& [name, size] : {std::pair("1kB", 1'000), std::pair("1MB", 1'000'000)}) {
    const auto file = [size = static_cast<std::size_t>(size)] { return text_file(size); };
    add("keystroke/" + std::string(name), [=](auto& s) { keystroke(s, file()); });
    add("incoming/" + std::string(name), [=](auto& s) { incoming_change(s, file()); });
    add("diff/last_10_of_" + std::string(name), [=](auto& s) { diff_of_last_ten(s, file()); });
  }
  add("maps/put_100k", put_keys);
  add("maps/overwrite_100k/one_change", [](auto& s) { overwrite_keys(s, true); });
  add("maps/overwrite_100k/change_each", [](auto& s) { overwrite_keys(s, false); });
  add("maps/load_100k",
      [](auto& s) { load_and_read_all(s, hundred_thousand_keys().save(), false); });
  add("maps/load_100k_and_read",
      [](auto& s) { load_and_read_all(s, hundred_thousand_keys().save(), true); });
  add("rows/build_10k", build_rows);
  add("rows/load_10k_and_read", [](auto& s) { load_and_read_all(s, rows().save(), true); });
  add("small/create_10k", [](auto& s) { small_documents(s, 0); });
  add("small/save_10k", [](auto& s) { small_documents(s, 1); });
  add("small/load_10k_and_read", [](auto& s) { small_documents(s, 2); });
}

}  // namespace

int main(int argc, char** argv) {
  add_text_workloads();
  add_document_workloads();
  add_other_workloads();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
