// SPDX-License-Identifier: MIT
#include "disposable_process.hpp"

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>

#include "unwait/error.hpp"

namespace unwait::ptrace {

namespace {

void rise_above_all() noexcept {
    // On a busy machine the target would otherwise be held for as long as we wait for a processor.
    sched_param priority{};
    priority.sched_priority = 1;
    static_cast<void>(sched_setscheduler(0, SCHED_FIFO, &priority));
}

[[noreturn]] void be_disposable(const std::function<void()>& body, std::span<char> refusal,
                                Priority priority) noexcept {
    sigset_t all{};
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    if (priority == Priority::above_all) rise_above_all();
    try {
        body();
    } catch (const std::exception& error) {
        write_refusal(refusal, error.what());
    }
    _exit(0);
}

}  // namespace

void Unmap::operator()(void* memory) const noexcept { ::munmap(memory, size); }

std::unique_ptr<void, Unmap> share_memory(std::size_t size) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) throw Error(errno, "mmap of memory to share with a helper process");
    return {memory, Unmap{size}};
}

void write_refusal(std::span<char> into, const char* why) noexcept {
    std::strncpy(into.data(), why, into.size() - 1);
}

bool run_disposable(const std::function<void()>& body, std::span<char> refusal, Priority priority) {
    const pid_t child = ::fork();
    if (child < 0) throw Error(errno, "fork of a helper process");
    if (child == 0) be_disposable(body, refusal, priority);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status);
}

}  // namespace unwait::ptrace
