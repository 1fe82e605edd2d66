# SPDX-License-Identifier: MIT
"""What the tests of the command line share. The program under test is named by UNWAIT."""

import ctypes
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import socket
import subprocess
import sys
import termios
import time
import unittest

import jsonschema

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
UNWAIT = os.environ["UNWAIT"]
ACCEPT = os.environ.get("UNWAIT_ACCEPT") == "1"
DEADLINE = 60

SCHEMA = json.loads((SOURCE / "src/cli/unwait.schema.json").read_text())
REPORT = jsonschema.Draft202012Validator(SCHEMA)
RECORD = jsonschema.Draft202012Validator(
    {"$schema": SCHEMA["$schema"], "$ref": "#/$defs/record", "$defs": SCHEMA["$defs"]}
)


LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x20000000, 0x40000000


def must(result, call):
    if result != 0:
        raise OSError(ctypes.get_errno(), call)


def unshare(flags):
    must(LIBC.unshare(flags), "unshare")


def loopback_up():
    with socket.socket() as any_socket:
        request = bytearray(40)
        request[:2] = b"lo"
        request[16] = 1  # IFF_UP
        fcntl.ioctl(any_socket, 0x8914, bytes(request))  # SIOCSIFFLAGS


def new_network():
    unshare(CLONE_NEWNET)
    loopback_up()


def inode_of(path):
    return os.stat(path).st_ino


class Named:
    """A network namespace that is mounted on a file, as ip-netns(8) does it."""

    def __init__(self, name=None):
        self.name = name or f"unwait-test-{os.getpid()}"
        self.path = f"/run/netns/{self.name}"
        os.makedirs("/run/netns", exist_ok=True)
        with open(self.path, "w"):
            pass
        child = os.fork()
        if child == 0:
            new_network()
            mounted = LIBC.mount(b"/proc/self/ns/net", self.path.encode(), b"none", 4096, None)
            os._exit(0 if mounted == 0 else 1)  # MS_BIND
        assert os.waitpid(child, 0)[1] == 0
        self.inode = inode_of(self.path)

    def enter(self):
        with open(self.path) as namespace:
            assert LIBC.setns(namespace.fileno(), CLONE_NEWNET) == 0

    def close(self):
        assert LIBC.umount2(self.path.encode(), 2) == 0  # MNT_DETACH
        os.unlink(self.path)


