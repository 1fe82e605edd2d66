# SPDX-License-Identifier: MIT
"""unwait.service: what systemd says of it, and that its command does its work in that sandbox."""

import ctypes
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import unittest

from hosts import PYTHON, open_copy, open_directory, own_network
from support import DEADLINE, SOURCE, Leaky, TestCase, environment, only

UNIT = pathlib.Path(os.environ["UNWAIT_UNIT"])
TIMER = SOURCE / "examples/systemd/unwait.timer"
OUR_UID = 61300  # what systemd might choose for DynamicUser=
THEIR_UID = 61234  # a service


def run(*words, **more):
    return subprocess.run(
        list(map(str, words)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=DEADLINE, **more,
    )


def directives():
    """Name to value; several lines of one name are joined by blanks."""
    found = {}
    for name, value in re.findall(r"(?m)^(\w+)=(.*)$", UNIT.read_text()):
        found[name] = f"{found[name]} {value}" if name in found else value
    return found


def with_only(names):
    """setpriv(1) and its arguments: nobody in particular, with these capabilities."""
    chosen = ",".join(["-all", *(f"+{name}" for name in names)])
    return ["setpriv", "--reuid", str(OUR_UID), "--regid", str(OUR_UID), "--clear-groups",
            "--no-new-privs", "--bounding-set", chosen, "--inh-caps", chosen,
            "--ambient-caps", chosen]


class Rating(unittest.TestCase):
    """What systemd itself has to say; none needs to run."""

    def test_exposure(self):
        told = run("systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=20",
                   UNIT)
        self.assertEqual(told.returncode, 0, told)
        score = re.search(r"Overall exposure level for unwait.service: ([0-9.]+)", told.stdout)[1]
        self.assertIn(f"rates its exposure {score} of 10", UNIT.read_text())

    def test_verify(self):
        """With the program where the unit expects it, which is not so on the machine of a test."""
        program = pathlib.Path(directives()["ExecStart"].split()[0])
        directory = open_directory(self)
        for unit in (UNIT, TIMER):
            shutil.copy(unit, directory)
        place = next(parent for parent in program.parents if parent.is_dir())
        script = (
            'mount -t tmpfs none "$1" && mkdir -p "${2%/*}" && cp /bin/true "$2" && shift 2 && '
            'exec systemd-analyze verify --man=no "$@"'
        )
        told = run("unshare", "--mount", "sh", "-c", script, "sh", place, program,
                   directory / "unwait.service", directory / "unwait.timer")
        # It looks into other units too, for what they have to do with ours.
        about_ours = [line for line in told.stderr.splitlines() if "unwait" in line]
        self.assertEqual((about_ours, told.returncode), ([], 0), told)

    def test_the_timer_is_for_the_service(self):
        self.assertEqual(TIMER.stem, UNIT.stem)
        self.assertIn("WantedBy=timers.target", TIMER.read_text())


class Sandbox:
    """What a process of the unit may do, as far as it can be had without systemd: its user and
    capabilities, its system calls and address families, no new namespaces, no memory that can be
    written and executed, and a file system that cannot be written but for its own directories."""

    # Run by the new user with its capabilities: what is left is to take away system calls.
    LAST_STEP = """
import ctypes, os, sys
prctl = ctypes.CDLL(None, use_errno=True).prctl
prctl(65, 1, 0, 0, 0)  # PR_SET_MDWE, since Linux 6.3
program = bytes.fromhex(os.environ.pop("CALL_FILTER"))
buffer = ctypes.create_string_buffer(program)
header = (ctypes.c_uint64 * 2)(len(program) // 8, ctypes.addressof(buffer))
if prctl(22, 2, header, 0, 0) != 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
    raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")
os.execv(sys.argv[1], sys.argv[1:])
"""
    MOUNTS = """
mount --make-rprivate / && cd / || exit
for place in $(findmnt --noheadings --list --output TARGET | grep -vE "^/(proc|sys|dev)(/|$)"); do
    mount -o remount,bind,ro "$place" 2>/dev/null
done
mount --bind "$LOGS_DIRECTORY" "$LOGS_DIRECTORY" && mount -o remount,bind,rw "$LOGS_DIRECTORY" &&
mount --bind "$RUNTIME_DIRECTORY" "$RUNTIME_DIRECTORY" &&
mount -o remount,bind,rw "$RUNTIME_DIRECTORY" && exec "$@"
"""

    def __init__(self, test):
        self.unit = directives()
        self.program = open_copy(test)
        self.logs, self.runtime = open_directory(test), open_directory(test)
        for directory in (self.logs, self.runtime):
            os.chown(directory, OUR_UID, OUR_UID)
            directory.chmod(0o700)
        self.policy = open_directory(test) / "policy.json"

    def names_of_calls(self):
        """The allow list, in which groups are names with an @ and a ~ takes away."""
        allowed = set()
        for line in re.findall(r"(?m)^SystemCallFilter=(.*)$", UNIT.read_text()):
            names = set()
            todo = line.removeprefix("~").split()
            while todo:
                name = todo.pop()
                if name.startswith("@"):
                    told = run("systemd-analyze", "syscall-filter", "--no-pager", name)
                    todo += re.findall(r"(?m)^ +([@\w-]+)$", told.stdout)
                else:
                    names.add(name)
            allowed = allowed - names if line.startswith("~") else allowed | names
        return allowed

    def filter(self):
        told = run("cpp", "-dM", "-include", "sys/syscall.h", "/dev/null").stdout
        numbers = dict(re.findall(r"#define __NR_(\w+) (\d+)", told))
        calls = sorted(int(numbers[name]) for name in self.names_of_calls() if name in numbers)
        assert len(calls) > 200, calls
        families = {"AF_UNIX": 1, "AF_NETLINK": 16}
        wanted = [families[name] for name in self.unit["RestrictAddressFamilies"].split()]
        load, equal, give = 0x20, 0x15, 0x06
        allow, fail = 0x7FFF0000, 0x00050000
        number, argument = 0, 16
        program = [(load, 0, 0, number)]
        for call in (int(numbers["setns"]), int(numbers["unshare"])):  # RestrictNamespaces=yes
            program += [(equal, 0, 1, call), (give, 0, 0, fail | 1)]
        program += [(equal, 0, len(wanted) + 3, int(numbers["socket"])), (load, 0, 0, argument)]
        program += [(equal, len(wanted) - at, 0, family) for at, family in enumerate(wanted)]
        program += [(give, 0, 0, fail | 97), (give, 0, 0, allow)]
        for call in calls:
            program += [(equal, 0, 1, call), (give, 0, 0, allow)]
        program += [(give, 0, 0, fail | 1)]
        return b"".join(struct.pack("HBBI", *line) for line in program)

    def run_unit(self, *more):
        """Its command, with these arguments added."""
        command = self.unit["ExecStart"].replace("/etc/unwait/policy.json", str(self.policy))
        command = command.replace("${LOGS_DIRECTORY}", str(self.logs)).split()[1:]
        return self.run(self.program, *command, *more)

    def run(self, *words):
        own = {"LOGS_DIRECTORY": str(self.logs), "RUNTIME_DIRECTORY": str(self.runtime),
               "CALL_FILTER": self.filter().hex()}
        names = [word.removeprefix("CAP_").lower() for word in
                 self.unit["AmbientCapabilities"].split()]
        return run("unshare", "--mount", "sh", "-c", self.MOUNTS, "sh", *with_only(names),
                   PYTHON, "-c", self.LAST_STEP, *words,
                   env=environment(**own), umask=0o077)


PROBE = """
import ctypes, errno, json, os, socket, sys
def attempt(act):
    try:
        act()
    except OSError as error:
        return errno.errorcode[error.errno]
def call(name, *arguments):
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "write": attempt(lambda: open(sys.argv[1] + "/file", "w")),
    "internet": attempt(lambda: socket.socket(socket.AF_INET)),
    "namespace": attempt(lambda: call("unshare", 0x10000000)),
    "mount": attempt(lambda: call("mount", b"none", b"/", b"tmpfs", 0, None)),
    "logs": attempt(lambda: open(os.environ["LOGS_DIRECTORY"] + "/file", "w")),
    "capabilities": int(status["CapEff"], 16),
}))
"""


class Sandboxed(TestCase):
    def setUp(self):
        self.sandbox = Sandbox(self)

    def allow(self, **match):
        texts = {name.replace("_", "-"): list(map(str, values)) for name, values in match.items()}
        rule = {"match": texts, "actions": ["shutdown", "replace"], "settle": "100ms"}
        policy = {"policy_version": 1, "limits": {"cool_down": "1h"}, "rules": [rule],
                  "default": "deny"}
        self.sandbox.policy.write_text(json.dumps(policy))
        self.sandbox.policy.chmod(0o644)

    def run_unit(self, status=0):
        told = self.sandbox.run_unit("--min-idle", "0s")
        self.assertEqual(told.returncode, status, told.stderr)
        return told.stdout

    def test_the_command_of_the_unit(self):
        """The socket of a process of another user is cleared, its number kept; what the policy does
        not allow is not."""
        with Leaky(b"api", user=THEIR_UID) as leak, Leaky(user=THEIR_UID) as other:
            self.allow(port=[leak.port])
            self.assertRegex(self.run_unit(), rf"cleared +replace .* api\[{leak.pid}\]")
            self.assertEqual((leak.open_fds(), other.open_fds()), ([], other.fds))
            records = (self.sandbox.logs / "audit.jsonl").read_text().splitlines()
            kinds = [json.loads(record)["type"] for record in records]
            self.assertEqual(kinds, ["intent", "outcome"])

    def test_the_cool_down_is_remembered(self):
        with Leaky(user=THEIR_UID, count=2) as leak:
            self.allow(port=[leak.port], peer_port=[leak.sockets[0]["peer_port"]])
            self.run_unit()
            self.assertEqual(leak.open_fds(), leak.fds[1:])
            self.assertEqual(len(list((self.sandbox.runtime / "unwait").iterdir())), 1)
            self.allow(port=[leak.port])
            self.run_unit()
            self.assertEqual(leak.open_fds(), leak.fds[1:])

    def test_it_is_a_sandbox(self):
        """So that what is shown in it tells something."""
        told = self.sandbox.run(PYTHON, "-c", PROBE, open_directory(self))
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertEqual(
            json.loads(told.stdout),
            {"write": "EROFS", "internet": "EAFNOSUPPORT", "namespace": "EPERM", "mount": "EPERM",
             "logs": None, "capabilities": 1 << 19 | 1 << 1},  # SYS_PTRACE, DAC_OVERRIDE
        )


class Capabilities(TestCase):
    """Each one that the manual names: what it is for works with it and not without it, and the
    message names it."""

    ALL_OF_UNIT = ["sys_ptrace", "dac_override"]

    def setUp(self):
        self.program = open_copy(self)

    def unwait(self, names, *words):
        told = run(*with_only(names), self.program, *words, env=environment())
        told.report = json.loads(told.stdout) if "-J" in words and told.stdout else None
        return told

    def clear(self, leak, names, *more):
        return self.unwait(names, "clear", "--port", leak.port, "--min-idle", "0", "--settle",
                           "100ms", "-J", "-y", *more)

    def assert_cleared(self, told):
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertEqual(only(told.report["outcomes"])["result"], "cleared")

    def test_those_of_the_unit_are_these(self):
        names = {"CAP_" + name.upper() for name in self.ALL_OF_UNIT}
        for directive in ("CapabilityBoundingSet", "AmbientCapabilities"):
            self.assertEqual(set(directives()[directive].split()), names)

    def test_sys_ptrace(self):
        with Leaky(user=THEIR_UID) as leak:
            told = self.clear(leak, ["dac_override"])
            self.assertEqual(only(told.report["plan"]["left_alone"])["reason"], "holder-unreadable")
            self.assertIn("CAP_SYS_PTRACE", told.stderr)
            named = self.clear(leak, ["dac_override"], "--pid", leak.pid)
            self.assertEqual(named.returncode, 4, named.stderr)
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_dac_override(self):
        with Leaky(user=THEIR_UID) as leak:
            told = self.clear(leak, ["sys_ptrace"])
            self.assertEqual(only(told.report["plan"]["left_alone"])["reason"], "holder-unreadable")
            self.assertIn("CAP_DAC_READ_SEARCH", told.stderr)
            # To read is enough for a shutdown from outside, and not to put anything in its place.
            reading = ["sys_ptrace", "dac_read_search"]
            told = self.unwait(reading, "explain", "--port", leak.port, "--min-idle", "0")
            self.assertIn("CAP_DAC_OVERRIDE", told.stdout)
            told = self.clear(leak, reading, "--actions", "close")
            self.assertEqual(only(told.report["plan"]["left_alone"])["reason"], "protected")
            self.assertEqual(leak.open_fds(), leak.fds)
            self.assert_cleared(self.clear(leak, reading, "--actions", "shutdown"))

    def test_both_suffice(self):
        for actions in ("shutdown", "close", "replace", "auto"):
            with self.subTest(actions=actions), Leaky(user=THEIR_UID) as leak:
                self.assert_cleared(self.clear(leak, self.ALL_OF_UNIT, "--actions", actions))
                self.assertEqual(leak.open_fds(), leak.fds if actions == "shutdown" else [])

    def test_net_admin(self):
        with Leaky(user=THEIR_UID) as leak:
            told = self.clear(leak, self.ALL_OF_UNIT, "--actions", "destroy")
            self.assertEqual(told.returncode, 3, told.stderr)
            self.assertIn("CAP_NET_ADMIN", only(told.report["outcomes"])["detail"])
            more = [*self.ALL_OF_UNIT, "net_admin"]
            self.assert_cleared(self.clear(leak, more, "--actions", "destroy"))
        told = self.unwait(self.ALL_OF_UNIT, "list", "--filter", "fwmark = 1")
        self.assertEqual(told.returncode, 1)
        self.assertIn("CAP_NET_ADMIN", told.stderr)

    def test_kill(self):
        with Leaky(user=THEIR_UID) as leak:
            told = self.clear(leak, self.ALL_OF_UNIT, "--actions", "term")
            self.assertEqual(told.returncode, 3, told.stderr)
            self.assertIn("CAP_KILL", only(told.report["outcomes"])["detail"])
            self.assert_cleared(self.clear(leak, [*self.ALL_OF_UNIT, "kill"], "--actions", "term"))

    def test_sys_admin(self):
        with Leaky(user=THEIR_UID, preexec_fn=own_network) as leak:
            there = ["--netns", str(leak.pid)]
            told = self.clear(leak, self.ALL_OF_UNIT, *there)
            self.assertEqual(told.returncode, 1, told.stderr)
            self.assertIn("CAP_SYS_ADMIN", told.stderr)
            self.assert_cleared(self.clear(leak, [*self.ALL_OF_UNIT, "sys_admin"], *there))

    def test_sys_admin_for_seccomp_filters(self):
        def filtered():
            harmless = struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000)  # allows all
            buffer = ctypes.create_string_buffer(harmless)
            header = (ctypes.c_uint64 * 2)(1, ctypes.addressof(buffer))
            assert ctypes.CDLL(None).prctl(22, 2, header, 0, 0) == 0

        with Leaky(user=THEIR_UID, preexec_fn=filtered) as leak:
            told = self.clear(leak, self.ALL_OF_UNIT, "--actions", "close")
            self.assertIn("CAP_SYS_ADMIN", only(told.report["plan"]["left_alone"])["text"])
            self.assertEqual(leak.open_fds(), leak.fds)
            # What is possible is done, and said before.
            for actions in ("auto", "shutdown,close"):
                told = self.clear(leak, self.ALL_OF_UNIT, "--actions", actions, "-n")
                step = only(told.report["plan"]["steps"])
                self.assertEqual(step["actions"], ["shutdown"])
                self.assertIn("CAP_SYS_ADMIN", step["reason"])
            more = [*self.ALL_OF_UNIT, "sys_admin"]
            self.assert_cleared(self.clear(leak, more, "--actions", "close"))


if __name__ == "__main__":
    own_network()
    unittest.main(verbosity=2)
