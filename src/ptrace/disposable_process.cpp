// SPDX-License-Identifier: MIT
#include "disposable_process.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
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

void keep_processors_awake() noexcept {
    // That of a held thread is idle, and would take its time to go on. It may again when this
    // process ends (the kernel's pm_qos_interface.rst).
    const int latency = ::open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC);
    constexpr std::int32_t most_us = 0;
    if (latency >= 0 && ::write(latency, &most_us, sizeof most_us) < 0) ::close(latency);
}

/// Who waits for a helper stays on its processor, and the helper begins there. Elsewhere either
/// would push aside whoever runs there, the target maybe, while this processor is idle.
class OneProcessor {
public:
    OneProcessor() noexcept {
        if (!is_known_) return;
        cpu_set_t here;
        CPU_ZERO(&here);
        CPU_SET(static_cast<std::size_t>(std::max(sched_getcpu(), 0)), &here);
        static_cast<void>(sched_setaffinity(0, sizeof here, &here));
    }
    OneProcessor(const OneProcessor&) = delete;
    OneProcessor& operator=(const OneProcessor&) = delete;
    ~OneProcessor() { leave(); }

    /// Of the thread that calls this.
    void leave() const noexcept {
        if (is_known_) static_cast<void>(sched_setaffinity(0, sizeof allowed_, &allowed_));
    }

private:
    cpu_set_t allowed_{};
    const bool is_known_ = sched_getaffinity(0, sizeof allowed_, &allowed_) == 0;
};

[[noreturn]] void be_disposable(const std::function<void()>& body, std::span<char> refusal,
                                Priority priority) noexcept {
    sigset_t all{};
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    if (priority == Priority::above_all) {
        rise_above_all();
        keep_processors_awake();
    }
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
    const OneProcessor bound;
    const pid_t child = ::fork();
    if (child < 0) throw Error(errno, "fork of a helper process");
    if (child == 0) {
        bound.leave();
        be_disposable(body, refusal, priority);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace unwait::ptrace
