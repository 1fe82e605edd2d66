# SPDX-License-Identifier: MIT
"""unwait --filter against ss(8): the same expression must give the same sockets.

Runs in a network namespace of its own, among sockets of many addresses, ports, marks and devices.
"""

import collections
import ctypes
import os
import random
import re
import shutil
import socket
import subprocess
import unittest

from support import DEADLINE, Leaky, TestCase, environment, talk, unwait

CLONE_NEWNET = 0x40000000
SO_MARK = 36
IP_FREEBIND = 15
IPV6_V6ONLY = 26
V4 = ["127.0.0.1", "127.0.0.2", "127.1.2.3", "10.1.2.3", "10.129.2.3", "192.168.7.9"]
V6 = ["::1", "fd00:1::5", "fd00:2::5", "2001:db8::7"]
MAPPED = ["::ffff:127.0.0.1", "::ffff:127.1.2.3", "::ffff:10.1.2.3"]
SERVICES = {"ssh": 22, "http": 80, "https": 443}
EXPRESSIONS = 250


def setUpModule():
    if os.getuid() != 0:
        raise unittest.SkipTest("only root can have a network namespace of its own")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise unittest.SkipTest(f"unshare: {os.strerror(ctypes.get_errno())}")
    with socket.socket() as any_socket:
        up = bytearray(40)
        up[:2] = b"lo"
        up[16] = 1  # IFF_UP
        import fcntl

        fcntl.ioctl(any_socket, 0x8914, bytes(up))  # SIOCSIFFLAGS


class Ground:
    """Listeners, established connections and sockets in CLOSE-WAIT of every flavour."""

    def __init__(self):
        self.kept = []
        self.ports = list(SERVICES.values()) + [8080, 65535]
        for at in V4 + V6 + MAPPED:
            for port in (0, random.choice(self.ports)):
                self.listen(at, port)
        self.listen("::", 8081)
        self.listen("0.0.0.0", 8082)

    def listen(self, at, port):
        listener = socket.socket(socket.AF_INET6 if ":" in at else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, SO_MARK, len(self.kept) % 32)
        listener.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
        if listener.family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, IPV6_V6ONLY, 0)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((at, port))
        except OSError:  # the port is taken
            listener.bind((at, 0))
        listener.listen()
        self.kept.append(listener)
        self.ports.append(listener.getsockname()[1])
        if at.split(":")[-1].startswith("127.") or at == "::1":
            for leave in (False, True):
                self.connect(listener, leave)

    def connect(self, listener, leave):
        client = socket.socket(listener.family)
        client.setsockopt(socket.SOL_SOCKET, SO_MARK, 0x10 * (len(self.kept) % 16))
        if len(self.kept) % 3 == 0:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        if len(self.kept) % 2 == 0:  # a port that bind() names
            client.bind((listener.getsockname()[0], 20000 + len(self.kept)))
        client.connect(listener.getsockname()[:2])
        server, _ = listener.accept()
        self.ports.append(client.getsockname()[1])
        if leave:
            client.shutdown(socket.SHUT_WR)
            assert server.recv(1) == b""
        self.kept += [client, server]

    def close(self):
        for each in self.kept:
            each.close()


