# SPDX-License-Identifier: MIT
"""unwait clear without a question: dry runs, --yes, outcomes and exit statuses."""

import ctypes
import errno
import json
import os
import resource
import struct
import subprocess
import unittest

from support import UNWAIT, Leaky, TestCase, normal, only, talk, unwait


PIDFD_GETFD = 438


def deny_call(number, error):
    """A seccomp filter for whatever is executed next: this call fails."""
    load, jump_equal, give = 0x20, 0x15, 0x06
    allow, fail = 0x7FFF0000, 0x00050000
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (load, 0, 0, 0),
            (jump_equal, 0, 1, number),
            (give, 0, 0, fail | error),
            (give, 0, 0, allow),
        )
    )
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    prctl, set_seccomp, filter_mode = ctypes.CDLL(None).prctl, 22, 2
    if prctl(set_seccomp, filter_mode, ctypes.c_char_p(header), 0, 0) != 0:
        raise OSError("prctl PR_SET_SECCOMP")


def take_fd(pid, fd):
    """A duplicate of another process's fd, for whatever is executed next."""
    pidfd = os.pidfd_open(pid)
    copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, pidfd, fd, 0)
    os.close(pidfd)
    if copy < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    os.set_inheritable(copy, True)


def clear(leak, *more):
    """Everything that leaks there, however young."""
    return ["clear", "--port", leak.port, "--min-idle", "0", "--settle", "100ms", *more]


class DryRun(TestCase):
    def test_preview_is_the_result(self):
        with Leaky(b"api") as leak:
            result = self.run_ok(*clear(leak, "-n"))
            self.golden("dry-run.txt", normal(result.stdout.decode(), leak))
            self.assertEqual(talk(result), "unwait: 1 socket to clear\n")
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_left_alone_is_shown_with_what_would_include_it(self):
        with Leaky(b"api") as leak:
            result = self.run_ok("clear", "-n", "--port", leak.port)
            self.golden("left-alone.txt", normal(result.stdout.decode(), leak))
            self.assertEqual(talk(result), "unwait: nothing to do, 1 left alone\n")
            report = self.report("clear", "-n", "--port", leak.port)
            left = only(report["plan"]["left_alone"])
            self.assertEqual(left["reason"], "too-young")
            included = self.report("clear", "-n", "--port", leak.port, *left["override"].split())
            self.assertEqual(included["summary"]["planned"], 1)

    def test_what_is_left_alone_is_shown_where_there_is_nothing_else(self):
        with Leaky(b"api") as leak:
            shown = self.run_ok("clear", "-n", "--port", leak.port).stdout.decode()
            for consent in [[], ["--yes"]]:
                result = self.run_ok("clear", "--port", leak.port, *consent)
                self.assertEqual(result.stdout, b"")
                rows, closing = talk(result).rsplit("unwait: ", 1)
                self.assertEqual(normal(rows, leak), normal(shown, leak))
                self.assertEqual(closing, "nothing to do, 1 left alone\n")
            quiet = self.run_ok("clear", "-q", "--port", leak.port)
            self.assertEqual(quiet.stdout + quiet.stderr, b"")
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_json(self):
        with Leaky(count=2) as leak:
            report = self.report(*clear(leak, "-n"))
            self.assertEqual(report["summary"]["planned"], 2)
            self.assertFalse(report["summary"]["changed"])
            self.assertNotIn("outcomes", report)
            for step in report["plan"]["steps"]:
                self.assertEqual(step["actions"][0], "shutdown")
                self.assertEqual(len(step["effects"]), len(step["actions"]))
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_ndjson(self):
        with Leaky(count=2) as leak:
            kinds = [record["type"] for record in self.records(*clear(leak, "-n"))]
            self.assertEqual(kinds, ["run"] + ["finding"] * 2 + ["step"] * 2 + ["summary"])
            kinds = [record["type"] for record in self.records("clear", "--port", leak.port, "-n")]
            self.assertEqual(kinds, ["run"] + ["finding"] * 2 + ["left_alone"] * 2 + ["summary"])

    def test_many_steps_tell_their_effects_only_when_asked(self):
        with Leaky(count=6) as leak:
            short = self.run_ok(*clear(leak, "-n")).stdout.decode()
            full = self.run_ok(*clear(leak, "-n", "-v")).stdout.decode()
            self.assertEqual((short.count("why: "), short.count("    shutdown: ")), (6, 0))
            self.assertEqual((full.count("why: "), full.count("    shutdown: ")), (6, 6))

    def test_detailed_exitcode(self):
        with Leaky() as leak:
            self.run_ok(*clear(leak, "-n", "--detailed-exitcode"), status=2)
            self.run_ok("clear", "-n", "--port", leak.port, "--detailed-exitcode", status=0)

    def test_the_ladder_is_climbed_mildest_first(self):
        with Leaky() as leak:
            report = self.report(*clear(leak, "-n", "--actions", "kill,close,shutdown,close"))
            self.assertEqual(
                only(report["plan"]["steps"])["actions"], ["shutdown", "close", "kill"]
            )


