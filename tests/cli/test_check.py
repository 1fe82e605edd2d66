# SPDX-License-Identifier: MIT
"""unwait check: thresholds, performance data, and what Prometheus reads."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from support import DEADLINE, SOURCE, UNWAIT, Leaky, TestCase

# As tests/run.sh finds or gets it.
PROMTOOL = shutil.which("promtool") or SOURCE / "build-tests/bin/promtool"

OK, WARNING, CRITICAL, UNKNOWN = range(4)
VALUE = r"[0-9]+(?:\.[0-9]{1,2})?"
LINE = re.compile(
    rf"UNWAIT (OK|WARNING|CRITICAL): [^|\n]+ \| sockets={VALUE};[^ ;]*;[^ ;]*;0 "
    rf"oldest={VALUE}s;[^ ;]*;[^ ;]*;0 fd_use={VALUE}%;[^ ;]*;[^ ;]*;0;100 "
    rf"worst={VALUE};[^ ;]*;[^ ;]*;0\n"
)


class Plugin(TestCase):
    def check(self, *arguments, status):
        result = self.run_ok("check", *arguments, status=status)
        self.assertEqual(result.stderr, b"")
        line = result.stdout.decode()
        self.assertRegex(line, LINE)
        self.assertEqual(LINE.fullmatch(line)[1], ("OK", "WARNING", "CRITICAL")[status])
        return line

    def test_number_of_sockets(self):
        with Leaky(b"api", count=3) as leak:
            port = ["--port", leak.port]
            self.check("-w", 3, "-c", 5, *port, status=OK)
            self.check("-w", 2, "-c", 5, *port, status=WARNING)
            line = self.check("-w", 1, "-c", 2, *port, status=CRITICAL)
            self.assertIn(" sockets=3;1;2;0 ", line)
            self.assertIn(f"most held by api[{leak.pid}] with 3", line)
            self.check("-c", "@3:3", *port, status=CRITICAL)
            self.check("--warning", "~:2", *port, status=WARNING)

    def test_other_measures(self):
        with Leaky(count=2) as leak:
            port = ["--port", leak.port]
            self.check("--measure", "process", "-c", 1, *port, status=CRITICAL)
            self.check("--measure", "idle", "-w", "999999", *port, status=OK)
            self.check("--measure", "idle", "-w", "@0:999999", *port, status=WARNING)
            line = self.check("--measure", "fds", "-c", 0, *port, status=CRITICAL)
            self.assertRegex(line, rf"fd_use={VALUE}%;;0;0;100")

    def test_nothing_there(self):
        line = self.check("-w", 0, "-c", 0, "--port", 0, status=OK)
        self.assertTrue(line.startswith("UNWAIT OK: 0 sockets"), line)

    def test_selectors_and_idle_time(self):
        with Leaky() as leak:
            self.check("-c", 0, "--port", leak.port, "--min-idle", "1d", status=OK)

    def test_names_cannot_forge_a_line(self):
        with Leaky(b"a|b=9;\n\x1b[0m") as leak:
            self.check("-c", 0, "--port", leak.port, status=CRITICAL)

    def test_unknown(self):
        for arguments in [
            ["check"],
            ["check", "-w", "x"],
            ["check", "-w", "20:10"],
            ["check", "--wrong", "1"],
            ["check", "-c", "1", "--pid", "4194304"],
            ["check", "-c", "1", "--prom", "/nowhere/at/all"],
            ["check", "-c", "1", "--measure", "sorrow"],
            ["check", "-c", "1", "--timeout", "0"],
        ]:
            with self.subTest(arguments=arguments):
                result = self.run_ok(*arguments, status=UNKNOWN)
                self.assertRegex(result.stdout.decode(), r"\AUNWAIT UNKNOWN: [^|\n]+\n\Z")

    def test_unknown_in_time(self):
        """The look takes for ever: whoever owns a process is read from a FIFO."""
        with Leaky() as leak, tempfile.TemporaryDirectory() as directory:
            os.mkfifo(f"{directory}/users")
            os.chmod(f"{directory}/users", 0o666)
            for blocked in ([], [signal.SIGALRM]):
                with self.subTest(blocked=blocked):
                    result = subprocess.run(
                        ["unshare", "--mount", "sh", "-c",
                         f'mount --bind {directory}/users /etc/passwd && exec "$@"', "sh",
                         UNWAIT, "check", "-c", "0", "--port", str(leak.port), "--timeout", "300ms"],
                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, blocked),
                        timeout=DEADLINE,
                    )
                    self.assertEqual(
                        (result.returncode, result.stdout, result.stderr),
                        (UNKNOWN, b"UNWAIT UNKNOWN: --timeout passed\n", b""),
                    )

    def test_in_time(self):
        with Leaky() as leak:
            self.check("-c", 0, "--port", leak.port, "--timeout", "10m", status=CRITICAL)


class Prometheus(TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.path = self.directory / "unwait.prom"

    def prom(self, leak, *more):
        self.run_ok("check", "--port", leak.port, "--prom", self.path, *more)
        self.assertEqual(list(self.directory.iterdir()), [self.path])
        return self.path.read_text()

    def promtool(self, *arguments, text=None):
        result = subprocess.run(
            [PROMTOOL, *map(str, arguments)],
            input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        self.assertEqual(result.returncode, 0, result.stdout)
        return result.stdout

    def test_gauges(self):
        with Leaky(b"api", count=2, unread=5) as leak:
            text = self.prom(leak)
            who = rf'pid="{leak.pid}",process="api",unit="[^"]*"'
            self.assertRegex(
                text,
                rf'(?m)^unwait_sockets\{{{who},state="close-wait",cause="not-reading"\}} 2$',
            )
            self.assertRegex(text, rf"(?m)^unwait_unread_bytes\{{{who}\}} 10$")
            self.assertRegex(text, rf"(?m)^unwait_process_open_fds\{{{who}\}} [0-9]+$")
            self.assertRegex(text, r"(?m)^unwait_last_look_timestamp_seconds [0-9]{10}")
            self.assertEqual(self.path.stat().st_mode & 0o777, 0o644)

    def test_promtool_takes_it(self):
        with Leaky(b'a"b\\c\nd\xff', count=2) as leak:
            self.assertEqual(self.promtool("check", "metrics", text=self.prom(leak)), "")
            self.assertIn(r'process="a\"b\\c\\x0ad\\xff"', self.prom(leak))
            leak.ask("forget")
            self.assertEqual(self.promtool("check", "metrics", text=self.prom(leak)), "")

    def test_promtool_takes_the_alert_rules(self):
        told = self.promtool("check", "rules", SOURCE / "examples/alerts.yml")
        self.assertIn("3 rules found", told)

    def test_the_rules_name_gauges_that_are_written(self):
        with Leaky() as leak:
            written = set(re.findall(r"(?m)^(unwait_\w+)", self.prom(leak)))
        rules = (SOURCE / "examples/alerts.yml").read_text()
        self.assertLessEqual(set(re.findall(r"unwait_\w+", rules)), written)

    def test_what_stands_there_is_replaced(self):
        other = self.directory.parent / (self.directory.name + "-other")
        other.write_text("kept")
        self.addCleanup(other.unlink)
        self.path.symlink_to(other)
        with Leaky() as leak:
            self.assertIn("unwait_sockets", self.prom(leak))
        self.assertEqual(other.read_text(), "kept")
        self.assertFalse(self.path.is_symlink())

    def test_a_full_disk_leaves_the_old_file(self):
        script = (
            'mount -t tmpfs -o size=8k none "$1" && echo old >"$1/x.prom" && '
            'cat /dev/zero >"$1/fill" 2>/dev/null; '
            '"$0" check -c 0 --port 0 --prom "$1/x.prom"; echo "$?"; cat "$1/x.prom"; ls "$1"'
        )
        result = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, os.environ["UNWAIT"], self.directory],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )
        told, status, *rest = result.stdout.splitlines()
        self.assertIn("UNKNOWN", told)
        self.assertEqual((status, rest), ("3", ["old", "fill", "x.prom"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
