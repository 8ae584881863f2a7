// Tries to open a directory with Pebble v2 for writing, as somebody by mistake might: exit 0 when it
// refuses, 1 when it opens.
package main

import (
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2"
)

type silent struct{}

func (silent) Infof(string, ...interface{})  {}
func (silent) Errorf(string, ...interface{}) {}
func (silent) Fatalf(format string, args ...interface{}) {
	fmt.Printf(format+"\n", args...)
	os.Exit(0)
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: v2 DIRECTORY")
		os.Exit(2)
	}
	db, err := pebble.Open(os.Args[1], &pebble.Options{Logger: silent{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	db.Close()
	fmt.Println("opened")
	os.Exit(1)
}
