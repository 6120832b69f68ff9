// SPDX-License-Identifier: MIT

// go-client starts a program in a domain that go-landlock makes. It takes the words of landproof's
// protocol (docs/clients.md):
//
//	go-client [--best-effort] --restrict fs.truncate --allow fs.read_file:/srv
//	          --restrict net.bind_tcp --port net.bind_tcp:80 -- PROGRAM [ARGUMENT...]
//
// Its exit code is 125 if go-landlock has no words for the policy, 126 if it refuses.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

const (
	noWords = 125
	refused = 126
)

var fs = map[string]landlock.AccessFSSet{
	"fs.execute":      ll.AccessFSExecute,
	"fs.write_file":   ll.AccessFSWriteFile,
	"fs.read_file":    ll.AccessFSReadFile,
	"fs.read_dir":     ll.AccessFSReadDir,
	"fs.remove_dir":   ll.AccessFSRemoveDir,
	"fs.remove_file":  ll.AccessFSRemoveFile,
	"fs.make_char":    ll.AccessFSMakeChar,
	"fs.make_dir":     ll.AccessFSMakeDir,
	"fs.make_reg":     ll.AccessFSMakeReg,
	"fs.make_sock":    ll.AccessFSMakeSock,
	"fs.make_fifo":    ll.AccessFSMakeFifo,
	"fs.make_block":   ll.AccessFSMakeBlock,
	"fs.make_sym":     ll.AccessFSMakeSym,
	"fs.refer":        ll.AccessFSRefer,
	"fs.truncate":     ll.AccessFSTruncate,
	"fs.ioctl_dev":    ll.AccessFSIoctlDev,
	"fs.resolve_unix": ll.AccessFSResolveUnix,
}

var net = map[string]landlock.AccessNetSet{
	"net.bind_tcp":    ll.AccessNetBindTCP,
	"net.connect_tcp": ll.AccessNetConnectTCP,
}

var scope = map[string]landlock.ScopedSet{
	"scope.abstract_unix_socket": ll.ScopeAbstractUnixSocket,
	"scope.signal":               ll.ScopeSignal,
}

func end(code int, format string, values ...any) {
	fmt.Fprintf(os.Stderr, "go-client: "+format+"\n", values...)
	os.Exit(code)
}

// policy is what the words ask for.
type policy struct {
	fs         landlock.AccessFSSet
	net        landlock.AccessNetSet
	scope      landlock.ScopedSet
	rules      []landlock.Rule
	bestEffort bool
}

func (p *policy) restrict(label string) {
	if bit, ok := fs[label]; ok {
		p.fs |= bit
	} else if bit, ok := net[label]; ok {
		p.net |= bit
	} else if bit, ok := scope[label]; ok {
		p.scope |= bit
	} else {
		end(noWords, "no words for %s", label)
	}
}

func (p *policy) allow(labels, path string) {
	var rights landlock.AccessFSSet
	for _, label := range strings.Split(labels, ",") {
		bit, ok := fs[label]
		if !ok {
			end(noWords, "no words for %s beneath a path", label)
		}
		rights |= bit
	}
	p.rules = append(p.rules, landlock.PathAccess(rights, path))
}

func (p *policy) port(labels, port string) {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		end(noWords, "no words for port %s", port)
	}
	for _, label := range strings.Split(labels, ",") {
		switch label {
		case "net.bind_tcp":
			p.rules = append(p.rules, landlock.BindTCP(uint16(number)))
		case "net.connect_tcp":
			p.rules = append(p.rules, landlock.ConnectTCP(uint16(number)))
		default:
			end(noWords, "no words for %s of a port", label)
		}
	}
}

func (p *policy) enforce() error {
	var handled []any
	if p.fs != 0 {
		handled = append(handled, p.fs)
	}
	if p.net != 0 {
		handled = append(handled, p.net)
	}
	if p.scope != 0 {
		handled = append(handled, p.scope)
	}
	config, err := landlock.NewConfig(handled...)
	if err != nil {
		return err
	}
	if p.bestEffort {
		return config.BestEffort().Restrict(p.rules...)
	}
	return config.Restrict(p.rules...)
}

func main() {
	var asked policy
	words := os.Args[1:]
	next := func() string {
		if len(words) == 0 {
			end(2, "no program; usage: go-client [WORD...] -- PROGRAM [ARGUMENT...]")
		}
		word := words[0]
		words = words[1:]
		return word
	}
	for word := next(); word != "--"; word = next() {
		switch word {
		case "--best-effort":
			asked.bestEffort = true
		case "--restrict":
			asked.restrict(next())
		case "--allow":
			labels, path, _ := strings.Cut(next(), ":")
			asked.allow(labels, path)
		case "--port":
			labels, port, _ := strings.Cut(next(), ":")
			asked.port(labels, port)
		default:
			end(noWords, "no such word: %s", word)
		}
	}
	program := next()
	if err := asked.enforce(); err != nil {
		end(refused, "%v", err)
	}
	err := syscall.Exec(program, append([]string{program}, words...), os.Environ())
	end(refused, "%s: %v", program, err)
}
