// SPDX-License-Identifier: MIT
#include <cerrno>

#include "check_list.hpp"
#include "remedy.hpp"
#include "sentence.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

constexpr std::string_view only_outside =
    "--actions shutdown, which makes the process call nothing";

bool is_refused(const std::optional<Rehearsed>& rehearsed) {
    return rehearsed && !rehearsed->refusal.empty();
}

/// One process, and what was asked of it.
class Examination {
public:
    Examination(const ProcessFacts& facts, const MachineFacts& machine,
                const CheckupRequest& request, const Self& self)
        : facts_(facts),
          machine_(machine),
          self_(self),
          wanted_(wanted_actions(request)),
          list_(Subject::process, facts.pid) {}

    std::vector<Check> run() {
        if (check_existence()) {
            check_identity();
            check_files();
            check_inside();
            check_actions();
        }
        return list_.take();
    }

private:
    bool check_existence();
    void check_identity();
    void check_user();
    void check_files();
    void check_inside();
    void check_filters();
    void check_rehearsal(const Rehearsed& rehearsed);
    [[nodiscard]] std::string remedy_for_memory() const;
    void check_actions();
    [[nodiscard]] std::optional<Denial> obstacle_against(Action action) const;
    [[nodiscard]] std::optional<Denial> obstacle_against_destroy() const;
    [[nodiscard]] std::string promise_of(Action action) const;
    [[nodiscard]] const Process& process() const { return *facts_.process; }

    const ProcessFacts& facts_;
    const MachineFacts& machine_;
    const Self& self_;
    std::vector<Action> wanted_;
    CheckList list_;
};

/// Whether there is something to look at.
bool Examination::check_existence() {
    const auto fail = [this](const std::string& why, const std::string& remedy) {
        list_.add(check_code::process, false, true, why, remedy);
        return false;
    };
    if (!facts_.process) {
        return fail("there is no process with this pid",
                    "look for it by its name: pgrep -a NAME, or unwait list --process NAME");
    }
    if (facts_.is_kernel_thread) {
        return fail("it is a thread of the kernel, and holds no fds", "none is needed");
    }
    if (facts_.leader != facts_.pid) {
        const std::string leader = std::to_string(facts_.leader);
        return fail("it is a thread of pid " + leader, "unwait doctor --pid " + leader);
    }
    if (is_protected(process())) {
        return fail("it is pid 1, which is never touched",
                    "restart the unit whose socket it holds; a socket without another holder can "
                    "be ended by --actions destroy");
    }
    if (process().id.pid == self_.pid) return fail("it is unwait itself", "none is needed");
    if (facts_.threads == 0) {
        return fail("it has exited, and holds nothing any more",
                    "its parent, pid " + std::to_string(process().parent) +
                        ", has yet to notice (wait(2)): mend or restart that");
    }
    std::string what = printable(process().command);
    if (!process().exe.empty()) what += ", runs " + printable(process().exe);
    if (!process().unit.empty()) what += ", unit " + printable(process().unit);
    if (!process().container.empty()) what += ", in container " + printable(process().container);
    list_.tell(check_code::process, what);
    return true;
}

void Examination::check_identity() {
    const bool injects = wants_injection(wanted_);
    if (facts_.is_frozen) {
        list_.add(
            check_code::state, false, injects,
            "frozen by its cgroup: it stays so, and notices a shutdown only when it is thawed",
            "thaw it (docker unpause, systemctl thaw, or 0 into cgroup.freeze); else " +
                std::string(only_outside));
    } else if (facts_.able == 0) {
        list_.add(check_code::state, false, injects,
                  "each of its threads is in uninterruptible sleep, in seccomp's strict mode or "
                  "exiting",
                  "wait until one comes out of it (a hung disk or network file system is the "
                  "usual reason); else " +
                      std::string(only_outside));
    } else if (process().state == 'T') {
        list_.tell(
            check_code::state,
            "stopped by job control: it stays so, and notices a shutdown only after SIGCONT");
    } else if (process().state == 'Z') {
        list_.tell(check_code::state, "its first thread has exited, the others go on");
    } else {
        list_.tell(check_code::state, "alive");
    }
    const bool traced = process().tracer != 0;
    list_.add(check_code::tracer, !traced,
              injects || wants(wanted_, Action::term) || wants(wanted_, Action::kill),
              traced ? "pid " + std::to_string(process().tracer) + " (" +
                           printable(facts_.tracer_command) + ") traces it already"
                     : "nobody traces it",
              "end that tracer, or use --actions shutdown, which traces nobody");
    check_user();
}