def environment(**changes):
    """Ours without what colours depend on."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    return kept | {"TERM": "xterm"} | changes


def only(items):
    assert len(items) == 1, items
    return items[0]


def unwait(*arguments, env=None, **more):
    """Runs it through pipes, without a terminal."""
    more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE} | more
    return subprocess.run(
        [UNWAIT, *map(str, arguments)],
        stderr=subprocess.PIPE,
        env=env or environment(),
        timeout=DEADLINE,
        start_new_session=True,
        **more,
    )


class Leaky:
    """A leaking server of our own, see leaky.py."""

    def __init__(self, name=b"leaky", count=1, unread=0, ipv6=False, user=None,
                 program=(sys.executable, str(HERE / "leaky.py")), **popen):
        options = {"name": name.hex(), "count": count, "unread": unread, "ipv6": ipv6, "user": user}
        self.process = subprocess.Popen(
            [*program, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **popen,
        )
        ready = json.loads(self.process.stdout.readline())
        self.pid = ready["pid"]
        self.port = ready["port"]
        self.sockets = ready["sockets"]
        self.fds = [each["fd"] for each in self.sockets]

    def tell(self, question):
        """What is answered later, or not at all."""
        self.process.stdin.write(question.encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, question):
        self.tell(question)
        if not select.select([self.process.stdout], [], [], DEADLINE)[0]:
            raise AssertionError(f"no answer to {question!r}")
        return json.loads(self.process.stdout.readline())

    def open_fds(self):
        return self.ask("open")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(DEADLINE)


class Terminal:
    """Runs it on a terminal of its own; `pipes` names the streams that are pipes instead."""

    def __init__(self, *arguments, pipes=(), env=None):
        self.master, slave = pty.openpty()
        ends = {
            name: subprocess.PIPE if name in pipes else slave
            for name in ("stdin", "stdout", "stderr")
        }

        def control():
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [UNWAIT, *map(str, arguments)],
            env=env or environment(),
            start_new_session=True,
            preexec_fn=control,
            **ends,
        )
        os.close(slave)
        self.seen = b""

    def read_until(self, text):
        """What was shown so far, once `text` has been; None stands for the end."""
        until = time.monotonic() + DEADLINE
        while text is None or text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, until - time.monotonic()))
            if not ready:
                raise AssertionError(f"never saw {text!r} in {self.seen!r}")
            try:
                self.seen += os.read(self.master, 4096)
            except OSError:  # EIO: the last one on the other side has gone
                if text is None:
                    break
                raise AssertionError(f"ended without {text!r}: {self.seen!r}") from None
        return self.seen

    def type(self, keys):
        os.write(self.master, keys)

    def finish(self):
        """Exit status, what was shown, and what came through a pipe from standard output."""
        piped = self.process.stdout.read() if self.process.stdout else b""
        self.read_until(None)
        status = self.process.wait(DEADLINE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        os.close(self.master)
        return status, self.seen.replace(b"\r\n", b"\n").decode(), piped


class TestCase(unittest.TestCase):
    maxDiff = None

    def golden(self, name, text):
        """Compares with tests/cli/golden/NAME; UNWAIT_ACCEPT=1 writes it instead."""
        path = HERE / "golden" / name
        if ACCEPT:
            path.write_text(text)
        self.assertEqual(path.read_text(), text, "differs from the golden; UNWAIT_ACCEPT=1 accepts")

    def own_cgroup(self, name):
        """Where cgroup2 is mounted, a new cgroup there, and what a process does to enter it."""
        with open("/proc/mounts") as lines:
            mounts = [line.split() for line in lines]
        mount = next((words[1] for words in mounts if words[2] == "cgroup2"), None)
        if mount is None:
            self.skipTest("cgroup2 is not mounted")
        path = f"{mount}/{name}"
        os.mkdir(path)
        self.addCleanup(os.rmdir, path)

        def enter():
            with open(f"{path}/cgroup.procs", "w") as procs:
                procs.write("0")

        return mount, path, enter

    def run_ok(self, *arguments, status=0, **more):
        result = unwait(*arguments, **more)
        self.assertEqual(result.returncode, status, result)
        return result

    def report(self, *arguments, status=0, **more):
        """The JSON object of a run, valid by the schema."""
        result = self.run_ok(*arguments, "-J", status=status, **more)
        return self.valid_report(result.stdout)

    def valid_report(self, text):
        report = json.loads(text)
        REPORT.validate(report)
        self.assert_complete(report)
        return report

    def records(self, *arguments, status=0, **more):
        """The NDJSON records of a run, each valid by the schema."""
        result = self.run_ok(*arguments, "-o", "ndjson", status=status, **more)
        records = [json.loads(line) for line in result.stdout.splitlines()]
        for record in records:
            RECORD.validate(record)
        self.assertEqual(records[0]["type"], "run")
        self.assertEqual(records[-1]["type"], "summary")
        # Some machines have processes that nobody may read.
        return [record for record in records if record["type"] != "blind_spot"]

    def assert_complete(self, report):
        """Nothing that was selected is silent."""
        summary = report["summary"]
        self.assertEqual(summary["matched"], len(report["findings"]))
        if "plan" not in report:
            return
        plan = report["plan"]
        self.assertEqual(summary["planned"], len(plan["steps"]))
        self.assertEqual(summary["left_alone"], len(plan["left_alone"]))
        ended = [outcome["id"] for outcome in report.get("outcomes", [])]
        if report["command"] == "apply":
            # Its plan is the one that was given; a dry run knows some outcomes already.
            self.assertEqual(sorted(set(ended)), ended)
            return
        cookies = lambda parts: sorted(part["socket"]["cookie"] for part in parts)
        self.assertEqual(
            cookies(plan["steps"] + plan["left_alone"]), cookies(report["findings"])
        )
        if "outcomes" in report:
            self.assertEqual(ended, [step["id"] for step in plan["steps"]])
            self.assertEqual(summary["cleared"] + summary["failed"], summary["planned"])


def without_blind_spots(text):
    """Text without what it says about processes that nobody may read, as some machines have."""
    text = re.sub(r"^unwait: not seen: .*\n", "", text, flags=re.M)
    hidden = r"\d+ process(es)? could not be read and may hold it too"
    text = re.sub(rf"^ *{hidden}\n", "", text, flags=re.M)
    return re.sub(rf"; the connection stays while another process holds it, and {hidden}", "", text)


def talk(result):
    return without_blind_spots(result.stderr.decode())


def normal(text, *leaks):
    """Text with what differs from run to run replaced by its name, and blanks squeezed."""
    text = without_blind_spots(text)
    for leak in leaks:
        for each in leak.sockets:
            text = re.sub(rf"(?<=:){each['peer_port']}\b", "PEERPORT", text)
            text = re.sub(rf"\bfd {each['fd']}\b", "fd FD", text)
        text = re.sub(rf"(?<=:){leak.port}\b", "PORT", text)
        text = re.sub(rf"\b{leak.pid}\b", "PID", text)
    text = re.sub(r"\b(\d+(us|ms|s|m|h))+\b", "TIME", text)
    return re.sub(r"(?<=\S) {2,}", "  ", re.sub(r"^ +(?=\S)", "", text, flags=re.M))
