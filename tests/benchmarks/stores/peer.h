#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

/// What every program here does, whichever store it drives (stores_bench.py starts them):
///
///   PROGRAM write DIR TRACE WRITERS COUNT   makes a store of the first COUNT batches of a trace,
///                                           each durable before its writer goes on; prints the
///                                           seconds that took and those of processor time, then
///                                           waits to be killed
///   PROGRAM start DIR TRACE                 opens it, reads the first key and prints "ready"; for
///                                           each line of input reads every key of the trace,
///                                           prints how many it found
///
/// A trace is batches one behind the other: number of records, then for each the lengths of key and
/// value, key and value; numbers are 4 bytes, little-endian. Batch i is written by writer i mod
/// WRITERS, in order.
namespace converge::benchmarks {

struct Record {
  std::string key;
  std::string value;
};
using TraceBatch = std::vector<Record>;

/// At most `count` batches. Ends the program when the file cannot be read.
std::vector<TraceBatch> read_trace(const std::string& path, std::size_t count);

/// Appends a batch to a trace under construction.
void add_to_trace(std::string& trace, const TraceBatch& batch);

void write_file(const std::string& path, const std::string& bytes);

/// Ends the program with a line on stderr unless the condition holds.
void require(bool condition, const std::string& what);

struct Seconds {
  double passed = 0;
  double processor = 0;  ///< of all threads of the process
};

/// What it took so many threads to do `write(i)` for all i below `count`, shared out as above.
Seconds time_writers(std::size_t writers, std::size_t count,
                     const std::function<void(std::size_t)>& write);

/// Prints the seconds and waits for the end of input.
void report_and_wait(const Seconds& seconds);

/// Prints "ready", then answers lines with what `touch` counts, until the end of input.
void serve_reads(const std::function<std::size_t()>& touch);

/// A store as the programs drive it: opened by its constructor's caller.
struct Peer {
  std::function<void(const TraceBatch&)> write;       ///< durable when it returns; any thread
  std::function<bool(const std::string& key)> reads;  ///< whether the key is there
};

/// main() of a program whose store is opened by `open` in a directory that exists.
int run_peer(int argc, char** argv,
             const std::function<Peer(const std::string& directory, bool create)>& open);

}  // namespace converge::benchmarks