void Examination::check_user() {
    const bool needed = wants_files(wanted_);
    const bool is_same = process().uid == machine_.uid;
    const bool is_reached =
        facts_.no_listing.empty() && (facts_.duplicates.works || facts_.memory.works);
    std::string who = printable(process().user) + " (uid " + std::to_string(process().uid) + ")";
    who += is_same ? ", as unwait" : ", unwait runs as " + machine_.user;
    list_.add(check_code::user, is_same || is_reached, needed, who,
              "run unwait as that user or as root");
    const bool is_same_namespace = facts_.same_user_namespace.value_or(false);
    list_.add(check_code::user_namespace, is_same_namespace || is_reached,
              needed && facts_.same_user_namespace.has_value(),
              !facts_.same_user_namespace ? "may not be read"
              : is_same_namespace         ? "the same as that of unwait"
                                          : "another one",
              "run as root in the first user namespace (on the host)");
    if (facts_.dumpable) {
        list_.add(check_code::dumpable, *facts_.dumpable || is_reached, needed,
                  *facts_.dumpable ? "it does not keep its memory from others"
                                   : "it keeps its memory from all but CAP_SYS_PTRACE "
                                     "(PR_SET_DUMPABLE, or a program with privileges)",
                  "run as root or with CAP_SYS_PTRACE");
    } else {
        list_.tell(check_code::dumpable, "a process of root does not show it");
    }
}

void Examination::check_files() {
    list_.add(check_code::network, facts_.no_network.empty(), true,
              facts_.in_own_network       ? "the same as that of unwait"
              : facts_.no_network.empty() ? "another one: --netns " + std::to_string(facts_.pid) +
                                                " or --netns all selects its sockets"
                                          : "another one: " + facts_.no_network,
              "run as root (entering it needs CAP_SYS_ADMIN)");
    const auto denial = explain_denial(machine_, facts_, facts_.duplicates.error);
    list_.add(check_code::fds, facts_.no_listing.empty(), true,
              facts_.no_listing.empty()
                  ? std::to_string(process().fd_count) + " open, and they can be listed"
                  : facts_.no_listing,
              facts_.duplicates.works
                  ? "run as root, or with CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE"
                  : denial.remedy);
    list_.add(check_code::pidfd_getfd, facts_.duplicates.works, wants(wanted_, Action::shutdown),
              facts_.duplicates.works ? "its fds can be duplicated" : denial.why, denial.remedy);
}

void Examination::check_inside() {
    const bool needed = wants_injection(wanted_);
    if (facts_.abi.empty()) {
        list_.tell(check_code::abi, "its program may not be read");
    } else {
        const bool known =
            facts_.abi == "x86-64" || facts_.abi == "i386" || facts_.abi == "aarch64";
        list_.add(check_code::abi, known, needed, facts_.abi, std::string(only_outside));
    }
    list_.add(check_code::threads, facts_.able > 0, needed,
              counted(facts_.threads, "thread", "threads") + ", of which " +
                  std::to_string(facts_.able) + " could make the calls",
              std::string(only_outside));
    check_filters();
    list_.add(check_code::memory, facts_.memory.works, needed,
              facts_.memory.works ? "code can be placed in it" : facts_.memory.why,
              remedy_for_memory());
    if (facts_.close) check_rehearsal(*facts_.close);
    list_.tell(check_code::runtime,
               process().runtime == Runtime::native
                   ? "none that is known to close numbers late"
                   : std::string(word(process().runtime)) +
                         ": auto keeps the number of an fd reserved (replace)");
}

void Examination::check_rehearsal(const Rehearsed& rehearsed) {
    const bool needed = wants_injection(wanted_);
    if (rehearsed.redirects_calls) {
        list_.add(check_code::user_dispatch, !*rehearsed.redirects_calls, needed,
                  *rehearsed.redirects_calls
                      ? "it handles its own system calls (syscall user dispatch)"
                      : "it does not handle its own system calls",
                  std::string(only_outside));
    }
    if (rehearsed.room > 0) {
        list_.tell(check_code::vdso, "room for the code that closes " +
                                         counted(rehearsed.room, "fd", "fds") + " in one go");
    } else if (facts_.memory.works) {
        list_.add(check_code::vdso, false, needed, rehearsed.refusal, std::string(only_outside));
    }
}

