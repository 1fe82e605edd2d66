# SPDX-License-Identifier: MIT
"""Completion in bash, zsh and fish: the same commands and options as the help, and known values."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from support import DEADLINE, SCHEMA, SOURCE, UNWAIT, Leaky, TestCase

COMPLETIONS = SOURCE / "completions"

BASH = """
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_unwait
printf '%s\\n' "${COMPREPLY[@]}"
"""

# What zsh itself would filter by the word that is being typed is filtered here.
ZSH = """
compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -rl -- "$@"; }
compset() { true; }
_files() { print -rl -- *(N); }
words=("${@:2}") CURRENT=$(($# - 1))
complete_it() { source "$1"; }
complete_it "$1"
"""


class Completion(TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        (self.directory / "unwait").symlink_to(UNWAIT)
        self.environment = os.environ | {
            "PATH": f"{self.directory}:{os.environ['PATH']}",
            "HOME": str(self.directory), "XDG_CONFIG_HOME": str(self.directory),
        }

    def run_shell(self, *arguments):
        result = subprocess.run(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.environment, cwd=self.directory, timeout=DEADLINE, text=True,
        )
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        return result.stdout.splitlines()

    def bash(self, *words):
        told = self.run_shell(
            "bash", "--norc", "-c", BASH, "bash", COMPLETIONS / "unwait.bash", "unwait", *words
        )
        return {word for word in told if word}

    def fish(self, *words):
        line = " ".join(["unwait", *words])
        script = f'source {COMPLETIONS / "unwait.fish"}; complete -C {line!r}'
        return {word.split("\t")[0] for word in self.run_shell("fish", "--no-config", "-c", script)}

    def zsh(self, *words):
        told = self.run_shell(
            "zsh", "-f", "-c", ZSH, "zsh", COMPLETIONS / "_unwait", "unwait", *words
        )
        start, comma, typed = words[-1].rpartition(",")
        return {start + comma + word for word in told if word.startswith(typed) and word}

    def commands(self):
        shown = self.run_ok("help").stdout.decode()
        return re.findall(r"(?m)^  ([a-z]+(?: [a-z]+)?)  ", shown.split("Options of")[0])

    def options(self, command):
        shown = self.run_ok("help", *command.split()).stdout.decode()
        return set(re.findall(r"(?m)^ +(?:-[a-zA-Z], )?(--[a-z-]+)", shown))

    def assert_same_as_the_help(self, ask):
        commands = self.commands()
        self.assertIn("policy check", commands)
        firsts = {command.split()[0] for command in commands}
        self.assertLessEqual(firsts, ask(""))
        self.assertLessEqual(ask(""), firsts | {"--help", "--version"})
        self.assertEqual(ask("policy", ""), {"check", "explain"})
        for command in commands:
            if command != "help":
                with self.subTest(command=command):
                    self.assertEqual(ask(*command.split(), "--"), self.options(command))

    def assert_values(self, ask):
        states = set(SCHEMA["$defs"]["state"]["enum"])
        groups = {"all", "connected", "synchronized", "bucket", "big", "dead"}
        self.assertEqual(ask("list", "--state", ""), states | groups)
        actions = set(SCHEMA["$defs"]["action"]["enum"])
        self.assertEqual(ask("clear", "--actions", ""), actions | {"auto"})
        self.assertEqual(ask("clear", "--actions", "shutdown,cl"), {"shutdown,close"})
        included = ask("clear", "--include", "")
        self.assertEqual(included | {"protected", "denied-by-policy"},
                         set(SCHEMA["$defs"]["reason"]["enum"]))
        with Leaky(b"completed") as leak:
            self.assertIn(str(leak.pid), ask("list", "--pid", ""))
            self.assertEqual(ask("list", "--process", "complet"), {"completed"})
        (self.directory / "plan.json").touch()
        self.assertIn("plan.json", ask("apply", "pl"))
        self.assertIn("plan.json", ask("clear", "--policy", "pl"))

    def test_bash(self):
        self.assert_same_as_the_help(self.bash)
        self.assert_values(self.bash)
        self.assertEqual(self.bash("list", "--color", "=", "n"), {"never"})

    def test_fish(self):
        self.assert_same_as_the_help(self.fish)
        self.assert_values(self.fish)

    def test_zsh(self):
        self.assert_same_as_the_help(self.zsh)
        self.assert_values(self.zsh)


if __name__ == "__main__":
    unittest.main(verbosity=2)
