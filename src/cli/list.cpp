// SPDX-License-Identifier: MIT
#include <algorithm>

#include "commands.hpp"
#include "look.hpp"
#include "printer.hpp"
#include "stop_switch.hpp"
#include "terminal.hpp"
#include "text.hpp"

namespace unwait::cli {

namespace {

/// The verdict is what `clear` would say, so that a limit shows which `list` itself does not have.
void tell_limit(const ListCommand& command, const Report& report, const Talk& talk) {
    if (command.by || command.output.format != Format::table) return;
    if (std::ranges::count(report.findings, Verdict::too_young, &Finding::verdict) == 0) return;
    talk.note("too-young: idle for less than " + format_duration(command.min_idle) +
              ", which clear leaves alone unless --min-idle says less");
}

}  // namespace

ExitStatus list(const ListCommand& command) {
    const StopSwitch stop(command.timeout);
    const Talk talk(command.output);
    const Report& report = look("list", command.selector, command.min_idle, false, talk);
    make_printer(command.output, command.by)->finished(report);
    tell_limit(command, report, talk);
    if (report.findings.empty()) talk.note("no socket matches");
    return ExitStatus::done;
}

}  // namespace unwait::cli