std::string Examination::remedy_for_memory() const {
    if (facts_.duplicates.works && facts_.memory.error == EACCES) {
        return "run as that user or as root, or with CAP_DAC_OVERRIDE; else " +
               std::string(only_outside);
    }
    return explain_denial(machine_, facts_, facts_.duplicates.error).remedy;
}

void Examination::check_filters() {
    if (facts_.filtered == 0) {
        return list_.tell(check_code::seccomp, "no thread has a filter");
    }
    const std::string some =
        std::to_string(facts_.filtered) + " of " +
        counted(facts_.threads, "thread has a filter", "threads have a filter");
    const bool was_asked = facts_.close && facts_.replace && facts_.memory.works;
    if (!was_asked || facts_.able == 0) {
        return list_.tell(check_code::seccomp, some + ", which was not looked at");
    }
    const bool closes = facts_.close->refusal.empty();
    const bool replaces = facts_.replace->refusal.empty();
    const bool needed = (!closes && wants(wanted_, Action::close)) ||
                        (!replaces && wants(wanted_, Action::replace));
    const std::string refusal = closes ? facts_.replace->refusal : facts_.close->refusal;
    list_.add(check_code::seccomp, closes && replaces, needed,
              closes && replaces ? some + ", and close, socket, shutdown and dup3 may be called"
                                 : some + ": " + refusal,
              closes ? "--actions shutdown,close" : std::string(only_outside));
}

void Examination::check_actions() {
    for (const Action action : {Action::shutdown, Action::close, Action::replace, Action::destroy,
                                Action::term, Action::kill}) {
        const auto obstacle = obstacle_against(action);
        list_.add(word(action), !obstacle, wants(wanted_, action),
                  obstacle ? obstacle->why : promise_of(action), obstacle ? obstacle->remedy : "");
    }
}

/// What the planner or the runner would say.
std::optional<Denial> Examination::obstacle_against(Action action) const {
    if (action == Action::destroy) return obstacle_against_destroy();
    if (!facts_.no_listing.empty()) {
        return Denial{"which sockets it holds cannot be seen", "see fds, above"};
    }
    const auto& rehearsed = action == Action::replace ? facts_.replace : facts_.close;
    Process asked = process();
    const Denial denial = explain_denial(machine_, facts_, facts_.duplicates.error);
    if (!facts_.duplicates.works) asked.no_duplicates = denial.why;
    if (is_refused(rehearsed)) asked.no_injection = rehearsed->refusal;
    const auto why = obstacle_to(asked, action, self_);
    const bool is_signal = action == Action::term || action == Action::kill;
    if (!why && is_signal && !facts_.no_signal.empty()) {
        return Denial{facts_.no_signal, "run as its user, as root or with CAP_KILL"};
    }
    if (!why) return std::nullopt;
    if (process().tracer != 0 && action != Action::shutdown) {
        return Denial{*why, "see tracer, above"};
    }
    if (is_signal) return Denial{*why, "run unwait from elsewhere, not from below that process"};
    if (action != Action::shutdown && !facts_.memory.works)
        return Denial{*why, "see memory, above"};
    return Denial{*why, facts_.duplicates.works ? std::string(only_outside) : denial.remedy};
}

std::optional<Denial> Examination::obstacle_against_destroy() const {
    if (!facts_.no_network.empty()) {
        return Denial{facts_.no_network, "see network-namespace, above"};
    }
    if (!machine_.destroys.works) {
        return Denial{machine_.destroys.why, "see sock-destroy of the kernel, above"};
    }
    return std::nullopt;
}

std::string Examination::promise_of(Action action) const {
    switch (action) {
        case Action::shutdown:
            return "possible from outside; nothing is stopped";
        case Action::close:
        case Action::replace: {
            const auto& rehearsed = action == Action::close ? facts_.close : facts_.replace;
            return "rehearsed up to the call itself, for which a thread was held for " +
                   format_duration(rehearsed->stopped);
        }
        case Action::destroy:
            return "possible, also without a holder";
        case Action::term:
        case Action::kill:
            return "the signal may be sent";
    }
    return {};
}

}  // namespace

std::vector<Check> check_process(const ProcessFacts& facts, const MachineFacts& machine,
                                 const CheckupRequest& request, const Self& self) {
    return Examination(facts, machine, request, self).run();
}

}  // namespace unwait
