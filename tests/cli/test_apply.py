# SPDX-License-Identifier: MIT
"""unwait apply: saved plans, what has changed since, and plans that must not be carried out."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from support import (
    CLONE_NEWNET,
    DEADLINE,
    Leaky,
    Terminal,
    TestCase,
    new_network,
    only,
    unshare,
)

REFUSED = 4


class Tracer:
    """Another process that traces one."""

    SCRIPT = """
import ctypes, sys
ptrace = ctypes.CDLL(None, use_errno=True).ptrace
seize = 0x4206
print(ptrace(seize, int(sys.argv[1]), None, None), flush=True)
sys.stdin.read()
"""

    def __init__(self, pid):
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.SCRIPT, str(pid)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        assert self.process.stdout.readline() == b"0\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate(timeout=DEADLINE)


def few_chains():
    """Into a network namespace in whose hash table very many sockets are in each chain."""
    unshare(CLONE_NEWNET)
    setting = pathlib.Path("/proc/sys/net/ipv4/tcp_child_ehash_entries")
    if setting.exists():  # Linux 6.1
        setting.write_text("16")
    new_network()


class Coming:
    """A process that makes and ends connections in a network namespace as fast as it can."""

    SCRIPT = """
import socket, struct
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
print(flush=True)
while True:
    pairs = []
    for _ in range(20):
        client = socket.create_connection(listener.getsockname())
        pairs += [client, listener.accept()[0]]
    for each in pairs:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        each.close()
