// SPDX-License-Identifier: MIT
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "check_up.hpp"
#include "commands.hpp"
#include "machine.hpp"
#include "printer.hpp"
#include "sentence.hpp"
#include "stop_switch.hpp"
#include "terminal.hpp"
#include "views.hpp"

namespace unwait::cli {

namespace {

Report report_of(std::vector<Check> checks) {
    Machine machine = read_machine();
    Report report;
    report.command = "doctor";
    report.taken_at = std::chrono::system_clock::now();
    report.boot_id = std::move(machine.boot_id);
    report.host = std::move(machine.host);
    report.networks = {{.inode = machine.netns, .is_own = true}};
    report.checks = std::move(checks);
    return report;
}

std::string conclusion_of(const std::vector<Check>& checks) {
    std::vector<std::string> failing;
    for (const Check& check : checks) {
        if (check.works || !check.needed) continue;
        failing.push_back(subject_text(check) + " " + std::string(check.code));
    }
    return failing.empty() ? "all that is needed works"
                           : "needed, and does not work: " + enumerated(failing);
}

}  // namespace

ExitStatus doctor(const DoctorCommand& command) {
    const StopSwitch stop(command.timeout);
    const Talk talk(command.output);
    const Report report = report_of(check_up(command.request));
    make_printer(command.output)->finished(report);
    talk.note(conclusion_of(*report.checks));
    return all_needed_work(*report.checks) ? ExitStatus::done : ExitStatus::refused;
}

}  // namespace unwait::cli
