# SPDX-License-Identifier: MIT
"""unwait --audit: what is recorded, when, and that nothing is done that cannot be."""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import resource
import socket
import subprocess
import tempfile
import unittest

import jsonschema

from support import DEADLINE, SCHEMA, Leaky, TestCase

REFUSED = 4
RECORD = jsonschema.Draft202012Validator(
    {"$schema": SCHEMA["$schema"], "$ref": "#/$defs/audit", "$defs": SCHEMA["$defs"]}
)


class Audit(TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.path = self.directory / "audit.jsonl"

    def arguments(self, leak, *more, path=None):
        return ["clear", "--port", leak.port, "--min-idle", "0", "--settle", "100ms",
                "--audit", path or self.path, *more]

    def records(self):
        records = [json.loads(line) for line in self.path.read_text().splitlines()]
        for record in records:
            RECORD.validate(record)
        return records


class Records(Audit):
    def test_intents_then_outcomes(self):
        with Leaky(count=2) as leak:
            report = self.report(*self.arguments(leak, "-y"))
            records = self.records()
            self.assertEqual([r["type"] for r in records], ["intent"] * 2 + ["outcome"] * 2)
            for record in records:
                self.assertEqual(record["run_id"], report["run_id"])
                self.assertEqual(record["boot_id"], report["boot_id"])
                self.assertEqual(record["who"]["uid"], os.getuid())
                self.assertIsNone(record["policy"])
            self.assertEqual([r["step"] for r in records[:2]], report["plan"]["steps"])
            self.assertEqual([r["outcome"] for r in records[2:]], report["outcomes"])
            self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_runs_are_appended(self):
        for _ in range(2):
            with Leaky() as leak:
                self.run_ok(*self.arguments(leak, "-y"))
        records = self.records()
        self.assertEqual(len(records), 4)
        self.assertEqual(len({record["run_id"] for record in records}), 2)

    def test_nothing_is_recorded_when_nothing_is_done(self):
        with Leaky() as leak:
            self.run_ok(*self.arguments(leak, "-n"))
            self.assertFalse(self.path.exists())
            self.run_ok(*self.arguments(leak), status=5)
            self.assertEqual(self.path.read_text(), "")

    def test_the_intent_is_there_before_the_act(self):
        """The application has been told, and unwait waits for it to close."""
        with Leaky() as leak:
            process = subprocess.Popen(
                [os.environ["UNWAIT"], "clear", "--port", str(leak.port), "--min-idle", "0",
                 "--settle", "1h", "--audit", str(self.path), "-y"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            leak.ask("hangup")
            self.assertEqual([record["type"] for record in self.records()], ["intent"])
            leak.ask("forget")
            self.assertEqual(process.wait(DEADLINE), 0)
            self.assertEqual(self.records()[-1]["outcome"]["result"], "cleared")

    def test_who(self):
        with Leaky() as leak:
            self.run_ok(*self.arguments(leak, "-y"), env={"SUDO_USER": "some\x1bone"})
            who = self.records()[0]["who"]
            self.assertEqual(who["sudo_user"], "some\x1bone")
            self.assertNotIn("\x1b", self.path.read_text())
            login = int(pathlib.Path("/proc/self/loginuid").read_text())
            self.assertEqual(who["login_uid"], None if login == 2**32 - 1 else login)

    def test_a_line_that_was_cut_off_stays_one_line(self):
        self.path.write_text('{"type": "inte')
        self.path.chmod(0o600)
        with Leaky() as leak:
            self.run_ok(*self.arguments(leak, "-y"))
        first, *rest = self.path.read_text().splitlines()
        self.assertEqual(first, '{"type": "inte')
        for line in rest:
            RECORD.validate(json.loads(line))

    def test_nobody_can_hold_it_up(self):
        """A lock of somebody who may but read the file."""
        self.path.write_text("")
        self.path.chmod(0o644)
        with Leaky() as leak, self.path.open() as reader:
            fcntl.flock(reader, fcntl.LOCK_EX)
            self.run_ok(*self.arguments(leak, "-y"))
        self.assertEqual(len(self.records()), 2)

    def test_runs_at_the_same_time(self):
        """Their lines stay whole."""
        with contextlib.ExitStack() as stack:
            leaks = [stack.enter_context(Leaky(count=20)) for _ in range(4)]
            runs = [
                subprocess.Popen(
                    [os.environ["UNWAIT"], *map(str, self.arguments(leak, "-y", "-q"))],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                )
                for leak in leaks
            ]
            self.assertEqual([run.wait(DEADLINE) for run in runs], [0] * len(runs))
        records = self.records()
        self.assertEqual(len(records), 2 * 20 * len(runs))
        self.assertEqual(len({record["run_id"] for record in records}), len(runs))

    def test_apply_and_policy(self):
        policy = self.directory / "policy.json"
        policy.write_text('{"policy_version": 1}')
        policy.chmod(0o600)
        plan = self.directory / "plan.json"
        with Leaky() as leak:
            plan.write_bytes(self.run_ok("clear", "--port", leak.port, "--min-idle", "0",
                                         "-nJ").stdout)
            plan.chmod(0o600)
            self.run_ok("apply", plan, "-y", "--policy", policy, "--audit", self.path)
        for record in self.records():
            self.assertEqual(record["command"], "apply")
            self.assertEqual(record["policy"], str(policy))


class Refused(Audit):
    """What cannot be recorded is not done."""

    def assert_refused(self, *texts, path=None, **more):
        with Leaky() as leak:
            result = self.run_ok(*self.arguments(leak, "-y", path=path), status=REFUSED, **more)
            self.assertEqual(leak.open_fds(), leak.fds)
            for text in texts:
                self.assertIn(text, result.stderr.decode())

    def test_not_a_file_of_ours(self):
        self.assert_refused("no regular file", path="/dev/full")
        self.assert_refused("No such file", path=self.directory / "missing" / "file")
        self.assert_refused("Is a directory", path=self.directory)
        fifo = self.directory / "fifo"
        os.mkfifo(fifo, 0o600)
        self.assert_refused("no regular file", path=fifo)
        link = self.directory / "link"
        link.symlink_to(self.path)
        self.assert_refused("symbolic link", path=link)
        self.assertFalse(self.path.exists())

    def test_a_file_with_another_name(self):
        other = self.directory / "passwd"
        other.write_text("root:x:0:0")
        os.link(other, self.path)
        self.assert_refused("hard link")
        self.assertEqual(other.read_text(), "root:x:0:0")

    def test_written_by_others(self):
        self.path.write_text("")
        self.path.chmod(0o622)
        self.assert_refused("can be written by others")
        self.path.chmod(0o600)
        os.chown(self.path, 12345, -1)
        self.assert_refused("can be written by others")

    def test_a_limit_of_the_size(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        self.assert_refused("File too large", "is not done", preexec_fn=limit)

    def test_a_full_disk(self):
        with Leaky() as leak:
            script = (
                'mount -t tmpfs -o size=16k none "$1" && cat /dev/zero >"$1/fill" 2>/dev/null; '
                'exec "$0" clear --port "$2" --min-idle 0 -yJ --audit "$1/audit"'
            )
            result = subprocess.run(
                ["unshare", "--mount", "sh", "-c", script, os.environ["UNWAIT"], self.directory,
                 str(leak.port)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            self.assertEqual(result.returncode, REFUSED, result)
            self.assertIn(b"No space left on device", result.stderr)
            report = self.valid_report(result.stdout)
            self.assertIn("No space left on device", report["plan"]["refusal"])
            self.assertNotIn("outcomes", report)
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_room_for_the_outcomes_is_there_too(self):
        """One page is free: enough for the intents, not for what comes of them."""
        with Leaky(count=4) as leak:
            script = (
                'mount -t tmpfs -o size=20k none "$1" && head -c 8k /dev/zero >"$1/fill"; '
                'exec "$0" clear --port "$2" --min-idle 0 -y --audit "$1/audit"'
            )
            result = subprocess.run(
                ["unshare", "--mount", "sh", "-c", script, os.environ["UNWAIT"], self.directory,
                 str(leak.port)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            self.assertEqual(result.returncode, REFUSED, result)
            self.assertIn(b"room for outcomes", result.stderr)
            self.assertEqual(leak.open_fds(), leak.fds)


class Journal(Audit):
    def test_structured_fields(self):
        with Leaky(b"a\nb") as leak:
            run = self.directory / "run"
            run.mkdir()
            (run / "journal").mkdir()
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.addCleanup(listener.close)
            listener.bind(str(run / "journal/socket"))
            listener.settimeout(DEADLINE)
            script = (
                'mkdir -p /run/systemd && mount --bind "$1" /run/systemd && '
                'exec "$0" clear --port "$2" --min-idle 0 --settle 100ms -yJ --audit "$3"'
            )
            result = subprocess.run(
                ["unshare", "--mount", "sh", "-c", script, os.environ["UNWAIT"], run,
                 str(leak.port), self.path],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            self.assertEqual(result.returncode, 0, result)
            run_id = json.loads(result.stdout)["run_id"]
            for kind in ("intent", "outcome"):
                entry = listener.recv(1 << 20)
                self.assertNotIn(b"\na\nb", entry)
                fields = dict(line.split("=", 1) for line in entry.decode().splitlines())
                self.assertEqual(fields["UNWAIT_TYPE"], kind)
                self.assertEqual(fields["UNWAIT_RUN_ID"], run_id)
                self.assertEqual(fields["UNWAIT_HOLDER"], str(leak.pid))
                self.assertEqual(fields["SYSLOG_IDENTIFIER"], "unwait")
                self.assertIn(f"of pid {leak.pid} (a\\x0ab)", fields["MESSAGE"])
                RECORD.validate(json.loads(fields["UNWAIT_RECORD"]))
            self.assertEqual(fields["UNWAIT_RESULT"], "cleared")


class Syslog(Audit):
    """Where no journal listens."""

    def listener(self, path):
        path.parent.mkdir()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.bind(str(path))
        listener.settimeout(DEADLINE)
        return listener

    def test_without_a_journal(self):
        (self.directory / "run").mkdir()
        self.assert_told()

    def test_with_a_journal_that_has_ended(self):
        (self.directory / "run").mkdir()
        self.listener(self.directory / "run/journal/socket").close()
        self.assert_told()

    def assert_told(self):
        log = self.listener(self.directory / "dev/log")
        script = (
            'touch "$1/dev/null" && mount --bind /dev/null "$1/dev/null" && '
            'mkdir -p /run/systemd && mount --bind "$1/run" /run/systemd && '
            'mount --rbind "$1/dev" /dev && '
            'exec "$0" clear --port "$2" --min-idle 0 --settle 100ms -yJ --audit "$3"'
        )
        with Leaky(b"a\nb") as leak:
            result = subprocess.run(
                ["unshare", "--mount", "sh", "-c", script, os.environ["UNWAIT"], self.directory,
                 str(leak.port), self.path],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            self.assertEqual(result.returncode, 0, result)
            run_id = json.loads(result.stdout)["run_id"]
            for what in (f"run {run_id} intends shutdown,replace on", f"run {run_id}: cleared, "):
                told = log.recv(1 << 16).decode()
                # LOG_AUTHPRIV and LOG_NOTICE
                self.assertRegex(told, r"^<85>.*\bunwait\[\d+\]: " + re.escape(what))
                self.assertIn(f"of pid {leak.pid} (a\\x0ab)", told)
        self.assertEqual([record["type"] for record in self.records()], ["intent", "outcome"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