"""

    def __init__(self, pid):
        self.process = subprocess.Popen(
            ["nsenter", "--net", "--target", str(pid), sys.executable, "-c", self.SCRIPT],
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout.readline() == b"\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


class Plans(TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name) / "plan.json"
        self.addCleanup(self.directory.cleanup)

    def save(self, leak, *more):
        """A plan for everything that leaks there, as it was written."""
        result = self.run_ok(
            "clear", "--port", leak.port, "--min-idle", "0", "--settle", "100ms", "-nJ", *more
        )
        self.valid_report(result.stdout)
        return self.write(result.stdout)

    def write(self, text):
        self.path.write_bytes(text)
        self.path.chmod(0o600)
        return json.loads(text)

    def edit(self, change):
        """Changes the saved plan and leaves its digest."""
        plan = json.loads(self.path.read_text())
        change(plan)
        self.write(json.dumps(plan).encode())

    def apply(self, *more, status=0):
        return self.report("apply", self.path, *more, status=status)

    def assert_refused(self, *texts, path=None):
        """Nothing on stdout, the file and the reason on stderr, exit 4."""
        path = path or self.path
        result = self.run_ok("apply", path, "-yJ", status=REFUSED)
        self.assertEqual(result.stdout, b"")
        told = result.stderr.decode()
        self.assertTrue(told.startswith(f"unwait: refused: {path}"), told)
        for text in texts:
            self.assertIn(text, told)


class Apply(Plans):
    def test_carries_out_exactly_the_plan(self):
        with Leaky(count=3) as leak:
            saved = self.save(leak, "--pid", leak.pid, "--fd", f"{leak.fds[0]},{leak.fds[2]}")
            report = self.apply("-y")
            self.assertEqual(report["command"], "apply")
            self.assertEqual(report["summary"]["cleared"], 2)
            self.assertEqual(leak.open_fds(), [leak.fds[1]])
            for before, after in zip(saved["plan"]["steps"], report["plan"]["steps"]):
                for same in ("id", "actions", "reason", "holders"):
                    self.assertEqual(before[same], after[same])
                self.assertEqual(before["socket"]["cookie"], after["socket"]["cookie"])
            self.assertEqual(report["plan"]["settings"], saved["plan"]["settings"])

    def test_dry_run_changes_nothing(self):
        with Leaky(count=2) as leak:
            self.save(leak)
            report = self.apply("-n")
            self.assertEqual(report["summary"]["planned"], 2)
            self.assertNotIn("outcomes", report)
            self.apply("-n", "--detailed-exitcode", status=2)
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_once_done_nothing_is_left_to_do(self):
        with Leaky() as leak:
            self.save(leak)
            self.apply("-y")
            report = self.apply("-y")
            outcome = only(report["outcomes"])
            self.assertEqual((outcome["result"], outcome["action"]), ("already-gone", None))
            self.assertFalse(report["summary"]["changed"])

    def test_misses_none_while_connections_come_and_go(self):
        """The kernel's list of sockets would leave some out then, and say nothing."""
        with Leaky(count=400, preexec_fn=few_chains) as leak:
            self.save(leak, "--netns", leak.pid)
            with Coming(leak.pid):
                for _ in range(10):
                    report = self.apply("-n")
                    self.assertEqual(report["summary"]["matched"], 400)
                    self.assertNotIn("outcomes", report)
                report = self.apply("-y")
            self.assertEqual(report["summary"]["cleared"], 400)
            self.assertEqual(leak.open_fds(), [])

    def test_in_several_network_namespaces(self):
        with Leaky() as here, Leaky(preexec_fn=new_network) as there:
            ports = f"{here.port},{there.port}"
            plan = self.run_ok(
                "clear", "--port", ports, "--netns", "all", "--min-idle", "0", "-nJ"
            ).stdout
            self.write(plan)
            report = self.apply("-y")
            self.assertEqual(report["summary"]["cleared"], 2)
            self.assertEqual([each["own"] for each in report["networks"]], [True, False])
            self.assertEqual(here.open_fds() + there.open_fds(), [])
            # Of the one that has gone nothing is claimed.
            self.write(plan)
        with Leaky():
            report = self.apply("-n", status=REFUSED)
            self.assertEqual(
                [outcome["result"] for outcome in report["outcomes"]], ["already-gone", "refused"]
            )
            self.assertIn("has gone", report["outcomes"][1]["detail"])

    def test_asks(self):
        with Leaky() as leak:
            self.save(leak)
            result = self.run_ok("apply", self.path, status=5)
            self.assertIn(b"--yes", result.stderr)
            terminal = Terminal("apply", self.path)
            terminal.read_until(b"Clear 1 socket of 1 process? [y/N] ")
            self.assertEqual(leak.open_fds(), leak.fds)
            terminal.type(b"y\n")
            self.assertEqual(terminal.finish()[0], 0)
            self.assertEqual(leak.open_fds(), [])

    def test_settings_of_the_plan_hold(self):
        with Leaky() as leak:
            saved = self.save(leak, "--actions", "close", "--max-sockets", "7")
            self.assertEqual(saved["plan"]["settings"]["max_sockets"], 7)
            report = self.apply("-y")
            self.assertEqual(only(report["outcomes"])["action"], "close")

    def test_limits_may_be_narrowed_and_never_widened(self):
        with Leaky(count=2) as leak:
            self.save(leak)
            report = self.apply("-y", "--max-sockets", "1", status=REFUSED)
            self.assertIn("--max-sockets 1", report["plan"]["refusal"])
            self.assertEqual(leak.open_fds(), leak.fds)
            saved = self.save(leak, "--max-sockets", "2")
            report = self.apply("-n", "--max-sockets", "9")
            self.assertEqual(report["plan"]["settings"], saved["plan"]["settings"])

    def test_ndjson(self):
        with Leaky(count=2) as leak:
            self.save(leak)
            leak.ask("forget")
            records = self.records("apply", self.path, "-y")
            kinds = [record["type"] for record in records]
            self.assertEqual(
                kinds, ["run", "finding"] + ["step"] * 2 + ["outcome"] * 2 + ["summary"]
            )


class Changed(Plans):
    """What is not as it was planned is refused, and the rest is carried out."""

    def refusal(self, status=REFUSED):
        for arguments in (["-n"], ["-y"]):
            report = self.apply(*arguments, status=status)
            outcome = report["outcomes"][0]
            self.assertEqual((outcome["result"], outcome["action"]), ("refused", None))
            self.assertFalse(report["summary"]["changed"])
        return outcome["detail"]

    def test_another_fd(self):
        with Leaky() as leak:
            self.save(leak)
            low, high = sorted([leak.ask("dup"), leak.fds[0]])
            expected = f"as fds {low} and {high} now, no more as fd {leak.fds[0]}"
            self.assertIn(expected, self.refusal())
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_another_number(self):
        with Leaky() as leak:
            self.save(leak)
            copy = leak.ask("move")
            self.assertIn(f"as fd {copy} now, no more as fd {leak.fds[0]}", self.refusal())

    def test_another_holder(self):
        with Leaky() as leak:
            self.save(leak)
            child = leak.ask("fork")
            self.assertIn(f"pid {child} (leaky) holds it too now", self.refusal())
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_the_connection_has_ended(self):
        with Leaky() as leak:
            self.save(leak)
            leak.ask("shutdown")
            self.assertIn(f"ended since, and fd {leak.fds[0]} of pid", self.refusal())

    def test_the_remedy(self):
        """Since then a debugger has come, beside which nothing can be closed."""
        with Leaky() as leak:
            self.save(leak, "--actions", "shutdown,close")
            with Tracer(leak.pid):
                self.assertIn(
                    "would be shutdown now, no more shutdown,close: ", detail := self.refusal()
                )
                self.assertIn("already traced", detail)

    def test_the_rest_is_done(self):
        with Leaky(count=3) as leak:
            self.save(leak)
            leak.ask("dup")
            leak.ask("forget")  # leaves the copy
            report = self.apply("-y", status=3)
            results = [outcome["result"] for outcome in report["outcomes"]]
            self.assertEqual(sorted(results), ["cleared", "cleared", "refused"])
            self.assertEqual(leak.open_fds(), [])
            shown = self.run_ok("apply", self.path, "-n", status=REFUSED).stdout.decode()
            self.assertIn("refused", shown)
            self.assertIn("already-gone", shown)


