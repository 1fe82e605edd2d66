# SPDX-License-Identifier: MIT
"""The Ansible role, played by ansible-playbook over ssh on hosts that are namespaces of their own:
network, processes, mounts, name and /etc."""

import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import unittest

from hosts import PYTHON, open_directory, own_network, program
from support import DEADLINE, HERE, SOURCE, UNWAIT, Leaky, TestCase, environment, only

PATIENCE = 5 * DEADLINE

# Becomes a host, whose first process is its sshd.
INSIDE = """
mount --make-rprivate /
mount -t proc proc /proc
hostname "$NAME"
mount -t tmpfs tmpfs /mnt
cp -a /etc /mnt/etc
mount --bind /mnt/etc /etc
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
mount -t tmpfs tmpfs /var/log
rm -rf /etc/unwait
grep -q ^sshd: /etc/passwd || echo sshd:x:74:65534::/run/sshd:/bin/false >>/etc/passwd
sed -i 's/^root:[^:]*:/root:*:/' /etc/shadow
printf '%s\\n' "HostKey $KEYS/host" "AuthorizedKeysFile $KEYS/user.pub" "PidFile none" \
    "UsePAM no" "StrictModes no" "PasswordAuthentication no" "Port 2222" >/run/sshd_config
echo ready
read -r _  # the other end of the network is there
ip link set lo up
ip address add "$ADDRESS/24" dev eth0
ip link set eth0 up
exec "$SSHD" -D -e -f /run/sshd_config
"""


def run(*words, **more):
    subprocess.run(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   timeout=DEADLINE, check=True, **more)


