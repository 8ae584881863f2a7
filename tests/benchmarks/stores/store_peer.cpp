// Our Store under the workload that the others get. `write` and `start` as peer.h says, but the
// appends are made here, and what reaches the log is kept as a trace:
//
//   store_peer trace TRACE COUNT               COUNT appends, each a batch of its own
//   store_peer write DIR RECORD WRITERS COUNT  durable; RECORD gets the batches as they were
//   grouped store_peer start DIR COUNT                 for each line of input loads every document
//
// An append is one change of one small document, real bytes with real hashes; there are kDocuments
// of them, changed in turn.

#include "core/base/system.h"
#include "core/engine/document.h"
#include "core/store/file_hook.h"
#include "core/store/log_reader.h"
#include "core/store/store.h"
#include "tests/benchmarks/stores/peer.h"

#include <cstring>
#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <semaphore>

using namespace converge;
using namespace converge::benchmarks;
using engine::Document;

namespace {

/// A multiple of 16, so that each has one writer.
constexpr std::size_t kDocuments = 10'000;
constexpr std::size_t kLogReserve = 16u << 20;

DocumentId id_of(std::size_t number) {
  DocumentId id;
  // Spread like random ones.
  std::uint64_t mixed = number * 0x9E3779B97F4A7C15u;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    id.bytes[i] = static_cast<std::byte>(mixed >> (8 * (i % 8)));
    if (i == 7) mixed = mixed * 0xBF58476D1CE4E5B9u + number;
  }
  return id;
}

/// `count` changes of the documents in turn.
std::vector<store::Append> make_appends(std::size_t count) {
  std::vector<Document> documents;
  for (std::size_t i = 0; i < std::min(count, kDocuments); ++i) {
    documents.emplace_back(ActorId(ByteView(id_of(i + kDocuments).bytes)));
  }
  std::vector<store::Append> appends(count);
  for (std::size_t i = 0; i < count; ++i) {
    Document& document = documents[i % kDocuments];
    const Heads before = document.heads();
    auto edit = document.transact();
    const auto number = static_cast<std::int64_t>(i);
    bool done = edit.put(model::kRoot, "n", model::Scalar::integer(number)).has_value();
    if (before.empty()) {
      done =
          done && edit.put(model::kRoot, "title",
                           model::Scalar::string("a small document, number " + std::to_string(i)));
    }
    require(done, "a put failed");
    const auto hash = edit.commit();
    auto bytes = hash ? document.change_bytes(*hash) : std::nullopt;
    require(bytes.has_value(), "a change was not made");
    store::DocumentAppend part;
    part.document = id_of(i % kDocuments);
    part.expected_seq = i / kDocuments;
    part.heads = {*hash};
    part.changes.push_back({*hash, std::move(*bytes)});
    part.actors = 1;
    appends[i].documents.push_back(std::move(part));
  }
  return appends;
}

/// Keeps what is written to the logs.
class Recorder final : public store::FileHook {
 public:
  void after(const store::FileEvent& event) override {
    if (event.kind != store::FileKind::kLog || event.op != store::FileOp::kWrite) return;
    const std::lock_guard lock(mutex_);
    std::string& log = logs_[std::string(event.path)];
    if (log.empty()) log.reserve(kLogReserve);
    log.append(event.data);
  }

