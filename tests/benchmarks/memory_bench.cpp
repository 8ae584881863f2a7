// Resident memory of one case, in a process that does nothing else: how much more than before is
// resident afterwards (steady), and how much more was resident at the worst moment (peak).
//
//   memory_bench prepare FOLDER     makes the files that the other cases read
//   memory_bench names              the cases, one a line
//   memory_bench CASE FOLDER        measures one and prints it as a line of JSON
//
// Linux only: it reads /proc/self/status and resets the peak by /proc/self/clear_refs.

#include "core/engine/document.h"
#include "tests/benchmarks/inputs.h"
#include "tests/support/shared_data.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <malloc.h>
#include <string>
#include <vector>

using namespace converge;
using benchmarks::actor;
using benchmarks::Commit;
using benchmarks::text_of;
using engine::Document;

namespace {

constexpr const char* kTrace = "automerge-paper";
constexpr int kManyDocuments = 100'000;
constexpr int kChangesEach = 10;

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "memory_bench: %s\n", what);
  std::exit(1);
}

/// "VmRSS" or "VmHWM", in bytes.
std::size_t status(const std::string& field) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(field + ":")) return std::stoull(line.substr(field.size() + 1)) * 1024;
  }
  require(false, "/proc/self/status says nothing");
  return 0;
}

struct Files {
  Bytes document;
  std::vector<model::ChangeHash> hashes;
};

Bytes read(const std::string& path) {
  const std::string text = testing::read_file(path);
  return to_bytes(as_bytes(text));
}

Files read_files(const std::string& folder) {
  Files out;
  out.document = read(folder + "/" + kTrace + ".crdt");
  const Bytes raw = read(folder + "/" + kTrace + ".hashes");
  out.hashes.resize(raw.size() / sizeof(model::ChangeHash));
  for (std::size_t i = 0; i < out.hashes.size(); ++i) {
    const auto from = raw.begin() + static_cast<std::ptrdiff_t>(i * sizeof(model::ChangeHash));
    std::copy_n(from, sizeof(model::ChangeHash), out.hashes[i].bytes.begin());
  }
  return out;
}

void prepare(const std::string& folder) {
  const Document document = benchmarks::replay(benchmarks::trace(kTrace), Commit::kEach);
  const auto write = [&](const std::string& name, ByteView bytes) {
    std::ofstream out(folder + "/" + name, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
    require(out.good(), "cannot write the input files");
  };
  write(std::string(kTrace) + ".crdt", document.save());
  Bytes hashes;
  for (const auto& hash : document.all_changes()) {
    hashes.insert(hashes.end(), hash.bytes.begin(), hash.bytes.end());
  }
  write(std::string(kTrace) + ".hashes", hashes);
}

Document small_document(int number) {
  Document document(actor(static_cast<unsigned char>(number)));
  for (int k = 0; k < kChangesEach; ++k) {
    auto tx = document.transact();
    const auto put =
        tx.put(model::kRoot, "key" + std::to_string(k), model::Scalar::integer(number));
    require(put.has_value(), "a put failed");
    tx.commit();
  }
  return document;
}

/// Prints what `make` leaves resident; what it returns lives until then.
template <class Make>
void measure(const std::string& name, int count, const Make& make) {
  malloc_trim(0);
  const std::size_t before = status("VmRSS");
  std::ofstream("/proc/self/clear_refs") << "5";
  const auto kept = make();
  const std::size_t peak = status("VmHWM") - before;
  malloc_trim(0);
  const std::size_t steady = status("VmRSS") - before;
  std::printf("{\"memory\":\"%s\",\"count\":%d,\"steady_bytes\":%zu,\"peak_bytes\":%zu}\n",
              name.c_str(), count, steady, peak);
  (void)kept;
}

void load(const std::string& name, const std::string& folder, bool trusted) {
  const Files files = read_files(folder);
  Document::LoadOptions options;
  options.verify_hashes = !trusted;
  if (trusted) options.trusted_hashes = files.hashes;
  measure(name, 1, [&] {
    auto document = Document::load(files.document, actor(9), options);
    require(document.has_value(), "the document does not load");
    require(!document->now().text(text_of(*document)).empty(), "the document is empty");
    return std::move(*document);
  });
}

void local(const std::string& name, Commit commit) {
  const auto& input = benchmarks::trace(kTrace);
  measure(name, 1, [&] { return benchmarks::replay(input, commit); });
}

void many(const std::string& name, bool loaded) {
  std::vector<Bytes> files;
  for (int i = 0; loaded && i < 256; ++i) files.push_back(small_document(i).save());
  measure(name, kManyDocuments, [&] {
    std::vector<Document> documents;
    documents.reserve(kManyDocuments);
    for (int i = 0; i < kManyDocuments; ++i) {
      if (loaded) {
        auto document = Document::load(files[static_cast<std::size_t>(i) % files.size()], actor(9));
        require(document.has_value(), "a small document does not load");
        documents.push_back(std::move(*document));
      } else {
        documents.push_back(small_document(i));
        documents.back().shrink();  // as it lies open and idle
      }
    }
    return documents;
  });
}

struct Case {
  const char* name;
  void (*run)(const std::string& name, const std::string& folder);
};

constexpr Case kCases[] = {
    {"load/automerge-paper/verified",
     [](const std::string& name, const std::string& folder) { load(name, folder, false); }},
    {"load/automerge-paper/from_store",
     [](const std::string& name, const std::string& folder) { load(name, folder, true); }},
    {"local/automerge-paper/change_each",
     [](const std::string& name, const std::string&) { local(name, Commit::kEach); }},
    {"local/automerge-paper/one_change",
     [](const std::string& name, const std::string&) { local(name, Commit::kOnce); }},
    {"small/100k_made", [](const std::string& name, const std::string&) { many(name, false); }},
    {"small/100k_loaded", [](const std::string& name, const std::string&) { many(name, true); }},
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1 && arguments[0] == "names") {
    for (const Case& known : kCases) std::puts(known.name);
    return 0;
  }
  require(arguments.size() == 2, "memory_bench prepare FOLDER | names | CASE FOLDER");
  if (arguments[0] == "prepare") {
    prepare(arguments[1]);
    return 0;
  }
  for (const Case& known : kCases) {
    if (arguments[0] == known.name) {
      known.run(arguments[0], arguments[1]);
      return 0;
    }
  }
  require(false, "no such case");
}
