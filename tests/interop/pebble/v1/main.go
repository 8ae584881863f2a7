// Opens a LevelDB directory read-only with Pebble v1 and prints what it reads: the number of keys and
// one SHA-256 over each key and value as length (8 bytes, big-endian) and bytes, in key order. The
// same as "syncctl debug kv --digest".
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"os"

	"github.com/cockroachdb/pebble"
)

type silent struct{}

func (silent) Infof(string, ...interface{})  {}
func (silent) Errorf(string, ...interface{}) {}
func (silent) Fatalf(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

func addSized(digest hash.Hash, bytes []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(bytes)))
	digest.Write(length[:])
	digest.Write(bytes)
}

func run(directory string) error {
	db, err := pebble.Open(directory, &pebble.Options{ReadOnly: true, ErrorIfNotExists: true, Logger: silent{}})
	if err != nil {
		return err
	}
	at, err := db.NewIter(nil)
	if err != nil {
		return err
	}
	digest := sha256.New()
	count := 0
	for ok := at.First(); ok; ok = at.Next() {
		addSized(digest, at.Key())
		addSized(digest, at.Value())
		count++
	}
	if err := at.Close(); err != nil {
		return err
	}
	fmt.Printf("%d %x\n", count, digest.Sum(nil))
	return db.Close()
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: v1 DIRECTORY")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
