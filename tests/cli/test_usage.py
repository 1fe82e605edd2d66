# SPDX-License-Identifier: MIT
"""Words in: what is refused, how, and that help, manual and parser agree."""

import os
import re
import shutil
import subprocess
import unittest

from support import HERE, SCHEMA, SOURCE, TestCase, unwait

WRONG = [
    [],
    ["lst"],
    ["explian"],
    ["--port", "80"],
    ["-J", "list"],
    ["help", "clera"],
    ["help", "list", "clear"],
    ["list", "--prot", "80"],
    ["list", "--por", "80"],
    ["list", "-z"],
    ["list", "--yes=3"],
    ["list", "--dry-run"],
    ["clear", "--by", "unit"],
    ["list", "stray"],
    ["list", "--", "stray"],
    ["list", "--port"],
    ["list", "--pid="],
    ["list", "--json=yes"],
    ["list", "-o", "json", "-o", "json"],
    ["list", "-o", "yaml"],
    ["list", "-o", "jsn"],
    ["list", "-J", "-o", "table"],
    ["list", "-q", "-v"],
    ["list", "--color", "sometimes"],
    ["list", "--by", "proces"],
    ["list", "--state", "clos-wait"],
    ["list", "--state", "nonsense"],
    ["list", "--state", "close-wait", "--state", "established"],
    ["list", "--pid", "0"],
    ["list", "--pid", "4194305"],
    ["list", "--pid", "self"],
    ["list", "--pid", "12,"],
    ["list", "--fd", "3"],
    ["list", "--pid", "1", "--fd", "-1"],
    ["list", "--process", "("],
    ["list", "--process", "x{3,1}"],
    ["list", "--process", "(" * 2000],
    ["list", "--cgroup", "system.slice"],
    ["list", "--netns", "blue,,red"],
    ["list", "--netns", "all", "--netns", "self"],
    ["list", "--local", "localhost"],
    ["list", "--peer", "10.0.0.0/33"],
    ["list", "--peer", "10.0.0.1,"],
    ["list", "--port", "99999"],
    ["list", "--port", "20-10"],
    ["list", "--port", "-1"],
    ["list", "--peer-port", "http"],
    ["list", "--inode", "0"],
    ["list", "--filter", "sport = :htpp and dst 10/8"],
    ["list", "--filter", "dst 10.0.0.0/8 and"],
    ["list", "--filter", "dst www.example.com"],
    ["list", "--filter", "dev = 日本 and sport = x"],
    ["list", "--filter", " or ".join(f"sport = :{port}" for port in range(1, 40)) + " or sprt 1"],
    ["list", "--filter", "state estab", "--state", "listening"],
    ["list", "--owned", "--unowned"],
    ["list", "--min-idle", "1x"],
    ["list", "--min-idle", "99999999999h"],
    ["list", "--timeout", "0"],
    ["explain", "--by", "unit"],
    ["explain", "--observe", "0"],
    ["explain", "--observe"],
    ["explain", "--trace"],
    ["list", "--observe", "5s"],
    ["list", "--stack"],
    ["clear"],
    ["clear", "--state", "established"],
    ["clear", "--min-idle", "5m"],
    ["clear", "--all", "--port", "80"],
    ["clear", "--all", "--actions", "close,destoy"],
    ["clear", "--all", "--actions", "auto,close"],
    ["clear", "--all", "--actions", ""],
    ["clear", "--all", "--include", "protected"],
    ["clear", "--all", "--include", "to-young"],
    ["clear", "--all", "--freeze", "some"],
    ["clear", "--all", "--max-freeze", "0"],
    ["clear", "--all", "--settle", "soon"],
    ["clear", "--all", "--max-sockets", "0"],
    ["clear", "--all", "--max-processes", "many"],
    ["clear", "--all", "--max-plan-age", "1h"],
    ["apply"],
    ["apply", "-n"],
    ["apply", "one.json", "two.json"],
    ["apply", "plan.json", "--port", "80"],
    ["doctor", "--port", "80"],
    ["doctor", "--actions", "destoy"],
    ["doctor", "--pid", "0"],
    ["doctor", "4711"],
    ["policy"],
    ["policy", "chek", "file"],
    ["policy", "check"],
    ["policy", "explain", "--yes"],
    ["help", "policy"],
    ["apply", "plan.json", "--actions", "kill"],
    ["apply", "plan.json", "--max-plan-age", "old"],
]


COMMANDS = ("list", "explain", "clear", "apply", "doctor", "policy check", "policy explain", "check")


class Usage(TestCase):
    def test_wrong_usage(self):
        """Each mistake: exit 64, nothing on stdout, what is wrong and a hint on stderr."""
        told = ""
        for arguments in WRONG:
            with self.subTest(arguments=arguments):
                result = self.run_ok(*arguments, status=64)
                self.assertEqual(result.stdout, b"")
                shown = 2 if b"--filter: " in result.stderr else 0  # the expression and a mark
                self.assertIn(len(result.stderr.splitlines()), (2, 2 + shown))
                short = " ".join(arg if len(arg) < 40 else arg[:20] + "..." for arg in arguments)
                told += f"$ unwait {short}\n{result.stderr.decode()}"
        self.golden("wrong-usage.txt", told)

    def test_foreign_text_in_arguments_is_made_printable(self):
        result = unwait("list", "--port", b"\x1b[31m\xff\n".decode("utf-8", "surrogateescape"))
        self.assertEqual(result.returncode, 64)
        self.assertIn(rb"'\x1b[31m\xff\x0a' is not a port", result.stderr)

    def test_right_usage(self):
        """Spellings that must be understood; nothing matches port 0."""
        for arguments in [
            ["--port", "0"],
            ["--port=0,1-2", "--port", "0"],
            ["--port", "0", "--state", "all", "--state", "CLOSE_WAIT,estab"],
            ["--port", "0", "-Jqo", "json"],
            ["--port", "0", "--local", "*:80", "--peer", "[::1]:443,10.0.0.0/8"],
            ["--port", "0", "--process", "x{1,2}", "--process", "y"],
            ["--port", "0", "--pid", str(os.getpid()), "--fd", "0,1"],
            ["--port", "0", "--cgroup", "/sys/fs/cgroup/a.slice/", "--unit", "a,b", "--user", "0"],
            ["--port", "0", "--filter", "state all (src 10/8 or dev lo)", "--filter", "autobound"],
            ["--port", "0", "--netns", f"self,{os.getpid()},/proc/self/ns/net"],
            ["--port", "0", "--netns", "self", "--min-idle", "1h30m", "--timeout", "1m"],
        ]:
            with self.subTest(arguments=arguments):
                self.run_ok("list", *arguments)


