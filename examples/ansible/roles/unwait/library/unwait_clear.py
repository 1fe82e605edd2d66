#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""An Ansible module that clears sockets with unwait(8)."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: unwait_clear
short_description: Clear TCP sockets that are stuck in CLOSE_WAIT
description:
  - Runs C(unwait clear) on the host. Nobody is asked; what may be done is limited by the options, and by the
    policy of the host.
  - In check mode it is a dry run. Nothing is left to do for a second run, so that it is idempotent.
  - The diff is the plan, and what of it is still there afterwards.
options:
  select:
    description:
      - Selectors of C(unwait), by the names of its options without dashes in front, such as
        C({unit: api, port: 8080}). A list means any of its members. C({all: true}) takes every socket.
    type: dict
    required: true
  min_idle: {description: Leave alone what is less idle, type: str}
  actions: {description: The ladder of actions; without it unwait decides, type: list, elements: str}
  include: {description: Also clear what would be left alone for these reasons, type: list, elements: str}
  settle: {description: After a shutdown the application has so long to close, type: str}
  max_sockets: {description: Refuse a plan of more sockets, type: int}
  max_processes: {description: Refuse a plan that touches more processes, type: int}
  policy: {description: The policy on the host; /etc/unwait/policy.json if it exists, type: path}
  audit: {description: The audit trail on the host, type: path}
  timeout: {description: Begin nothing new after this time, type: str, default: 2m}
  program: {description: Where unwait is on the host, type: str, default: unwait}
attributes:
  check_mode: {support: full}
  diff_mode: {support: full}
"""

EXAMPLES = r"""
- name: Clear what the API has left open
  unwait_clear:
    select: {unit: api, port: [8080, 8081]}
    min_idle: 5m
    max_sockets: 200
"""

RETURN = r"""
exit_status: {description: That of unwait, returned: always, type: int}
summary: {description: The counts of the run, returned: when there was a plan, type: dict}
steps: {description: What was to be done, returned: when there was a plan, type: list}
left_alone: {description: What was not, with reasons, returned: when there was a plan, type: list}
outcomes: {description: What came of each step, returned: when it was carried out, type: list}
"""

import json

from ansible.module_utils.basic import AnsibleModule

DONE, WORK_TO_DO, PARTLY, REFUSED = 0, 2, 3, 4
WORDS = {
    1: "could not look or work",
    5: "was not consented to",
    64: "was called wrongly",
    124: "was not done in time",
    130: "was interrupted",
}
VALUES = ["min_idle", "settle", "max_sockets", "max_processes", "policy", "audit", "timeout"]


def text_of(value):
    values = value if isinstance(value, list) else [value]
    return ",".join(str(each) for each in values)


def arguments_of(parameters, check_mode):
    arguments = []
    for name, value in sorted(parameters["select"].items()):
        flag = "--" + name.replace("_", "-")
        if value is True:
            arguments.append(flag)
        elif value is not False and value is not None:
            arguments.append(flag + "=" + text_of(value))
    for name in VALUES + ["actions", "include"]:
        # An audit trail is of what is done.
        if parameters[name] is not None and not (check_mode and name == "audit"):
            arguments.append("--" + name.replace("_", "-") + "=" + text_of(parameters[name]))
    return arguments + (["--dry-run", "--detailed-exitcode"] if check_mode else ["--yes"])


def endpoint(end):
    shown = "[%s]" if ":" in end["address"] else "%s"
    return shown % end["address"] + ":%s" % end["port"]


def line_of(part):
    """A socket and its holders, without what differs from one run to the next."""
    socket = part["socket"]
    holders = ", ".join(
        "%s[%d] fd %s" % (holder["command"], holder["pid"],
                          "+".join(str(fd) for fd in holder["fds"]))
        for holder in part.get("holders", [])
    )
    return "%s %s > %s held by %s" % (
        socket["state"], endpoint(socket["local"]), endpoint(socket["peer"]), holders or "nobody")


def diff_of(report):
    steps = report["plan"]["steps"]
    results = dict((each["id"], each["result"]) for each in report.get("outcomes", []))
    before = ["%s: %s" % (line_of(step), ", ".join(step["actions"])) for step in steps]
    after = ["%s: %s" % (line_of(step), results[step["id"]]) for step in steps
             if results.get(step["id"], "cleared") not in ("cleared", "already-gone")]
    return {
        "before_header": "stuck, and what is to be done", "after_header": "still stuck",
        "before": "".join(line + "\n" for line in before),
        "after": "".join(line + "\n" for line in after),
    }


def reason_of(report, errors):
    """Why it was refused, or not all was done: the plan's own words, the outcomes', or what was
    said."""
    refusal = report.get("plan", {}).get("refusal")
    details = [each["detail"] for each in report.get("outcomes", [])
               if each["result"] not in ("cleared", "already-gone") and each.get("detail")]
    said = [line[len("unwait: "):] if line.startswith("unwait: ") else line
            for line in errors.splitlines() if not line.startswith("unwait: not seen: ")]
    return refusal or "; ".join(details) or "; ".join(said)


def main():
    module = AnsibleModule(
        argument_spec={
            "select": {"type": "dict", "required": True},
            "min_idle": {"type": "str"},
            "actions": {"type": "list", "elements": "str"},
            "include": {"type": "list", "elements": "str"},
            "settle": {"type": "str"},
            "max_sockets": {"type": "int"},
            "max_processes": {"type": "int"},
            "policy": {"type": "path"},
            "audit": {"type": "path"},
            "timeout": {"type": "str", "default": "2m"},
            "program": {"type": "str", "default": "unwait"},
        },
        supports_check_mode=True,
    )
    program = module.params["program"]
    if "/" not in program:
        program = module.get_bin_path(program, required=True, opt_dirs=["/usr/local/sbin"])
    command = [program, "clear", "--output=json"]
    command += arguments_of(module.params, module.check_mode)
    status, output, errors = module.run_command(command)
    result = {"exit_status": status, "changed": False}
    try:
        report = json.loads(output)
    except ValueError:  # it came to no plan
        report = {}
    if "plan" in report:
        result.update(
            summary=report["summary"], steps=report["plan"]["steps"],
            left_alone=report["plan"]["left_alone"], outcomes=report.get("outcomes", []),
            diff=diff_of(report),
        )
        result["changed"] = report["summary"]["changed"] or status == WORK_TO_DO
    if status in (DONE, WORK_TO_DO) and "plan" in report:
        module.exit_json(**result)
    if status == REFUSED:
        result["diff"] = {}
        what = "refused, nothing was done"
    elif status == PARTLY:
        summary = report["summary"]
        what = "only %d of %d sockets were cleared" % (summary["cleared"], summary["planned"])
    else:
        what = "unwait " + WORDS.get(status, "ended with status %d" % status)
    module.fail_json(msg="%s: %s" % (what, reason_of(report, errors)), **result)


if __name__ == "__main__":
    main()
