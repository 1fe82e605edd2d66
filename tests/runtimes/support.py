# SPDX-License-Identifier: MIT
"""What the tests on real runtimes share. The program under test is named by UNWAIT; UNWAIT_ROUNDS
says how many times each target's stuck sockets are made and cleared."""

import collections
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
UNWAIT = os.environ["UNWAIT"]
ROUNDS = int(os.environ.get("UNWAIT_ROUNDS", "10"))
DEADLINE = 60


def wait_until(condition, what):
    until = time.monotonic() + DEADLINE
    while not (value := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.002)  # between two looks at what sends no event
    return value


def program(name):
    path = shutil.which(name)
    if not path:
        raise unittest.SkipTest(f"{name} is not installed")
    return path


class Target:
    """A program under load, as /proc shows it. It ends with us. `command` makes its command line
    from the directory that it has for its files."""

    def __init__(self, command, **popen):
        self.directory = tempfile.TemporaryDirectory(prefix="unwait-runtimes-")
        directory = pathlib.Path(self.directory.name)
        self.log_path = directory / "stderr"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *map(str, command(directory))],
                stdin=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                **popen,
            )
        self.pid = self.process.pid

    def log(self):
        return self.log_path.read_text()

    def links(self):
        """Where each of its fds leads to."""
        links = {}
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                links[int(fd)] = os.readlink(f"/proc/{self.pid}/fd/{fd}")
            except FileNotFoundError:
                pass
        return links

    def threads(self):
        """The start time of each thread, by its id."""
        threads = {}
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            try:
                stat = pathlib.Path(f"/proc/{self.pid}/task/{tid}/stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            threads[int(tid)] = stat.rpartition(")")[2].split()[19]
        return threads

    def held_back(self):
        """Threads that are traced or stopped."""
        found = []
        for tid in self.threads():
            try:
                status = pathlib.Path(f"/proc/{self.pid}/task/{tid}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if not re.search(r"^TracerPid:\t0$", status, re.M) or re.search(
                r"^State:\t[tT]", status, re.M
            ):
                found.append(status)
        return found

    def stop(self):
        """Ends it; returns how it would have gone on: None while it was running."""
        ended = self.process.poll()
        if ended is None:
            self.process.terminate()
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self.directory.cleanup()
        return ended


class Lines:
    """A connection on which lines are exchanged."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def ask(self, line):
        self.socket.sendall(line.encode() + b"\n")
        return self.file.readline().decode().rstrip("\n")

    def hang_up(self):
        """Our end first, as clients do; then until the peer has let go too."""
        self.socket.shutdown(socket.SHUT_WR)
        rest = self.file.read()
        self.close()
        assert rest == b"", rest

    def close(self):
        self.file.close()
        self.socket.close()


def ask_and_check(lines, request):
    answer = lines.ask(f"echo {request}")
    if answer != request:
        raise AssertionError(f"asked {request!r}, got {answer!r}")


class Load:
    """Clients that never pause: some keep their connection, one comes anew each few requests. Any
    request that is lost or answered wrongly ends up in `errors`."""

    def __init__(self, connect, request, steady=3):
        self.connect = connect
        self.request = request
        self.errors = []
        self.answered = 0
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.clients = [threading.Thread(target=self._steady, args=(n,)) for n in range(steady)]
        self.clients.append(threading.Thread(target=self._fleeting))
        for client in self.clients:
            client.start()

    def _count(self):
        with self.lock:
            self.answered += 1

    def _steady(self, number):
        try:
            connection = self.connect()
            serial = 0
            while not self.ending.is_set():
                serial += 1
                self.request(connection, f"steady {number} request {serial} {'.' * (serial % 997)}")
                self._count()
            connection.hang_up()
        except Exception as error:  # whatever it is, the test has to tell it
            self.errors.append(f"steady {number}: {error!r}")

    def _fleeting(self):
        try:
            serial = 0
            while not self.ending.is_set():
                connection = self.connect()
                for _ in range(3):
                    serial += 1
                    self.request(connection, f"fleeting request {serial}")
                    self._count()
                connection.hang_up()
        except Exception as error:
            self.errors.append(f"fleeting: {error!r}")

    def stop(self):
        self.ending.set()
        for client in self.clients:
            client.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def stuck(port):
    """What ss(8) finds in CLOSE_WAIT at a local port: inode by the peer's port."""
    command = ["ss", "-Htne", "state", "close-wait", f"( sport = :{port} )"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^\d+ +\d+ +\S+ +\S+:(\d+) .*\bino:(\d+)", text, re.M)
    return {int(peer_port): int(inode) for peer_port, inode in found}


def stuck_ones(port, peer_ports):
    """The inodes of what certain clients have left behind, once all of it is there."""

    def found():
        now = stuck(port)
        return peer_ports <= now.keys() and {now[peer_port] for peer_port in peer_ports}

    return wait_until(found, "the sockets in CLOSE_WAIT")


def unwait(*arguments):
    """The report of a run that went well, or 3: other sockets came and went meanwhile."""
    result = subprocess.run(
        [UNWAIT, *map(str, arguments), "-J"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEADLINE,
    )
    if result.returncode not in (0, 3):
        raise AssertionError(result)
    return json.loads(result.stdout)


Cleared = collections.namedtuple("Cleared", "step outcome evidence")


def clear(pid, *more):
    """Clears what is stuck at a process and returns what was said of each socket, by inode;
    of those left alone, only why."""
    report = unwait("clear", "--pid", pid, "--yes", "--min-idle", "0", "--settle", "100ms", *more)
    outcomes = {outcome["id"]: outcome for outcome in report["outcomes"]}
    evidence = {
        finding["socket"]["inode"]: {each["code"]: each["text"] for each in finding["evidence"]}
        for finding in report["findings"]
    }
    cleared = {}
    for left in report["plan"]["left_alone"]:
        cleared[left["socket"]["inode"]] = left["text"]
    for step in report["plan"]["steps"]:
        inode = step["socket"]["inode"]
        cleared[inode] = Cleared(step, outcomes[step["id"]], evidence[inode])
    return cleared


class TestCase(unittest.TestCase):
    maxDiff = None

    def assert_unharmed(self, target, threads):
        """Still the same process with the threads that it had, none of them held back."""
        self.assertIsNone(target.process.poll(), target.log())
        now = target.threads()
        lost = {tid: began for tid, began in threads.items() if now.get(tid) != began}
        self.assertEqual(lost, {}, "threads have gone")
        self.assertEqual(target.held_back(), [])

    def assert_cleared(self, target, inodes, cleared):
        """Each socket is gone, by what unwait says and by what others see. Returns how many numbers
        are kept by a placeholder."""
        reserved = 0
        links = target.links()
        for inode in inodes:
            self.assertIn(inode, cleared, "was not found")
            self.assertIsInstance(cleared[inode], Cleared, "was left alone")
            step, outcome, _ = cleared[inode]
            self.assertEqual(outcome["result"], "cleared", (step, outcome))
            self.assertEqual(outcome["state_before"], "close-wait")
            self.assertNotEqual(outcome["state_after"], "close-wait")
            self.assertNotIn(f"socket:[{inode}]", links.values())
            if not outcome["frees_fd"]:
                reserved += 1
                self.assertEqual(outcome["action"], "replace", outcome)
                for fd in step["holders"][0]["fds"]:
                    self.assertIn(fd, links, "the number is not reserved")
        return reserved
