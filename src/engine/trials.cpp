// SPDX-License-Identifier: MIT
#include "trials.hpp"

#include <sched.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "file_identity.hpp"
#include "own_connection.hpp"
#include "own_patient.hpp"
#include "pidfd.hpp"
#include "sock_diag.hpp"
#include "surgeon.hpp"
#include "text.hpp"
#include "unwait/error.hpp"

namespace unwait {

namespace {

Trial failed(const Error& error) { return {false, error.number(), error.what()}; }

/// What was tried, or the Error that it ended with.
template <typename Attempt>
Trial attempted(Attempt&& attempt) {
    try {
        return attempt();
    } catch (const Error& error) {
        return failed(error);
    }
}

void try_sockets(MachineFacts& facts) {
    facts.lists = attempted([] {
        static_cast<void>(
            netlink::SockDiag::open().dump({.states = mask_of(TcpState::close_wait)}));
        return Trial{true, 0, "the kernel tells of its TCP sockets"};
    });
    facts.destroys = attempted([] {
        const OwnConnection connection;
        auto diag = netlink::SockDiag::open();
        const auto socket = connection.find(diag);
        if (!socket) return Trial{false, 0, "not tried: a connection of our own was not listed"};
        using netlink::Destroyed;
        switch (diag.destroy(*socket)) {
            case Destroyed::done:
                if (diag.get(*socket)) break;
                return Trial{true, 0, "a connection of our own on loopback was ended by it"};
            case Destroyed::not_permitted:
                return Trial{false, EPERM, "SOCK_DESTROY is not permitted"};
            case Destroyed::unsupported:
                return Trial{false, EOPNOTSUPP, "the kernel has no SOCK_DESTROY"};
            case Destroyed::gone:
                break;
        }
        return Trial{false, 0, "SOCK_DESTROY had no effect on a connection of our own"};
    });
}

Trial try_duplicate(const OwnPatient& patient) {
    const auto process = sys::PidFd::open(patient.id().pid);
    const auto duplicate = process ? process->get_fd(patient.fd()) : std::nullopt;
    if (!duplicate || sys::same_file(::getpid(), duplicate->get(), patient.fd()) == sys::Same::no) {
        return {false, 0, "pidfd_getfd(2) gave another file"};
    }
    return {true, 0, "an fd of a process of our own was duplicated"};
}

Trial try_compare(const OwnPatient& patient) {
    errno = 0;
    if (sys::same_file(patient.id().pid, patient.fd(), patient.fd()) == sys::Same::yes) {
        return {true, 0, "an fd of a process of our own was compared with ours"};
    }
    const int error = errno;
    return {false, error, std::string("kcmp: ") + std::strerror(error)};
}

/// Carried out as it is on others. A busy machine may have no processor for the patient at first.
Trial try_operation(const OwnPatient& patient, ptrace::Operation operation,
                    const std::string& whom) {
    constexpr int attempts = 5;
    const ptrace::Patient subject{.id = patient.id(), .table = patient.id().pid, .sharers = {}};
    const ptrace::Cut cut{.fd = patient.fd(),
                          .reference = patient.fd(),
                          .inode = sys::inode_of(patient.fd()),
                          .close_on_exec = true};
    std::string refusal;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        const auto surgery = ptrace::operate(subject, operation, {&cut, 1});
        if (surgery.cuts.front().ending == ptrace::CutEnding::done) {
            return {true, 0,
                    "carried out in " + whom + ", held for " +
                        format_duration(surgery.cuts.front().stopped)};
        }
        refusal = surgery.refusal;
    }
    return {false, 0, refusal};
}

void try_processes(MachineFacts& facts) {
    facts.opens = attempted([] {
        const bool opened = sys::PidFd::open(::getpid()).has_value();
        return Trial{opened, 0, opened ? "processes can be held on to" : "it gave nothing"};
    });
    const auto on_patient = [](bool filtered, auto&& attempt) {
        return attempted([&] { return attempt(OwnPatient(filtered)); });
    };
    facts.duplicates = on_patient(false, try_duplicate);
    facts.compares = on_patient(false, try_compare);
    const auto operation = [](ptrace::Operation what, const char* whom) {
        return [=](const OwnPatient& patient) { return try_operation(patient, what, whom); };
    };
    const auto own = "a process of our own";
    facts.closes = on_patient(false, operation(ptrace::Operation::close, own));
    facts.replaces = on_patient(false, operation(ptrace::Operation::replace, own));
    facts.closes_filtered = on_patient(
        true,
        operation(ptrace::Operation::close, "a process of our own that has a seccomp filter"));
    on_patient(false, [&facts](const OwnPatient& patient) {
        const auto rehearsal =
            ptrace::rehearse({.id = patient.id(), .table = patient.id().pid, .sharers = {}},
                             ptrace::Operation::close);
        facts.tells_sequences = rehearsal.tells_sequences;
        facts.tells_dispatch = rehearsal.tells_dispatch;
        return Trial{};
    });
}

/// In a thread of its own, as it stays with who asks for it.
Trial try_realtime() {
    int error = 0;
    std::thread([&error] {
        sched_param priority{};
        priority.sched_priority = 1;
        if (::sched_setscheduler(0, SCHED_FIFO, &priority) != 0) error = errno;
    }).join();
    if (error == 0) return {true, 0, "SCHED_FIFO is permitted"};
    return {false, error, std::string("SCHED_FIFO: ") + std::strerror(error)};
}

}  // namespace

void try_everything(MachineFacts& facts) {
    try_sockets(facts);
    try_processes(facts);
    facts.realtime = try_realtime();
}

}  // namespace unwait
