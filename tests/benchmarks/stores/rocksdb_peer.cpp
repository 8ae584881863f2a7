// RocksDB (Debian: librocksdb-dev) with the same buffer, cache, block and filter sizes. Groups the
// writes of its threads itself. See peer.h.

#include "tests/benchmarks/stores/peer.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

using namespace converge::benchmarks;

namespace {

Peer open(const std::string& directory, bool create) {
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 4096;
  table.block_cache = rocksdb::NewLRUCache(32u << 20);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::Options options;
  options.create_if_missing = create;
  options.write_buffer_size = 8u << 20;
  options.target_file_size_base = 4u << 20;
  options.max_open_files = 512;
  options.compression = rocksdb::kSnappyCompression;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::DB* database = nullptr;  // lives as long as the process
  const rocksdb::Status opened = rocksdb::DB::Open(options, directory, &database);
  require(opened.ok(), opened.ToString());
  Peer peer;
  peer.write = [database](const TraceBatch& batch) {
    rocksdb::WriteBatch out;
    for (const Record& record : batch) {
      require(out.Put(record.key, record.value).ok(), "a put failed");
    }
    rocksdb::WriteOptions durable;
    durable.sync = true;
    const rocksdb::Status status = database->Write(durable, &out);
    require(status.ok(), status.ToString());
  };
  peer.reads = [database](const std::string& key) {
    std::string value;
    return database->Get({}, key, &value).ok();
  };
  return peer;
}

}  // namespace

int main(int argc, char** argv) { return run_peer(argc, argv, open); }
