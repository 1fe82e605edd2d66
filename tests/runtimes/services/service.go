// SPDX-License-Identifier: MIT
// The service of README.md in Go: connections that stay in a map.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
)

var (
	lock sync.Mutex
	kept = map[net.Conn]bool{}
	seen = map[string]int{}
)

func saw(call string, err error) {
	what := "done"
	var number syscall.Errno
	if errors.As(err, &number) {
		what = number.Error()
	} else if err != nil {
		what = err.Error()
	}
	seen[call+": "+what]++
}

func touch() {
	for conn := range kept {
		delete(kept, conn)
		_, err := conn.Read(make([]byte, 1))
		saw("read", err)
		_, err = conn.Write([]byte("late\n"))
		saw("write", err)
		saw("close", conn.Close())
	}
}

// answer says whether the connection is to be read on.
func answer(conn net.Conn, line string) bool {
	lock.Lock()
	defer lock.Unlock()
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "echo":
		fmt.Fprintln(conn, rest)
	case "leak", "stall":
		kept[conn] = true
		fmt.Fprintln(conn, "kept")
		return verb == "leak"
	case "touch":
		touch()
		fallthrough
	default:
		text, _ := json.Marshal(seen)
		fmt.Fprintf(conn, "%s\n", text)
	}
	return true
}

func serve(conn net.Conn) {
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		if !answer(conn, lines.Text()) {
			return
		}
	}
	lock.Lock()
	defer lock.Unlock()
	if kept[conn] {
		seen["read: EOF"]++
		return
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "not on a kept socket:", err)
	}
	conn.Close()
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		conn, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "accept:", err)
			continue
		}
		go serve(conn)
	}
}