class Unfit(Plans):
    """Plans that are refused as a whole, before anything is looked at."""

    def setUp(self):
        super().setUp()
        self.leak = Leaky(count=2)
        self.addCleanup(self.leak.__exit__)
        self.save(self.leak)

    def tearDown(self):
        self.assertEqual(self.leak.open_fds(), self.leak.fds)

    def test_edited(self):
        def give_to_another(plan):
            plan["plan"]["steps"][0]["holders"][0]["pid"] += 1

        for change in [
            give_to_another,
            lambda plan: plan["plan"]["steps"].pop(),
            lambda plan: plan["plan"]["steps"][0]["holders"][0]["fds"].append(99),
            lambda plan: plan["plan"]["steps"][1].update(actions=["kill"], effects=["none"]),
            lambda plan: plan["plan"]["steps"][0].update(reason="because"),
            lambda plan: plan["plan"]["settings"].update(min_idle_ms=1),
            lambda plan: plan.update(taken_at="2099-01-01T00:00:00.000Z"),
            lambda plan: plan["plan"].update(digest="sha256:" + "0" * 64),
        ]:
            with self.subTest():
                text = self.path.read_bytes()
                self.edit(change)
                self.assert_refused("plan/digest: does not fit the plan")
                self.write(text)

    def test_reformatted_is_not_edited(self):
        plan = json.loads(self.path.read_text())
        del plan["findings"]
        self.write(json.dumps(plan, indent=8, sort_keys=True).encode())
        self.assertEqual(self.apply("-n")["summary"]["planned"], 2)

    def test_what_is_not_needed_is_not_looked_at(self):
        self.edit(lambda plan: plan.update(findings=[[], {"socket": 7}, 8]))
        self.edit(lambda plan: plan["plan"].update(left_alone=[None]))
        self.edit(lambda plan: plan.update({"plan/steps": [7]}))
        self.assertEqual(self.apply("-n")["summary"]["planned"], 2)

    def test_truncated(self):
        text = self.path.read_bytes()
        for length in (0, 1, 100, len(text) // 2, len(text) - 3):
            with self.subTest(length=length):
                self.write_raw(text[:length])
                self.assert_refused(":")

    def write_raw(self, text):
        self.path.write_bytes(text)

    def test_malformed_says_where(self):
        self.write_raw(b'{\n  "format_version": 1,\n  "tool_version": 7\n}')
        self.assert_refused(":3:19: tool_version: is not a text")
        self.write_raw(b'{\n  "format_version": 1,\n  "format_version": 1}')
        self.assert_refused(":3:3: 'format_version' is given twice, first at 2:3")
        self.write_raw(b"[" * 100_000)
        self.assert_refused(":1:33: too deeply nested")

    def test_malformed_step_says_which(self):
        def put(value, *way):
            def change(plan):
                for name in ("plan", "steps", *way[:-1]):
                    plan = plan[name]
                plan[way[-1]] = value

            return change

        for change, complaint in [
            (put("odd", 1, "socket", "state"), "plan/steps/1/socket/state: 'odd' is not a TCP state"),
            (put("no pid", 1, "holders", 0, "pid"), "plan/steps/1/holders/0/pid: is not a whole"),
            (put([], 0, "holders", 0, "fds"), "plan/steps/0/holders/0: holds nothing"),
            (put(2, 0, "id"), "plan/steps/0/id: is not 1"),
            (put(7, 1), "plan/steps/1: is not an object"),
            (lambda plan: plan["plan"].update(steps={}), "plan/steps: is not a list"),
            (lambda plan: plan["plan"].pop("steps"), "plan: has no member 'steps'"),
        ]:
            with self.subTest(complaint):
                text = self.path.read_bytes()
                self.edit(change)
                self.assert_refused(complaint)
                self.write(text)

    def test_no_plan(self):
        other = self.run_ok("list", "--port", self.leak.port, "-J").stdout
        self.write_raw(other)
        self.assert_refused("command: this is the report of 'list'")
        records = self.run_ok("clear", "--port", self.leak.port, "-n", "-o", "ndjson").stdout
        self.write_raw(records.splitlines()[0])
        self.assert_refused("NDJSON")
        self.write_raw(b'"text"')
        self.assert_refused("no report of unwait")

    def test_other_version(self):
        self.edit(lambda plan: plan.update(format_version=2))
        self.assert_refused("format_version: is not 1")
        self.edit(lambda plan: plan.update(format_version=1, tool_version="0.0.9"))
        self.assert_refused("tool_version: made by version 0.0.9")
        # Whose steps may look different.
        self.edit(lambda plan: plan["plan"].update(steps=[7]))
        self.assert_refused("tool_version: made by version 0.0.9")

    def test_refused_plan(self):
        arguments = ("clear", "--port", self.leak.port, "--min-idle", "0", "--max-sockets", "1")
        self.write_raw(self.run_ok(*arguments, "-nJ", status=REFUSED).stdout)
        self.assert_refused("refused when it was made", "--max-sockets 1")

    def test_old(self):
        result = self.run_ok("apply", self.path, "-y", "--max-plan-age", "1us", status=REFUSED)
        self.assertIn(b"--max-plan-age", result.stderr)

    def in_uts_namespace(self, script):
        return subprocess.run(
            ["unshare", "--uts", "sh", "-c", script, os.environ["UNWAIT"], str(self.path)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )

    def test_other_host(self):
        result = self.in_uts_namespace('hostname elsewhere; exec "$0" apply "$1" -y')
        self.assertEqual(result.returncode, REFUSED, result)
        self.assertIn(b"and this is 'elsewhere'", result.stderr)

    def test_other_boot(self):
        """As after a restart, with the digest made anew by somebody who means it."""
        fake = pathlib.Path(self.directory.name) / "boot_id"
        fake.write_text("01234567-89ab-cdef-0123-456789abcdef\n")
        script = f'mount --bind {fake} /proc/sys/kernel/random/boot_id && exec "$0" apply "$1" -y'
        result = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, os.environ["UNWAIT"], str(self.path)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self.assertEqual(result.returncode, REFUSED, result)
        self.assertIn(b"before this machine was started", result.stderr)

    def test_network_namespace_that_may_not_be_entered(self):
        without_sys_admin = ["setpriv", "--bounding-set", "-sys_admin"]
        result = subprocess.run(
            ["unshare", "--net", *without_sys_admin, os.environ["UNWAIT"],
             "apply", str(self.path), "-yJ"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self.assertEqual(result.returncode, REFUSED, result)
        for outcome in self.valid_report(result.stdout)["outcomes"]:
            self.assertEqual(outcome["result"], "refused")
            self.assertIn("network namespace", outcome["detail"])

    def test_written_by_others(self):
        self.path.chmod(0o620)
        self.assert_refused("can be written by others")
        self.path.chmod(0o606)
        self.assert_refused("can be written by others")
        self.path.chmod(0o644)
        self.apply("-n")
        os.chown(self.path, 12345, -1)
        self.assert_refused("belongs to uid 12345")

    def test_a_link_changes_nothing(self):
        """What is checked is the file that is read."""
        link = self.path.with_name("link")
        link.symlink_to(self.path)
        self.run_ok("apply", link, "-n")
        os.chown(self.path, 12345, -1)
        self.assert_refused("belongs to uid 12345", path=link)

    def test_no_file_to_wait_for(self):
        fifo = self.path.with_name("fifo")
        os.mkfifo(fifo, 0o600)
        self.assert_refused("no regular file", path=fifo)
        self.assert_refused("no regular file", path=self.directory.name)
        missing = self.path.with_name("missing")
        result = self.run_ok("apply", missing, "-y", status=1)
        self.assertIn(f"open of {missing}: No such file".encode(), result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
