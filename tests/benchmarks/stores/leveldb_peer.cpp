// LevelDB as it is, with its own Env and the options of our store: the raw store that `Store` is
// held against, and one of the peers. See peer.h.

#include "tests/benchmarks/stores/peer.h"

#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

using namespace converge::benchmarks;

namespace {

Peer open(const std::string& directory, bool create) {
  leveldb::Options options;
  options.create_if_missing = create;
  options.paranoid_checks = true;
  options.write_buffer_size = 8u << 20;
  options.max_file_size = 4u << 20;
  options.block_size = 4096;
  options.max_open_files = 512;
  options.block_cache = leveldb::NewLRUCache(32u << 20);
  options.filter_policy = leveldb::NewBloomFilterPolicy(10);
  options.compression = leveldb::kSnappyCompression;
  leveldb::DB* database = nullptr;  // lives as long as the process, like cache and filter
  const leveldb::Status opened = leveldb::DB::Open(options, directory, &database);
  require(opened.ok(), opened.ToString());
  Peer peer;
  peer.write = [database](const TraceBatch& batch) {
    leveldb::WriteBatch out;
    for (const Record& record : batch) out.Put(record.key, record.value);
    leveldb::WriteOptions durable;
    durable.sync = true;
    const leveldb::Status status = database->Write(durable, &out);
    require(status.ok(), status.ToString());
  };
  peer.reads = [database](const std::string& key) {
    leveldb::ReadOptions reading;
    reading.verify_checksums = true;
    std::string value;
    return database->Get(reading, key, &value).ok();
  };
  return peer;
}

}  // namespace

int main(int argc, char** argv) { return run_peer(argc, argv, open); }
