# SPDX-License-Identifier: MIT
"""Services that leak as programs on their runtime do, cleared over and over under load."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

from support import (
    DEADLINE,
    HERE,
    ROUNDS,
    Lines,
    Load,
    Target,
    TestCase,
    ask_and_check,
    clear,
    program,
    stuck_ones,
    wait_until,
)

SERVICES = HERE / "services"


class Service(Target):
    def __init__(self, command):
        super().__init__(lambda _: command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.control = Lines(self.port)

    def leak(self, ways):
        """Makes it keep connections whose client leaves; returns their inodes. "choke" is a stall
        with more data than a buffer takes."""
        ports = set()
        for way in ways:
            lines = Lines(self.port)
            ports.add(lines.socket.getsockname()[1])
            assert lines.ask("leak" if way == "leak" else "stall") == "kept"
            if way == "choke":
                lines.socket.sendall(b"." * 100_000)
            lines.close()
        return stuck_ones(self.port, ports)

    def seen(self, question="report"):
        return json.loads(self.control.ask(question))

    def stop(self):
        self.control.close()
        return super().stop()


class Runtime:
    """The tests of one runtime."""

    runtime = ""
    auto_reason = ""  # a thread may have been on its way out of the last read
    late_use = {}  # what the application sees when it uses, late, each socket that was replaced
    leaks = ("leak", "stall", "choke")

    def command(self):
        raise NotImplementedError

    def setUp(self):
        self.target = Service(self.command())
        self.addCleanup(self.target.stop)

    def settled_fds(self):
        """How many fds it has while nobody asks it anything."""
        seen = []

        def same_for_a_while():
            seen.append(len(self.target.links()))
            return len(seen) > 20 and len(set(seen[-20:])) == 1

        wait_until(same_for_a_while, "a steady number of fds")
        return seen[-1]

    def round(self, *more):
        inodes = self.target.leak(self.leaks)
        cleared = clear(self.target.pid, *more)
        return [cleared.get(inode) for inode in inodes], self.assert_cleared(
            self.target, inodes, cleared
        )

    def warm_up(self, *more):
        """What a runtime opens, starts or loads at first use is there from now on."""
        with Load(lambda: Lines(self.target.port), ask_and_check):
            self.round(*more)
        return self.settled_fds(), self.target.threads()

    def under_load(self, rounds, each):
        with Load(lambda: Lines(self.target.port), ask_and_check) as load:
            for _ in range(rounds):
                answered = load.answered
                each()
                wait_until(lambda: load.errors or load.answered > answered, "an answer")
                self.assertEqual(load.errors, [])
        self.assertEqual(load.errors, [])
        print(f"{type(self).__name__}: {load.answered} requests answered", file=sys.stderr)

    def test_auto_over_and_over(self):
        self.warm_up()
        self.target.seen("touch")
        fds, threads = self.settled_fds(), self.target.threads()
        before = self.target.seen()

        def each():
            cleared, reserved = self.round()
            for step, _, evidence in cleared:
                self.assertEqual(step["actions"], ["shutdown", "replace"], step)
                self.assertRegex(step["reason"], self.auto_reason)
                self.assertIn(f" {self.runtime} program", evidence["runtime"])
            self.assertEqual(reserved, len(self.leaks))
            self.assert_unharmed(self.target, threads)
            self.target.seen("touch")

        self.under_load(ROUNDS, each)
        self.assertEqual(self.settled_fds(), fds)
        self.assert_unharmed(self.target, threads)
        now = self.target.seen()
        seen = {what: now[what] - before.get(what, 0) for what in now}
        self.assertEqual(seen, {what: n * ROUNDS for what, n in self.late_use.items()})
        self.assertEqual(self.target.log(), "")

    def test_reserved_numbers_stay_reserved(self):
        fds, threads = self.warm_up()
        rounds = 3
        self.under_load(rounds, self.round)
        self.assertEqual(self.settled_fds(), fds + rounds * len(self.leaks))
        self.target.seen("touch")
        self.assertEqual(self.settled_fds(), fds - len(self.leaks))
        self.assert_unharmed(self.target, threads)
        self.assertEqual(self.target.log(), "")

    def test_shutdown_and_close_over_and_over(self):
        actions = ("--actions", "shutdown,close")
        fds, threads = self.warm_up(*actions)

        def each():
            cleared, reserved = self.round(*actions)
            self.assertEqual(reserved, 0)
            for _, outcome, _ in cleared:
                self.assertEqual(outcome["action"], "close")
            self.assert_unharmed(self.target, threads)

        self.under_load(ROUNDS, each)
        self.assertEqual(self.settled_fds(), fds)
        self.assert_unharmed(self.target, threads)
        self.assertEqual(self.target.log(), "")


class Node(Runtime, TestCase):
    runtime = "node"
    auto_reason = "is in an epoll set|runs an event loop"
    late_use = {"event end": 3, "write: EPIPE": 3, "event close": 3}

    def command(self):
        return [program("node"), SERVICES / "service.js"]

    def test_a_mere_close_would_abort_it(self):
        """What `auto` has to spare it: the control for the tests above."""
        inodes = self.target.leak(["choke"])
        self.assert_cleared(self.target, inodes, clear(self.target.pid, "--actions", "close"))
        self.assertEqual(self.target.control.ask("touch"), "")
        self.assertEqual(self.target.process.wait(DEADLINE), -signal.SIGABRT)


class Jvm(Runtime, TestCase):
    runtime = "jvm"
    auto_reason = "is a jvm program|a thread is blocked"
    late_use = {
        "read: -1": 4,
        "write: java.net.SocketException: Broken pipe": 3,
        "close: done": 3,
    }

    def command(self):
        program("javac")
        # Threads of the runtime itself come and go otherwise.
        steady = ["-XX:-UseDynamicNumberOfCompilerThreads", "-XX:-UseDynamicNumberOfGCThreads"]
        return [program("java"), *steady, SERVICES / "Service.java"]


class Go(Runtime, TestCase):
    runtime = "go"
    auto_reason = "is in an epoll set|runs an event loop"
    late_use = {"read: EOF": 4, "write: broken pipe": 3, "close: done": 3}

    def command(self):
        out = pathlib.Path(os.environ["GOCACHE"])
        out.mkdir(exist_ok=True)
        binary = out / "service"
        subprocess.run(
            [program("go"), "build", "-o", binary, SERVICES / "service.go"],
            check=True,
            env=os.environ | {"CGO_ENABLED": "0", "GO111MODULE": "off"},
        )
        return [binary]


class Asyncio(Runtime, TestCase):
    runtime = "cpython"
    auto_reason = "is in an epoll set|runs an event loop"
    late_use = {
        "read: end of file": 1,
        "read: BrokenPipeError": 2,
        "drain: ConnectionResetError": 3,
        "wait_closed: BrokenPipeError": 3,
    }

    def command(self):
        return [sys.executable, SERVICES / "service_asyncio.py"]


class Uvloop(Runtime, TestCase):
    runtime = "cpython"
    auto_reason = "is in an epoll set|runs an event loop"
    late_use = {
        "read: end of file": 1,
        "read: BrokenPipeError": 2,
        "drain: done": 3,
        "wait_closed: BrokenPipeError": 3,
    }

    def command(self):
        python = program("/usr/bin/python3")
        if subprocess.run([python, "-c", "import uvloop"], capture_output=True).returncode:
            raise unittest.SkipTest("uvloop is not installed")
        return [python, SERVICES / "service_asyncio.py", "uvloop"]


class Threads(Runtime, TestCase):
    runtime = "cpython"
    auto_reason = "is a cpython program|a thread is blocked"
    late_use = {"recv: b''": 4, "sendall: BrokenPipeError": 3, "close: done": 3}

    def command(self):
        return [sys.executable, SERVICES / "service_threads.py"]


if __name__ == "__main__":
    unittest.main()
