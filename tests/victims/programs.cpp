// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "scenarios.hpp"

namespace victim {
namespace {

/// Until there is a line to read, this program again, out of one of several threads: every other
/// time out of another than the first. The line is taken, and answered by the next ready line.
[[noreturn]] void become_anew(long execs) {
    const std::string count = "execs=" + std::to_string(execs + 1);
    const auto execute = [&count] {
        execl("/proc/self/exe", "victim", "execs", count.c_str(), nullptr);
        fail("exec of /proc/self/exe");
    };
    for (int i = 0; i < 4; ++i) std::thread([] { pause(); }).detach();
    if (execs % 2 == 0) execute();
    std::thread(execute).join();
    std::abort();
}

/// Numbers that outlive execve(2).
std::vector<int> kept_fds() {
    std::vector<int> fds;
    for (int i = 0; i < 24; ++i) fds.push_back(must(eventfd(0, 0), "eventfd"));
    return fds;
}

/// Holds `fds`. After `exec-often` it executes itself again and again until the next line comes,
/// and then tells how often that was (`execs`).
void execs(Stage& stage, const Arguments& arguments) {
    const long execs = arguments.number("execs", 0);
    if (execs == 1) must(write(STDOUT_FILENO, "0\n", 2), "write");
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (execs > 0 && must(poll(&input, 1, 0), "poll") == 0) become_anew(execs);
    stage.tell("execs", static_cast<std::uint64_t>(execs));
    if (execs > 0) {
        char byte = 0;
        while (must(read(STDIN_FILENO, &byte, 1), "read") == 1 && byte != '\n') continue;
        return;
    }
    stage.tell("fds", kept_fds());
    stage.answer("exec-often", [](const std::string&) -> std::string { become_anew(0); });
}

bool is_traced() {
    const int fd = must(open("/proc/self/status", O_RDONLY | O_CLOEXEC), "open of the status");
    std::array<char, 1024> text{};
    must(read(fd, text.data(), text.size() - 1), "read of the status");
    close(fd);
    return std::strstr(text.data(), "TracerPid:\t0\n") == nullptr;
}

std::atomic<int> current_child{0};

/// A child that has this process's memory until it executes a program: when `is_time`.
template <typename IsTime>
void run_program(const IsTime& is_time) {
    const pid_t parent = getpid();
    const pid_t child = vfork();
    if (child == 0) {
        die_with(parent);
        current_child = getpid();
        while (!is_time()) continue;
        execl("/proc/self/exe", "victim", "nothing", nullptr);
        _exit(1);
    }
    int status = 0;
    must(child, "vfork");
    must(waitpid(child, &status, 0), "waitpid");
    if (status != 0) count_error("program");
}

/// A thread that runs one program after the other, as posix_spawn(3) does: each as soon as its
/// process is traced, with `after=close` when that has lost the first of the `fds` that all
/// inherit. `child` is the latest, and one that does not exit with status 0 is an error.
void runs_programs(Stage& stage, const Arguments& arguments) {
    const auto fds = kept_fds();
    stage.tell("fds", fds);
    const bool waits = arguments.text("after", "tracing") == "close";
    std::thread([=, first = fds.front()] {
        for (;;) {
            run_program([=] { return waits ? fcntl(first, F_GETFD) < 0 : is_traced(); });
        }
    }).detach();
    await([] { return current_child != 0; }, "a child");
    stage.answer("child", [](const std::string&) { return std::to_string(current_child.load()); });
}

/// What such a program is.
void nothing(Stage&, const Arguments&) { _exit(0); }

constexpr std::array table{
    NamedScenario{"execs", execs},
    NamedScenario{"runs-programs", runs_programs},
    NamedScenario{"nothing", nothing},
};

}  // namespace

std::span<const NamedScenario> program_scenarios() { return table; }

}  // namespace victim
