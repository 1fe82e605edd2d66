// SPDX-License-Identifier: MIT
#include "blocked.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <list>
#include <thread>

namespace victim {
namespace {

struct Run {
    BlockingCall call;
    std::atomic<int> tid{0};
    std::atomic<bool> returned{false};
    long value = 0;
    int error = 0;
    std::chrono::milliseconds elapsed{0};
};

std::list<Run>& runs() {
    static std::list<Run> all;
    return all;
}

void perform(Run& run) {
    const auto begin = std::chrono::steady_clock::now();
    run.tid = gettid();
    errno = 0;
    run.value = run.call.call();
    run.error = run.value == -1 ? errno : 0;
    run.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begin);
    if (run.error == EINTR) count_error(run.call.name.c_str());
    run.returned = true;
}

bool is_in_call(const Run& run) {
    const std::string path = "/proc/self/task/" + std::to_string(run.tid) + "/syscall";
    const int fd = must(open(path.c_str(), O_RDONLY | O_CLOEXEC), "open of a thread's syscall");
    std::array<char, 32> text{};
    const ssize_t size = read(fd, text.data(), text.size());
    close(fd);
    long number = -1;
    return size > 0 && std::from_chars(text.data(), text.data() + size, number).ec == std::errc{} &&
           number == run.call.number;
}

std::string results() {
    std::string list;
    for (const Run& run : runs()) {
        list += (list.empty() ? "" : " ") + run.call.name + "=";
        list += !run.returned
                    ? "blocked"
                    : "returned:" + std::to_string(run.value) + ":" + std::to_string(run.error) +
                          ":" + std::to_string(run.elapsed.count());
    }
    return list;
}

}  // namespace

int block_in(Stage& stage, BlockingCall call) {
    runs().emplace_back();
    Run& run = runs().back();
    run.call = std::move(call);
    std::thread(perform, std::ref(run)).detach();
    await([&run] { return run.tid != 0 && (run.returned || is_in_call(run)); },
          run.call.name.c_str());
    stage.answer("results", [](const std::string&) { return results(); });
    if (run.returned && run.error == ENOSYS) {
        runs().pop_back();
        return 0;
    }
    return run.tid;
}

}  // namespace victim
