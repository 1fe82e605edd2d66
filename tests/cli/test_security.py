# SPDX-License-Identifier: MIT
"""What unwait gives up, and what it lets its surroundings decide. See "What is guarded against" in
src/README.md for where the rest is tested."""

import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from support import DEADLINE, SOURCE, UNWAIT, Leaky, Terminal, TestCase, normal, talk, unwait

# capabilities(7)
DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, KILL, NET_ADMIN = 1, 2, 3, 5, 12
SYS_PTRACE, SYS_ADMIN, SYS_NICE, PERFMON, BPF = 19, 21, 23, 38, 39
READ = {DAC_READ_SEARCH}
LOOK = READ | {SYS_PTRACE, SYS_ADMIN, PERFMON, BPF}
PLAN = LOOK | {DAC_OVERRIDE}  # to write to /proc/PID/mem, or to see whether one could


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def capabilities(pid, kind):
    mask = int(status(pid)[f"Cap{kind}"], 16)
    return {number for number in range(64) if mask >> number & 1}


class Privileges(TestCase):
    def assert_gave_up(self, pid, kept):
        """All but those are gone for good, from helper processes too."""
        expected = kept & capabilities("self", "Prm")
        until = time.monotonic() + DEADLINE
        while status(pid)["NoNewPrivs"] != "1" or capabilities(pid, "Eff") != expected:
            if time.monotonic() > until:
                break
            os.sched_yield()
        self.assertEqual(status(pid)["NoNewPrivs"], "1")
        for kind in ("Eff", "Prm"):
            self.assertEqual(capabilities(pid, kind), expected, kind)
        for kind in ("Inh", "Amb"):
            self.assertEqual(capabilities(pid, kind), set(), kind)

    def at_the_question(self, *arguments):
        with Leaky() as leak:
            run = Terminal("clear", "--pid", leak.pid, "--min-idle", "0", *arguments)
            run.read_until(b"[y/N]")
            yield run.process.pid
            run.type(b"n\n")
            self.assertEqual(run.finish()[0], 5)

    def test_clear(self):
        for pid in self.at_the_question():
            self.assert_gave_up(pid, PLAN | {NET_ADMIN, SYS_NICE})

    def test_clear_by_signals(self):
        for pid in self.at_the_question("--actions", "shutdown,term"):
            self.assert_gave_up(pid, PLAN | {NET_ADMIN, SYS_NICE, KILL})

    def test_clear_with_audit(self):
        with tempfile.TemporaryDirectory() as directory:
            for pid in self.at_the_question("--audit", f"{directory}/audit"):
                self.assert_gave_up(pid, PLAN | {NET_ADMIN, SYS_NICE, FOWNER})

    def stuck_in_its_output(self, *arguments):
        """Running, with nobody who reads what it wants to say."""
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        os.write(writer, bytes(4096))
        process = subprocess.Popen(
            [UNWAIT, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=writer,
            stderr=subprocess.DEVNULL,
        )
        os.close(writer)
        yield process.pid
        os.close(reader)
        process.wait(DEADLINE)

    def test_looking(self):
        with Leaky() as leak:
            pid = ["--pid", leak.pid]
            for arguments, kept in [
                (["list", *pid], LOOK),
                (["list", *pid, "--filter", "fwmark = 0"], LOOK | {NET_ADMIN}),
                (["list", *pid, "--state", "dead,close-wait"], LOOK | {NET_ADMIN}),
                (["explain", *pid], PLAN),
                (["explain", *pid, "--stack"], PLAN | {SYS_NICE}),
                (["check", *pid, "-c", 1], LOOK),
                (["check", *pid, "-c", 1, "--prom", os.devnull + "/none"],
                 LOOK | {DAC_OVERRIDE, FOWNER}),
                (["clear", *pid, "--dry-run", "--actions", "kill"], PLAN | {NET_ADMIN}),
                (["policy", "explain", *pid], PLAN | {NET_ADMIN}),
                (["doctor", *pid], PLAN | {NET_ADMIN, SYS_NICE, KILL}),
                (["help"], set()),
                (["--version"], set()),
            ]:
                with self.subTest(arguments=arguments):
                    for process in self.stuck_in_its_output(*arguments):
                        self.assert_gave_up(process, kept)

    def test_policy_check(self):
        policy = SOURCE / "examples/policy.json"
        with tempfile.TemporaryDirectory() as directory:
            ours = pathlib.Path(directory) / "policy.json"
            ours.write_bytes(policy.read_bytes())
            for pid in self.stuck_in_its_output("policy", "check", ours):
                self.assert_gave_up(pid, READ)


    @unittest.skipIf(os.getuid() != 0, "becomes another user")
    def test_what_is_left_is_enough_for_processes_of_others(self):
        for actions, open_fds in (("close", 0), ("replace", 0), ("shutdown", 1), ("auto", 0), ("term", None)):
            ladder = [] if actions == "auto" else ["--actions", actions]
            with self.subTest(actions=actions), Leaky(user=65534) as leak:
                report = self.report("clear", "--pid", leak.pid, "--min-idle", "0", "--settle", "0s",
                                     "--yes", *ladder)
                self.assertEqual([each["result"] for each in report["outcomes"]], ["cleared"])
                if open_fds is not None:
                    self.assertEqual(len(leak.open_fds()), open_fds)

    @unittest.skipIf(os.getuid() != 0, "takes capabilities away from root")
    def test_with_the_stronger_of_two_ways_to_read_only(self):
        """CAP_DAC_OVERRIDE without CAP_DAC_READ_SEARCH, as a service may be given."""
        drop = "--inh-caps=-all", "--bounding-set=-all,+dac_override,+sys_ptrace"
        with Leaky(user=65534) as leak:
            result = subprocess.run(
                ["setpriv", *drop, UNWAIT, "list", "--pid", str(leak.pid), "-J"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            self.assertEqual(result.returncode, 0, result)
            self.assertEqual(len(json.loads(result.stdout)["findings"]), 1, result)


class Places(TestCase):
    """Files whose names come to mean something else while unwait runs."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.victim = self.directory / "victim"
        self.victim.write_text("precious")

    def answer(self, run, leak):
        run.type(b"y\n")
        code, shown, _ = run.finish()
        self.assertEqual((code, leak.open_fds()), (0, []), shown)

    def test_a_link_in_place_of_the_audit_file(self):
        audit, moved = self.directory / "audit", self.directory / "moved"
        with Leaky() as leak:
            run = Terminal("clear", "--pid", leak.pid, "--min-idle", "0", "--actions", "close",
                           "--audit", audit)
            run.read_until(b"[y/N]")
            audit.rename(moved)
            audit.symlink_to(self.victim)
            self.answer(run, leak)
        self.assertEqual(self.victim.read_text(), "precious")
        self.assertEqual(len(moved.read_text().splitlines()), 2)

    def test_another_plan_in_place_of_the_one_that_was_shown(self):
        plan = self.directory / "plan"
        with Leaky() as leak, Leaky() as other:
            def write(of):
                arguments = ["clear", "--pid", of.pid, "--min-idle", "0", "--actions", "close"]
                plan.write_bytes(self.run_ok(*arguments, "-nJ").stdout)

            write(leak)
            run = Terminal("apply", plan)
            run.read_until(b"[y/N]")
            write(other)
            self.answer(run, leak)
            self.assertEqual(other.open_fds(), other.fds)

    def test_prom_file_in_a_directory_of_others(self):
        os.chown(self.directory, 12345, 12345)
        self.directory.chmod(0o1777)
        prom = self.directory / "unwait.prom"
        prom.symlink_to(self.victim)
        os.chown(prom, 12345, 12345, follow_symlinks=False)
        self.run_ok("check", "-c", 1, "--port", 0, "--prom", prom)
        self.assertFalse(prom.is_symlink())
        self.assertIn("unwait_blind_spots", prom.read_text())
        self.assertEqual(self.victim.read_text(), "precious")


class HostileFiles(TestCase):
    """What a process has mapped is read by a library that believes all of it. How that ended is known
    even where somebody has had the ends of children ignored."""

    SERVER = pathlib.Path(UNWAIT).parent.parent / "examples/leaky-server"

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.program = pathlib.Path(directory.name) / "server"
        shutil.copy(self.SERVER, self.program)
        self.service = subprocess.Popen([self.program], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.service.stdout.close)
        self.addCleanup(self.service.wait)
        self.addCleanup(self.service.kill)
        self.port = int(self.service.stdout.readline().split()[3])
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            client.sendall(b"a line\n")
            self.assertTrue(client.recv(100))

    def threads(self):
        def explained():
            return self.report(
                "explain", "--pid", self.service.pid, "--stack",
                preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
            )["findings"]

        until = time.monotonic() + DEADLINE
        while not (findings := explained()):  # the FIN is on its way
            self.assertLess(time.monotonic(), until)
        return findings[0]["explanation"]["threads"]

    def test_stack(self):
        self.assertIn("main", json.dumps(self.threads()))

    def test_fifo_in_place_of_a_program(self):
        """Where the kernel says that it was, since there it is no more."""
        self.program.unlink()
        os.mkfifo(f"{self.program} (deleted)")
        told = json.dumps(self.threads())
        self.assertIn("took too long", told)


class Environment(TestCase):
    # Of the loader, the C library and the libraries that are linked; of other programs; and of nobody.
    HOSTILE = {
        "COLUMNS": "1", "LINES": "1", "LANG": "tr_TR.UTF-8", "LC_ALL": "ja_JP.SJIS", "LANGUAGE": "de",
        "LOCPATH": "/dev", "TZ": "/dev/zero", "TZDIR": "/dev", "HOME": "/dev/null", "TMPDIR": "/dev/null",
        "IFS": "/", "POSIXLY_CORRECT": "1", "UNW_DEBUG_LEVEL": "16", "LIBBPF_LOG_LEVEL": "debug",
        "NLSPATH": "/dev/zero", "RES_OPTIONS": "debug", "HOSTALIASES": "/dev/zero",
        "UNWAIT_POLICY": "/dev/null", "UNWAIT_SLOWNESS": "1000", "UNWAIT_AUDIT": "/dev/null",
        "XDG_CONFIG_HOME": "/dev/null", "PAGER": "/bin/false", "SHELL": "/bin/false",
    }

    def test_manual_names_all_that_are_read(self):
        read = set()
        for source in (SOURCE / "src").rglob("*.[ch]pp"):
            read |= set(re.findall(r'(?:getenv|variable)\("(\w+)"\)', source.read_text()))
        manual = (SOURCE / "man/unwait.8").read_text()
        section = re.search(r"(?s)\n\.SH ENVIRONMENT\n(.*?)\n\.SH ", manual)[1]
        self.assertEqual(set(re.findall(r"(?m)^\.TP\n\.B (\w+)$", section)), read)

    def test_no_other_matters(self):
        with Leaky(count=2) as leak, tempfile.TemporaryDirectory() as directory:
            trap = pathlib.Path(directory) / "was-run"
            for name in ("ss", "sh", "gdb", "id", "getent", "modprobe", "nsenter", "ip", "clang"):
                program = pathlib.Path(directory) / name
                program.write_text(f"#!/bin/sh\n: >{trap}\n")
                program.chmod(0o755)
            hostile = self.HOSTILE | {"PATH": directory}
            for arguments in (
                ["list", "--pid", leak.pid, "--by", "process"],
                ["explain", "--pid", leak.pid, "--stack"],
                ["clear", "--pid", leak.pid, "--dry-run", "--min-idle", "0"],
                ["list", "--pid", leak.pid, "--filter", "sport = :http or dport != :1"],
                ["help"],
            ):
                with self.subTest(arguments=arguments):
                    plain, odd = unwait(*arguments, env={"PATH": ""}), unwait(*arguments, env=hostile)
                    self.assertEqual(plain.returncode, 0, plain)
                    self.assertEqual(odd.returncode, 0, odd)
                    self.assertEqual(normal(odd.stdout.decode(), leak), normal(plain.stdout.decode(), leak))
                    self.assertEqual(talk(odd), talk(plain))
            self.assertFalse(trap.exists())

    def test_session_of_somebody_else(self):
        """SSH_CONNECTION can only protect: what it names is left alone, and nonsense names nothing."""
        with Leaky(count=1) as leak:
            port, peer = leak.port, leak.sockets[0]["peer_port"]
            arguments = ["clear", "--pid", leak.pid, "--min-idle", "0", "-n"]
            ours = {"SSH_CONNECTION": f"127.0.0.1 {peer} 127.0.0.1 {port}"}
            self.assertEqual(self.report(*arguments, env=ours)["summary"]["planned"], 0)
            for nonsense in ("", "x", "a b c d", "127.0.0.1 99999 127.0.0.1 -1", "* * * *", "\x1b[2J" * 9):
                report = self.report(*arguments, env={"SSH_CONNECTION": nonsense})
                self.assertEqual(report["summary"]["planned"], 1, nonsense)

    @unittest.skipIf(os.getuid() != 0, "gives a file a capability")
    def test_the_loader_obeys_nobody_when_the_file_has_capabilities(self):
        with tempfile.TemporaryDirectory(dir=pathlib.Path(UNWAIT).parent) as directory:
            os.chmod(directory, 0o755)
            program = pathlib.Path(directory) / "unwait"
            program.write_bytes(pathlib.Path(UNWAIT).read_bytes())
            program.chmod(0o755)

            def run():
                result = subprocess.run(
                    [program, "--version"], env={"LD_DEBUG": "libs"}, user=65534, group=65534,
                    extra_groups=[], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/",
                )
                self.assertEqual(result.returncode, 0, result)
                return result.stderr

            self.assertIn(b"libc.so", run())
            # vfs_cap_data of version 2: permitted and inheritable, twice
            masks = (1 << NET_ADMIN, 0, 0, 0)
            os.setxattr(program, "security.capability", struct.pack("<5I", 0x02000001, *masks))
            self.assertEqual(run(), b"")


if __name__ == "__main__":
    unittest.main(verbosity=2)
