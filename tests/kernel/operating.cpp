// SPDX-License-Identifier: MIT
#include "operating.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "cut_check.hpp"
#include "hitting.hpp"
#include "pidfd.hpp"

namespace unwait::test {

namespace {

/// The fields of /proc/PID/stat behind the command, from field 3 on.
std::istringstream stat_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    return std::istringstream(text.substr(text.rfind(')') + 2));
}

/// Also where one that waited in vain has left a thread in a blob, which it then goes through
/// alone.
bool lacks_processor(const std::string& refusal) {
    return std::ranges::any_of(
        std::array{"no processor for it", "busy in its own code",
                   "in code that a killed unwait has left"},
        [&refusal](const char* words) { return refusal.find(words) != std::string::npos; });
}

}  // namespace

Cuts::Cuts(const Victim& victim, const std::vector<std::uint64_t>& fds) {
    const auto pidfd = sys::PidFd::open(victim.pid());
    for (const auto number : fds) {
        const int fd = static_cast<int>(number);
        references.push_back(pidfd->get_fd(fd).value());
        cuts.push_back({.fd = fd, .reference = references.back().get(), .close_on_exec = true});
    }
}

std::vector<std::uint64_t> open_files(Victim& victim, int count) {
    std::vector<std::uint64_t> fds;
    for (int i = 0; i < count; ++i) fds.push_back(victim.ask_number("open /dev/null"));
    return fds;
}

ProcessId process_id(pid_t pid) {
    auto fields = stat_of(pid);
    std::string start_time;
    for (int field = 3; field <= 22; ++field) fields >> start_time;
    return {pid, std::stoull(start_time)};
}

ptrace::Patient patient_of(const Victim& victim, Freeze freeze) {
    return {.id = process_id(victim.pid()), .table = victim.pid(), .sharers = {}, .freeze = freeze};
}

ptrace::Surgery operate_patiently(const ptrace::Patient& patient, ptrace::Operation operation,
                                  std::span<const ptrace::Cut> cuts) {
    constexpr int attempts = 20;
    ptrace::Surgery whole{std::vector<ptrace::CutResult>(cuts.size()), ""};
    std::vector<bool> was_there;
    for (const auto& cut : cuts) {
        was_there.push_back(ptrace::leads_to_file(patient.table, cut) == sys::Same::yes);
    }
    for (int attempt = 0; attempt < attempts; ++attempt) {
        std::vector<ptrace::Cut> left;
        std::vector<std::size_t> indexes;
        for (std::size_t i = 0; i < cuts.size(); ++i) {
            if (whole.cuts[i].ending != ptrace::CutEnding::untouched) continue;
            left.push_back(cuts[i]);
            indexes.push_back(i);
        }
        const auto surgery = ptrace::operate(patient, operation, left);
        for (std::size_t i = 0; i < left.size(); ++i) {
            auto& result = whole.cuts[indexes[i]] = surgery.cuts[i];
            // What was begun before ended by itself.
            const bool is_late = attempt > 0 && was_there[indexes[i]];
            if (is_late && result.ending == ptrace::CutEnding::changed) {
                result.ending = ptrace::CutEnding::done;
            }
        }
        whole.refusal = surgery.refusal;
        if (!lacks_processor(whole.refusal)) break;
    }
    return whole;
}

void give_up(unsigned capability) {
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> all{};
    bool done = ::syscall(SYS_capget, &head, all.data()) == 0;
    all.at(capability / 32).effective &= ~(1U << capability % 32);
    done = done && ::syscall(SYS_capset, &head, all.data()) == 0;
    if (!done) ::_exit(1);
}

std::string told_by_child(const std::function<std::string()>& say) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const sys::Fd from(ends[0]);
    sys::Fd to(ends[1]);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::string text;
        try {
            text = say();
        } catch (const std::exception& error) {
            text = error.what();
        }
        ::_exit(::write(to.get(), text.data(), text.size()) >= 0 ? 0 : 1);
    }
    to.reset();
    std::string text(4096, '\0');
    text.resize(static_cast<std::size_t>(
        std::max<ssize_t>(::read(from.get(), text.data(), text.size()), 0)));
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
    return text;
}

void operate_by_chance(const Victim& victim, ptrace::CutEnding otherwise, int rounds) {
    const auto spare = sys::PidFd::open(victim.pid())->get_fd(victim.fd("spare"));
    const ptrace::Cut cut{.fd = victim.fd(),
                          .reference = spare->get(),
                          .past = otherwise == ptrace::CutEnding::renewed};
    std::set<ptrace::CutEnding> seen;
    const auto operate_once = [&](ptrace::Operation operation) {
        const auto surgery = operate_patiently(patient_of(victim), operation, {&cut, 1});
        REQUIRE(surgery.refusal == "");
        seen.insert(surgery.cuts[0].ending);
    };
    for (int round = 0; round < rounds; ++round) {
        operate_once(round % 2 == 0 ? ptrace::Operation::close : ptrace::Operation::replace);
    }
    CHECK(eventually([&] {
        operate_once(ptrace::Operation::close);
        return seen.contains(ptrace::CutEnding::done) && seen.contains(otherwise);
    }));
}

std::string process_state(pid_t pid) {
    std::string state;
    stat_of(pid) >> state;
    return state;
}

std::string tracer_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("TracerPid:")) return line.substr(11);
    }
    return "?";
}

std::string signals_of(pid_t tid) {
    std::ifstream file("/proc/" + std::to_string(tid) + "/status");
    std::string signals;
    for (std::string line; std::getline(file, line);) {
        const bool is_count = line.starts_with("SigQ");  // of all processes of its user
        const bool is_set = line.starts_with("Sig") || line.starts_with("ShdPnd");
        if (is_set && !is_count) signals += line + "\n";
    }
    return signals;
}

std::string vdso_of(pid_t pid) {
    std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
    for (std::string line; std::getline(maps, line);) {
        if (line.find("[vdso]") == std::string::npos) continue;
        const auto begin = std::stoull(line, nullptr, 16);
        const auto end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
        std::ifstream memory("/proc/" + std::to_string(pid) + "/mem", std::ios::binary);
        memory.seekg(static_cast<std::streamoff>(begin));
        std::string bytes(end - begin, '\0');
        memory.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        return bytes;
    }
    return {};
}

}  // namespace unwait::test
