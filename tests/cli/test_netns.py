# SPDX-License-Identifier: MIT
"""unwait --netns, with network namespaces that are named, of processes, and of neither."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from support import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    DEADLINE,
    LIBC,
    UNWAIT,
    Leaky,
    Named,
    TestCase,
    inode_of,
    loopback_up,
    new_network,
    normal,
    talk,
    unshare,
)

EVERYTHING = ["--state", "all"]


class Contained(Leaky):
    """A server in network, PID and mount namespaces of its own: the second process in them."""

    def __init__(self, **options):
        reading, writing = os.pipe()

        def wait_for(child):
            # What the server's parent waits for at the other end must be closed by all of us.
            os.closerange(3, 256)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)

        def contain():
            # Only children are in the new PID namespace.
            unshare(CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS)
            loopback_up()
            first = os.fork()
            if first != 0:
                os.write(writing, str(first).encode())
                wait_for(first)
            # MS_REC | MS_PRIVATE
            assert LIBC.mount(b"none", b"/", None, (1 << 14) | (1 << 18), None) == 0
            assert LIBC.mount(b"proc", b"/proc", b"proc", 0, None) == 0
            server = os.fork()
            if server != 0:
                wait_for(server)

        super().__init__(preexec_fn=contain, **options)
        os.close(writing)
        first = int(os.read(reading, 16))
        os.close(reading)
        self.inner_pid = self.pid
        self.pid = int(pathlib.Path(f"/proc/{first}/task/{first}/children").read_text())
        self.inode = inode_of(f"/proc/{self.pid}/ns/net")


def only(items):
    assert len(items) == 1, items
    return items[0]


@unittest.skipIf(os.getuid() != 0, "only root can make network namespaces")
class Networks(TestCase):
    def found(self, *arguments):
        """Inodes of the sockets that are found."""
        report = self.report("list", *arguments)
        return {finding["socket"]["inode"] for finding in report["findings"]}

    def inodes(self, *leaks):
        return {each["inode"] for leak in leaks for each in leak.sockets}

    def named(self):
        named = Named()
        self.addCleanup(named.close)
        return named

    def test_each_way_to_say_which(self):
        named = self.named()
        with Leaky() as here, Leaky(preexec_fn=named.enter) as there, Contained() as inside:
            ports = ["--port", f"{here.port},{there.port},{inside.port}"]
            for arguments, expected in [
                ([], [here]),
                (["--netns", "self"], [here]),
                (["--netns", named.name], [there]),
                (["--netns", named.path], [there]),
                (["--netns", there.pid], [there]),
                (["--netns", f"net:[{named.inode}]"], [there]),
                (["--netns", inside.pid], [inside]),
                (["--netns", f"/proc/{inside.pid}/ns/net"], [inside]),
                (["--netns", f"self,{named.name}"], [here, there]),
                (["--netns", f"{there.pid},{named.name}"], [there]),
                (["--netns", "all"], [here, there, inside]),
                (["--netns", "all", "--pid", inside.pid], [inside]),
                (["--netns", named.name, "--pid", inside.pid], []),
            ]:
                with self.subTest(arguments=arguments):
                    self.assertEqual(self.found(*ports, *arguments), self.inodes(*expected))

    def test_what_is_told_of_each(self):
        named = self.named()
        with Leaky() as here, Leaky(preexec_fn=named.enter) as there, Contained() as inside:
            ports = ["--port", f"{here.port},{there.port},{inside.port}"]
            report = self.report("list", *ports, "--netns", "all")
            networks = {each["netns"]: each for each in report["networks"]}
            own = inode_of("/proc/self/ns/net")
            self.assertEqual(report["networks"][0]["netns"], own)
            self.assertTrue(networks[own]["own"])
            self.assertEqual(networks[named.inode]["name"], named.name)
            self.assertEqual(networks[named.inode]["pid"], there.pid)
            self.assertIsNone(networks[inside.inode]["name"])
            self.assertFalse(networks[inside.inode]["own"])
            for finding in report["findings"]:
                holder = only(finding["holders"])
                leak = {each.pid: each for each in (here, there, inside)}[holder["pid"]]
                expected = {here: own, there: named.inode, inside: inside.inode}[leak]
                self.assertEqual(finding["socket"]["netns"], expected)
                self.assertEqual(holder["inner_pid"], getattr(leak, "inner_pid", None))
                self.assertEqual(holder["fds"], leak.fds)
            alone = self.report("list", "--port", here.port)
            self.assertEqual([each["netns"] for each in alone["networks"]], [own])

    def test_table(self):
        named = self.named()
        with Leaky(b"here") as here, Leaky(b"there", preexec_fn=named.enter) as there:
            shown = self.run_ok(
                "list", "--port", f"{here.port},{there.port}", "--netns", f"self,{named.name}"
            ).stdout.decode()
            shown = normal(normal(shown, here), there).replace(named.name, "NAME")
            self.golden("list-netns.txt", re.sub(r"TIME +", "TIME  ", shown))
            alone = self.run_ok("list", "--port", here.port, "--netns", "self").stdout.decode()
            self.assertNotIn("NETNS", alone)

    def test_a_process_in_a_container_has_two_pids(self):
        with Contained() as inside:
            table = self.run_ok("list", "--port", inside.port, "--netns", inside.pid)
            self.assertIn(f"leaky[{inside.pid}/{inside.inner_pid}]", table.stdout.decode())

    def test_default_says_what_it_hides(self):
        named = self.named()
        with Leaky(preexec_fn=named.enter, count=2) as there, Contained() as inside:
            result = self.run_ok("list", "--port", f"{there.port},{inside.port}")
            self.assertEqual(
                talk(result),
                "unwait: 3 sockets match in other network namespaces "
                f"({named.name}, that of pid {inside.process.pid}): --netns all includes them\n"
                "unwait: no socket matches\n",
            )
            one = self.run_ok("list", "--pid", inside.pid)
            self.assertIn("1 socket matches in other network namespaces", talk(one))
            filtered = self.run_ok("list", "--filter", f"sport = :{there.port}")
            self.assertIn(f"2 sockets match in other network namespaces ({named.name})",
                          talk(filtered))
            ports = ["--port", f"{there.port},{inside.port}"]
            self.assertEqual(self.run_ok("list", "-q", *ports).stderr, b"")
            for chosen in ("self", "all", named.name):
                self.assertNotIn("other network", talk(self.run_ok("list", "--netns", chosen, *ports)))
            clear = self.run_ok("clear", "-n", *ports)
            self.assertIn("3 sockets match in other network namespaces", talk(clear))

    def test_namespace_that_only_an_fd_keeps(self):
        with Leaky() as outside:
            reading, writing = os.pipe()

            def keep():
                # The server stays where it was; what it has left behind is a file.
                kept = os.open("/proc/self/ns/net", os.O_RDONLY)
                new_network()
                fd = os.open("/proc/self/ns/net", os.O_RDONLY)
                os.set_inheritable(fd, True)
                listener = socket.create_server(("127.0.0.1", 0))
                os.set_inheritable(listener.detach(), True)
                assert LIBC.setns(kept, CLONE_NEWNET) == 0
                os.write(writing, str(os.fstat(fd).st_ino).encode())

            with Leaky(preexec_fn=keep, close_fds=False) as keeper:
                os.close(writing)
                inode = int(os.read(reading, 32))
                os.close(reading)
                self.assertNotEqual(inode, inode_of(f"/proc/{keeper.pid}/ns/net"))
                report = self.report("list", *EVERYTHING, "--netns", "all", "--pid", keeper.pid)
                spaces = {finding["socket"]["netns"] for finding in report["findings"]}
                self.assertIn(inode, spaces)
                by_inode = self.report("list", *EVERYTHING, "--netns", f"net:[{inode}]")
                finding = only(by_inode["findings"])
                self.assertEqual(finding["socket"]["state"], "listening")
                self.assertEqual(only(finding["holders"])["pid"], keeper.pid)
            self.assertTrue(outside.open_fds())

    def test_names_that_nothing_has(self):
        gone = subprocess.Popen(["true"])
        gone.wait()
        for given, wrong in [
            ("no-such-name", "not the name of a network namespace in /run/netns"),
            ("/etc/passwd", "not the file of a network namespace"),
            ("/no/such/file", "not the file of a network namespace"),
            ("/proc/self/ns/mnt", "not the file of a network namespace"),
            ("net:[1]", "no such network namespace"),
            (gone.pid, "no such process"),
        ]:
            with self.subTest(given=given):
                result = self.run_ok("list", "--netns", given, status=1)
                self.assertIn(f"unwait: --netns {given}: {wrong}", talk(result))

    def test_without_privilege(self):
        """Nothing is said of what the default leaves out; what was asked for is told."""
        named = self.named()
        with tempfile.TemporaryDirectory() as directory, Leaky(preexec_fn=named.enter) as there:
            os.chmod(directory, 0o755)
            program = shutil.copy(UNWAIT, directory)

            def as_nobody(*arguments):
                return subprocess.run(
                    [program, "list", "--port", str(there.port), *arguments],
                    stdin=subprocess.DEVNULL, capture_output=True, user=65534, group=65534,
                    extra_groups=[], cwd="/", timeout=DEADLINE,
                )

            self.assertNotIn(b"other network", as_nobody().stderr)
            refused = as_nobody("--netns", named.name)
            self.assertEqual(refused.returncode, 1, refused)
            self.assertIn(b"CAP_SYS_ADMIN", refused.stderr)
            everywhere = as_nobody("--netns", "all", "-J")
            self.assertEqual(everywhere.returncode, 0, everywhere)
            report = self.valid_report(everywhere.stdout)
            self.assertEqual(report["findings"], [])
            texts = [
                spot["text"] for spot in report["blind_spots"]
                if spot["code"] == "netns-unreadable"
            ]
            self.assertTrue(any(named.name in text for text in texts), texts)
            self.assertTrue(any("CAP_SYS_PTRACE" in text for text in texts), texts)

    def test_clear_in_all_of_them(self):
        named = self.named()
        for action in ("auto", "shutdown", "close", "replace", "destroy", "term", "kill"):
            with self.subTest(action=action), Leaky() as here, Contained() as inside:
                there = Leaky(preexec_fn=named.enter, count=2)
                self.addCleanup(there.__exit__)
                leaks = (here, there, inside)
                report = self.report(
                    "clear", "--yes", "--min-idle", "0", "--settle", "0", "--netns", "all",
                    "--actions", action, "--grace", "30s",
                    "--pid", ",".join(str(leak.pid) for leak in leaks),
                )
                results = [outcome["result"] for outcome in report["outcomes"]]
                # The end of a process takes all of its sockets at once.
                expected = {"cleared", "already-gone"} if action in ("term", "kill") else {"cleared"}
                self.assertEqual((len(results), set(results) - expected), (4, set()), report)
                spaces = {step["socket"]["netns"] for step in report["plan"]["steps"]}
                self.assertEqual(len(spaces), 3)
                for outcome in report["outcomes"]:
                    self.assertNotEqual(outcome["state_after"], "close-wait")
                inodes = ",".join(map(str, self.inodes(*leaks)))
                self.assertEqual(self.found("--netns", "all", "--inode", inodes), set())
                if action == "close":
                    self.assertEqual([leak.open_fds() for leak in leaks], [[], [], []])
                if action in ("shutdown", "destroy"):
                    self.assertEqual([leak.open_fds() for leak in leaks],
                                     [leak.fds for leak in leaks])

    def test_apply_of_a_plan_for_another_namespace(self):
        named = self.named()
        with Leaky(preexec_fn=named.enter) as there, tempfile.TemporaryDirectory() as directory:
            plan = self.run_ok(
                "clear", "-n", "-J", "--min-idle", "0", "--netns", named.name,
                "--port", there.port, "--actions", "close",
            ).stdout
            path = pathlib.Path(directory, "plan.json")
            path.write_bytes(plan)
            report = self.report("apply", path, "--yes")
            self.assertEqual(only(report["outcomes"])["result"], "cleared", report)
            self.assertEqual(there.open_fds(), [])

    def test_namespace_that_goes_while_it_is_looked_for(self):
        """Containers that start and end all the time: never an error, never a wrong answer."""
        churn = subprocess.Popen(
            ["sh", "-c", "while :; do unshare -n true; done"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self.addCleanup(churn.wait, DEADLINE)
        self.addCleanup(churn.kill)
        with Leaky() as here, Contained() as inside:
            ports = ["--port", f"{here.port},{inside.port}"]
            for _ in range(30):
                report = self.report("list", "--netns", "all", *ports)
                found = {finding["socket"]["inode"] for finding in report["findings"]}
                self.assertEqual(found, self.inodes(here, inside))
                self.run_ok("list", *ports)


if __name__ == "__main__":
    unittest.main(verbosity=2)