class Draw:
    """Expressions that ss reads too: a blank around every word and sign.

    ss evaluates an expression twice, in the kernel and by itself, and shows what both take. What
    its own evaluation gets wrong is left out here: it compares the bits of an IPv4 prefix with
    those of an IPv6 address, so few of them are not asked for; and it takes any automatic port for
    autobound, which shows where something of the expression keeps it from the kernel.
    """

    def __init__(self, ports):
        self.ports = ports
        self.random = random.Random(20261121)

    def expression(self, depth=0):
        kind = self.random.randrange(10 if depth < 4 else 5)
        if kind < 5:
            return self.predicate()
        if kind < 7:
            sign = self.random.choice(["not", "!"])
            return f"{sign} ( {self.expression(depth + 1)} )"
        text = self.operand(depth)
        for _ in range(self.random.randrange(1, 4)):
            sign = self.random.choice([" and ", " & ", " && ", " ", " or ", " | ", " || "])
            text += sign + self.operand(depth)
        return text

    def operand(self, depth):
        if self.random.randrange(2):
            return self.predicate()
        return f"( {self.expression(depth + 1)} )"

    def port(self):
        words = [*SERVICES, "0", "1", "65535", "0x50"]
        return str(self.random.choice([*self.ports, self.random.choice(words)]))

    def host(self):
        host = self.random.choice(
            V4 + [f"[{each}]" for each in V6 + MAPPED]
            + ["127/8", "10.0.0.0/9", "10/8", "192.168.7/24", "0.0.0.0", "*", "any"]
            + ["[fd00::/8]", "[fd00:1::/32]", "[::ffff:10.0.0.0/104]", "[::ffff:0.0.0.0/96]"]
        )
        return host + self.random.choice(["", "", f":{self.port()}"])

    def predicate(self):
        kind = self.random.randrange(12)
        if kind < 3:
            return self.random.choice(["src ", "dst ", "src = ", "dst == ", "src eq "]) + self.host()
        if kind == 3:
            return self.random.choice(["dev lo", "dev != lo", "dev = 1", "dev 7", "dev == 0"])
        if kind == 4:
            mark = self.random.choice(["1", "0x10", "0x1/0x3", "0/0xf", "16/0xf0"])
            return "fwmark " + self.random.choice(["", "= ", "!= "]) + mark
        side = self.random.choice(["sport", "dport"])
        sign = self.random.choice(
            ["", "=", "==", "eq", "!=", "ne", "neq", "<", "lt", ">", "gt", "<=", "le", "leq"]
            + [">=", "ge", "geq"]
        )
        return f"{side} {sign} {self.random.choice(['', ':'])}{self.port()}"


def by_ss(states, expression):
    """What ss shows, as a multiset of (state, local end, peer)."""
    only = re.fullmatch(r"state ([a-z-]*[0-9a-z])", states)
    also = ["state", "closing"] if only else []
    shown = subprocess.run(
        # Of one state alone ss leaves out the column: two are asked for.
        ["ss", "-Htn", *states.split(), *also, expression],
        capture_output=True, text=True, timeout=DEADLINE, check=True,
    )
    words = {"ESTAB": "established", "LISTEN": "listening", "UNCONN": "closed"}
    sockets = collections.Counter()
    for line in shown.stdout.splitlines():
        # "*" is :: that takes IPv4 too, and the device that a socket is bound to stands at its end.
        line = re.sub(r"%\w+", "", re.sub(r" \*:", " [::]:", line))
        state, _, _, local, peer = line.split()[:5]
        sockets[words.get(state, state.lower()), local, peer] += 1
    return sockets


def by_unwait(report):
    def end(endpoint, listening):
        address, port = endpoint["address"], endpoint["port"]
        address = f"[{address}]" if ":" in address else address
        return f"{address}:{'*' if listening else port}"

    sockets = collections.Counter()
    for finding in report["findings"]:
        found = finding["socket"]
        listening = found["state"] == "listening"
        sockets[found["state"], end(found["local"], False), end(found["peer"], listening)] += 1
    return sockets


@unittest.skipIf(shutil.which("ss") is None, "no ss to compare with")
class AgainstSs(TestCase):
    @classmethod
    def setUpClass(cls):
        random.seed(1)
        cls.ground = Ground()
        cls.addClassCleanup(cls.ground.close)

    def compare(self, states, expression):
        with self.subTest(states=states, expression=expression):
            report = self.report("list", "-q", "--filter", f"{states} {expression}")
            found, expected = by_unwait(report), by_ss(states, expression)
            self.assertEqual(found, expected, f"ss -Htn {states} '{expression}'")
        return len(expected)

    def test_generated_expressions(self):
        draw = Draw(self.ground.ports)
        everything = self.compare("state all", "")
        self.assertGreater(everything, 60)
        some = 0
        for _ in range(EXPRESSIONS):
            count = self.compare("state all", draw.expression())
            some += 0 < count < everything
        # The draws are neither all too narrow nor all too wide.
        self.assertGreater(some, EXPRESSIONS / 2)

    def test_autobound(self):
        for expression in ["autobound", "autobound and dst 127.0.0.1", "autobound or sport = :80"]:
            self.assertGreater(self.compare("state all", expression), 0)

    def test_precedence(self):
        port = self.ground.ports[-1]
        for expression in [
            "sport = :22 dport = :1 or dport >= :1",
            "dport >= :1 or sport = :22 dport = :1",
            "not sport = :22 dport >= 1",
            "not sport = :22 or dport >= 1",
            f"sport = :{port} or dport = :{port} and src 127/8 or src [::1]",
        ]:
            self.compare("state all", expression)

    def test_state_words(self):
        for states in [
            "state close-wait", "state established state listening", "exclude listening",
            "state connected", "state synchronized exclude established", "state big",
            "state bucket", "state all exclude close-wait exclude fin-wait-2", "state unconnected",
        ]:
            self.compare(states, "sport > :0")
            self.compare(states, "")


