# SPDX-License-Identifier: MIT
"""Policies: rules, limits, what is wrong with a file, and who may have written it."""

import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

import jsonschema

from support import (
    DEADLINE,
    LIBC,
    SOURCE,
    UNWAIT,
    Leaky,
    Named,
    TestCase,
    environment,
    only,
    unwait,
)

REFUSED = 4
SCHEMA = json.loads((SOURCE / "src/cli/policy.schema.json").read_text())
VALID = jsonschema.Draft202012Validator(SCHEMA)
MARKS = pathlib.Path("/run/unwait")


def without_comments(text):
    return re.sub(r"//.*", "", text)


class Policies(TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / "policy.json"

    def write(self, policy):
        """A policy that the schema takes, or text that need not be one."""
        if not isinstance(policy, str):
            policy = {"policy_version": 1} | policy
            VALID.validate(policy)
            policy = json.dumps(policy)
        self.path.write_text(policy)
        self.path.chmod(0o600)

    def clear(self, leak, *more, **options):
        return self.report(
            "clear", "--port", leak.port, "--min-idle", "0", "--settle", "100ms",
            "--policy", self.path, *more, **options,
        )

    def denial(self, leak, *more, **options):
        report = self.clear(leak, "-y", *more, **options)
        left = report["plan"]["left_alone"][0]
        self.assertEqual((left["reason"], left["override"]), ("denied-by-policy", None))
        self.assertEqual(report["summary"]["planned"], 0)
        return left["text"]

    def ladder(self, leak, *more):
        return only(self.clear(leak, "-n", *more)["plan"]["steps"])["actions"]


class Rules(Policies):
    def test_the_first_match_decides(self):
        with Leaky(b"api") as leak:
            self.write({"rules": [
                {"match": {"process": "^other$"}, "deny": "not this one"},
                {"name": "ours", "match": {"process": ["^x$", "^api$"], "port": leak.port},
                 "deny": "ask first"},
                {"match": {}, "actions": ["shutdown"]},
            ]})
            self.assertEqual(self.denial(leak), "rule 2 'ours' of the policy: ask first")
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_default(self):
        with Leaky() as leak:
            self.write({"default": "deny"})
            self.assertEqual(self.denial(leak), "the default of the policy: no rule matches")
            self.write({"default": "allow"})
            self.assertEqual(self.clear(leak, "-n")["summary"]["planned"], 1)

    def test_actions_are_taken_away_and_never_added(self):
        with Leaky() as leak:
            automatic = self.ladder_without_policy(leak)
            self.assertEqual(automatic, ["shutdown", "replace"])  # CPython
            self.write({"rules": [{"match": {}, "actions": ["shutdown", "term", "kill"]}]})
            self.assertEqual(self.ladder(leak), ["shutdown"])
            self.assertEqual(self.ladder(leak, "--actions", "close,kill"), ["kill"])
            self.assertIn("does not allow close", self.denial(leak, "--actions", "close"))
            self.write({"rules": [{"match": {}, "actions": ["close"]}]})
            self.assertIn("does not allow shutdown, replace", self.denial(leak))
            self.assertEqual(leak.open_fds(), leak.fds)

    def ladder_without_policy(self, leak):
        self.write({})
        return self.ladder(leak)

    def test_min_idle(self):
        with Leaky() as leak:
            self.write({"rules": [{"match": {}, "min_idle": "1h"}]})
            self.assertIn("it wants 1h without anything", self.denial(leak))

    def test_settle_is_at_least_that_of_the_rule(self):
        with Leaky() as leak:
            self.write({"rules": [{"match": {}, "settle": "7s", "grace": "1m", "freeze": "all"}]})
            step = only(self.clear(leak, "-n")["plan"]["steps"])
            self.assertIn("has 7s to close", step["effects"][0])
            report = self.clear(leak, "-n", "--freeze", "one", "--actions", "close,term")
            effects = " ".join(only(report["plan"]["steps"])["effects"])
            self.assertIn("all threads that share", effects)
            self.assertIn("waits 1m", effects)

    def test_protected(self):
        with Leaky(b"sacred") as leak:
            self.write({"protect": {"processes": ["^sacr"]}, "rules": [{"match": {}}]})
            self.assertIn("(sacred) is protected by its name", self.denial(leak))

    def test_cause(self):
        with Leaky() as leak:
            self.write({"rules": [{"match": {"cause": ["leaked"]}, "deny": "leaks are dear to us"}]})
            self.denial(leak)
            self.write({"rules": [{"match": {"cause": "not-reading"}, "deny": "hm"}]})
            self.assertEqual(self.clear(leak, "-n")["summary"]["planned"], 1)

    def test_a_protected_unit(self):
        unit = f"unwait-test-{os.getpid()}.service"
        _, _, enter = self.own_cgroup(unit)
        with Leaky(preexec_fn=enter) as inside, Leaky() as outside:
            self.write({"protect": {"units": ["other", unit.removesuffix(".service")]}})
            self.assertIn(f"is protected by its unit, {unit}", self.denial(inside))
            self.assertEqual(inside.open_fds(), inside.fds)
            report = self.clear(outside, "-y", "--actions", "shutdown")
            self.assertEqual(report["summary"]["cleared"], 1)

    def test_windows(self):
        """Where the clock stands now, in two time zones."""

        def at(hours):
            return time.gmtime(time.time() + 3600 * hours)

        def window(begin, end, **more):
            return {"from": time.strftime("%H:%M", begin), "to": time.strftime("%H:%M", end), **more}

        days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        today = days[at(-1).tm_wday]
        other_days = [day for day in days if day != today]
        utc, half_a_day_on = environment(TZ="UTC0"), environment(TZ="ELSE-12")
        with Leaky() as leak:
            for windows, env in [
                ([window(at(2), at(3))], utc),
                ([window(at(1), at(-1))], utc),
                ([window(at(-1), at(1), days=other_days)], utc),
                ([window(at(-1), at(1), days=[])], utc),
                ([window(at(-1), at(1))], half_a_day_on),
            ]:
                with self.subTest(windows=windows):
                    self.write({"windows": windows})
                    told = self.denial(leak, env=env)
                    self.assertIn("outside of the maintenance windows", told)
            self.assertEqual(leak.open_fds(), leak.fds)
            for windows, env in [
                ([window(at(2), at(3)), window(at(-1), at(1), days=[today])], utc),
                ([window(at(11), at(13))], half_a_day_on),
                ([{"from": "00:00", "to": "24:00"}], utc),
            ]:
                with self.subTest(windows=windows):
                    self.write({"windows": windows})
                    report = self.clear(leak, "-n", env=env)
                    self.assertEqual(report["summary"]["planned"], 1)
            report = self.clear(leak, "-y", "--actions", "shutdown", env=env)
            self.assertEqual(report["summary"]["cleared"], 1)

    def test_apply_obeys_too(self):
        with Leaky() as leak:
            self.write({})
            saved = self.path.with_name("plan.json")
            saved.write_text(json.dumps(self.clear(leak, "-n")))
            saved.chmod(0o600)
            self.write({"rules": [{"match": {}, "deny": "not today"}]})
            report = self.report("apply", saved, "-y", "--policy", self.path, status=REFUSED)
            self.assertIn("not today", only(report["outcomes"])["detail"])
            self.assertEqual(leak.open_fds(), leak.fds)


class Terms(Policies):
    """How patient and careful rules make a step that the options want rash."""

    def begin(self, leak, rule, *options):
        self.write({"rules": [{"match": {"port": leak.port}} | rule]})
        return subprocess.Popen(
            [UNWAIT, "clear", "--port", str(leak.port), "--min-idle", "0", "--policy", self.path,
             "-yJ", *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment(), start_new_session=True,
        )

    def close_all(self, leak, rule, *options):
        """On a machine that is too busy a thread may not come to its stop in time."""
        until = time.monotonic() + DEADLINE
        while leak.open_fds():
            self.assertLess(time.monotonic(), until, "it never succeeded")
            self.begin(leak, rule, "--actions", "close", *options).communicate(timeout=DEADLINE)

    def outcome(self, process):
        shown, _ = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 0, shown)
        return only(self.valid_report(shown)["outcomes"])

    def test_settle(self):
        """The application closes late, but before the rule gives it up."""
        with Leaky() as leak:
            process = self.begin(leak, {"settle": "1h"}, "--settle", "0")
            leak.ask("hangup")
            leak.ask("forget")
            outcome = self.outcome(process)
            self.assertEqual((outcome["result"], outcome["action"]), ("cleared", "shutdown"))
            self.assertTrue(outcome["frees_fd"])

    def test_grace(self):
        """The process takes its time to end."""
        with Leaky(preexec_fn=self.block_term) as leak:
            process = self.begin(leak, {"grace": "1h"}, "--actions", "term,kill", "--grace", "0")
            leak.ask("term")
            leak.process.stdin.close()
            outcome = self.outcome(process)
            self.assertEqual((outcome["result"], outcome["action"]), ("cleared", "term"))
            self.assertEqual(leak.process.wait(DEADLINE), 0)

    def test_kill_comes_after_the_grace(self):
        """The process does not end at all."""
        with Leaky(preexec_fn=self.block_term) as leak:
            process = self.begin(leak, {"grace": "3s"}, "--actions", "term,kill", "--grace", "0")
            outcome = self.outcome(process)
            self.assertEqual((outcome["result"], outcome["action"]), ("cleared", "kill"))
            self.assertGreaterEqual(outcome["duration_ms"], 3000)
            self.assertEqual(leak.process.wait(DEADLINE), -signal.SIGKILL)

    def block_term(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])

    def switches(self, thread):
        """How often a thread has stopped to run, of its own will or for a tracer."""
        status = pathlib.Path(f"/proc/{thread}/status").read_text()
        return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.M)[1])

    def bystander(self, leak):
        """A thread that is blocked in its read."""
        thread, fd = leak.ask("thread")
        until = time.monotonic() + DEADLINE
        while f" {fd:#x} " not in pathlib.Path(f"/proc/{thread}/syscall").read_text():
            self.assertLess(time.monotonic(), until, "it never read")
            os.sched_yield()
        return thread

    def test_freeze(self):
        """Of two bystanders one is held, to make the call, or both."""
        for rule, held in [({}, 1), ({"freeze": "all"}, 2)]:
            with self.subTest(rule=rule), Leaky() as leak:
                bystanders = [self.bystander(leak) for _ in range(2)]
                before = [self.switches(thread) for thread in bystanders]
                self.close_all(leak, rule, "--freeze", "one")
                after = [self.switches(thread) for thread in bystanders]
                self.assertEqual(sum(now > then for now, then in zip(after, before)), held)

    def test_max_freeze(self):
        """The less one freeze may take, the more of them it takes."""
        stops = []
        for rule in ({}, {"max_freeze": "1us"}):
            with Leaky(count=600) as leak:
                before = self.switches(leak.pid)
                self.close_all(leak, rule, "--max-freeze", "10s")
                stops.append(self.switches(leak.pid) - before)
        self.assertGreater(stops[1], 2 * stops[0], stops)


