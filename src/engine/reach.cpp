// SPDX-License-Identifier: MIT
#include "reach.hpp"

#include <cerrno>
#include <utility>

#include "file_identity.hpp"
#include "process.hpp"
#include "unwait/error.hpp"
#include "yama.hpp"

namespace unwait {

const sys::PidFd* Reach::opened(const ProcessId& id) {
    const std::scoped_lock lock(opening_);
    auto [entry, is_new] = processes_.try_emplace(id);
    auto& held = entry->second;
    if (is_new) {
        held = sys::PidFd::open(id.pid);
        // Opened first, compared afterwards: what compares equal now is what the pidfd holds.
        if (held && proc::read_id(id.pid) != id) held.reset();
    }
    return held ? &*held : nullptr;
}

const sys::PidFd* Reach::process(const ProcessId& id) {
    const sys::PidFd* held = opened(id);
    return held != nullptr && !held->exited() ? held : nullptr;
}

Reached Reach::duplicate(const Holder& holder, const HeldFd& held, const SocketId& socket) {
    const sys::PidFd* process = opened(holder.process->id);
    if (process == nullptr) return {};
    std::optional<sys::PidFd> thread;
    if (held.tid != holder.process->id.pid) {
        thread = sys::PidFd::open_thread(held.tid);
        if (!thread) {
            return {
                Reached::Ending::denied,
                {},
                "thread " + std::to_string(held.tid) +
                    " with an fd table of its own has ended, or the kernel is older than 6.9 and "
                    "cannot reach into it"};
        }
        process = &*thread;
    }
    try {
        auto duplicate = process->get_fd(held.fd);
        if (!duplicate || sys::socket_cookie(duplicate->get()) != socket.cookie) return {};
        return {Reached::Ending::have, std::move(*duplicate), ""};
    } catch (const Error& error) {
        return {Reached::Ending::denied, {}, error.what() + remedy_for_errno(error.number())};
    }
}

Reached Reach::duplicate(const Step& step) {
    Reached none;
    for (const Holder& holder : step.holders) {
        for (const HeldFd& held : holder.fds) {
            auto reached = duplicate(holder, held, step.socket.id);
            if (reached.ending == Reached::Ending::have) return reached;
            if (reached.ending == Reached::Ending::denied) none = std::move(reached);
        }
    }
    return none;
}

std::string remedy_for_errno(int number) {
    switch (number) {
        case EPERM:
        case EACCES:
            if (sys::yama_scope().value_or(0) >= sys::yama_nobody) {
                return ": kernel.yama.ptrace_scope is 3, so that nobody may reach into any process "
                       "before the next boot; until then --actions destroy, term or kill";
            }
            return ": run as root or with CAP_SYS_PTRACE; kernel.yama.ptrace_scope, a tracer that "
                   "is already "
                   "there or a container's seccomp profile may forbid it too";
        case ENOSYS:
            return ": the kernel is too old for it (Linux 5.6), or a seccomp profile hides it";
        case EMFILE:
        case ENFILE:
            return ": raise the limit of open files of unwait";
        default:
            return "";
    }
}

}  // namespace unwait
