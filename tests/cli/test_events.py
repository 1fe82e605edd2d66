# SPDX-License-Identifier: MIT
"""What comes while a run is under way: records, a line of progress, and the end of its time."""

import fcntl
import json
import os
import pathlib
import select
import signal
import struct
import subprocess
import tempfile
import termios
import unittest

from support import DEADLINE, UNWAIT, Leaky, Terminal, TestCase, environment

ERASE = b"\r\x1b[K"
LONG = ["--min-idle", "0", "--settle", "1h", "-y"]


class Records(TestCase):
    def test_they_come_as_it_happens(self):
        """What was found and planned is there while the application is still given time."""
        with Leaky(count=2) as leak:
            process = subprocess.Popen(
                [UNWAIT, "clear", "--port", str(leak.port), *LONG, "-o", "ndjson"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=environment(),
            )
            self.addCleanup(process.stdout.close)
            records = []
            while len(records) < 5 or records[-1]["type"] != "step":
                self.assertTrue(select.select([process.stdout], [], [], DEADLINE)[0])
                records.append(json.loads(process.stdout.readline()))
                if records[-1]["type"] == "blind_spot":
                    records.pop()
            self.assertEqual([record["type"] for record in records],
                             ["run", "finding", "finding", "step", "step"])
            leak.ask("hangup")
            self.assertIsNone(process.poll())
            process.send_signal(signal.SIGINT)
            rest = [json.loads(line)["type"] for line in process.stdout]
            self.assertEqual(rest, ["outcome", "outcome", "summary"])
            self.assertEqual(process.wait(DEADLINE), 130)

    def test_an_outcome_does_not_wait_for_the_steps_that_go_on(self):
        """One is to be shut down and nothing more; the other's process takes its time to end."""
        def deaf():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

        with Leaky() as one, Leaky(preexec_fn=deaf) as other, tempfile.TemporaryDirectory() as place:
            policy = pathlib.Path(place) / "policy.json"
            policy.write_text(json.dumps({"policy_version": 1, "rules": [
                {"match": {"port": [str(one.port)]}, "actions": ["shutdown"]},
                {"match": {"port": [str(other.port)]}, "actions": ["term"]},
            ]}))
            process = subprocess.Popen(
                [UNWAIT, "clear", "--port", f"{one.port},{other.port}", "--min-idle", "0", "-y",
                 "-o", "ndjson", "--actions", "shutdown,term", "--settle", "100ms",
                 "--grace", "1h", "--policy", str(policy)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=environment(),
            )
            self.addCleanup(process.stdout.close)
            ports = {}
            for line in process.stdout:
                record = json.loads(line)
                if record["type"] == "step":
                    ports[record["id"]] = record["socket"]["local"]["port"]
                if record["type"] == "outcome":
                    break
            self.assertEqual((ports[record["id"]], record["result"]), (one.port, "cleared"))
            self.assertIsNone(process.poll())
            process.send_signal(signal.SIGINT)
            rest = [json.loads(line) for line in process.stdout]
            self.assertEqual([each["type"] for each in rest], ["outcome", "summary"])
            self.assertEqual(ports[rest[0]["id"]], other.port)
            self.assertEqual(process.wait(DEADLINE), 130)

    def test_the_order_is_always_the_same(self):
        """By the addresses of the ends, whoever holds them and however they were found."""
        with Leaky(count=9) as one, Leaky(count=9, ipv6=True) as two:
            ports = f"{two.port},{one.port}"
            orders = set()
            for more in ([], ["--filter", f"sport = {one.port} or sport = {two.port}"],
                         ["--state", "close-wait,dead"]):
                for _ in range(3):
                    found = self.report("list", "--port", ports, *more)["findings"]
                    orders.add(tuple(
                        (each["socket"]["local"]["address"], each["socket"]["local"]["port"],
                         each["socket"]["peer"]["address"], each["socket"]["peer"]["port"])
                        for each in found
                    ))
            order = list(orders.pop())
            self.assertEqual((len(order), orders), (18, set()))
            self.assertEqual([end[3] for end in order if end[1] == one.port],
                             sorted(each["peer_port"] for each in one.sockets))
            planned = self.report("clear", "--port", ports, "--min-idle", "0", "-n")["plan"]["steps"]
            self.assertEqual([step["socket"]["peer"]["port"] for step in planned],
                             [end[3] for end in order])
            self.assertEqual([step["id"] for step in planned], list(range(1, 19)))


class ProgressLine(TestCase):
    def test_it_comes_and_goes(self):
        with Leaky(count=2) as leak:
            terminal = Terminal("clear", "--port", leak.port, *LONG, "--color", "never")
            terminal.read_until(b"unwait: clearing: 0 of 2 ended (2s)" + ERASE[1:])
            os.kill(terminal.process.pid, signal.SIGINT)
            status, shown, _ = terminal.finish()
            self.assertEqual(status, 130)
            # Nothing of it is left in front of what comes next.
            last = shown.rindex("unwait: clearing")
            self.assertRegex(shown[last:], r"\Aunwait: clearing: 0 of 2 ended \(\d+s\)\x1b\[K"
                                           r"\r\x1b\[K *STEP ")

    def test_an_end_without_warning_takes_it_away(self):
        """Before anything was done a signal ends the program at once."""
        with Leaky() as leak:
            terminal = Terminal("explain", "--port", leak.port, "--observe", "1h")
            terminal.read_until(b"unwait: watching and asking (1s)" + ERASE[1:])
            os.kill(terminal.process.pid, signal.SIGINT)
            status, shown, _ = terminal.finish()
            self.assertEqual(status, 130)
            self.assertTrue(shown.endswith("\r\x1b[Kunwait: interrupted; nothing was done\n"), shown)

    def test_it_fits_into_the_line(self):
        with Leaky() as leak:
            terminal = Terminal("clear", "--port", leak.port, *LONG)
            fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", 5, 20, 0, 0))
            terminal.read_until(b"\runwait: clearing: 0" + ERASE[1:])
            terminal.type(b"\x03")
            self.assertEqual(terminal.finish()[0], 130)

    def test_only_where_somebody_looks(self):
        """Each of these takes longer than it takes for a line to come."""
        with Leaky() as leak:
            watch = ["explain", "--port", leak.port, "--observe", "2200ms"]
            self.assertNotIn(b"watching", self.run_ok(*watch).stderr)
            for arguments, env in [
                ([*watch, "-q"], environment()),
                (watch, environment(TERM="dumb")),
                ([*watch, "-o", "ndjson"], environment()),  # records go to the terminal too
            ]:
                with self.subTest(arguments=arguments):
                    status, shown, _ = Terminal(*arguments, env=env).finish()
                    self.assertEqual(status, 0)
                    self.assertNotIn("watching and", shown)
            status, shown, _ = Terminal(*watch, pipes=("stdout",)).finish()
            self.assertIn("watching and", shown)


class Time(TestCase):
    """The look takes for ever: whoever owns a process is read from a FIFO."""

    def run_for_ever(self, *arguments):
        with tempfile.TemporaryDirectory() as directory:
            users = pathlib.Path(directory) / "users"
            os.mkfifo(users)
            users.chmod(0o666)
            script = f'mount --bind {users} /etc/passwd && exec "$@"'
            return subprocess.run(
                ["unshare", "--mount", "sh", "-c", script, "sh", UNWAIT, *map(str, arguments)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                timeout=DEADLINE, env=environment(),
            )

    def test_every_command_ends_in_time(self):
        with Leaky() as leak:
            for command in (["list"], ["explain"], ["clear", "-n"], ["clear", "-y"]):
                with self.subTest(command=command):
                    result = self.run_for_ever(*command, "--port", leak.port, "--timeout", "300ms")
                    self.assertEqual((result.returncode, result.stdout), (124, b""), result)
                    self.assertIn(b"--timeout passed; nothing was done", result.stderr)
            self.assertEqual(leak.open_fds(), leak.fds)


if __name__ == "__main__":
    unittest.main(verbosity=2)
