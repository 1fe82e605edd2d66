# SPDX-License-Identifier: MIT
"""unwait doctor: what works and what does not, with real kernels, users, filters and victims."""

import ctypes
import os
import pathlib
import platform
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

from support import DEADLINE, LIBC, SOURCE, UNWAIT, Leaky, TestCase, must, new_network

NOBODY = 65534
VICTIM = os.environ["UNWAIT_VICTIM"]
VICTIM32 = os.environ.get("UNWAIT_VICTIM32")
CALLS = {"pidfd_getfd": 438, "kcmp": 312, "ptrace": 101}
if platform.machine() == "aarch64":
    CALLS |= {"kcmp": 272, "ptrace": 117}
# The leak detector of a sanitized build traces itself, which some of these situations forbid.
QUIET = {"ASAN_OPTIONS": "detect_leaks=0"}


def deny(*calls):
    """From here on these system calls of ours, and of our children, fail with EPERM."""
    last = len(calls) + 1
    lines = [(0x20, 0, 0, 0)]  # load the number
    lines += [(0x15, last - at, 0, CALLS[call]) for at, call in enumerate(calls, 1)]
    lines += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050001)]  # allow; fail with EPERM
    program = b"".join(struct.pack("HBBI", *line) for line in lines)
    text = ctypes.create_string_buffer(program)
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(text))
    must(LIBC.prctl(38, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")
    must(LIBC.prctl(22, 2, ctypes.c_char_p(head), 0, 0), "PR_SET_SECCOMP")


class Victim:
    """The victim program of the kernel tests."""

    def __init__(self, *words, program=VICTIM):
        self.process = subprocess.Popen(
            [program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        line = self.process.stdout.readline().decode()
        self.facts = dict(word.split("=", 1) for word in line.split() if "=" in word)
        self.pid = int(self.facts["pid"])

    def alive(self):
        return self.process.poll() is None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(DEADLINE)


class Frozen:
    """A process frozen by a cgroup of its own, until the end of the block."""

    def __init__(self, pid):
        root = next(
            path for path in map(pathlib.Path, ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"))
            if (path / "cgroup.subtree_control").exists()
        )
        self.before = root / "cgroup.procs"
        self.cgroup = root / f"unwait-{os.getpid()}"
        self.pid = str(pid)

    def __enter__(self):
        self.cgroup.mkdir()
        (self.cgroup / "cgroup.procs").write_text(self.pid)
        (self.cgroup / "cgroup.freeze").write_text("1")
        while "frozen 1" not in (self.cgroup / "cgroup.events").read_text():
            pass

    def __exit__(self, *_):
        (self.cgroup / "cgroup.freeze").write_text("0")
        self.before.write_text(self.pid)
        self.cgroup.rmdir()


class Doctor(TestCase):
    @classmethod
    def setUpClass(cls):
        # Where every user may run it.
        cls.directory = tempfile.mkdtemp()
        os.chmod(cls.directory, 0o755)
        cls.program = shutil.copy(UNWAIT, cls.directory)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def doctor(self, *arguments, status=0, under=(), **more):
        """Its checks by subject and code; `under` is a command that runs it."""
        result = subprocess.run(
            [*under, self.program, "doctor", *map(str, arguments), "-J"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=os.environ | QUIET,
            timeout=DEADLINE,
            **more,
        )
        self.assertEqual(result.returncode, status, result)
        report = self.valid_report(result.stdout)
        self.assertEqual(report["doctor"]["works"], status == 0)
        checks = {}
        for check in report["doctor"]["checks"]:
            self.assertEqual(check["remedy"] is None, check["works"], check)
            self.assertTrue(check["why"], check)
            subject = check["pid"] or check["subject"]
            self.assertNotIn((subject, check["code"]), checks)
            checks[subject, check["code"]] = check
        return checks

    def as_nobody(self, *capabilities):
        who = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        if not capabilities:
            return who
        added = ",".join(f"+{each}" for each in capabilities)
        return [*who, f"--inh-caps={added}", f"--ambient-caps={added}"]

    def failing(self, checks, subject):
        """What does not work, in the order in which it is told."""
        return [
            code for (of, code), check in checks.items() if of == subject and not check["works"]
        ]

    def assert_says(self, check, works, why="", remedy=""):
        self.assertEqual(check["works"], works, check)
        self.assertIn(why, check["why"])
        self.assertIn(remedy, check["remedy"] or "")


class Machine(Doctor):
    def test_root_may_do_everything(self):
        checks = self.doctor()
        for code in ("sock-diag", "sock-destroy", "pidfd-open", "pidfd-getfd", "kcmp",
                     "inject-close", "inject-replace", "read-filters", "bpf-finder"):
            self.assertTrue(checks["kernel", code]["works"], checks["kernel", code])
        self.assertIn("ended", checks["kernel", "sock-destroy"]["why"])
        self.assertIn(os.uname().release, checks["kernel", "version"]["why"])
        self.doctor("--actions", "shutdown,close,replace,destroy,term,kill")

    def test_order_and_need_are_the_same_each_time(self):
        told = ""
        with Victim("close-wait") as victim:
            for check in self.report("doctor", "--pid", victim.pid)["doctor"]["checks"]:
                subject = "pid PID" if check["pid"] else check["subject"]
                told += f"{subject} {check['code']}{' needed' if check['needed'] else ''}\n"
        self.golden("doctor.txt", told)

    def test_formats(self):
        with Victim("traced") as victim:
            arguments = ("--pid", f"{victim.pid},{os.getpid()}", "--pid", victim.pid)
            result = self.run_ok("doctor", *arguments, status=4)
            lines = result.stdout.decode().splitlines()
            self.assertEqual(lines[0].split(), ["SUBJECT", "CHECK", "WORKS", "NEEDED", "WHY"])
            row = ["pid", str(victim.pid), "tracer"]
            at = next(n for n, line in enumerate(lines) if line.split()[:3] == row)
            self.assertEqual(lines[at].split()[3:5], ["no", "yes"])
            self.assertTrue(lines[at + 1].startswith("    remedy: end that tracer"))
            self.assertIn(f"pid {victim.pid} close", result.stderr.decode())
            records = self.records("doctor", *arguments, status=4)
            checks = [each for each in records if each["type"] == "check"]
            report = self.report("doctor", *arguments, status=4)
            strip = lambda check: {k: check[k] for k in ("subject", "pid", "code", "works", "needed")}
            self.assertEqual(
                list(map(strip, checks)), list(map(strip, report["doctor"]["checks"]))
            )
            subjects = list(dict.fromkeys(check["pid"] or check["subject"] for check in checks))
            pids = sorted({victim.pid, os.getpid()})
            self.assertEqual(subjects, ["kernel", "privileges", *pids])
            self.assertEqual(self.run_ok("doctor", "-q").stderr, b"")

    def test_an_ordinary_user_is_told_what_he_lacks(self):
        checks = self.doctor(status=4, under=self.as_nobody())
        for code, word in [("cap-sys-ptrace", "CAP_SYS_PTRACE"), ("cap-dac-override", "CAP_DAC_OVERRIDE"),
                           ("cap-dac-read-search", "CAP_DAC_READ_SEARCH"), ("cap-net-admin", "CAP_NET_ADMIN")]:
            check = checks["privileges", code]
            self.assert_says(check, False, remedy=f"AmbientCapabilities={word}")
            self.assertTrue(check["needed"])
        self.assert_says(checks["kernel", "sock-destroy"], False, "not permitted", "CAP_NET_ADMIN")
        self.assert_says(checks["kernel", "read-filters"], False, "cannot be read", "CAP_SYS_ADMIN")
        # What is his he may treat.
        for code in ("pidfd-getfd", "inject-close", "inject-replace", "kcmp"):
            self.assertTrue(checks["kernel", code]["works"])
        self.assert_says(checks["kernel", "bpf-finder"], False, remedy="/proc")
        self.assertFalse(checks["kernel", "bpf-finder"]["needed"])
        self.assertFalse(checks["privileges", "processes"]["works"])

    def test_capabilities_instead_of_root(self):
        enough = ("sys_ptrace", "dac_override", "dac_read_search", "net_admin")
        checks = self.doctor(under=self.as_nobody(*enough))
        self.assertEqual(checks["privileges", "user"]["why"], "unwait runs as nobody (uid 65534)")
        for without in enough:
            kept = [each for each in enough if each != without]
            checks = self.doctor(
                # The greater of the two includes the other.
                status=0 if without == "dac_read_search" else 4,
                under=self.as_nobody(*kept),
            )
        self.doctor("--actions", "destroy", under=self.as_nobody("net_admin", "dac_read_search"))
        self.doctor("--actions", "kill", status=4, under=self.as_nobody(*enough))
        self.doctor("--actions", "kill", under=self.as_nobody("kill", "dac_read_search"))

    def test_a_filter_on_unwait_itself(self):
        with Victim("close-wait") as victim:
            # The filter is on unwait and on what it tries things on, not on the victim.
            checks = self.doctor(status=4, preexec_fn=lambda: deny("pidfd_getfd"))
            self.assert_says(checks["kernel", "pidfd-getfd"], False, "Operation not permitted",
                             "seccomp=unconfined")
            self.assert_says(checks["privileges", "seccomp"], False, "1 filter",
                             "outside of the container")
            self.doctor("--actions", "destroy", preexec_fn=lambda: deny("pidfd_getfd"))
            checks = self.doctor("--pid", victim.pid, status=4,
                                 preexec_fn=lambda: deny("pidfd_getfd"))
            self.assert_says(checks[victim.pid, "shutdown"], False, "not even", "unconfined")
            self.assertTrue(checks[victim.pid, "close"]["works"])
            self.doctor("--pid", victim.pid, "--actions", "close",
                        preexec_fn=lambda: deny("pidfd_getfd"))

            checks = self.doctor(status=4, preexec_fn=lambda: deny("ptrace", "kcmp"))
            self.assert_says(checks["kernel", "inject-close"], False, "PTRACE_SEIZE", "unconfined")
            self.assert_says(checks["kernel", "kcmp"], False, "not permitted")
            self.assertTrue(checks["kernel", "pidfd-getfd"]["works"])
            checks = self.doctor("--pid", victim.pid, status=4, preexec_fn=lambda: deny("ptrace"))
            self.assert_says(checks[victim.pid, "close"], False, "PTRACE_SEIZE", "shutdown")
            self.doctor("--pid", victim.pid, "--actions", "shutdown",
                        preexec_fn=lambda: deny("ptrace"))

    def test_user_namespace(self):
        with Victim("close-wait") as victim:
            checks = self.doctor("--pid", victim.pid, status=4, under=["unshare", "-Ur"])
            self.assert_says(checks["privileges", "user-namespace"], False, "not the first")
            self.assert_says(checks["privileges", "cap-sys-ptrace"], False, "only for processes of")
            self.assert_says(checks[victim.pid, "shutdown"], False)
            self.assert_says(checks[victim.pid, "pidfd-getfd"], False, "outside of the user namespace",
                             "on the host")
        self.doctor(status=4, under=["unshare", "-Ur"])

    def test_no_loopback(self):
        """In a network namespace whose loopback is down nothing can be tried on a connection."""
        checks = self.doctor(status=4, under=["unshare", "-n"])
        self.assert_says(checks["kernel", "sock-destroy"], False, "loopback", "ip link set lo up")
        self.assertTrue(checks["kernel", "inject-close"]["works"])

    def test_pid_namespace(self):
        checks = self.doctor(under=["unshare", "-fp", "--mount-proc"])
        self.assert_says(checks["privileges", "pid-namespace"], False, "container", "host")
        self.assert_says(checks["kernel", "bpf-finder"], False, "pid namespace")

    def test_the_manual_names_every_check(self):
        manual = (SOURCE / "man/unwait.8").read_text().replace("\\-", "-")
        with Victim("close-wait") as victim:
            for check in self.report("doctor", "--pid", victim.pid)["doctor"]["checks"]:
                self.assertIn(f"\n.B {check['code']}\n", manual)


class Processes(Doctor):
    def examine(self, pid, *arguments, status=0, **more):
        checks = self.doctor("--pid", pid, *arguments, status=status, **more)
        return {code: check for (subject, code), check in checks.items() if subject == pid}

    def test_a_process_that_can_be_treated(self):
        with Leaky() as leaky:
            checks = self.examine(leaky.pid)
            self.assertEqual([c for c, check in checks.items() if not check["works"]], [])
            self.assertIn("leaky", checks["process"]["why"])
            self.assertIn("cpython", checks["runtime"]["why"])
            self.assertIn("1 thread", checks["threads"]["why"])
            self.assertRegex(checks["vdso"]["why"], "room for the code that closes [1-9]")
            # It was held, and nothing else.
            self.assertEqual(sorted(leaky.fds), sorted(leaky.open_fds()))

    def test_the_actions_say_what_is_needed(self):
        with Victim("traced") as victim:
            checks = self.examine(victim.pid, status=4)
            self.assert_says(checks["tracer"], False, f"pid {victim.facts['tracer']} (victim)",
                             "end that tracer")
            for action in ("close", "replace", "term", "kill"):
                self.assert_says(checks[action], False, "already traced")
            self.assertTrue(checks["shutdown"]["works"])
            self.examine(victim.pid, "--actions", "shutdown,destroy")
            self.examine(victim.pid, "--actions", "kill", status=4)
            self.assertTrue(victim.alive())

    def test_filters_of_the_process(self):
        for call, verdict, closes, replaces in [
            ("close", "kill", False, False),
            ("close", "trap", False, False),
            ("dup3", "kill", True, False),
            ("dup3", "errno", True, False),
            ("none", "kill", True, True),
        ]:
            with Victim("seccomp", f"call={call}", f"verdict={verdict}") as victim:
                checks = self.examine(victim.pid, status=0 if replaces else 4)
                self.assertEqual(checks["close"]["works"], closes)
                self.assertEqual(checks["replace"]["works"], replaces)
                self.assertEqual(checks["seccomp"]["works"], replaces)
                if not replaces:
                    self.assert_says(checks["seccomp"], False, f"stands against {call}()",
                                     "--actions shutdown")
                    self.assertNotIn("--actions", checks["replace"]["why"])
                self.examine(victim.pid, "--actions", "close", status=0 if closes else 4)
                self.assertTrue(victim.alive())
                self.assert_clear_agrees(victim, "close", closes)
                self.assertTrue(victim.alive())

    def assert_clear_agrees(self, victim, action, works):
        """What it says of an action is what clear makes of it."""
        report = self.report("clear", "-y", "--min-idle", "0", "--actions", action, "--pid",
                             victim.pid, "--fd", victim.facts["fd"], status=0 if works else 4)
        self.assertEqual([each["result"] for each in report["outcomes"]],
                         ["cleared" if works else "refused"])

    def test_strict_mode(self):
        with Victim("seccomp-strict") as victim:
            checks = self.examine(victim.pid, status=4)
            self.assert_says(checks["state"], False, "strict mode")
            self.assert_says(checks["threads"], False, "0 could make")
            self.examine(victim.pid, "--actions", "shutdown")

    @unittest.skipUnless(VICTIM32, "only x86-64 has 32-bit programs that are treated")
    def test_32_bit(self):
        with Victim(program=VICTIM32) as victim:
            checks = self.examine(victim.pid)
            self.assertEqual(checks["abi"]["why"], "i386")

    def test_nothing_to_treat(self):
        gone = subprocess.Popen(["true"])
        gone.wait(DEADLINE)
        self.assert_says(self.examine(gone.pid, status=4)["process"], False, "no process")
        self.assert_says(self.examine(1, status=4)["process"], False, "pid 1", "restart")

    def test_zombie(self):
        zombie = subprocess.Popen(["true"])
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        checks = self.examine(zombie.pid, status=4)
        self.assertEqual(list(checks), ["process"])
        self.assert_says(checks["process"], False, "has exited", f"pid {os.getpid()}")
        zombie.wait(DEADLINE)

    def test_zombie_leader(self):
        with Victim("zombie-leader") as victim:
            checks = self.examine(victim.pid)
            self.assertIn("first thread has exited", checks["state"]["why"])

    def test_a_thread_is_no_process(self):
        with Victim("private-fd-table") as victim:
            tid = max(map(int, os.listdir(f"/proc/{victim.pid}/task")))
            self.assertNotEqual(tid, victim.pid)
            checks = self.examine(tid, status=4)
            self.assert_says(checks["process"], False, f"a thread of pid {victim.pid}",
                             f"--pid {victim.pid}")

    def test_stopped_by_job_control(self):
        with Victim("close-wait") as victim:
            os.kill(victim.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, victim.pid, os.WSTOPPED)
            checks = self.examine(victim.pid)
            self.assertIn("stopped by job control", checks["state"]["why"])
            self.assertEqual(state_of(victim.pid), "T")
            os.kill(victim.pid, signal.SIGCONT)

    def test_frozen_by_its_cgroup(self):
        with Victim("close-wait") as victim, Frozen(victim.pid):
            checks = self.examine(victim.pid, status=4)
            self.assert_says(checks["state"], False, "frozen by its cgroup", "thaw it")
            for action in ("close", "replace"):
                self.assert_says(checks[action], False, "its cgroup is frozen", "--actions shutdown")
            self.assertIn("of which 0 could make the calls", checks["threads"]["why"])
            self.examine(victim.pid, "--actions", "shutdown")

    def test_processes_of_others(self):
        with Victim("close-wait") as roots, Victim("close-wait", f"uid={NOBODY}") as own, \
                Victim("close-wait", f"uid={NOBODY}", "nodump=1") as secretive:
            nobody = self.as_nobody()
            checks = self.examine(roots.pid, status=4, under=nobody)
            self.assert_says(checks["user"], False, "root (uid 0), unwait runs as nobody", "as root")
            self.assert_says(checks["fds"], False, "Permission denied", "CAP_SYS_PTRACE")
            self.assert_says(checks["shutdown"], False)
            self.examine(roots.pid, "--actions", "term", status=4, under=nobody)
            self.examine(own.pid, under=nobody)
            checks = self.examine(secretive.pid, status=4, under=nobody)
            self.assert_says(checks["dumpable"], False, "PR_SET_DUMPABLE", "CAP_SYS_PTRACE")
            self.assert_says(checks["pidfd-getfd"], False, "PR_SET_DUMPABLE")
            self.examine(secretive.pid)  # root
            self.assertIn("keeps its memory", self.examine(secretive.pid)["dumpable"]["why"])

    def test_capabilities_that_reach_but_may_not_write(self):
        with Victim("close-wait") as victim:
            under = self.as_nobody("sys_ptrace", "dac_read_search")
            checks = self.examine(victim.pid, status=4, under=under)
            self.assertTrue(checks["shutdown"]["works"])
            self.assert_says(checks["memory"], False, "Permission denied", "CAP_DAC_OVERRIDE")
            self.assert_says(checks["close"], False, "Permission denied", "memory")
            self.examine(victim.pid, "--actions", "shutdown", under=under)
            under = self.as_nobody("sys_ptrace", "dac_override")
            self.examine(victim.pid, under=under)

    def test_other_network(self):
        with Leaky(preexec_fn=new_network) as leaky:
            checks = self.examine(leaky.pid)
            self.assertIn(f"--netns {leaky.pid}", checks["network-namespace"]["why"])
            checks = self.examine(leaky.pid, "--actions", "close", status=4,
                                  under=self.as_nobody("sys_ptrace", "dac_override"))
            self.assert_says(checks["network-namespace"], False, "entering it", "CAP_SYS_ADMIN")

    def test_ancestors_get_no_signal(self):
        checks = self.examine(os.getpid(), "--actions", "term", status=4)
        self.assert_says(checks["term"], False, "ancestor", "elsewhere")
        self.assertTrue(checks["close"]["works"])


def state_of(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


if __name__ == "__main__":
    unittest.main(verbosity=2)
