// SPDX-License-Identifier: MIT
// usage: siege COMMAND [ARGUMENT...]
// Runs a command with sockets in CLOSE-WAIT that it does not know of, at numbers that it does not
// use, and all its descendants inherit. Until it ends they are closed and replaced, and threads
// sampled, in one process after the other, every few milliseconds. The command should not notice:
// the exit status is that of the command. What was done is told on standard error.
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "connections.hpp"
#include "file.hpp"
#include "file_identity.hpp"
#include "pidfd.hpp"
#include "proc_text.hpp"
#include "stack.hpp"
#include "surgeon.hpp"
#include "unwait/error.hpp"

namespace {

using namespace unwait;

constexpr int first_number = 200;
constexpr int count = 90;
constexpr int longest_pause_ms = 3;
constexpr int rounds_per_look = 20;  // how long a list of the holders is good for

/// The stuck sockets, and what they were replaced with.
std::set<std::optional<std::uint64_t>> cookies;
std::mt19937 dice;  // the same each time: runs are to be compared
std::map<std::string, unsigned> tally;

/// Of the sockets that are ours to clear.
bool leads_to_ours(const sys::Fd& file) { return cookies.contains(sys::socket_cookie(file.get())); }

void make_sockets() {
    const victim::Server server(victim::Over::v4);
    for (int number = first_number; number < first_number + count; ++number) {
        auto connection = server.establish();
        become_close_wait(connection, victim::Arguments({}));
        victim::must(dup2(connection.fd, number), "dup2");
        victim::shut(connection.fd);
        cookies.insert(sys::socket_cookie(number));
    }
}

sys::PidFd run_command(char** words) {
    const pid_t child = victim::must(fork(), "fork");
    if (child == 0) {
        victim::die_with(getppid());
        execvp(words[0], words);
        victim::fail(words[0]);
    }
    return sys::PidFd::open(child).value();
}

std::optional<ProcessId> identify(pid_t pid) {
    const auto text = sys::read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    const auto stat = text ? sys::parse_stat(*text) : std::nullopt;
    if (!stat) return std::nullopt;
    return ProcessId{pid, stat->start_time};
}

/// Whether any of a few of the numbers is a socket there that we know.
bool is_holder(pid_t pid) {
    const auto process = sys::PidFd::open(pid);
    for (int i = 0; process && i < 3; ++i) {
        const auto file = process->get_fd(first_number + static_cast<int>(dice() % count));
        if (file && leads_to_ours(*file)) return true;
    }
    return false;
}

std::vector<pid_t> find_holders() {
    std::vector<pid_t> holders;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error != std::errc{} || end != name.data() + name.size() || pid == getpid()) continue;
        try {
            if (is_holder(pid)) holders.push_back(pid);
        } catch (const Error&) {
            continue;  // of the kernel, or somebody's who is not to be looked at
        }
    }
    return holders;
}

void clear_one(const ptrace::Patient& patient, int number) {
    const auto process = sys::PidFd::open(patient.id.pid);
    const auto file = process ? process->get_fd(number) : std::nullopt;
    if (!file || !leads_to_ours(*file)) return;
    const bool closes = dice() % 8 == 0;  // there is no second time
    const ptrace::Cut cut{.fd = number, .reference = file->get(), .past = true};
    const auto surgery = ptrace::operate(
        patient, closes ? ptrace::Operation::close : ptrace::Operation::replace, {&cut, 1});
    if (surgery.cuts[0].ending != ptrace::CutEnding::done) return void(++tally["refused"]);
    ++tally[closes ? "closed" : "replaced"];
    const auto placeholder = closes ? std::nullopt : process->get_fd(number);
    if (placeholder) cookies.insert(sys::socket_cookie(placeholder->get()));
}

void trouble(pid_t pid) {
    const auto id = identify(pid);
    if (!id) return;
    const ptrace::Patient patient{.id = *id,
                                  .table = pid,
                                  .sharers = {},
                                  .freeze = dice() % 4 == 0 ? Freeze::one : Freeze::all};
    switch (dice() % 16) {
        case 0:
            static_cast<void>(ptrace::stacks_of(*id, {&pid, 1}));
            ++tally["stacks"];
            break;
        case 1:
            static_cast<void>(ptrace::rehearse(patient, ptrace::Operation::close));
            ++tally["rehearsed"];
            break;
        default:
            clear_one(patient, first_number + static_cast<int>(dice() % count));
    }
}

void besiege(const sys::PidFd& command) {
    std::vector<pid_t> holders;
    for (unsigned round = 0;; ++round) {
        const std::chrono::milliseconds pause{dice() % longest_pause_ms};
        if (command.exited(pause)) return;
        if (round % rounds_per_look == 0) holders = find_holders();
        if (holders.empty()) continue;
        try {
            trouble(holders[dice() % holders.size()]);
        } catch (const Error&) {
            ++tally["ended meanwhile"];
        }
    }
}

int end_of(pid_t child) {
    int status = 0;
    victim::must(waitpid(child, &status, 0), "waitpid");
    constexpr int signalled = 128;  // as shells say it
    return WIFEXITED(status) ? WEXITSTATUS(status) : signalled + WTERMSIG(status);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: siege COMMAND [ARGUMENT...]\n", stderr);
        return 64;
    }
    make_sockets();
    const auto command = run_command(argv + 1);
    besiege(command);
    std::string told = "siege:";
    for (const auto& [what, times] : tally) told += " " + std::to_string(times) + " " + what;
    std::fprintf(stderr, "%s\n", told.c_str());
    return end_of(command.pid());
}
