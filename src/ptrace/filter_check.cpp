// SPDX-License-Identifier: MIT
#include "filter_check.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "file.hpp"
#include "proc_text.hpp"
#include "surgeon_limits.hpp"
#include "text_scan.hpp"
#include "unwait/error.hpp"

namespace unwait::ptrace {

namespace {

std::string consequence_of(std::uint32_t returned) {
    switch (returned & SECCOMP_RET_ACTION_FULL) {
        case SECCOMP_RET_KILL_THREAD:
            return "would kill the thread";
        case SECCOMP_RET_TRAP:
            return "would send it SIGSYS";
        case SECCOMP_RET_ERRNO:
            return "forbids it";
        case SECCOMP_RET_USER_NOTIF:
        case SECCOMP_RET_TRACE:
            return "leaves it to a supervisor";
        default:
            return "would kill the process";
    }
}

std::string seccomp_of(pid_t tid) { return "the seccomp filter of thread " + std::to_string(tid); }

}  // namespace

void FilterCheck::expect_unfiltered(const SurveyedThread& thread) {
    const std::string path = "/proc/" + std::to_string(thread.process) + "/task/" +
                             std::to_string(thread.tid) + "/status";
    status_ = sys::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!status_) throw Error(errno, "open of " + path);
}

std::vector<NamedCall> calls_of_blob(Operation operation, std::uintptr_t blob,
                                     const arch::Registers& registers, const Cut* cut) {
    constexpr std::optional<std::uint64_t> any;
    const auto calls = arch::blob_calls(operation, registers);
    const auto named = [&](const char* name, const arch::BlobCalls::Call& call,
                           std::initializer_list<std::optional<std::uint64_t>> arguments) {
        return NamedCall{
            name, seccomp::make_call(calls.architecture, call.number, blob + call.end, arguments)};
    };
    const auto fd = cut == nullptr ? any : std::optional<std::uint64_t>(cut->fd);
    if (operation == Operation::close) return {named("close", calls.cut, {fd})};
    const auto flags = cut == nullptr ? any : cut->close_on_exec ? O_CLOEXEC : 0;
    // The placeholder's number may be any, or an error number if it could not be made.
    return {named("socket", calls.socket, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}),
            named("shutdown", calls.shutdown, {any, SHUT_RDWR}),
            named("dup3", calls.cut, {any, fd, flags}), named("close", calls.last, {any})};
}

std::string FilterCheck::objection(pid_t tid, const arch::Registers& registers) {
    // What a filter says of any fd it says of each; few look at them.
    auto problem = objection_to(calls_of_blob(operation_, blob_, registers, nullptr), tid);
    for (std::size_t i = 0; i < cuts_.size() && (i == 0 || problem.empty()); ++i) {
        if (i == 0 && problem.empty()) break;
        problem = objection_to(calls_of_blob(operation_, blob_, registers, &cuts_[i]), tid);
    }
    if (problem.empty()) accepted_ = chain_.size();
    return problem;
}

std::string FilterCheck::objection_to(std::span<const NamedCall> calls, pid_t tid) {
    for (const auto& [name, call] : calls) {
        const auto returned = chain_.answer(call, evaluator_);
        if (seccomp::lets_pass(returned)) continue;
        return seccomp_of(tid) + " stands against " + name + "(): it " + consequence_of(returned) +
               std::string(refusal::advice);
    }
    return {};
}

bool FilterCheck::may_read() {
    const std::string status = sys::text_or_empty(AT_FDCWD, "/proc/self/status");
    const auto effective = sys::status_field(status, "CapEff").value_or("");
    const auto capabilities = sys::to_number<std::uint64_t>(effective, 16).value_or(0);
    return (capabilities >> CAP_SYS_ADMIN & 1) != 0 &&
           sys::status_field(status, "Seccomp").value_or("0") == "0";
}

std::string FilterCheck::unreadable(pid_t tid, int error) {
    const auto because = [&](const char* reason) {
        return seccomp_of(tid) + " cannot be read: " + reason + std::string(refusal::advice);
    };
    switch (error) {
        case EACCES:
        case EPERM:
            return because(
                "that takes root with CAP_SYS_ADMIN outside of any container and seccomp filter");
        case EINVAL:
        case EIO:
            return because("the kernel lacks CONFIG_CHECKPOINT_RESTORE");
        case E2BIG:
            return because("it consists of too many programs");
        default:
            return because("it is of a kind that is not known");
    }
}

bool FilterCheck::is_unchanged(pid_t tid, const arch::Registers& registers) const noexcept {
    if (accepted_ > 0) return seccomp::filter_size(tid, accepted_) == -ENOENT;
    const long first = seccomp::filter_size(tid, 0);
    if (first >= 0) return false;
    // EINVAL: no filter, unless the kernel cannot tell at all or it is strict mode.
    if (first == -EINVAL && !arch::may_be_strict(registers)) return true;
    std::array<char, 4096> text;
    const ssize_t size = ::pread(status_.get(), text.data(), text.size(), 0);
    if (size <= 0) return false;
    const std::string_view status(text.data(), static_cast<std::size_t>(size));
    return status.find("\nSeccomp:") == std::string_view::npos ||
           status.find("\nSeccomp:\t0\n") != std::string_view::npos;
}

bool FilterCheck::guard_restart(const SurveyedThread& thread, arch::Registers& registers) noexcept {
    const auto call = arch::restart_call(thread.tid, registers);
    if (!call) return true;
    const int error = chain_.read(thread.tid);
    if (error == 0 && seccomp::lets_pass(chain_.answer(*call, evaluator_))) return true;
    if (error != 0 && !thread.may_be_filtered) return true;
    return arch::repeat_whole_call(thread.tid, registers);
}

}  // namespace unwait::ptrace
