// Package peer is what the Go programs share; ../peer.h says what they do.
package peer

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

type Record struct{ Key, Value []byte }

type Batch []Record

// Store is one store under test. Write returns when the batch is durable; any goroutine.
type Store interface {
	Write(Batch) error
	Has(key []byte) (bool, error)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func readNumber(in io.Reader) (uint32, error) {
	var bytes [4]byte
	_, err := io.ReadFull(in, bytes[:])
	return binary.LittleEndian.Uint32(bytes[:]), err
}

func readBatch(in io.Reader) (Batch, error) {
	count, err := readNumber(in)
	if err != nil {
		return nil, err
	}
	batch := make(Batch, count)
	for i := range batch {
		key, err := readNumber(in)
		must(err)
		value, err := readNumber(in)
		must(err)
		both := make([]byte, key+value)
		_, err = io.ReadFull(in, both)
		must(err)
		batch[i] = Record{both[:key:key], both[key:]}
	}
	return batch, nil
}

// walk calls visit with each batch until it says false.
func walk(path string, visit func(Batch) bool) {
	file, err := os.Open(path)
	must(err)
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<16)
	for {
		batch, err := readBatch(in)
		if err == io.EOF {
			return
		}
		must(err)
		if !visit(batch) {
			return
		}
	}
}

func processorSeconds() float64 {
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return float64(used.Utime.Sec+used.Stime.Sec) + float64(used.Utime.Usec+used.Stime.Usec)/1e6
}

func write(store Store, path string, writers, count int) {
	var trace []Batch
	walk(path, func(batch Batch) bool {
		trace = append(trace, batch)
		return len(trace) < count
	})
	var group sync.WaitGroup
	begin, processor := time.Now(), processorSeconds()
	for writer := 0; writer < writers; writer++ {
		group.Add(1)
		go func(first int) {
			defer group.Done()
			for i := first; i < len(trace); i += writers {
				must(store.Write(trace[i]))
			}
		}(writer)
	}
	group.Wait()
	fmt.Printf("%.6f %.6f\n", time.Since(begin).Seconds(), processorSeconds()-processor)
}

func touch(store Store, path string) int {
	found := 0
	walk(path, func(batch Batch) bool {
		for _, record := range batch {
			has, err := store.Has(record.Key)
			must(err)
			if has {
				found++
			}
		}
		return true
	})
	return found
}

func start(store Store, path string) {
	walk(path, func(batch Batch) bool {
		has, err := store.Has(batch[0].Key)
		must(err)
		if !has {
			log.Fatal("the first key is lost")
		}
		return false
	})
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(touch(store, path))
	}
}

// Main is main() of a program whose store is opened by open in a directory that exists.
func Main(open func(directory string, create bool) (Store, error)) {
	arguments := os.Args[1:]
	switch {
	case len(arguments) == 5 && arguments[0] == "write":
		store, err := open(arguments[1], true)
		must(err)
		writers, err := strconv.Atoi(arguments[3])
		must(err)
		count, err := strconv.Atoi(arguments[4])
		must(err)
		write(store, arguments[2], writers, count)
		_, err = io.Copy(io.Discard, os.Stdin) // until killed
		must(err)
	case len(arguments) == 3 && arguments[0] == "start":
		store, err := open(arguments[1], false)
		must(err)
		start(store, arguments[2])
	default:
		log.Fatal("usage: write DIR TRACE WRITERS COUNT | start DIR TRACE")
	}
}
