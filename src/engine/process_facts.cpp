// SPDX-License-Identifier: MIT
#include "process_facts.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "credentials.hpp"
#include "directory.hpp"
#include "file.hpp"
#include "freezer.hpp"
#include "machine.hpp"
#include "networks.hpp"
#include "pidfd.hpp"
#include "process.hpp"
#include "remedy.hpp"
#include "runtime.hpp"
#include "surgeon.hpp"
#include "survey.hpp"
#include "unwait/error.hpp"

namespace unwait {

namespace {

/// A thread by which its fd table can be reached: the first one, unless that has exited.
pid_t survey(ProcessFacts& facts) {
    const ProcessId& id = facts.process->id;
    pid_t table = id.pid;
    for (const auto& thread : ptrace::survey_threads({&id, 1})) {
        if (thread.zombie) continue;
        if (facts.process->state == 'Z' && facts.threads == 0) table = thread.tid;
        ++facts.threads;
        if (ptrace::is_able(thread)) ++facts.able;
        if (thread.may_be_filtered) ++facts.filtered;
    }
    return table;
}

std::string why_not_listed(pid_t table) {
    try {
        const std::string path = "/proc/" + std::to_string(table) + "/fd";
        const auto directory = sys::open_directory(AT_FDCWD, path.c_str());
        std::string first;
        if (directory) {
            sys::for_each_numbered(directory->get(), [&first](const char* name) {
                if (first.empty()) first = name;
            });
        }
        if (!first.empty()) static_cast<void>(sys::read_link(directory->get(), first.c_str()));
        return {};
    } catch (const Error& error) {
        return error.what();
    }
}

Trial try_duplicate(pid_t pid, pid_t table) {
    try {
        const auto process = table == pid ? sys::PidFd::open(pid) : sys::PidFd::open_thread(table);
        if (process) process->check_get_fd();
        return {true, 0, {}};
    } catch (const Error& error) {
        return {false, error.number(), error.what()};
    }
}

Trial try_memory(pid_t table) {
    const std::string path = "/proc/" + std::to_string(table) + "/mem";
    if (const sys::Fd memory(::open(path.c_str(), O_RDWR | O_CLOEXEC)); memory)
        return {true, 0, {}};
    return {false, errno, Error(errno, "open of " + path).what()};
}

std::string why_no_signal(pid_t pid) {
    try {
        const auto process = sys::PidFd::open(pid);
        if (process) process->send_signal(0);
        return {};
    } catch (const Error& error) {
        return error.what();
    }
}

Rehearsed rehearse(const ProcessFacts& facts, pid_t table, ptrace::Operation operation) {
    const auto found =
        ptrace::rehearse({.id = facts.process->id, .table = table, .sharers = {}}, operation);
    return {found.refusal, found.room, found.stopped, found.redirects_calls};
}

void look_at_network(ProcessFacts& facts) {
    const std::uint64_t netns = facts.process->netns;
    facts.in_own_network = netns == 0 || netns == read_machine().netns;
    if (facts.in_own_network) return;
    try {
        std::vector<BlindSpot> none;
        static_cast<void>(Networks().open({{std::to_string(facts.pid)}}, {}, none));
    } catch (const Error& error) {
        facts.no_network = error.what();
    }
}

void look_at_identity(ProcessFacts& facts, const MachineFacts& machine) {
    const std::string pid = std::to_string(facts.pid);
    const Process& process = *facts.process;
    if (const auto tracer = process.tracer != 0 ? proc::read_stat(process.tracer) : std::nullopt) {
        facts.tracer_command = tracer->command;
    }
    facts.abi = proc::architecture_of(facts.pid);
    facts.dumpable = proc::is_dumpable(facts.pid, process.uid);
    const std::string theirs = sys::link_or_empty(AT_FDCWD, "/proc/" + pid + "/ns/user");
    if (!theirs.empty()) {
        facts.same_user_namespace = theirs == sys::link_or_empty(AT_FDCWD, "/proc/self/ns/user");
    }
    if (const auto credentials = proc::read_credentials(pid)) {
        facts.has_more_capabilities = (credentials->permitted & ~machine.capabilities) != 0;
    }
}

}  // namespace

ProcessFacts read_process_facts(pid_t pid, const MachineFacts& machine, const Self& self) {
    ProcessFacts facts;
    facts.pid = pid;
    const auto stat = proc::read_stat(pid);
    facts.process = proc::read_process(pid);
    if (!stat || !facts.process) {
        facts.process.reset();
        return facts;
    }
    if (const auto credentials = proc::read_credentials(std::to_string(pid))) {
        facts.leader = credentials->process;
    }
    facts.is_kernel_thread = stat->is_kernel_thread();
    if (facts.is_kernel_thread || facts.leader != pid || is_protected(*facts.process)) return facts;
    const pid_t table = survey(facts);
    if (facts.threads == 0 || pid == self.pid) return facts;
    if (const auto directory =
            sys::open_directory(AT_FDCWD, ("/proc/" + std::to_string(table)).c_str())) {
        facts.process->runtime = proc::runtime_of(directory->get(), facts.process->exe);
    }
    facts.is_frozen = sys::is_frozen(table);
    look_at_identity(facts, machine);
    look_at_network(facts);
    facts.no_listing = why_not_listed(table);
    facts.duplicates = try_duplicate(pid, table);
    facts.memory = try_memory(table);
    facts.no_signal = why_no_signal(pid);
    if (facts.process->tracer != 0) return facts;
    facts.close = rehearse(facts, table, ptrace::Operation::close);
    facts.replace = rehearse(facts, table, ptrace::Operation::replace);
    return facts;
}

}  // namespace unwait
