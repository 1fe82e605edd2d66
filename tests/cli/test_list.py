# SPDX-License-Identifier: MIT
"""unwait list, against servers that leak."""

import json
import os
import re
import resource
import shutil
import socket
import subprocess
import tempfile
import unicodedata
import unittest

from support import UNWAIT, Leaky, Terminal, TestCase, environment, normal, talk, unwait

NASTY = b"\x1b[31m)\n(\xff\xe2\x80\xaebad"  # 15 bytes, as long as a name can be

TOO_YOUNG = (
    "unwait: too-young: idle for less than 1m, which clear leaves alone unless --min-idle says less\n"
)


def only(items):
    assert len(items) == 1, items
    return items[0]


def width(text):
    """Columns that it takes on a terminal."""
    return sum(
        2 if unicodedata.east_asian_width(letter) in "WF" else not unicodedata.combining(letter)
        for letter in text
    )


class List(TestCase):
    def test_table(self):
        with Leaky(b"api") as leak:
            shown = self.run_ok("list", "--port", leak.port)
            self.golden("list.txt", normal(shown.stdout.decode(), leak))
            self.assertEqual(talk(shown), TOO_YOUNG)
            verbose = self.run_ok("list", "-v", "--port", leak.port)
            self.golden("list-verbose.txt", normal(verbose.stdout.decode(), leak))
            bare = self.run_ok("list", "--no-header", "--port", leak.port)
            row = normal(shown.stdout.decode(), leak).split("\n", 1)[1]
            self.assertEqual(normal(bare.stdout.decode(), leak), row)

    def test_nothing_found(self):
        with Leaky() as leak:
            leak.ask("forget")
            result = self.run_ok("list", "--port", leak.port)
            self.assertEqual((result.stdout, talk(result)), (b"", "unwait: no socket matches\n"))
            self.assertEqual(self.run_ok("list", "-q", "--port", leak.port).stderr, b"")
            self.assertEqual(self.report("list", "--port", leak.port)["findings"], [])
            records = self.records("list", "--port", leak.port)
            self.assertEqual([record["type"] for record in records], ["run", "summary"])

    def test_json(self):
        for ipv6 in (False, True):
            with self.subTest(ipv6=ipv6), Leaky(b"api", unread=7, ipv6=ipv6) as leak:
                report = self.report("list", "--port", leak.port)
                self.assertEqual((report["format_version"], report["command"]), (1, "list"))
                with open("/proc/sys/kernel/random/boot_id") as boot_id:
                    self.assertEqual(report["boot_id"], boot_id.read().strip())
                self.assertEqual(report["host"], socket.gethostname())
                self.assertFalse(report["summary"]["changed"])
                self.assertNotIn("plan", report)
                self.assertNotIn("groups", report)
                finding = only(report["findings"])
                found = finding["socket"]
                told = only(leak.sockets)
                address = "::1" if ipv6 else "127.0.0.1"
                self.assertEqual(found["local"], {"address": address, "port": leak.port})
                self.assertEqual(found["peer"], {"address": address, "port": told["peer_port"]})
                self.assertEqual(found["family"], "inet6" if ipv6 else "inet")
                self.assertEqual(found["state"], "close-wait")
                self.assertEqual(found["inode"], told["inode"])
                self.assertEqual((found["recv_queue"], found["unread_bytes"]), (8, 7))
                self.assertEqual(found["uid"], os.getuid())
                self.assertIsInstance(found["idle_ms"], int)
                holder = only(finding["holders"])
                self.assertEqual((holder["pid"], holder["command"]), (leak.pid, "api"))
                self.assertEqual((holder["fds"], holder["threads"]), (leak.fds, []))
                self.assertEqual(holder["exe"], os.readlink(f"/proc/{leak.pid}/exe"))
                self.assertEqual(finding["cause"], "not-reading")
                self.assertEqual(finding["verdict"], "too-young")

    def test_ndjson_says_the_same(self):
        with Leaky(count=3) as leak:
            records = self.records("list", "--port", leak.port)
            report = self.report("list", "--port", leak.port)
            kinds = [record.pop("type") for record in records]
            self.assertEqual(kinds, ["run", "finding", "finding", "finding", "summary"])
            for one, other in zip(records[1:-1], report["findings"]):
                self.assertEqual(one["socket"]["cookie"], other["socket"]["cookie"])
                self.assertEqual(one["holders"], other["holders"])
            self.assertEqual(records[-1], report["summary"])

    def test_many_rows(self):
        """More than are made together: all are there, in order, and in columns."""
        count = 1100

        def raise_fd_limit():
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

        def peers(text, column):
            header, *rows = text.decode().splitlines()
            self.assertEqual({row.find("leaky[") for row in rows}, {header.find("HOLDERS")})
            return [row.split()[column] for row in rows]

        with Leaky(count=count, preexec_fn=raise_fd_limit) as leak:
            chosen = ("--port", leak.port)
            found = json.loads(self.run_ok("list", "-J", *chosen).stdout)["findings"]
            known = [f"127.0.0.1:{each['socket']['peer']['port']}" for each in found]
            self.assertEqual(len(set(known)), count)
            self.assertEqual(peers(self.run_ok("list", *chosen).stdout, 5), known)
            cleared = self.run_ok("clear", "-q", "--yes", "--actions", "close", "--min-idle", "0",
                                  "--max-sockets", count, *chosen)
            self.assertEqual(peers(cleared.stdout, 10), known)
            steps = [line.split()[:2] for line in cleared.stdout.decode().splitlines()[1:]]
            self.assertEqual(steps, [[str(at), "cleared"] for at in range(1, count + 1)])

    def test_verdict_is_what_clear_would_say(self):
        with Leaky() as leak:
            young = self.report("list", "--port", leak.port)
            self.assertEqual(only(young["findings"])["verdict"], "too-young")
            stuck = self.report("list", "--port", leak.port, "--min-idle", "0")
            self.assertEqual(only(stuck["findings"])["verdict"], "stuck")
            for plan, verdict in ((("--min-idle", "0"), "stuck"), ((), "too-young")):
                planned = self.report("clear", "--port", leak.port, "--dry-run", *plan)
                self.assertEqual(only(planned["findings"])["verdict"], verdict)
            for quiet in (("-q",), ("--min-idle", "0"), ("-J",), ("--by", "port")):
                self.assertEqual(talk(unwait("list", "--port", leak.port, *quiet)), "")
            older = self.report("list", "--port", leak.port, "--min-idle", "1h")
            self.assertEqual(older["findings"], [])

    def test_selectors(self):
        with Leaky(b"one", count=2) as one, Leaky(b"two", ipv6=True) as two:
            both = ("--port", f"{one.port},{two.port}")
            everything = {each["inode"] for leak in (one, two) for each in leak.sockets}
            ones = {each["inode"] for each in one.sockets}
            twos = {each["inode"] for each in two.sockets}
            first = one.sockets[0]
            low, high = sorted((one.port, two.port))
            me = str(os.getuid())
            with open(f"/proc/{one.pid}/cgroup") as cgroups:
                cgroup = only([l for l in cgroups.read().splitlines() if l.startswith("0::")])[3:]
            for arguments, expected in [
                (both, everything),
                (("--port", f"{low}-{high}", "--process", "^(one|two)$"), everything),
                ((*both, "--port", one.port), ones),
                ((*both, "--process", "on"), ones),
                ((*both, "--process", "o", "--process", "t"), twos),
                ((*both, "--process", "o{1,2}n?e"), ones),
                ((*both, "--pid", one.pid), ones),
                ((*both, "--pid", f"{one.pid},{two.pid}"), everything),
                ((*both, "--pid", one.pid, "--pid", two.pid), set()),
                ((*both, "--pid", one.pid, "--fd", first["fd"]), {first["inode"]}),
                ((*both, "--user", me), everything),
                ((*both, "--user", "65534"), set()),
                ((*both, "--cgroup", cgroup), everything),
                ((*both, "--cgroup", "/no/such/cgroup"), set()),
                ((*both, "--unit", "no-such-unit"), set()),
                ((*both, "--local", "127.0.0.0/8"), ones),
                ((*both, "--local", f"[::1]:{two.port}"), twos),
                ((*both, "--peer", "::1"), twos),
                ((*both, "--peer", f"127.0.0.1:{first['peer_port']}"), {first["inode"]}),
                ((*both, "--peer-port", first["peer_port"]), {first["inode"]}),
                (("--inode", first["inode"]), {first["inode"]}),
                ((*both, "--owned"), everything),
                ((*both, "--unowned"), set()),
                ((*both, "--state", "fin-wait-2"), set()),
                ((*both, "--state", "connected", "--state", "close-wait,established"), everything),
            ]:
                with self.subTest(arguments=arguments):
                    report = self.report("list", *arguments)
                    found = {finding["socket"]["inode"] for finding in report["findings"]}
                    self.assertEqual(found, expected)

    def test_other_states(self):
        with Leaky() as leak:
            report = self.report("list", "--port", leak.port, "--state", "listening")
            finding = only(report["findings"])
            self.assertEqual(finding["socket"]["state"], "listening")
            self.assertEqual(finding["verdict"], "in-use")

    def test_pid_that_does_not_exist(self):
        gone = subprocess.Popen(["true"])
        gone.wait()
        for command in ("list", "clear"):
            result = self.run_ok(command, "--pid", gone.pid, status=1)
            self.assertEqual(
                result.stderr.decode(), f"unwait: --pid {gone.pid}: No such process\n"
            )

    def test_socket_that_was_never_accepted(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            with socket.create_connection(listener.getsockname()) as client:
                client.shutdown(socket.SHUT_WR)
                port = listener.getsockname()[1]
                finding = only(self.report("list", "--port", port)["findings"])
                self.assertEqual((finding["cause"], finding["verdict"]), ("in-backlog",) * 2)
                self.assertEqual(finding["holders"], [])
                shown = self.run_ok("list", "--port", port).stdout.decode().splitlines()
                self.assertTrue(shown[1].endswith("in-backlog  in-backlog  -"), shown)


class Groups(TestCase):
    def groups(self, by, *leaks):
        ports = ",".join(str(leak.port) for leak in leaks)
        report = self.report("list", "--port", ports, "--by", by, "--min-idle", "0")
        for group in report["groups"]:
            self.assertEqual(group["by"], by)
        self.assertEqual(report["summary"]["matched"], len(report["findings"]))
        return report["groups"]

    def test_by(self):
        with Leaky(b"many", count=3, unread=5) as many, Leaky(b"one", ipv6=True) as one:
            processes = self.groups("process", many, one)
            told = [(g["key"], g["pid"], g["sockets"], g["stuck"]) for g in processes]
            self.assertEqual(told, [("many", many.pid, 3, 3), ("one", one.pid, 1, 1)])
            self.assertEqual([g["unread_bytes"] for g in processes], [15, 0])
            ports = self.groups("port", many, one)
            self.assertEqual(
                [(g["key"], g["sockets"]) for g in ports], [(str(many.port), 3), (str(one.port), 1)]
            )
            peers = self.groups("peer", many, one)
            told = [(g["key"], g["sockets"]) for g in peers]
            self.assertEqual(told, [("127.0.0.1", 3), ("::1", 1)])
            units = self.groups("unit", many, one)
            self.assertEqual(sum(g["sockets"] for g in units), 4)

    def test_fd_use_against_the_limit(self):
        def low_limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

        with Leaky(count=3, preexec_fn=low_limit) as leak:
            group = only(self.groups("process", leak))
            open_fds = len(os.listdir(f"/proc/{leak.pid}/fd"))
            self.assertEqual(
                group["fullest"], {"pid": leak.pid, "fd_count": open_fds, "fd_limit": 100}
            )
            table = self.run_ok("list", "--port", leak.port, "--by", "process").stdout.decode()
            self.assertIn(f" {open_fds}/100 ", table)
            self.golden("list-by-process.txt", normal(table, leak))

    def test_records(self):
        with Leaky() as leak:
            records = self.records("list", "--port", leak.port, "--by", "port")
            kinds = [record["type"] for record in records]
            self.assertEqual(kinds, ["run", "finding", "group", "summary"])


class ForeignText(TestCase):
    """Names that processes give themselves."""

    def test_nothing_reaches_the_terminal(self):
        with Leaky(NASTY) as leak:
            for arguments in [["list"], ["list", "-v"], ["list", "--by", "process"],
                              ["list", "-J"], ["list", "-o", "ndjson"],
                              ["clear", "-n", "--min-idle", "0"], ["clear", "-n", "-v"]]:
                with self.subTest(arguments=arguments):
                    result = unwait(*arguments, "--port", leak.port)
                    self.assertIn(b"bad", result.stdout)
                    self.assertNotRegex(result.stdout, rb"[\x00-\x09\x0b-\x1f\x7f\xff]")
                    self.assertNotIn("\u202e".encode(), result.stdout)
                    self.assertEqual(result.returncode, 0)

    def test_shown_and_escaped(self):
        with Leaky(NASTY) as leak:
            table = self.run_ok("list", "--port", leak.port).stdout.decode()
            self.assertIn(r"\x1b[31m)\x0a(\xff\u{202e}bad" + f"[{leak.pid}]", table)
            self.assertEqual(len(table.splitlines()), 2)
            report = self.report("list", "--port", leak.port)
            name = only(only(report["findings"])["holders"])["command"]
            self.assertEqual(name, "\x1b[31m)\n(\ufffd\u202ebad")

    def test_selectable_by_name(self):
        with Leaky(NASTY) as leak:
            name = r"^\x1b\[31m\)\n\(.*bad$"
            report = self.report("list", "--port", leak.port, "--process", name)
            self.assertEqual(only(only(report["findings"])["holders"])["pid"], leak.pid)

    def test_columns_stay_aligned(self):
        """Wide, combining and escaped characters take the columns that a terminal gives them."""
        names = [b"plain", "\u65e5\u672c\u8a9e".encode(), "e\u0301tude".encode(), b"\x1b\x07"]
        leaks = [Leaky(name) for name in names]
        try:
            ports = ",".join(str(leak.port) for leak in leaks)
            table = self.run_ok("clear", "-n", "--port", ports).stdout.decode()
            for row in table.splitlines()[1:]:
                before = row[: row.index("--include too-young")]
                self.assertEqual(width(before), table.index("INCLUDE BY"), table)
        finally:
            for leak in leaks:
                leak.__exit__()


class Colors(TestCase):
    def colored(self, *arguments, env=None):
        with Leaky() as leak:
            result = self.run_ok("list", "--port", leak.port, *arguments, env=env)
            plain = self.run_ok("list", "--port", leak.port).stdout
            # The idle time may have changed its unit meanwhile, the rest is the same but colours.
            stripped = re.sub(rb"\x1b\[[0-9;]*m", b"", result.stdout).decode()
            self.assertEqual(normal(stripped, leak), normal(plain.decode(), leak))
            return b"\x1b[" in result.stdout

    def test_pipe(self):
        self.assertFalse(self.colored())
        self.assertFalse(self.colored("--color", "auto"))
        self.assertFalse(self.colored("--color", "never"))
        self.assertTrue(self.colored("--color", "always"))
        self.assertTrue(self.colored("--color", "always", env=environment(NO_COLOR="1")))

    def test_terminal(self):
        with Leaky() as leak:
            def shown(*arguments, env=None):
                terminal = Terminal("list", "--port", leak.port, *arguments, env=env)
                status, text, _ = terminal.finish()
                self.assertEqual(status, 0)
                self.assertIn("too-young", text)
                return "\x1b[" in text

            self.assertTrue(shown())
            self.assertTrue(shown(env=environment(NO_COLOR="")))
            self.assertFalse(shown(env=environment(NO_COLOR="1")))
            self.assertFalse(shown(env=environment(TERM="dumb")))
            self.assertFalse(shown("--color", "never"))
            self.assertFalse(shown("-J"))


class Unprivileged(TestCase):
    """As a user who may not look into the holder."""

    def setUp(self):
        if os.getuid() != 0:
            self.skipTest("only root can become somebody else")
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        os.chmod(self.directory.name, 0o755)
        self.unwait = shutil.copy(UNWAIT, self.directory.name)

    def as_nobody(self, *arguments):
        return subprocess.run(
            [self.unwait, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            user=65534,
            group=65534,
            extra_groups=[],
            cwd="/",
        )

    def test_list_says_what_it_could_not_see(self):
        with Leaky() as leak:
            result = self.as_nobody("list", "--port", leak.port, "-J")
            self.assertEqual(result.returncode, 0, result)
            report = self.valid_report(result.stdout)
            finding = only(report["findings"])
            self.assertEqual(finding["holders"], [])
            self.assertEqual(finding["verdict"], "holder-unreadable")
            codes = {(spot["code"], spot["pid"]) for spot in report["blind_spots"]}
            self.assertIn(("process-unreadable", leak.pid), codes)
            lines = result.stderr.decode().splitlines()
            self.assertEqual(len(lines), 1, lines)
            self.assertIn("CAP_SYS_PTRACE", lines[0])
            self.assertIn("more like it", lines[0])

    def test_clear_of_a_pid_that_may_not_be_read_is_refused(self):
        with Leaky() as leak:
            for more in ([], ["-n"], ["-y"], ["-J", "-y"]):
                result = self.as_nobody("clear", "--pid", leak.pid, *more)
                self.assertEqual(result.returncode, 4, result)
                self.assertIn(b"CAP_SYS_PTRACE", result.stderr)
            self.assertEqual(leak.open_fds(), leak.fds)


if __name__ == "__main__":
    unittest.main(verbosity=2)