class Help(TestCase):
    def options_in(self, text):
        return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))

    def help(self, *topic):
        result = self.run_ok("help", *topic)
        self.assertEqual(result.stderr, b"")
        return result.stdout.decode()

    def test_help(self):
        for topic in [(), ("list",), ("explain",), ("clear",), ("apply",), ("check",), ("doctor",), ("policy", "check"),
                      ("policy", "explain"), ("help",)]:
            with self.subTest(topic=topic):
                text = self.help(*topic)
                self.golden("-".join(("help", *topic)) + ".txt", text)
                self.assertLessEqual(max(map(len, text.splitlines())), 100)

    def test_all_ways_to_help(self):
        self.assertEqual(self.run_ok("--help").stdout.decode(), self.help())
        self.assertEqual(self.run_ok("-h").stdout.decode(), self.help())
        for command in COMMANDS:
            for option in ("--help", "-h"):
                shown = self.run_ok(*command.split(), option).stdout.decode()
                self.assertEqual(shown, self.help(*command.split()))

    def test_version(self):
        project = (SOURCE / "meson.build").read_text()
        version = re.search(r"version: '([0-9.]+)'", project)[1]
        for option in ("--version", "-V"):
            self.assertEqual(self.run_ok(option).stdout.decode(), f"unwait {version}\n")
        manual = (SOURCE / "man/unwait.8").read_text()
        self.assertIn(f'"unwait {version}"', manual)

    def test_help_manual_and_parser_name_the_same_options(self):
        manual = (SOURCE / "man/unwait.8").read_text().replace("\\-", "-")
        entries = "\n".join(re.findall(r"^\.TP\n(\..*--.*)$", manual, flags=re.M))
        helped = {command: self.options_in(self.help(*command.split())) for command in COMMANDS}
        either = set().union(*helped.values())
        self.assertEqual(self.options_in(entries), either | {"--version"})
        self.assertGreater(len(either), 30)
        for option in either:
            for command in COMMANDS:
                # Behind --help nothing is carried out, whatever stands before it.
                result = unwait(*command.split(), f"{option}=x", "--help")
                if b"takes no value" in result.stderr + result.stdout:
                    result = unwait(*command.split(), option, "--help")
                known = option in helped[command]
                wrong = 3 if command == "check" else 64
                self.assertEqual(result.returncode, 0 if known else wrong, result)

    def test_manual_is_flawless(self):
        lint = subprocess.run(
            [shutil.which("mandoc"), "-T", "lint", *map(str, (SOURCE / "man").glob("*.[58]"))],
            stdout=subprocess.PIPE,
        )
        self.assertEqual((lint.returncode, lint.stdout), (0, b""))

    def test_schema_names_the_words_of_the_parser(self):
        def words(option):
            told = unwait("clear", "--all", option, "???").stderr.decode()
            return set(re.search(r"\(([a-z0-9, -]+)\)", told)[1].split(", "))

        definitions = SCHEMA["$defs"]
        self.assertEqual(words("--actions"), set(definitions["action"]["enum"]))
        self.assertLess(words("--include"), set(definitions["reason"]["enum"]))
        groups = {"all", "connected", "synchronized", "bucket", "big", "dead"}
        self.assertEqual(words("--state") - groups, set(definitions["state"]["enum"]))

    def test_manual_names_every_reason_cause_and_exit_status(self):
        manual = (SOURCE / "man/unwait.8").read_text().replace("\\-", "-")
        for reason in SCHEMA["$defs"]["reason"]["enum"]:
            self.assertIn(f"\n.B {reason}\n", manual)
        for cause in SCHEMA["$defs"]["cause"]["enum"]:
            self.assertIn(f"\n.B {cause}\n", manual)
        header = (SOURCE / "src/cli/exit_status.hpp").read_text()
        for status in re.findall(r" = ([0-9]+),", header):
            self.assertIn(f"\n.B {status}\n", manual)


class Streams(TestCase):
    def test_results_that_cannot_be_written_are_an_error(self):
        with open("/dev/full", "wb") as full:
            result = self.run_ok("help", status=1, stdout=full)
            self.assertIn(b"No space left on device", result.stderr)

    def test_a_reader_that_went_away_is_an_error(self):
        reading, writing = os.pipe()
        os.close(reading)
        result = self.run_ok("help", status=1, stdout=writing)
        os.close(writing)
        self.assertIn(b"Broken pipe", result.stderr)

    def test_closed_standard_streams_stay_closed(self):
        script = '"$0" list --port 0 -J >&-; echo $?'
        result = subprocess.run(
            ["sh", "-c", script, os.environ["UNWAIT"]],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.assertEqual(result.stdout, b"1\n")
        self.assertIn(b"Bad file descriptor", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
