// SPDX-License-Identifier: MIT
#include "duties.hpp"

#include <algorithm>

namespace unwait::cli {

namespace {

using Duties = std::vector<Duty>;

Duties duties_of_look(const Selector& selector) {
    Duties duties{Duty::read, Duty::look};
    // Of other sockets the kernel tells everybody all there is to know.
    const bool asks_more = !selector.filters.empty() || (selector.states & dead_sockets) != 0;
    if (asks_more) duties.push_back(Duty::ask_net);
    return duties;
}

Duties duties_of_run(const RunOptions& options) {
    Duties duties{Duty::read, Duty::look, Duty::ask_net, Duty::operate};
    if (!options.dry_run) duties.push_back(Duty::hold);
    if (!options.dry_run && options.audit) duties.push_back(Duty::write);
    return duties;
}

bool ends_processes(const Policy& policy) {
    return std::ranges::any_of(policy.actions, [](Action action) {
        return action == Action::term || action == Action::kill;
    });
}

/// Every command is named here: none has duties that nobody has thought of.
struct DutiesOf {
    Duties operator()(const ListCommand& command) const { return duties_of_look(command.selector); }
    Duties operator()(const ExplainCommand& command) const {
        Duties duties = duties_of_look(command.selector);
        duties.push_back(Duty::operate);
        if (command.inquiry.stacks) duties.push_back(Duty::hold);
        return duties;
    }
    Duties operator()(const ClearCommand& command) const {
        Duties duties = duties_of_run(command.run);
        if (!command.run.dry_run && ends_processes(command.policy)) duties.push_back(Duty::signal);
        return duties;
    }
    Duties operator()(const ApplyCommand& command) const {
        Duties duties = duties_of_run(command.run);
        if (!command.run.dry_run) duties.push_back(Duty::signal);
        return duties;
    }
    Duties operator()(const CheckCommand& command) const {
        Duties duties = duties_of_look(command.selector);
        if (command.prom) duties.push_back(Duty::write);
        return duties;
    }
    /// It says what could be done, so nothing may be missing.
    Duties operator()(const DoctorCommand&) const {
        return {Duty::read, Duty::look, Duty::ask_net, Duty::operate, Duty::hold, Duty::signal};
    }
    Duties operator()(const PolicyCheckCommand&) const { return {Duty::read}; }
    Duties operator()(const PolicyExplainCommand& command) const {
        Duties duties = duties_of_look(command.selector);
        duties.insert(duties.end(), {Duty::ask_net, Duty::operate});
        return duties;
    }
    Duties operator()(const HelpCommand&) const { return {}; }
    Duties operator()(const VersionCommand&) const { return {}; }
};

}  // namespace

std::vector<Duty> duties_of(const Command& command) { return std::visit(DutiesOf{}, command); }

}  // namespace unwait::cli
