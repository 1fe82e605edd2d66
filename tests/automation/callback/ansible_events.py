# SPDX-License-Identifier: MIT
"""A callback plugin for ansible-playbook: each result as a line of JSON in the file EVENTS."""

import json
import os

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "ansible_events"

    def write(self, status, result):
        event = {"host": result._host.name, "task": result._task.get_name(), "status": status,
                 "result": result._result}
        with open(os.environ["EVENTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    def v2_runner_on_ok(self, result):
        self.write("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.write("failed", result)

    def v2_runner_on_unreachable(self, result):
        self.write("unreachable", result)