class Filter(TestCase):
    def ports(self, *arguments):
        findings = self.report("list", *arguments)["findings"]
        return {finding["socket"]["local"]["port"] for finding in findings}

    def test_states_of_the_filter_replace_the_default_and_narrow_an_option(self):
        with Leaky() as leak:
            port = f"sport = :{leak.port}"
            self.assertEqual(self.ports("--filter", port), {leak.port})
            self.assertEqual(self.ports("--filter", f"state listening {port}"), {leak.port})
            self.assertEqual(self.ports("--filter", f"state fin-wait-1 {port}"), set())
            both = ["--state", "all", "--filter", f"state close-wait {port}"]
            self.assertEqual(self.ports(*both), {leak.port})
            result = self.run_ok(
                "list", "--state", "established", "--filter", "state listening", status=64
            )
            self.assertIn("leave no state", talk(result))

    def test_several_filters_narrow(self):
        with Leaky() as one, Leaky() as two:
            either = f"sport = :{one.port} or sport = :{two.port}"
            self.assertEqual(self.ports("--filter", either), {one.port, two.port})
            self.assertEqual(
                self.ports("--filter", either, "--filter", f"not sport = :{one.port}"), {two.port}
            )
            self.assertEqual(self.ports("--filter", either, "--port", one.port), {one.port})

    def test_clear(self):
        with Leaky(count=2) as leak:
            kept, cleared = leak.sockets
            report = self.report(
                "clear", "--yes", "--min-idle", "0",
                "--filter", f"sport = :{leak.port} and dport = :{cleared['peer_port']}",
            )
            self.assertEqual([each["result"] for each in report["outcomes"]], ["cleared"])
            self.assertEqual(self.ports("--port", leak.port), {leak.port})
            self.assertEqual(report["summary"]["planned"], 1)

    def test_clear_wants_more_than_states(self):
        result = self.run_ok("clear", "--filter", "state all", status=64)
        self.assertIn("nothing is selected", talk(result))

    def test_longer_than_the_kernel_takes(self):
        with Leaky() as leak:
            expression = " or ".join(f"sport = :{port}" for port in range(1, 5000))
            self.assertNotIn(leak.port, self.ports("--filter", f"state all ( {expression} )"))
            found = self.ports("--filter", f"{expression} or sport = :{leak.port}")
            self.assertEqual(found, {leak.port})

    def test_unknown_device_and_cgroup(self):
        for expression, wrong in [
            ("dev nosuch", "dev nosuch of --filter: No such device"),
            ("cgroup /no/such", "cgroup /no/such of --filter"),
        ]:
            result = self.run_ok("list", "--filter", expression, status=1)
            self.assertIn(wrong, talk(result))

    def test_cgroup_of_the_socket(self):
        mount, path, enter = self.own_cgroup(f"unwait-test-{os.getpid()}")
        with Leaky(preexec_fn=enter) as inside, Leaky() as outside:
            both = f"( sport = :{inside.port} or sport = :{outside.port} )"
            for spelled in (path, path.removeprefix(mount)):
                self.assertEqual(
                    self.ports("--filter", f"{both} cgroup = {spelled}"), {inside.port}
                )
                self.assertEqual(
                    self.ports("--filter", f"{both} cgroup != {spelled}"), {outside.port}
                )

    def test_mark_needs_privilege(self):
        def without_net_admin():
            libc = ctypes.CDLL(None)
            libc.prctl(24, 12, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_NET_ADMIN

        result = unwait("list", "--filter", "fwmark 1", preexec_fn=without_net_admin)
        self.assertEqual(result.returncode, 1, result)
        self.assertIn(b"CAP_NET_ADMIN", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
