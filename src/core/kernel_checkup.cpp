// SPDX-License-Identifier: MIT
#include <cerrno>

#include "check_list.hpp"
#include "text.hpp"

namespace unwait {
namespace {

/// "6.1.0-21-amd64" → 6, 1.
std::pair<std::uint64_t, std::uint64_t> version_of(std::string_view release) {
    const auto number = [&release] {
        const std::size_t end = std::min(release.find_first_not_of("0123456789"), release.size());
        const auto value = parse_number(release.substr(0, end));
        release.remove_prefix(std::min(end + 1, release.size()));
        return value.value_or(0);
    };
    const auto major = number();
    return {major, number()};
}

constexpr std::string_view outside_of_filters =
    "run unwait outside of the container, or let its seccomp profile allow the call "
    "(docker run --security-opt seccomp=unconfined, or --cap-add SYS_PTRACE)";

std::string remedy_for_destroy(const MachineFacts& facts) {
    switch (facts.destroys.error) {
        case EOPNOTSUPP:
            return "a kernel with CONFIG_INET_DIAG_DESTROY=y; until then --actions shutdown,close";
        case EPERM:
            return "run as root or with CAP_NET_ADMIN in the user namespace of this network "
                   "namespace (--cap-add NET_ADMIN in a container)";
        default:
            return "see that loopback is up (ip link set lo up) and that no firewall is on it";
    }
}

std::string remedy_for_duplicates(const MachineFacts& facts) {
    if (facts.duplicates.error == ENOSYS) {
        return "Linux 5.6 or later, or a seccomp profile that does not hide the call; without it "
               "--actions close";
    }
    if (facts.yama.value_or(0) > 1) return "see yama, below";
    return std::string(outside_of_filters);
}

std::string remedy_for_injection(const MachineFacts& facts) {
    if (facts.filters != 0) {
        return "run unwait where no seccomp filter is on it: outside of the container, or with "
               "--security-opt seccomp=unconfined; else --actions shutdown";
    }
    if (facts.yama.value_or(0) > 1) return "see yama, below; else --actions shutdown";
    return "--actions shutdown, which makes the process call nothing";
}

std::string remedy_for_filters(const MachineFacts& facts) {
    constexpr int cap_sys_admin = 21;
    const std::string else_shutdown = "; else --actions shutdown for those that have one";
    if (facts.filters != 0) return "run unwait without a filter of its own" + else_shutdown;
    if (!facts.may(cap_sys_admin) || !facts.in_first_user_namespace) {
        return "run as root on the host, or with CAP_SYS_ADMIN there" + else_shutdown;
    }
    return "a kernel with CONFIG_CHECKPOINT_RESTORE" + else_shutdown;
}

}  // namespace

std::vector<Check> check_kernel(const MachineFacts& facts, const CheckupRequest& request) {
    const auto wanted = wanted_actions(request);
    // What is asked about a process is tried on that process.
    const bool in_general = request.pids.empty();
    CheckList checks(Subject::kernel);
    constexpr std::pair<std::uint64_t, std::uint64_t> oldest{5, 3};
    checks.add(check_code::version, version_of(facts.release) >= oldest, true,
               "Linux " + facts.release + " on " + facts.hardware, "Linux 5.3 or later");
    checks.add(check_code::sock_diag, facts.lists.works, true, facts.lists.why,
               "modprobe tcp_diag, or let the sandbox open AF_NETLINK sockets");
    checks.add(check_code::sock_destroy, facts.destroys.works, wants(wanted, Action::destroy),
               facts.destroys.why, remedy_for_destroy(facts));
    checks.add(check_code::pidfd_open, facts.opens.works, true, facts.opens.why,
               "Linux 5.3 or later, or a seccomp profile that does not hide the call");
    checks.add(check_code::pidfd_getfd, facts.duplicates.works,
               in_general && wants(wanted, Action::shutdown), facts.duplicates.why,
               remedy_for_duplicates(facts));
    checks.add(check_code::kcmp, facts.compares.works, false, facts.compares.why,
               facts.compares.error == ENOSYS
                   ? "a kernel with CONFIG_KCMP; until then a file is told by its inode"
                   : std::string(outside_of_filters));
    checks.add(check_code::inject_close, facts.closes.works,
               in_general && wants(wanted, Action::close), facts.closes.why,
               remedy_for_injection(facts));
    checks.add(check_code::inject_replace, facts.replaces.works,
               in_general && wants(wanted, Action::replace), facts.replaces.why,
               remedy_for_injection(facts));
    checks.add(check_code::read_filters, facts.closes_filtered.works, false,
               facts.closes_filtered.why, remedy_for_filters(facts));
    checks.add(check_code::rseq, facts.tells_sequences, false,
               facts.tells_sequences
                   ? "the restartable sequences of a thread can be told and are kept intact"
                   : "the restartable sequences of a thread cannot be told",
               "Linux 5.13 or later; until then a thread that sleeps in a call is preferred");
    checks.add(check_code::user_dispatch, facts.tells_dispatch, false,
               facts.tells_dispatch ? "a process that handles its own system calls is recognised"
                                    : "a process that handles its own system calls (Wine) is not "
                                      "recognised",
               "Linux 6.4 or later; until then --actions shutdown for such a process");
    checks.add(
        check_code::btf, facts.describes_types, false,
        facts.describes_types ? "the kernel describes its types" : "no /sys/kernel/btf/vmlinux",
        "a kernel with CONFIG_DEBUG_INFO_BTF; only the BPF finder needs it");
    checks.add(check_code::bpf_finder, facts.no_finder.empty(), false,
               facts.no_finder.empty() ? "holders are found in one pass through the kernel"
                                       : facts.no_finder,
               "none is needed: holders are found through /proc, which takes longer");
    checks.add(check_code::system_log, facts.has_journal, false,
               facts.has_journal ? "audit records go to the journal too" : "no journal listens",
               "none is needed: what a run does goes to syslog, and to --audit FILE");
    return checks.take();
}

}  // namespace unwait
