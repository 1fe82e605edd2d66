# SPDX-License-Identifier: MIT
"""unwait explain, against servers that leak."""

import re
import subprocess
import unittest

from support import UNWAIT, Leaky, TestCase, normal


def only(items):
    assert len(items) == 1, items
    return items[0]


def without_machine(text):
    """The story without what differs from machine to machine."""
    text = re.sub(r", user \S+(, unit \S+)?(, cgroup \S+)?, runs \S+", ", user USER", text)
    text = re.sub(r"has \d+ of \d+ fds", "has N of N fds", text)
    text = re.sub(r"\d+ of \d+ bytes to receive, \d+ of \d+ to send", "MEMORY", text)
    text = re.sub(r"inode \d+", "inode INODE", text)
    text = re.sub(r"is blocked in read on fd 0 \[\w+\]", "is blocked in read on fd 0", text)
    return re.sub(r"\d+ looks", "N looks", text)


class Explain(TestCase):
    def test_story(self):
        with Leaky(b"api", count=2) as leak:
            arguments = ("--port", leak.port, "--peer-port", leak.sockets[0]["peer_port"])
            result = self.run_ok(
                "explain", *map(str, arguments), "--min-idle", "0", "--observe", "50ms"
            )
            self.golden("explain.txt", without_machine(normal(result.stdout.decode(), leak)))

    def test_json(self):
        with Leaky(b"api", count=3, unread=5) as leak:
            first = leak.sockets[0]
            report = self.report("explain", "--pid", leak.pid, "--fd", str(first["fd"]))
            finding = only(report["findings"])
            self.assertEqual(report["command"], "explain")
            self.assertEqual(finding["cause"], "not-reading")
            explanation = finding["explanation"]
            share = only(explanation["fd_use"])
            self.assertEqual(share["pid"], leak.pid)
            self.assertEqual(share["sockets"], 3)  # all of them, whatever was selected
            self.assertEqual(share["ports"], [{"port": int(leak.port), "sockets": 3}])
            self.assertGreater(share["fd_limit"], share["fd_count"])
            thread = only(explanation["threads"])
            self.assertEqual((thread["tid"], thread["on_socket"]), (leak.pid, False))
            self.assertIsNone(explanation["observation"])
            actions = [view["action"] for view in explanation["actions"]]
            self.assertEqual(
                actions, ["shutdown", "close", "replace", "destroy", "term", "kill"]
            )
            self.assertTrue(all(view["possible"] for view in explanation["actions"]))
            self.assertIn("leave it alone (too-young)", explanation["plan"])

    def test_observe_sees_what_the_application_does(self):
        with Leaky(b"api", count=2) as leak:
            arguments = ("explain", "--port", leak.port, "--observe", "300ms")
            idle = self.report(*arguments)
            for finding in idle["findings"]:
                observation = finding["explanation"]["observation"]
                self.assertFalse(observation["touched"])
                self.assertGreaterEqual(observation["duration_ms"], 300)
                self.assertGreater(observation["looks"], 1)
                self.assertIn("does not touch it", observation["text"])
            # It now waits for the first socket only.
            leak.tell("hangup")
            while True:
                waiting = self.report(*arguments)
                first, second = sorted(
                    waiting["findings"], key=lambda finding: finding["holders"][0]["fds"]
                )
                if first["explanation"]["threads"][0]["on_socket"]:
                    break
            self.assertEqual(first["explanation"]["threads"][0]["fds"], first["holders"][0]["fds"])
            self.assertTrue(first["explanation"]["observation"]["touched"])
            calls = only(first["explanation"]["observation"]["calls"])
            self.assertIn(calls["call"], ("poll", "ppoll"))
            self.assertFalse(second["explanation"]["observation"]["touched"])
            self.run_ok("clear", "--port", leak.port, "--min-idle", "0", "-y")

    def test_trace_counts_the_calls_on_the_socket(self):
        with Leaky(b"api", count=2) as leak:
            arguments = [
                "explain", "--port", leak.port, "--min-idle", "0", "--observe", "2s", "--trace"
            ]
            finding = self.report(*arguments)["findings"][0]
            observation = finding["explanation"]["observation"]
            self.assertEqual((observation["traced"], observation["not_traced"]), ([], None))
            self.assertFalse(observation["touched"])
            self.assertIn("nor was any other call", observation["text"])
            # fstat(2) moves no byte and blocks nowhere: nothing else could see it.
            watching = subprocess.Popen(
                [UNWAIT, *map(str, arguments), "-J"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            asked = 0
            while watching.poll() is None and asked < 1_000_000:
                leak.open_fds()
                asked += 1
            report = self.valid_report(watching.communicate(timeout=60)[0])
            for finding in report["findings"]:
                observation = finding["explanation"]["observation"]
                traced = only(observation["traced"])
                self.assertIn(traced["call"], ("fstat", "newfstatat"))
                self.assertGreater(traced["count"], 0)
                self.assertLessEqual(traced["count"], asked)
                self.assertTrue(observation["touched"])
                self.assertEqual((observation["calls"], observation["read_bytes"]), ([], 0))
                self.assertIn(f"it called {traced['call']} on it", observation["text"])

    def test_trace_says_why_it_cannot(self):
        with Leaky() as leak:
            without_bpf = ["setpriv", "--bounding-set", "-bpf,-perfmon,-sys_admin"]
            result = subprocess.run(
                [*without_bpf, UNWAIT, "explain", "--port", str(leak.port), "--observe", "50ms",
                 "--trace", "-J"],
                capture_output=True,
            )
            observation = only(self.valid_report(result.stdout)["findings"])["explanation"]["observation"]
            self.assertIsNone(observation["traced"])
            self.assertIn("CAP_BPF", observation["not_traced"])
            self.assertIn("were not counted: ", observation["text"])

    def test_stack(self):
        with Leaky(b"api") as leak:
            finding = only(self.report("explain", "--port", leak.port, "--stack")["findings"])
            thread = only(finding["explanation"]["threads"])
            self.assertTrue(thread["stack"], thread)
            self.assertIn("read", thread["stack"][0]["function"])
            self.assertTrue(any("python" in (each["object"] or "") for each in thread["stack"]))
            shown = self.run_ok("explain", "--port", leak.port, "--stack").stdout.decode()
            self.assertRegex(shown, r"#0 0x[0-9a-f]{16} .*read")

    def test_ndjson(self):
        with Leaky(b"api") as leak:
            records = self.records("explain", "--port", leak.port)
            self.assertEqual([each["type"] for each in records], ["run", "finding", "summary"])
            self.assertIn("advice", records[1]["explanation"])

    def test_list_explains_nothing(self):
        with Leaky(b"api") as leak:
            finding = only(self.report("list", "--port", leak.port)["findings"])
            self.assertNotIn("explanation", finding)

    def test_nothing_found(self):
        result = self.run_ok("explain", "--port", "0")
        self.assertEqual(result.stdout, b"")
        self.assertIn(b"no socket matches", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
