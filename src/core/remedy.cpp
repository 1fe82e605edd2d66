// SPDX-License-Identifier: MIT
#include "remedy.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "sentence.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

bool runs_inside(Action action) { return action == Action::close || action == Action::replace; }
bool is_signal(Action action) { return action == Action::term || action == Action::kill; }

/// Why this cannot or must not be done to this socket, if so.
std::optional<std::string> blocked(const Finding& finding, Action action, const Self& self) {
    const bool is_over = finding.socket.state == TcpState::closed && !finding.holders.empty();
    if (is_over && (action == Action::destroy || action == Action::shutdown)) {
        return "its connection is over already";
    }
    if (action == Action::destroy) {
        return std::nullopt;
    }
    if (finding.holders.empty()) {
        return "no process is known to hold it";
    }
    for (const Holder& holder : finding.holders) {
        if (auto why = obstacle_to(*holder.process, action, self)) {
            return why;
        }
    }
    return std::nullopt;
}

std::optional<std::string> evidence_text(const Finding& finding, std::string_view code) {
    const auto found = std::ranges::find(finding.evidence, code, &Evidence::code);
    return found == finding.evidence.end() ? std::nullopt : std::optional{found->text.str()};
}

std::optional<std::string> sign_of_use(const Holder& holder) {
    for (const HeldFd& held : holder.fds) {
        const std::string fd = "fd " + std::to_string(held.fd) + " of " + named(*holder.process);
        if (held.use.thread_blocked) {
            return "a thread is blocked in a call on " + fd;
        }
        if (held.use.in_epoll) {
            return fd + " is in an epoll set";
        }
        if (held.use.in_io_uring) {
            return fd + " is registered with an io_uring";
        }
        if (held.use.beside_event_loop) {
            return named(*holder.process) + " runs an event loop, which may still know fd " +
                   std::to_string(held.fd);
        }
    }
    if (holder.process->runtime != Runtime::native) {
        return named(*holder.process) + " is a " + std::string{word(holder.process->runtime)} +
               " program, whose objects may close a number late";
    }
    return std::nullopt;
}

/// What shows that the application still knows the number, if anything does.
std::optional<std::string> sign_of_use(const Finding& finding) {
    for (const Holder& holder : finding.holders) {
        if (auto sign = sign_of_use(holder)) {
            return sign;
        }
    }
    return evidence_text(finding, evidence_code::use_unreadable);
}

Remedy automatic(const Finding& finding, const Self& self) {
    const auto no_shutdown = blocked(finding, Action::shutdown, self);
    const auto no_close = blocked(finding, Action::close, self);
    if (no_shutdown && no_close) {
        return {{}, *no_shutdown == *no_close ? *no_shutdown : *no_shutdown + "; " + *no_close};
    }
    if (no_close) {
        return {{Action::shutdown},
                *no_close + ", so that only a shutdown from outside is possible"};
    }
    const auto sign = sign_of_use(finding);
    Remedy remedy{{sign ? Action::replace : Action::close},
                  sign ? *sign + ", so that its number stays reserved"
                       : "nothing shows that the application still knows the fd's number"};
    if (no_shutdown) {
        remedy.reason += "; no shutdown before it: " + *no_shutdown;
    } else {
        remedy.actions.insert(remedy.actions.begin(), Action::shutdown);
    }
    return remedy;
}

Remedy as_named(const Finding& finding, const Policy& policy, const Self& self) {
    std::vector<Action> wanted = policy.actions;
    std::ranges::sort(wanted);
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    Remedy remedy;
    std::string left_out;
    for (const Action action : wanted) {
        if (const auto why = blocked(finding, action, self)) {
            left_out += (left_out.empty() ? "" : "; ") + std::string{word(action)} +
                        " is left out: " + *why;
        } else {
            remedy.actions.push_back(action);
        }
    }
    remedy.reason = remedy.actions.empty() ? left_out
                    : left_out.empty()     ? "named by --actions"
                                           : "named by --actions; " + left_out;
    return remedy;
}

}  // namespace

bool is_protected(const Process& process) { return process.id.pid == 1; }

std::optional<std::string> obstacle_to(const Process& process, Action action, const Self& self) {
    if (action == Action::shutdown && !process.no_duplicates.empty()) {
        return process.no_duplicates;
    }
    if (runs_inside(action) && !process.no_injection.empty()) {
        return process.no_injection;
    }
    if (!runs_inside(action) && !is_signal(action)) {
        return std::nullopt;
    }
    if (process.id.pid == self.pid) {
        return "unwait itself holds it";
    }
    if (process.tracer != 0) {
        return named(process) + " is already traced by pid " + std::to_string(process.tracer);
    }
    const bool is_ancestor =
        std::ranges::find(self.ancestors, process.id.pid) != self.ancestors.end();
    if (is_signal(action) && is_ancestor) {
        return named(process) + " is an ancestor of unwait";
    }
    return std::nullopt;
}

std::string protection_of(const Finding& finding, const Self& self) {
    const auto& own = self.own_connections;
    if (std::ranges::find(own, finding.socket.id.cookie) != own.end()) {
        return "it carries the session that unwait runs in";
    }
    for (const Holder& holder : finding.holders) {
        if (is_protected(*holder.process)) {
            return named(*holder.process) + " holds it, and pid 1 is never touched";
        }
    }
    return {};
}

Remedy remedy_for(const Finding& finding, const Policy& policy, const Self& self) {
    Remedy remedy =
        policy.actions.empty() ? automatic(finding, self) : as_named(finding, policy, self);
    const auto unreadable = evidence_text(finding, evidence_code::others_unreadable);
    if (unreadable && std::ranges::any_of(remedy.actions, runs_inside)) {
        remedy.reason +=
            "; the connection stays while another process holds it, and " + *unreadable;
    }
    return remedy;
}

}  // namespace unwait