class Host:
    def __init__(self, number, keys):
        self.name = f"web{number}"
        self.address = f"10.9.0.{10 + number}"
        self.process = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--uts", "--fork", "--kill-child",
             "sh", "-ec", INSIDE],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=os.environ | {"NAME": self.name, "ADDRESS": self.address, "KEYS": str(keys),
                              "SSHD": program("sshd")},
        )
        assert self.process.stdout.readline() == b"ready\n", self.process.stderr.read()
        outside = self.process.pid
        self.pid = int(pathlib.Path(f"/proc/{outside}/task/{outside}/children").read_text())
        run("ip", "link", "add", self.name, "type", "veth", "peer", "name", "eth0",
            "netns", self.pid)
        run("ip", "link", "set", self.name, "master", "switch", "up")
        self.process.stdin.write(b"\n")
        self.process.stdin.close()
        seen = b""
        while b"Server listening" not in seen:
            line = self.process.stderr.readline()
            assert line, seen
            seen += line

    def leak(self, **options):
        """A service on this host; its pid is that which it has there."""
        return Leaky(program=["nsenter", "--target", str(self.pid), "--all",
                              PYTHON, str(HERE / "leaky.py")], **options)

    def file(self, path):
        return pathlib.Path(f"/proc/{self.pid}/root{path}")

    def end(self):
        os.kill(self.pid, signal.SIGKILL)  # with it go all that live there
        self.process.wait(DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()


class Role(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keys = open_directory(cls)
        for name in ("host", "user"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", cls.keys / name)
        run("ip", "link", "add", "switch", "type", "bridge")
        run("ip", "address", "add", "10.9.0.1/24", "dev", "switch")
        run("ip", "link", "set", "switch", "up")
        cls.hosts = []
        for number in (1, 2, 3):
            cls.hosts.append(Host(number, cls.keys))
            cls.addClassCleanup(cls.hosts[-1].end)

    def setUp(self):
        self.directory = open_directory(self)
        self.events = self.directory / "events"
        host_key = (self.keys / "host.pub").read_text()
        (self.directory / "known_hosts").write_text(
            "".join(f"[{host.address}]:2222 {host_key}" for host in self.hosts)
        )
        for host in self.hosts:
            shutil.rmtree(host.file("/etc/unwait"), ignore_errors=True)

    def write_inventory(self, role, by_host):
        usual = {
            "ansible_user": "root", "ansible_port": 2222, "ansible_python_interpreter": PYTHON,
            "ansible_remote_tmp": "/run/ansible", "unwait_program": UNWAIT,
            "unwait_min_idle": "0s", "unwait_settle": "100ms",
        }
        hosts = {
            host.name: usual | role | by_host.get(host.name, {}) | {"ansible_host": host.address}
            for host in self.hosts
        }
        (self.directory / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))

    def start(self, *options, by_host=None, **role):
        """ansible-playbook with the role on all hosts."""
        self.write_inventory(role, by_host or {})
        play = {"hosts": "all", "gather_facts": False, "roles": ["unwait"]}
        (self.directory / "play.yml").write_text(json.dumps([play]))
        self.events.write_text("")
        (self.directory / "ansible.cfg").touch()
        environment_of_it = environment(
            HOME=str(self.directory), ANSIBLE_HOME=str(self.directory / "ansible"),
            ANSIBLE_CONFIG=str(self.directory / "ansible.cfg"), ANSIBLE_PIPELINING="1", ANSIBLE_NOCOLOR="1",
            ANSIBLE_SSH_TRANSFER_METHOD="piped",
            ANSIBLE_ROLES_PATH=str(SOURCE / "examples/ansible/roles"),
            ANSIBLE_CALLBACK_PLUGINS=str(pathlib.Path(__file__).parent / "callback"),
            ANSIBLE_CALLBACKS_ENABLED="ansible_events", EVENTS=str(self.events),
            # The masters end with the hosts.
            ANSIBLE_SSH_CONTROL_PATH_DIR=str(self.keys / "masters"),
            ANSIBLE_SSH_ARGS=f"-F none -i {self.keys}/user -o LogLevel=ERROR "
            "-o ControlMaster=auto -o ControlPersist=60s "
            f"-o UserKnownHostsFile={self.directory}/known_hosts -o StrictHostKeyChecking=yes",
        )
        # No pipe: the ssh that stays for the next task would hold it open.
        with open(self.directory / "shown", "w") as shown:
            return subprocess.Popen(
                ["ansible-playbook", "-i", str(self.directory / "hosts.json"), "--forks", "3",
                 *options, str(self.directory / "play.yml")],
                stdin=subprocess.DEVNULL, stdout=shown, stderr=subprocess.STDOUT,
                env=environment_of_it,
            )

    def finish(self, process, status=0):
        """What was shown, and the result of the task that clears, by host."""
        process.wait(PATIENCE)
        shown = (self.directory / "shown").read_text()
        self.assertEqual(process.returncode, status, shown)
        events = [json.loads(line) for line in self.events.read_text().splitlines()]
        cleared = {event["host"]: event for event in events
                   if event["task"].endswith("Clear what is stuck") or event["status"] != "ok"}
        return shown, cleared

    def play(self, *options, status=0, **role):
        return self.finish(self.start(*options, **role), status)

    def policy_for(self, *leaks, **more):
        policy = {"policy_version": 1, "default": "deny", "rules": [
            {"match": {"port": [str(leak.port) for leak in leaks]},
             "actions": ["shutdown", "close", "replace"], **more}]}
        path = self.directory / "policy.json"
        path.write_text(json.dumps(policy))
        return str(path)

    def test_syntax(self):
        run("ansible-playbook", "--syntax-check", "-i", "localhost,",
            SOURCE / "examples/ansible/site.yml", env=environment(HOME=str(self.directory)))

    def test_check_then_do_then_nothing_left(self):
        with self.hosts[0].leak(name=b"api", count=2) as one, self.hosts[1].leak() as two, \
                self.hosts[2].leak() as other:
            role = {"unwait_policy": self.policy_for(one, two),
                    "unwait_select": {"port": [one.port, two.port, other.port]}}
            shown, dry = self.play("--check", "--diff", **role)
            self.assertEqual({host: event["result"]["changed"] for host, event in dry.items()},
                             {"web1": True, "web2": True, "web3": True})
            self.assertRegex(shown, rf"(?m)^-close-wait 127.0.0.1:{one.port} > .* held by "
                                    rf"api\[{one.pid}\] fd {one.fds[0]}: shutdown, replace$")
            self.assertEqual(dry["web1"]["result"]["summary"]["planned"], 2)
            for leak, host in ((one, 0), (two, 1), (other, 2)):
                self.assertEqual(leak.open_fds(), leak.fds)
                self.assertFalse(self.hosts[host].file("/etc/unwait").exists())

            shown, done = self.play("--diff", **role)
            self.assertEqual({host: event["result"]["changed"] for host, event in done.items()},
                             {"web1": True, "web2": True, "web3": False})
            self.assertEqual((one.open_fds(), two.open_fds(), other.open_fds()), ([], [], other.fds))
            outcomes = done["web1"]["result"]["outcomes"]
            self.assertEqual([each["result"] for each in outcomes], ["cleared"] * 2)
            left = only(done["web3"]["result"]["left_alone"])
            self.assertEqual(left["reason"], "denied-by-policy")
            trail = self.hosts[0].file("/var/log/unwait/audit.jsonl").read_text()
            self.assertEqual(json.loads(trail.splitlines()[0])["host"], "web1")

            shown, again = self.play("--diff", **role)
            self.assertRegex(shown, r"(?m)^web1 .* changed=0 .* failed=0")
            self.assertEqual([event["result"]["changed"] for event in again.values()], [False] * 3)

    def test_one_fails_and_the_others_are_done_at_the_same_time(self):
        """Each of two services closes its socket only when both have been told: that can end only
        when both hosts are worked on at once. The third has more than is allowed."""
        with self.hosts[0].leak() as one, self.hosts[1].leak() as two, \
                self.hosts[2].leak(count=3) as many:
            process = self.start(
                unwait_policy=self.policy_for(one, two, many, settle="1h"), unwait_settle="1h",
                unwait_max_sockets=2, unwait_timeout="10m",
                unwait_select={"port": [one.port, two.port, many.port]},
            )
            for leak in (one, two):
                leak.tell("hangup")
            ended = os.pidfd_open(process.pid)
            self.addCleanup(os.close, ended)
            for leak in (one, two):
                ready = select.select([leak.process.stdout, ended], [], [], PATIENCE)[0]
                self.assertEqual(ready, [leak.process.stdout])
                leak.process.stdout.readline()
            for leak in (one, two):
                leak.ask("forget")
            shown, events = self.finish(process, status=2)
            self.assertRegex(shown, r"(?m)^web3 .* failed=1")
            self.assertEqual(events["web3"]["status"], "failed")
            self.assertIn("refused, nothing was done: the plan touches 3 sockets, more than "
                          "--max-sockets 2", events["web3"]["result"]["msg"])
            self.assertEqual(many.open_fds(), many.fds)
            for name in ("web1", "web2"):
                self.assertEqual(events[name]["status"], "ok")
                self.assertTrue(events[name]["result"]["changed"])
            self.assertEqual((one.open_fds(), two.open_fds()), ([], []))

    def test_what_is_wrong_is_told(self):
        """A policy that is none, a selector that is none, a program that is not there."""
        broken = self.directory / "policy.json"
        broken.write_text('{"policy_version": 1, "rules": 7}')
        _, events = self.play(status=2, unwait_select={"port": 0}, by_host={
            "web1": {"unwait_policy": str(broken)},
            "web2": {"unwait_policy": "", "unwait_select": {"prot": 80}},
            "web3": {"unwait_policy": "", "unwait_program": "/nowhere/unwait"},
        })
        self.assertEqual({event["status"] for event in events.values()}, {"failed"})
        self.assertIn("rules: ", events["web1"]["result"]["stderr"])
        self.assertFalse(self.hosts[0].file("/etc/unwait/policy.json").exists())
        self.assertIn("did you mean '--port'", events["web2"]["result"]["msg"])
        self.assertIn("/nowhere/unwait", events["web3"]["result"]["msg"])

    def test_the_example_policy_denies_what_it_does_not_know(self):
        with self.hosts[0].leak() as leak:
            _, events = self.play("--limit", "web1", unwait_select={"port": leak.port})
            left = only(events["web1"]["result"]["left_alone"])
            self.assertEqual(left["reason"], "denied-by-policy")
            installed = self.hosts[0].file("/etc/unwait/policy.json").read_text()
            self.assertEqual(installed, (SOURCE / "examples/policy.json").read_text())


if __name__ == "__main__":
    own_network()
    unittest.main(verbosity=2)
