// SPDX-License-Identifier: MIT
#include "commands.hpp"
#include "look.hpp"
#include "printer.hpp"
#include "stop_switch.hpp"
#include "terminal.hpp"

namespace unwait::cli {

ExitStatus list(const ListCommand& command) {
    const StopSwitch stop(command.timeout);
    const Talk talk(command.output);
    const Report report = look("list", command.selector, command.min_idle, false, talk);
    make_printer(command.output, command.by)->finished(report);
    if (report.findings.empty()) talk.note("no socket matches");
    return ExitStatus::done;
}

}  // namespace unwait::cli