class Filters(Policies):
    """Rules that match by what only the machine knows: names, and what filters ask for."""

    def is_denied(self, leak, match, *more, **options):
        self.write({"rules": [{"match": match, "deny": "no"}]})
        report = self.report("clear", "--port", leak.port, "--min-idle", "0", "-n",
                             "--policy", self.path, *more, **options)
        if report["plan"]["steps"]:
            return False
        left = only(report["plan"]["left_alone"])
        self.assertEqual(left["reason"], "denied-by-policy")
        return left["text"].removeprefix("rule 1 of the policy: ")

    def test_filter(self):
        with Leaky() as leak:
            peer = leak.sockets[0]["peer_port"]
            for filter, denied in [
                (f"sport = :{leak.port} and dst 127.0.0.0/8", True),
                (f"dport = :{peer} or dst 10.0.0.0/8", True),
                (f"not dport = :{peer}", False),
                ("state close-wait", True),
                ("state listening", False),
                ("autobound", True),
                ("! autobound", False),
                ("dev lo", False),
                ("dev != lo and dev != nosuch0", True),
                ("fwmark 0", True),
                ("fwmark 1", False),
                ("cgroup /no/such/group", False),
            ]:
                with self.subTest(filter=filter):
                    told = self.is_denied(leak, {"filter": filter})
                    self.assertEqual(told, "no" if denied else False)
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_cgroup(self):
        _, path, enter = self.own_cgroup(f"unwait-test-{os.getpid()}")
        with Leaky(preexec_fn=enter) as inside, Leaky() as outside:
            for leak, denied in [(inside, "no"), (outside, False)]:
                self.assertEqual(self.is_denied(leak, {"filter": f"cgroup {path}"}), denied)

    def test_what_is_not_told_denies(self):
        """A mark, to somebody without the privilege, though the next rule would allow."""

        def without_net_admin():
            LIBC.prctl(24, 12, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_NET_ADMIN

        with Leaky() as leak:
            match = {"filter": "fwmark 1", "port": leak.port}
            told = self.is_denied(leak, match, preexec_fn=without_net_admin)
            self.assertIn("its mark, which is told to root or CAP_NET_ADMIN only", told)
            self.assertFalse(self.is_denied(leak, {"filter": "fwmark 1", "port": leak.port - 1},
                                            preexec_fn=without_net_admin))

    def test_network_namespaces(self):
        """A policy that holds for each namespace, told by its name, its file, or as our own."""
        named = Named()
        self.addCleanup(named.close)
        with Leaky() as here, Leaky(preexec_fn=named.enter) as there:
            for match, in_there in [
                ({"netns": named.name}, True),
                ({"netns": ["unwait-no-such", named.path]}, True),
                ({"netns": f"/proc/{there.pid}/ns/net"}, True),
                ({"netns": "self"}, False),
                ({"netns": "/proc/self/ns/net"}, False),
            ]:
                with self.subTest(match=match):
                    denied = {
                        leak: bool(self.is_denied(leak, match, "--netns", "all"))
                        for leak in (here, there)
                    }
                    self.assertEqual(denied, {there: in_there, here: not in_there})
            for leak in (here, there):
                self.assertFalse(self.is_denied(leak, {"netns": "unwait-no-such"}, "--netns", "all"))
                # What names stand for is looked up where the socket is.
                self.assertTrue(self.is_denied(leak, {"filter": "autobound and dev != lo"},
                                               "--netns", "all"))

    def test_min_idle(self):
        with Leaky() as leak:
            self.assertFalse(self.is_denied(leak, {"min-idle": "1h"}))
            self.assertTrue(self.is_denied(leak, {"min-idle": "0s"}))

    def test_who_may_not_look_is_refused(self):
        """Into the namespace of another's process, that a rule is about."""
        with Leaky(user=12345) as leak:
            self.write({"rules": [{"match": {"netns": "/proc/1/ns/net"}, "deny": "no"}]})
            self.path.parent.chmod(0o755)
            self.path.chmod(0o644)
            result = unwait("clear", "--port", leak.port, "-n", "--policy", self.path,
                            user=12345, group=12345)
            self.assertEqual(result.returncode, REFUSED, result)
            self.assertIn(b"whether its rules match cannot be known", result.stderr)


class Limits(Policies):
    def refusal(self, leak, limits):
        self.write({"limits": limits})
        report = self.clear(leak, "-y", "--max-sockets", "100000", status=REFUSED)
        self.assertEqual(leak.open_fds(), leak.fds)
        return report["plan"]["refusal"]

    def test_limits(self):
        with Leaky(count=3) as leak:
            self.assertIn("the policy's max_sockets of 2", self.refusal(leak, {"max_sockets": 2}))
            told = self.refusal(leak, {"max_sockets_per_process": 2})
            self.assertIn(f"3 sockets of pid {leak.pid} (leaky), more than the policy's", told)
            # The three, and the one that listens.
            self.assertIn("3 of the 4 sockets", self.refusal(leak, {"max_fraction": 0.7}))
            self.write({"limits": {"max_fraction": 0.75, "max_sockets": 3, "max_processes": 1}})
            self.assertEqual(self.clear(leak, "-y")["summary"]["cleared"], 3)

    def test_processes(self):
        with Leaky() as one, Leaky() as two:
            self.write({"limits": {"max_processes": 1}})
            report = self.report("clear", "--port", f"{one.port},{two.port}", "--min-idle", "0",
                                 "--policy", self.path, "-y", status=REFUSED)
            self.assertIn("the policy's max_processes of 1", report["plan"]["refusal"])

    def test_cool_down(self):
        with Leaky(count=2) as leak:
            self.write({"limits": {"cool_down": "1h"}})
            self.clear(leak, "-n")  # a preview heats nothing
            report = self.clear(leak, "-y", "--pid", leak.pid, "--fd", leak.fds[0])
            self.assertEqual(report["summary"]["cleared"], 1)
            self.assertIn("has 1h to cool down", self.denial(leak))
            self.assertEqual(leak.open_fds(), leak.fds[1:])
            mark = only(list(MARKS.glob(f"{leak.pid}-*")))
            os.utime(mark, (1, 1))
            self.assertEqual(self.clear(leak, "-n")["summary"]["planned"], 1)
        with Leaky() as leak:
            self.clear(leak, "-y")
            self.assertFalse(mark.exists(), "the mark of a process that has ended is removed")

    def test_marks_that_others_could_have_written(self):
        with Leaky() as leak:
            self.write({"limits": {"cool_down": "1h"}})
            MARKS.mkdir(mode=0o700, exist_ok=True)
            MARKS.chmod(0o777)
            self.addCleanup(MARKS.chmod, 0o700)
            result = unwait("clear", "--port", leak.port, "--policy", self.path, "-y")
            self.assertEqual(result.returncode, REFUSED, result)
            self.assertIn(b"could have been written by others", result.stderr)


class Files(Policies):
    def refused(self, text):
        self.write(text)
        for arguments in (
            ["policy", "check", self.path],
            ["clear", "--port", "1", "-n", "--policy", self.path],
        ):
            result = self.run_ok(*arguments, status=REFUSED)
            self.assertEqual(result.stdout, b"")
        return result.stderr.decode().replace(str(self.path), "FILE").removeprefix("unwait: ")

    def test_mistakes_have_a_place(self):
        rule = '{"policy_version": 1, "rules": [\n  {"match": {%s}%s}\n]}'
        for text, told in [
            ("", "1:1: syntax error"),
            ("{", "1:1: syntax error"),
            ('{"policy_version": 1,}', "1:22: syntax error"),
            ('{"policy_version": 2}', "1:20: policy_version: is not 1"),
            ("{}", "1:1: has no member 'policy_version'"),
            ("[]", "1:1: a policy is an object"),
            ('{"policy_version": 1, /* a\n\n */ "rule": []}', "3:5: unknown member 'rule'; did you"),
            (rule % ('"port": "80x"', ""), "2:22: rules/0/match/port: '80x' is not a port"),
            (rule % ('"port": [1, "a,b"]', ""), "2:26: rules/0/match/port/1: has a comma in it"),
            (rule % ('"prot": 80', ""), "2:14: unknown member 'prot'; did you mean 'port'?"),
            (rule % ('"process": "("', ""), "2:25: rules/0/match/process: '(' is not a regular"),
            (rule % ('"user": []', ""), "2:22: rules/0/match/user: is empty"),
            (rule % ('"fd": 3', ""), "2:20: rules/0/match/fd: needs a pid"),
            (rule % ('"owned": false', ""), "2:23: rules/0/match/owned: can only be true"),
            (rule % ('"filter": "sport = :80 and sprt = 5"', ""),
             "2:41: rules/0/match/filter: 'sprt' is not a condition; did you mean 'sport'?"),
            # Its place is the one in the file, where characters may be written in other ways.
            (rule % ('"filter": "\\u0073port\\t=\\u0020:80 \\ud83d\\ude00"', ""),
             "2:48: rules/0/match/filter: '\U0001f600' is not a condition"),
            (rule % ('"filter": "( sport = :80"', ""), "2:25: rules/0/match/filter: this parenthesis"),
            (rule % ('"filter": "sport ="', ""), "2:32: rules/0/match/filter: a port is missing"),
            (rule % ('"filter": ""', ""), "2:25: rules/0/match/filter: the expression is empty"),
            (rule % ('"filter": ["sport = :80"]', ""), "2:24: rules/0/match/filter: is not a text"),
            (rule % ('"state": "listening", "filter": "state established"', ""),
             "2:46: rules/0/match/filter: its state words leave no state"),
            (rule % ('"netns": "all"', ""), "2:23: rules/0/match/netns: 'all' are all of them"),
            (rule % ('"netns": ["a", 12]', ""), "2:23: rules/0/match/netns: '12' is a pid"),
            (rule % ('"netns": "net:[5]"', ""), "2:23: rules/0/match/netns: 'net:[5]' is not self"),
            (rule % ('"netns": "a/b"', ""), "2:23: rules/0/match/netns: 'a/b' is not self"),
            (rule % ('"min-idle": 5', ""), "2:26: rules/0/match/min-idle: is not a text"),
            (rule % ('"min_idle": "5s"', ""), "unknown member 'min_idle'; did you mean 'min-idle'?"),
            (rule % ('"cause": "leakd"', ""), "2:23: rules/0/match/cause: 'leakd' is not a cause"),
            (rule % ("", ', "deny": ""'), "2:25: rules/0/deny: gives no reason"),
            (rule % ("", ', "deny": "x", "grace": "1s"'), "rules/0/grace: is about what is done"),
            (rule % ("", ', "actions": ["stop"]'), "2:29: rules/0/actions/0: 'stop' is not an"),
            (rule % ("", ', "max_freeze": "0"'), "rules/0/max_freeze: is no time at all"),
            (rule % ("", ', "deny": "x", "max_freeze": "1us"'), "max_freeze: is about what is"),
            (rule % ("", ', "settle": 5'), "2:27: rules/0/settle: is not a text"),
            ('{"policy_version": 1, "limits": {"max_fraction": 1.5}}', "limits/max_fraction: is not"),
            ('{"policy_version": 1, "limits": {"max_sockets": -1}}', "limits/max_sockets: is not"),
            ('{"policy_version": 1, "windows": [{"from": "25:00", "to": "1:00"}]}', "'25:00' is not"),
            ('{"policy_version": 1, "default": "maybe"}', "default: is not allow or deny"),
            ('{"policy_version": 1, "\u00e4": 1}', "1:23: unknown member"),
        ]:
            with self.subTest(text=text):
                self.assertIn(f"refused: FILE:{told}" if told[0].isdigit() else told,
                              self.refused(text))

    def test_the_example_is_valid(self):
        example = SOURCE / "examples/policy.json"
        VALID.validate(json.loads(without_comments(example.read_text())))
        self.path.write_bytes(example.read_bytes())
        shown = self.run_ok("policy", "check", self.path).stdout.decode()
        self.assertEqual(shown, f"{self.path}: valid, 4 rules; what none of them matches is denied\n")

    def test_the_schema_names_the_selectors(self):
        told = self.run_ok("help", "policy", "explain").stdout.decode()
        selectors = told.split("Selectors")[1].split("\n\n")[0]
        options = set(re.findall(r"(?<![\w-])--([a-z-]+)", selectors))
        members = set(SCHEMA["$defs"]["rule"]["properties"]["match"]["properties"])
        self.assertEqual(members - {"cause", "min-idle"}, options)

    def test_trust(self):
        self.write({})
        self.path.chmod(0o664)
        result = self.run_ok("policy", "check", self.path, status=REFUSED)
        self.assertIn(b"can be written by others", result.stderr)
        self.path.chmod(0o600)
        os.chown(self.path, 12345, -1)
        result = self.run_ok("clear", "--all", "-n", "--policy", self.path, status=REFUSED)
        self.assertIn(b"belongs to uid 12345", result.stderr)
        missing = self.path.with_name("missing")
        self.run_ok("clear", "--all", "-n", "--policy", missing, status=1)

    def test_the_policy_of_the_site(self):
        """/etc/unwait/policy.json, in a mount namespace of our own."""
        with Leaky() as leak:
            self.write({"rules": [{"match": {}, "deny": "by the site"}]})
            script = (
                'mount -t tmpfs none /etc && mkdir /etc/unwait && '
                'cp -p "$1" /etc/unwait/policy.json && exec "$0" clear --port "$2" --min-idle 0 -n'
            )
            result = subprocess.run(
                ["unshare", "--mount", "sh", "-c", script, os.environ["UNWAIT"], self.path,
                 str(leak.port)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            self.assertEqual(result.returncode, 0, result)
            self.assertIn(b"by the site", result.stdout)


class Explain(Policies):
    def test_which_rule_and_why(self):
        with Leaky(b"api") as leak:
            self.write({"rules": [
                {"name": "db", "match": {"process": "^db$", "port": leak.port}, "deny": "no"},
                {"name": "young", "match": {"cause": "not-reading"}, "deny": "no"},
                {"name": "api", "match": {"process": "^api$"}, "actions": ["shutdown", "close"]},
            ]})
            arguments = ["policy", "explain", "--port", leak.port, "--policy", self.path]
            report = self.report(*arguments)
            told = [each["text"] for each in only(report["findings"])["evidence"]]
            self.assertEqual(told, [
                "rule 1 'db': process does not match",
                "rule 2 'young': its cause is leaked",
                "rule 3 'api' allows shutdown and close",
            ])
            self.assertIn("rule 3 'api' allows", self.run_ok(*arguments).stdout.decode())
            self.write({"default": "deny"})
            finding = only(self.report(*arguments)["findings"])
            self.assertEqual(finding["verdict"], "denied-by-policy")

    def test_without_a_policy(self):
        with Leaky() as leak:
            if pathlib.Path("/etc/unwait/policy.json").exists():
                self.skipTest("this host has a policy")
            result = self.run_ok("policy", "explain", "--port", leak.port)
            self.assertIn(b"no policy is in force", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
