// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "unwait/plan.hpp"
#include "unwait/snapshot.hpp"

namespace unwait {

/// How many of a process's sockets have that local port.
using PortShare = std::pair<std::uint16_t, std::uint64_t>;

/// How many of a holder's fds are open, and how many of them are sockets in the selected states.
struct FdShare {
    pid_t pid = 0;
    std::string command;
    std::uint64_t open = 0;
    std::uint64_t limit = 0;  ///< 0 when unknown
    std::uint64_t sockets = 0;
    std::vector<PortShare> ports;  ///< at most 16; most sockets first
};

/// One call on a thread's stack.
struct StackFrame {
    std::uint64_t address = 0;
    std::string function;  ///< empty when unknown
    std::uint64_t offset = 0;
    std::string object;  ///< file that the code is from, empty when from none
};

/// A thread and why it is told of.
struct ThreadStory {
    ThreadActivity activity;
    bool on_socket = false;                ///< it is blocked in a call on the socket
    std::vector<StackFrame> stack;         ///< innermost first; empty unless it was asked for
    std::string no_stack;                  ///< why there is none, or why it is cut off
    std::chrono::microseconds stopped{0};  ///< how long it was held for that
};

/// What was seen of a socket while it was watched.
struct Observation {
    struct Calls {
        std::string call;
        std::uint64_t looks = 0;
    };
    /// System calls that were made with one of its fds.
    struct Traced {
        std::string call;
        std::uint64_t count = 0;

        bool operator==(const Traced&) const = default;
    };
    std::chrono::milliseconds duration{0};
    std::uint64_t looks = 0;
    std::vector<Calls> calls;  ///< on the socket, by how many looks met a thread in them
    std::optional<std::vector<Traced>> traced = {};  ///< when all of them were counted
    std::string not_traced = {};                     ///< why they were not, though it was asked for
    std::uint64_t read = 0;                          ///< bytes that the application took
    bool read_end = false;                           ///< it took the peer's FIN, as an end of file
    std::uint64_t written = 0;                       ///< bytes that it gave
    std::uint64_t received = 0;                      ///< bytes that came from the peer
    bool is_gone = false;                            ///< it was closed meanwhile
    std::string text;                                ///< all that as a sentence

    /// Whether the application did anything to the socket.
    [[nodiscard]] bool touched() const noexcept {
        return !calls.empty() || (traced && !traced->empty()) || read > 0 || read_end ||
               written > 0 || is_gone;
    }
};

/// Whether an action could be carried out, and what it would do, or why not.
struct ActionView {
    Action action = Action::shutdown;
    bool possible = false;
    std::string text;
};

/// The full story of a finding.
struct Explanation {
    std::vector<FdShare> shares;  ///< one for each holder
    std::vector<ThreadStory> threads;
    std::optional<Observation> observation;
    std::vector<ActionView> actions;  ///< all of them, mildest first
    std::string plan;                 ///< what clear would do, and why
    std::string advice;               ///< what to mend in the application
};

}  // namespace unwait
