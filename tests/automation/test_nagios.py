# SPDX-License-Identifier: MIT
"""The definitions for Nagios and NRPE: accepted by Nagios, run by NRPE, and what they say is by the
rules of monitoring plugins."""

import pwd
import re
import shutil
import socket
import subprocess
import unittest

from hosts import open_copy, open_directory, own_network, program
from support import DEADLINE, SOURCE, Leaky, TestCase

OBJECTS = SOURCE / "examples/nagios/unwait.cfg"
NRPE = SOURCE / "examples/nagios/nrpe.cfg"
OK, WARNING, CRITICAL, UNKNOWN = range(4)

# The rest of what Nagios needs.
SITE = """
define timeperiod {
    timeperiod_name 24x7
    alias always
    monday 00:00-24:00
}
define contact {
    contact_name root
    host_notification_period 24x7
    service_notification_period 24x7
    host_notification_commands nobody_is_told
    service_notification_commands nobody_is_told
}
define command {
    command_name nobody_is_told
    command_line /bin/true
}
define host {
    host_name localhost
    address 127.0.0.1
    check_command nobody_is_told
    max_check_attempts 1
    check_period 24x7
    notification_interval 60
    notification_period 24x7
    contacts root
}
"""


class Nagios(TestCase):
    def setUp(self):
        self.directory = open_directory(self)
        self.unwait = str(open_copy(self))

    def assert_by_the_rules(self, text):
        """One line; behind a bar 'label'=value[unit];[warn];[crit];[min];[max], of each label one."""
        self.assertRegex(text, r"\AUNWAIT (OK|WARNING|CRITICAL): [^|\n]+ \| [^|\n]+\n\Z")
        data = text.rstrip("\n").split(" | ")[1].split(" ")
        number = r"-?[0-9]+(\.[0-9]+)?"
        for each in data:
            self.assertRegex(each, rf"\A[^='\s]+={number}(us|ms|s|%|B|c)?;[^;]*;[^;]*;({number})?"
                                   rf"(;({number})?)?\Z")
        labels = [each.split("=")[0] for each in data]
        self.assertEqual(len(labels), len(set(labels)))

    def command_line(self, name, *arguments):
        """As Nagios would run it, but for where the program is."""
        found = re.findall(r"command_name +(\S+)\n +command_line +(.+)", OBJECTS.read_text())
        definitions = dict(found)
        line = definitions[name]
        line = line.replace("--timeout 8s", f"--timeout {DEADLINE}s")  # machines are slow at times
        for number in range(1, 4):
            given = arguments[number - 1] if number <= len(arguments) else ""
            line = line.replace(f"$ARG{number}$", str(given))
        line = line.replace("$HOSTADDRESS$", "127.0.0.1").replace("/usr/sbin/unwait", self.unwait)
        return line.replace("/usr/lib/nagios/plugins/check_nrpe", program("check_nrpe"))

    def test_nagios_accepts_it(self):
        (self.directory / "site.cfg").write_text(SITE)
        (self.directory / "nagios.cfg").write_text(
            f"cfg_file={self.directory}/site.cfg\ncfg_file={OBJECTS}\n"
            "nagios_user=root\nnagios_group=root\nillegal_macro_output_chars=`~$&|'\"<>\n"
            f"log_file={self.directory}/log\ncheck_result_path={self.directory}\n"
            f"lock_file={self.directory}/lock\nobject_cache_file={self.directory}/cache\n"
            f"status_file={self.directory}/status\ntemp_file={self.directory}/temp\n"
            f"temp_path={self.directory}\nstate_retention_file={self.directory}/retention\n"
            f"query_socket={self.directory}/query\ncommand_file={self.directory}/command\n"
        )
        told = subprocess.run(
            [program("nagios4"), "-v", self.directory / "nagios.cfg"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=DEADLINE,
        )
        self.assertEqual(told.returncode, 0, told.stdout)
        self.assertRegex(told.stdout, r"Total Warnings: 0\nTotal Errors: +0\n")
        self.assertIn("Checked 1 services.", told.stdout)

    def test_the_command(self):
        with Leaky(b"api", count=2) as leak:
            for limits, status in [((2, 5), OK), ((1, 5), WARNING), ((0, 1), CRITICAL)]:
                line = self.command_line("check_close_wait", *limits, f"--port {leak.port}")
                told = subprocess.run(["sh", "-c", line], stdout=subprocess.PIPE, text=True)
                self.assertEqual(told.returncode, status, told)
                self.assert_by_the_rules(told.stdout)
            line = self.command_line("check_close_wait", "x", 1)
            told = subprocess.run(["sh", "-c", line], stdout=subprocess.PIPE, text=True)
            self.assertEqual(told.returncode, UNKNOWN)
            self.assertRegex(told.stdout, r"\AUNWAIT UNKNOWN: [^|\n]+\n\Z")

    def ask_nrpe(self, name, *more):
        """What Nagios gets from NRPE, which is started for the one connection as by inetd(8)."""
        text = NRPE.read_text().replace("sudo -n /usr/sbin/unwait", self.unwait)
        text = text.replace("--timeout 8s", f"--timeout {DEADLINE}s")
        for old, new in more:
            text = text.replace(old, new)
        config = self.directory / "nrpe.cfg"
        config.write_text(f"{text}\nallowed_hosts=127.0.0.1\n")
        nobody = pwd.getpwnam("nobody")
        nrpe = shutil.copy(program("nrpe"), open_directory(self))  # where nobody can run it
        with socket.create_server(("127.0.0.1", 5666)) as listener:
            listener.settimeout(DEADLINE)
            line = self.command_line("check_nrpe_close_wait", name)
            line = line.replace("check_nrpe ", "check_nrpe -n ").replace("-t 10", f"-t {DEADLINE}")
            asking = subprocess.Popen(["sh", "-c", line], stdout=subprocess.PIPE, text=True)
            connection, _ = listener.accept()
            with connection:
                answering = subprocess.Popen(
                    [nrpe, "-c", str(config), "-i", "-n"], stdin=connection, stdout=connection,
                    stderr=subprocess.DEVNULL, user=nobody.pw_uid, group=nobody.pw_gid,
                    extra_groups=[],
                )
            told = asking.communicate(timeout=DEADLINE)[0]
            answering.wait(DEADLINE)
        return asking.returncode, told

    def test_nrpe(self):
        commands = re.findall(r"(?m)^command\[(\w+)\]=sudo -n (.*)$", NRPE.read_text())
        allowed = re.findall(r"NOPASSWD: (.*)", NRPE.read_text())
        self.assertEqual([line for _, line in commands], allowed)
        with Leaky(b"api", count=2):
            for name, _ in commands:
                status, told = self.ask_nrpe(name)
                self.assertEqual(status, OK, told)
                self.assert_by_the_rules(told)
            status, told = self.ask_nrpe("check_close_wait", ("-w 20 -c 100", "-w 0 -c 1"))
            self.assertEqual(status, CRITICAL, told)
            self.assertIn("2 sockets", told)


if __name__ == "__main__":
    own_network()
    unittest.main(verbosity=2)
