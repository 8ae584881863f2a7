// Badger v4 with the same buffer and cache sizes, every transaction synced; groups the writes of its
// goroutines itself. What a program here does is said in ../peer.h.
package main

import (
	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"converge/tests/benchmarks/stores/peer"
)

type store struct{ db *badger.DB }

func (s store) Write(batch peer.Batch) error {
	// A write batch would not tell when it is durable; a transaction does.
	transaction := s.db.NewTransaction(true)
	defer transaction.Discard()
	for _, record := range batch {
		if err := transaction.Set(record.Key, record.Value); err != nil {
			return err
		}
	}
	return transaction.Commit()
}

func (s store) Has(key []byte) (bool, error) {
	err := s.db.View(func(transaction *badger.Txn) error {
		item, err := transaction.Get(key)
		if err != nil {
			return err
		}
		return item.Value(func([]byte) error { return nil })
	})
	if err == badger.ErrKeyNotFound {
		return false, nil
	}
	return err == nil, err
}

func open(directory string, _ bool) (peer.Store, error) {
	db, err := badger.Open(badger.DefaultOptions(directory).
		WithSyncWrites(true).
		// Nothing is read in a transaction that writes, so there is nothing to look for.
		WithDetectConflicts(false).
		WithLogger(nil).
		WithMemTableSize(8 << 20).
		WithBlockCacheSize(32 << 20).
		WithBlockSize(4096).
		WithBaseTableSize(4 << 20).
		WithCompression(options.Snappy))
	return store{db}, err
}

func main() { peer.Main(open) }