class Limits(TestCase):
    def test_too_many_sockets(self):
        with Leaky(count=3) as leak:
            for more in (["-n"], ["-y"]):
                result = self.run_ok(*clear(leak, "--max-sockets", "2", *more), status=4)
                self.assertIn(b"--max-sockets 2", result.stderr)
            report = self.report(*clear(leak, "--max-sockets", "2", "-y"), status=4)
            self.assertIn("--max-sockets 2", report["plan"]["refusal"])
            self.assertNotIn("outcomes", report)
            records = self.records(*clear(leak, "--max-sockets", "2", "-y"), status=4)
            self.assertIn("refusal", [record["type"] for record in records])
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_too_many_processes(self):
        with Leaky() as one, Leaky() as two:
            ports = f"{one.port},{two.port}"
            arguments = ["clear", "--port", ports, "--min-idle", "0", "--max-processes", "1", "-y"]
            result = self.run_ok(*arguments, status=4)
            self.assertIn(b"--max-processes 1", result.stderr)
            self.assertEqual((one.open_fds(), two.open_fds()), (one.fds, two.fds))


class Clear(TestCase):
    def test_auto(self):
        with Leaky(b"api", count=2) as leak:
            report = self.report(*clear(leak, "-y"))
            self.assertEqual(report["summary"]["cleared"], 2)
            self.assertTrue(report["summary"]["changed"])
            for outcome in report["outcomes"]:
                self.assertEqual(outcome["result"], "cleared")
                self.assertEqual(outcome["state_before"], "close-wait")
                self.assertNotEqual(outcome["state_after"], "close-wait")
            self.assertEqual(leak.open_fds(), [])
            again = self.report("list", "--port", leak.port)
            self.assertEqual(again["findings"], [])

    def test_close_frees_the_fd(self):
        with Leaky(count=2, ipv6=True) as leak:
            report = self.report(*clear(leak, "-y", "--actions", "close", "--pid", leak.pid,
                                        "--fd", leak.fds[0]))
            outcome = only(report["outcomes"])
            self.assertEqual((outcome["result"], outcome["action"]), ("cleared", "close"))
            self.assertTrue(outcome["frees_fd"])
            self.assertEqual(leak.open_fds(), leak.fds[1:])

    def test_a_socket_that_leaked_into_unwait_itself(self):
        with Leaky() as leak:
            # As a service without close-on-exec leaks it into the children that it starts.
            result = unwait(*clear(leak, "-y", "-J", "--actions", "close"), close_fds=False,
                            preexec_fn=lambda: take_fd(leak.pid, leak.fds[0]))
            report = json.loads(result.stdout)
            self.assertEqual(result.returncode, 0, result.stderr)
            holders = only(report["plan"]["steps"])["holders"]
            self.assertEqual([holder["pid"] for holder in holders], [leak.pid])

    def test_where_fds_cannot_be_duplicated(self):
        """An old kernel, or a container's seccomp profile."""
        for error in (errno.ENOSYS, errno.EPERM):
            with self.subTest(errno.errorcode[error]), Leaky(count=2) as leak:
                impossible = unwait(*clear(leak, "-n", "-J", "--actions", "shutdown"),
                                    preexec_fn=lambda: deny_call(PIDFD_GETFD, error))
                plan = json.loads(impossible.stdout)["plan"]
                self.assertEqual((len(plan["steps"]), len(plan["left_alone"])), (0, 2))
                result = unwait(*clear(leak, "-y", "-J"),
                                preexec_fn=lambda: deny_call(PIDFD_GETFD, error))
                report = json.loads(result.stdout)
                self.assertEqual(result.returncode, 0, result.stderr)
                for step in report["plan"]["steps"]:
                    self.assertEqual(step["actions"], ["replace"])
                    self.assertIn("no shutdown before it: pidfd_getfd", step["reason"])
                self.assertEqual([o["result"] for o in report["outcomes"]], ["cleared"] * 2)

    def test_table(self):
        with Leaky(b"api") as leak:
            result = self.run_ok(*clear(leak, "-y", "--actions", "shutdown"))
            self.golden("outcome.txt", normal(result.stdout.decode(), leak))
            self.golden("outcome-talk.txt", normal(talk(result), leak))

    def test_quiet(self):
        with Leaky() as leak:
            result = self.run_ok(*clear(leak, "-y", "-q"))
            self.assertEqual(result.stderr, b"")
            self.assertIn(b"cleared", result.stdout)

    def test_ndjson(self):
        with Leaky(count=2) as leak:
            records = self.records(*clear(leak, "-y"))
            kinds = [record["type"] for record in records]
            self.assertEqual(
                kinds, ["run"] + ["finding"] * 2 + ["step"] * 2 + ["outcome"] * 2 + ["summary"]
            )
            self.assertEqual(sorted(r["id"] for r in records if r["type"] == "outcome"), [1, 2])

    def test_nothing_to_do(self):
        with Leaky() as leak:
            young = self.report("clear", "--port", leak.port)  # and so nobody is asked either
            self.assertEqual((young["outcomes"], young["summary"]["changed"]), ([], False))
            leak.ask("forget")
            gone = self.run_ok(*clear(leak, "-y"))
            self.assertEqual((gone.stdout, talk(gone)), (b"", "unwait: no socket matches\n"))

    def test_without_a_terminal_nothing_is_done(self):
        with Leaky() as leak:
            for stdin in (subprocess.DEVNULL, subprocess.PIPE):
                result = self.run_ok(*clear(leak), status=5, stdin=stdin)
                self.assertEqual(result.stdout, b"")
                self.assertIn(b"--yes", result.stderr)
            report = self.report(*clear(leak), status=5)
            self.assertEqual(report["summary"]["planned"], 1)
            self.assertNotIn("outcomes", report)
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_yes_on_standard_input_is_no_consent(self):
        with Leaky() as leak:
            result = subprocess.run(
                [UNWAIT, *map(str, clear(leak))],
                input=b"y\n",
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            self.assertEqual(result.returncode, 5)
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_partly(self):
        """The socket is gone, but there is no fd left for the placeholder: that is not nothing."""

        def low_limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

        with Leaky(preexec_fn=low_limit) as leak:
            leak.ask("fill")
            report = self.report(*clear(leak, "-y", "--actions", "shutdown,replace"), status=3)
            outcome = only(report["outcomes"])
            self.assertNotEqual(outcome["result"], "cleared")
            self.assertIn("prlimit", outcome["detail"])
            self.assertIn("has all 64 fds open", report["plan"]["steps"][0]["effects"][1])
            self.assertNotEqual(outcome["state_after"], "close-wait")
            self.assertEqual(report["summary"]["failed"], 1)
            self.assertTrue(report["summary"]["changed"])
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_term_ends_the_process(self):
        with Leaky() as leak:
            report = self.report(*clear(leak, "-y", "--actions", "term"))
            self.assertEqual(only(report["outcomes"])["result"], "cleared")
            self.assertEqual(leak.process.wait(60), -15)

    def test_results_that_cannot_be_written(self):
        """Nobody reads: what was begun is finished all the same, and the exit status tells."""
        for form in ("table", "json", "ndjson"):
            with self.subTest(form=form), Leaky() as leak, open("/dev/full", "wb") as full:
                result = self.run_ok(*clear(leak, "-y", "-o", form), status=1, stdout=full)
                self.assertIn(b"No space left on device", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
