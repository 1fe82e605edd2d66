# SPDX-License-Identifier: MIT
"""unwait clear on a terminal: the question, its answers, and being interrupted."""

import os
import signal
import subprocess
import unittest

from support import DEADLINE, UNWAIT, Leaky, Terminal, TestCase, environment

QUESTION = b"Clear 1 socket of 1 process? [y/N] "


def clear(leak, *more, settle="100ms"):
    return ["clear", "--port", leak.port, "--min-idle", "0", "--settle", settle, *more]


class Question(TestCase):
    def answer(self, keys, leak, *more, pipes=()):
        terminal = Terminal(*clear(leak, *more), pipes=pipes)
        shown = terminal.read_until(QUESTION)
        self.assertIn(b"why: ", shown)  # nobody consents to what was not shown
        self.assertEqual(leak.open_fds(), leak.fds)
        terminal.type(keys)
        return terminal.finish()

    def test_yes(self):
        for keys in (b"y\n", b"Y\n", b"yes\n"):
            with self.subTest(keys=keys), Leaky() as leak:
                status, shown, _ = self.answer(keys, leak)
                self.assertEqual(status, 0, shown)
                self.assertIn("1 of 1 socket cleared", shown)
                self.assertEqual(leak.open_fds(), [])

    def test_anything_else_is_no(self):
        with Leaky() as leak:
            for keys in (b"n\n", b"\n", b"yep\n", b"ja y\n", b"\x04"):
                with self.subTest(keys=keys):
                    status, shown, _ = self.answer(keys, leak)
                    self.assertEqual(status, 5)
                    self.assertIn("nothing was done", shown)
                    self.assertEqual(leak.open_fds(), leak.fds)

    def test_ending_a_process_is_asked_by_name(self):
        with Leaky() as leak:
            terminal = Terminal(*clear(leak, "--actions", "shutdown,term"))
            terminal.read_until(b"Clear 1 socket of 1 process, ending processes if need be? [y/N] ")
            terminal.type(b"n\n")
            self.assertEqual(terminal.finish()[0], 5)

    def test_interrupted(self):
        with Leaky() as leak:
            status, shown, _ = self.answer(b"\x03", leak)
            self.assertEqual(status, 130)
            self.assertIn("nothing was done", shown)
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_timeout(self):
        with Leaky() as leak:
            status, shown, _ = Terminal(*clear(leak, "--timeout", "3s")).finish()
            self.assertEqual(status, 124)
            self.assertIn(QUESTION.decode(), shown)
            self.assertIn("nothing was done", shown)
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_json_stays_one_object(self):
        with Leaky() as leak:
            status, shown, piped = self.answer(b"n\n", leak, "-J", pipes=("stdout",))
            self.assertEqual(status, 5)
            self.assertNotIn("outcomes", self.valid_report(piped))
            status, shown, piped = self.answer(b"y\n", leak, "-J", pipes=("stdout",))
            self.assertEqual(status, 0)
            self.assertEqual(self.valid_report(piped)["summary"]["cleared"], 1)

    def test_quiet_still_shows_what_is_asked_about(self):
        with Leaky() as leak:
            status, _, _ = self.answer(b"n\n", leak, "-q")
            self.assertEqual(status, 5)

    def test_yes_option_does_not_ask(self):
        with Leaky() as leak:
            status, shown, _ = Terminal(*clear(leak, "-y")).finish()
            self.assertEqual(status, 0)
            self.assertNotIn("[y/N]", shown)

    def test_no_question_that_cannot_be_read(self):
        """Standard error is no terminal: the operator would consent to what was not shown."""
        with Leaky() as leak:
            terminal = Terminal(*clear(leak), pipes=("stderr",))
            self.assertIn(b"--dry-run", terminal.process.stderr.read())
            status, shown, _ = terminal.finish()
            self.assertEqual((status, shown), (5, ""))
            self.assertEqual(leak.open_fds(), leak.fds)


class Interrupted(TestCase):
    """While steps are carried out: the application has been told and is given time to close."""

    ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

    def start(self, leak, *more, ignored=()):
        process = subprocess.Popen(
            [UNWAIT, *map(str, clear(leak, "-y", "-J", *more, settle="1h"))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            preexec_fn=lambda: self.hear(ignored),
        )
        leak.ask("hangup")
        return process

    def hear(self, ignored):
        """Whether these tests run in the background, or under nohup(1), or not."""
        for number in self.ENDING:
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    def finish(self, process):
        out, err = process.communicate(timeout=DEADLINE)
        return process.returncode, self.valid_report(out), err

    def assert_let_go(self, leak):
        with open(f"/proc/{leak.pid}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        self.assertEqual(fields["TracerPid"].strip(), "0")
        self.assertNotIn("stopped", fields["State"])
        self.assertEqual(leak.open_fds(), leak.fds)  # it answers

    def test_signals(self):
        for number in self.ENDING:
            with self.subTest(signal=number), Leaky() as leak:
                process = self.start(leak)
                process.send_signal(number)
                status, report, _ = self.finish(process)
                self.assertEqual(status, 130)
                self.assertEqual(len(report["outcomes"]), 1)
                self.assertNotEqual(report["outcomes"][0]["result"], "cleared")
                self.assert_let_go(leak)

    def test_timeout(self):
        with Leaky() as leak:
            status, report, _ = self.finish(self.start(leak, "--timeout", "4s"))
            self.assertEqual(status, 124)
            self.assertEqual(len(report["outcomes"]), 1)
            self.assert_let_go(leak)

    def test_what_was_reached_is_told(self):
        with Leaky(count=2) as leak:
            process = self.start(leak)
            leak.ask("forget")
            process.send_signal(signal.SIGINT)
            status, report, _ = self.finish(process)
            self.assertEqual(status, 130)
            fds = {step["id"]: step["holders"][0]["fds"][0] for step in report["plan"]["steps"]}
            told = {fds[outcome["id"]]: outcome for outcome in report["outcomes"]}
            closed, still_open = (told[fd] for fd in leak.fds)
            self.assertEqual((closed["result"], closed["action"]), ("cleared", "shutdown"))
            self.assertEqual((closed["state_after"], closed["frees_fd"]), ("closed", True))
            self.assertNotEqual(still_open["result"], "cleared")
            self.assertFalse(still_open["frees_fd"])

    def test_ignored_signals_stay_ignored(self):
        """As under nohup(1)."""
        with Leaky() as leak:
            process = self.start(leak, ignored={signal.SIGHUP})
            process.send_signal(signal.SIGHUP)
            leak.ask("forget")  # the application closes at last, which ends the wait
            status, report, _ = self.finish(process)
            self.assertEqual(status, 0)
            self.assertEqual(report["summary"]["cleared"], 1)

    def test_before_anything_was_done(self):
        with Leaky() as leak:
            terminal = Terminal(*clear(leak))
            terminal.read_until(QUESTION)
            os.kill(terminal.process.pid, signal.SIGTERM)
            status, shown, _ = terminal.finish()
            self.assertEqual(status, 130)
            self.assertEqual(leak.open_fds(), leak.fds)


if __name__ == "__main__":
    unittest.main(verbosity=2)
