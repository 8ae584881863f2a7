// Pebble v1 with the same buffer, cache, block and filter sizes; groups the writes of its goroutines
// itself. What a program here does is said in ../peer.h.
package main

import (
	"io"
	"log"

	"github.com/cockroachdb/pebble"
	"github.com/cockroachdb/pebble/bloom"

	"converge/tests/benchmarks/stores/peer"
)

type silent struct{}

func (silent) Infof(string, ...interface{})                   {}
func (silent) Errorf(format string, arguments ...interface{}) { log.Printf(format, arguments...) }
func (silent) Fatalf(format string, arguments ...interface{}) { log.Fatalf(format, arguments...) }

type store struct{ db *pebble.DB }

func (s store) Write(batch peer.Batch) error {
	out := s.db.NewBatch()
	for _, record := range batch {
		if err := out.Set(record.Key, record.Value, nil); err != nil {
			return err
		}
	}
	if err := out.Commit(pebble.Sync); err != nil {
		return err
	}
	return out.Close()
}

func (s store) Has(key []byte) (bool, error) {
	_, closer, err := s.db.Get(key)
	if err == pebble.ErrNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, io.Closer.Close(closer)
}

func open(directory string, create bool) (peer.Store, error) {
	options := &pebble.Options{
		Cache:            pebble.NewCache(32 << 20),
		ErrorIfNotExists: !create,
		Logger:           silent{},
		MaxOpenFiles:     512,
		MemTableSize:     8 << 20,
		Levels:           make([]pebble.LevelOptions, 7),
	}
	for i := range options.Levels {
		options.Levels[i].BlockSize = 4096
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		options.Levels[i].TargetFileSize = 4 << 20
	}
	db, err := pebble.Open(directory, options)
	return store{db}, err
}

func main() { peer.Main(open) }
