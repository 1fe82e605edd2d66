// SPDX-License-Identifier: MIT
#include "run.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "command.hpp"
#include "commands.hpp"
#include "duties.hpp"
#include "help.hpp"
#include "terminal.hpp"
#include "text.hpp"
#include "unwait/error.hpp"
#include "usage_error.hpp"

namespace unwait::cli {

namespace {

int print(const std::string& text) {
    ResultStream stream;
    stream.write(text);
    stream.flush();
    return static_cast<int>(ExitStatus::done);
}

int number(ExitStatus status) { return static_cast<int>(status); }
int number(PluginStatus status) { return static_cast<int>(status); }

struct Runner {
    int operator()(const ListCommand& command) const { return number(list(command)); }
    int operator()(const ExplainCommand& command) const { return number(explain(command)); }
    int operator()(const ClearCommand& command) const { return number(clear(command)); }
    int operator()(const ApplyCommand& command) const { return number(apply(command)); }
    int operator()(const CheckCommand& command) const { return number(check(command)); }
    int operator()(const DoctorCommand& command) const { return number(doctor(command)); }
    int operator()(const PolicyCheckCommand& command) const {
        return number(check_policy(command));
    }
    int operator()(const PolicyExplainCommand& command) const {
        return number(explain_policy(command));
    }
    int operator()(const HelpCommand& command) const { return print(help_text(command.topic)); }
    int operator()(const VersionCommand&) const { return print("unwait " UNWAIT_VERSION "\n"); }
};

/// Before anything else: threads and helper processes inherit what is left.
int carry_out(const Command& command) {
    keep_privileges_for(duties_of(command));
    return std::visit(Runner{}, command);
}

int run_and_explain(std::span<char* const> arguments) {
    const Talk talk;
    try {
        return carry_out(read_command(arguments));
    } catch (const UsageError& error) {
        talk.tell(error.what());
        for (const std::string& line : error.exhibit()) talk.tell(line);
        talk.tell(error.hint());
        return number(ExitStatus::usage);
    } catch (const Refused& refusal) {
        talk.tell(std::string("refused: ") + refusal.what());
        return number(ExitStatus::refused);
    } catch (const std::exception& error) {
        talk.tell(error.what());
        return number(ExitStatus::trouble);
    }
}

/// Monitoring reads one line of standard output, and knows its own four statuses only.
int check_and_explain(std::span<char* const> arguments) {
    try {
        return carry_out(read_command(arguments));
    } catch (const std::exception& error) {
        std::string what = printable(error.what());
        std::ranges::replace(what, '|', '/');
        try {
            static_cast<void>(print("UNWAIT UNKNOWN: " + what + "\n"));
        } catch (const Error& failure) {
            Talk().tell(failure.what());
        }
        return number(PluginStatus::unknown);
    }
}

/// Without this, a file that is opened later could become standard output. Reads and writes of what
/// was closed go on to fail.
void reserve_standard_fds() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(fd, F_GETFD) >= 0) continue;
        static_cast<void>(::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY));
    }
}

/// A service that starts us may leak its sockets into us: we would be one more holder of them, and
/// the reason why they stay open.
void close_inherited_sockets() {
    std::vector<int> sockets;
    std::error_code unreadable;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", unreadable)) {
        struct stat info {};
        const int fd = std::atoi(entry.path().filename().c_str());
        if (fd > STDERR_FILENO && ::fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode)) {
            sockets.push_back(fd);
        }
    }
    for (const int fd : sockets) ::close(fd);
}

}  // namespace

int run(std::span<char* const> arguments) {
    reserve_standard_fds();
    close_inherited_sockets();
    // A reader that goes away is an error to report, not a reason to die in the middle of a step.
    ::signal(SIGPIPE, SIG_IGN);
    // Nor is a file that may not grow any more (RLIMIT_FSIZE).
    ::signal(SIGXFSZ, SIG_IGN);
    // Who starts us may ignore it, and then nobody is told how a helper process has ended.
    ::signal(SIGCHLD, SIG_DFL);
    const auto words = arguments.subspan(arguments.empty() ? 0 : 1);
    const bool is_check = !words.empty() && std::string_view(words.front()) == "check";
    return is_check ? check_and_explain(words) : run_and_explain(words);
}

}  // namespace unwait::cli
