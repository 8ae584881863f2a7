#include "tests/benchmarks/stores/peer.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <thread>

namespace converge::benchmarks {
namespace {

/// False at the end of the file.
bool read_number(std::istream& in, std::uint32_t& number) {
  unsigned char bytes[4];
  if (!in.read(reinterpret_cast<char*>(bytes), sizeof bytes)) return false;
  number = static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8 |
           static_cast<std::uint32_t>(bytes[2]) << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
  return true;
}

void add_number(std::string& out, std::size_t number) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(number >> shift)));
  }
}

/// Calls `visit` with each batch until it says false.
void walk_trace(const std::string& path, const std::function<bool(TraceBatch)>& visit) {
  std::ifstream in(path, std::ios::binary);
  require(in.good(), "cannot read " + path);
  std::uint32_t records = 0;
  while (read_number(in, records)) {
    TraceBatch batch(records);
    for (Record& record : batch) {
      std::uint32_t key = 0;
      std::uint32_t value = 0;
      require(read_number(in, key) && read_number(in, value), path + " is cut off");
      record.key.resize(key);
      record.value.resize(value);
      in.read(record.key.data(), key);
      in.read(record.value.data(), value);
      require(in.good(), path + " is cut off");
    }
    if (!visit(std::move(batch))) return;
  }
}

double processor_seconds() {
  timespec used{};
  require(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0, "no processor clock");
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

}  // namespace

void require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

std::vector<TraceBatch> read_trace(const std::string& path, std::size_t count) {
  std::vector<TraceBatch> out;
  walk_trace(path, [&](TraceBatch batch) {
    out.push_back(std::move(batch));
    return out.size() < count;
  });
  return out;
}

void add_to_trace(std::string& trace, const TraceBatch& batch) {
  add_number(trace, batch.size());
  for (const Record& record : batch) {
    add_number(trace, record.key.size());
    add_number(trace, record.value.size());
    trace += record.key;
    trace += record.value;
  }
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  require(out.good(), "cannot write " + path);
}

Seconds time_writers(std::size_t writers, std::size_t count,
                     const std::function<void(std::size_t)>& write) {
  const double processor = processor_seconds();
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (std::size_t writer = 0; writer < writers; ++writer) {
    threads.emplace_back([&write, writer, writers, count] {
      for (std::size_t i = writer; i < count; i += writers) write(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
  return {passed.count(), processor_seconds() - processor};
}

void report_and_wait(const Seconds& seconds) {
  std::printf("%.6f %.6f\n", seconds.passed, seconds.processor);
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
  }
}

void serve_reads(const std::function<std::size_t()>& touch) {
  std::puts("ready");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::printf("%zu\n", touch());
    std::fflush(stdout);
  }
}

int run_peer(int argc, char** argv,
             const std::function<Peer(const std::string& directory, bool create)>& open) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  require(arguments.size() >= 3, "usage: write DIR TRACE WRITERS COUNT | start DIR TRACE");
  const std::string& directory = arguments[1];
  const std::string& path = arguments[2];
  if (arguments[0] == "write") {
    require(arguments.size() == 5, "usage: write DIR TRACE WRITERS COUNT");
    const auto trace = read_trace(path, std::stoul(arguments[4]));
    const Peer peer = open(directory, true);
    const Seconds seconds = time_writers(std::stoul(arguments[3]), trace.size(),
                                         [&](std::size_t i) { peer.write(trace[i]); });
    report_and_wait(seconds);
    return 0;
  }
  require(arguments[0] == "start", "usage: write ... | start DIR TRACE");
  const Peer peer = open(directory, false);
  const auto first = read_trace(path, 1);
  require(!first.empty() && peer.reads(first.front().front().key), "the first key is lost");
  serve_reads([&] {
    std::size_t found = 0;
    walk_trace(path, [&](const TraceBatch& batch) {
      for (const Record& record : batch) found += peer.reads(record.key) ? 1 : 0;
      return true;
    });
    return found;
  });
  return 0;
}

}  // namespace converge::benchmarks