  /// The batches that hold changes, in order. Logs are numbered, and their numbers ascend.
  std::string trace() const {
    std::string out;
    for (const auto& [path, log] : logs_) {
      store::LogReader reader(log);
      while (const auto record = reader.next()) {
        const auto batch = store::decode_batch(record->bytes);
        require(batch.has_value(), "a batch cannot be read");
        TraceBatch records;
        bool has_change = false;
        for (const store::BatchOperation& operation : batch->operations) {
          require(operation.value.has_value(), "a batch removes something");
          has_change = has_change || operation.key.starts_with('d');
          records.push_back({std::string(operation.key), std::string(*operation.value)});
        }
        if (has_change) add_to_trace(out, records);
      }
    }
    return out;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> logs_;
};

std::unique_ptr<store::Store> open(const std::string& directory, store::FileHook* hook) {
  static SystemClock clock;
  static SystemRandom random;
  store::OpenOptions options;
  options.mode = store::OpenMode::kCreateIfAbsent;
  options.clock = &clock;
  options.random = &random;
  options.file_hook = hook;
  auto opened = store::open_store(directory, options);
  require(opened.has_value(), opened ? "" : opened.error().message);
  return std::move(opened->store);
}

/// As a client does it: hands over and waits for the answer.
Seconds append_all(store::Store& store, std::vector<store::Append>& appends, std::size_t writers,
                   store::Durability durability) {
  return time_writers(writers, appends.size(), [&](std::size_t i) {
    std::promise<void> answered;  // waits without spinning
    store.append(std::move(appends[i]), durability,
                 [&answered](const Result<store::AppendResult>& result) {
                   require(result.has_value(), result ? "" : result.error().message);
                   answered.set_value();
                 },
                 {});
    answered.get_future().wait();
  });
}

void trace(const std::string& path, std::size_t count) {
  const std::string directory = path + ".store";
  std::filesystem::remove_all(directory);
  auto appends = make_appends(count);
  Recorder recorder;
  {
    const auto store = open(directory, &recorder);
    append_all(*store, appends, 1, store::Durability::kRelaxed);
    require(store->close(std::chrono::seconds(60)).has_value(), "the store does not close");
  }
  std::filesystem::remove_all(directory);
  write_file(path, recorder.trace());
}

void write(const std::string& directory, const std::string& record, std::size_t writers,
           std::size_t count) {
  auto appends = make_appends(count);
  Recorder recorder;
  const auto store = open(directory, &recorder);
  const Seconds seconds = append_all(*store, appends, writers, store::Durability::kDurable);
  write_file(record, recorder.trace());
  report_and_wait(seconds);
}

void start(const std::string& directory, std::size_t count) {
  const auto store = open(directory, nullptr);
  require(store->header(id_of(0)).has_value(), "the first document is lost");
  serve_reads([&] {
    std::size_t found = 0;
    for (std::size_t i = 0; i < std::min(count, kDocuments); ++i) {
      const auto document = store->load(id_of(i));
      found += document ? document->tail.size() : 0;
    }
    return found;
  });
}

/// Documents of one value each that does not compress, in the order of their ids: so LevelDB has
/// little to merge, and making them takes about as long as writing them.
void fill(const std::string& directory, std::size_t megabytes) {
  constexpr std::size_t kValueBytes = 48'000;  // below what makes a snapshot of a document
  constexpr std::ptrdiff_t kInFlight = 64;
  const std::uint64_t count = megabytes * (1u << 20) / kValueBytes;
  const auto store = open(directory, nullptr);
  std::counting_semaphore<kInFlight> room(kInFlight);
  Bytes value(kValueBytes);
  std::uint64_t state = 0x9E3779B97F4A7C15u;
  for (std::uint64_t i = 0; i < count; ++i) {
    for (std::size_t at = 0; at < value.size(); at += sizeof state) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      std::memcpy(value.data() + at, &state, sizeof state);
    }
    DocumentId id;
    const std::uint64_t place = (~std::uint64_t{0} / count) * i;
    for (std::size_t at = 0; at < 8; ++at) {
      id.bytes[at] = static_cast<std::byte>(place >> (56 - 8 * at));
    }
    if (i == 0) std::printf("%s\n", id.to_url().c_str());
    Document document(ActorId(ByteView(id_of(i).bytes)));
    auto edit = document.transact();
    const bool done = edit.put(model::kRoot, "data", model::Scalar::bytes(value)).has_value();
    const auto hash = edit.commit();
    require(done && hash, "a put failed");
    store::DocumentAppend part;
    part.document = id;
    part.heads = {*hash};
    part.changes.push_back({*hash, *document.change_bytes(*hash)});
    part.actors = 1;
    store::Append append;
    append.documents.push_back(std::move(part));
    room.acquire();
    store->append(std::move(append), store::Durability::kRelaxed,
                  [&room](const Result<store::AppendResult>& result) {
                    require(result.has_value(), result ? "" : result.error().message);
                    room.release();
                  },
                  {});
  }
  require(store->close(std::chrono::seconds(60)).has_value(), "the store does not close");
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string verb = arguments.empty() ? "" : arguments[0];
  if (verb == "trace" && arguments.size() == 3) {
    trace(arguments[1], std::stoul(arguments[2]));
  } else if (verb == "write" && arguments.size() == 5) {
    write(arguments[1], arguments[2], std::stoul(arguments[3]), std::stoul(arguments[4]));
  } else if (verb == "start" && arguments.size() == 3) {
    start(arguments[1], std::stoul(arguments[2]));
  } else if (verb == "fill" && arguments.size() == 3) {
    fill(arguments[1], std::stoul(arguments[2]));
  } else {
    require(
        false,
        "usage: trace TRACE COUNT | write DIR RECORD WRITERS COUNT | start DIR COUNT | fill DIR "
        "MEGABYTES");
  }
}
