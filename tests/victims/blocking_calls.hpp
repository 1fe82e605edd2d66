// SPDX-License-Identifier: MIT
#pragma once

#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>
#include <string>
#include <type_traits>
#include <vector>

#include "blocked.hpp"

namespace victim {

/// A collection of system calls that block, each with objects of its own to block on.
class BlockingCalls {
public:
    explicit BlockingCalls(std::chrono::milliseconds timeout) : timeout_(timeout) {}

    template <typename... Arguments>
    void add(const std::string& name, long number, Arguments... arguments) {
        const std::array<long, 6> words{word(arguments)...};
        list_.push_back({name, number, [number, words] {
                             return syscall(number, words[0], words[1], words[2], words[3],
                                            words[4], words[5]);
                         }});
    }

    /// An object that lives as long as the process.
    template <typename Object>
    static Object* keep(Object object) {
        return new Object(std::move(object));
    }
    static char* buffer() { return keep(std::array<char, 4096>{})->data(); }

    /// What calls with a timeout get.
    [[nodiscard]] int timeout_ms() const { return static_cast<int>(timeout_.count()); }
    [[nodiscard]] timespec* timeout() const;
    [[nodiscard]] timeval* timeout_us() const;
    /// The same as a point of CLOCK_MONOTONIC or CLOCK_REALTIME.
    [[nodiscard]] timespec* deadline(clockid_t clock) const;

    [[nodiscard]] const std::vector<BlockingCall>& list() const noexcept { return list_; }

private:
    template <typename Argument>
    static long word(Argument argument) {
        if constexpr (std::is_same_v<Argument, std::nullptr_t>) {
            return 0;
        } else if constexpr (std::is_pointer_v<Argument>) {
            return reinterpret_cast<long>(argument);
        } else {
            return static_cast<long>(argument);
        }
    }

    std::chrono::milliseconds timeout_;
    std::vector<BlockingCall> list_;
};

void add_file_calls(BlockingCalls& calls);    ///< pipes, locks, event files, a terminal
void add_socket_calls(BlockingCalls& calls);  ///< with and without SO_RCVTIMEO
void add_ready_calls(BlockingCalls& calls);   ///< poll, select, epoll and their kin
void add_wait_calls(BlockingCalls& calls);    ///< time, signals, futexes, children
void add_ipc_calls(BlockingCalls& calls);     ///< System V and POSIX queues, aio, io_uring

}  // namespace victim
