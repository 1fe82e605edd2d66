// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "unwait/process.hpp"
#include "unwait/tcp.hpp"

namespace unwait {

/// Codes of BlindSpot.
namespace blind_spot {
/// The fds of a process (or of all that /proc hides, with pid 0) may not be read.
inline constexpr std::string_view process_unreadable = "process-unreadable";
/// How a process uses its fds (fdinfo, syscall) may not be read.
inline constexpr std::string_view use_unreadable = "use-unreadable";
/// Whether threads have fd tables of their own could not be asked (kcmp(2)).
inline constexpr std::string_view threads_unreadable = "threads-unreadable";
/// A network namespace could not be entered or asked.
inline constexpr std::string_view netns_unreadable = "netns-unreadable";
/// Sockets came and went too fast for one whole answer of the kernel.
inline constexpr std::string_view dump_interrupted = "dump-interrupted";
}  // namespace blind_spot

/// Something that could not be looked at, so that what is behind it may be missing from the answer.
struct BlindSpot {
    std::string code;  ///< one of the words of blind_spot
    pid_t pid = 0;     ///< 0: not about one process
    std::string text;  ///< what, why, and the remedy

    bool operator==(const BlindSpot&) const = default;
};

/// A network namespace, and what it is known by.
struct NetworkNamespace {
    std::uint64_t inode = 0;  ///< SocketId::netns
    std::string name = {};    ///< of ip-netns(8) or Docker, empty when it has none
    pid_t pid = 0;            ///< the first process in it, 0 when none was found or looked for
    bool is_own = false;      ///< the one that we are in

    bool operator==(const NetworkNamespace&) const = default;
};

/// A socket together with everyone known to hold it.
struct HeldSocket {
    Socket socket;
    std::vector<Holder> holders;
    /// bytes_acked grew between two looks; only looked for when it matches and Send-Q is above 0
    bool sending = false;

    bool operator==(const HeldSocket&) const = default;
};

/// Something other than an fd that keeps a socket open, or may.
struct Keeper {
    enum class Kind : std::uint8_t {
        io_uring,        ///< `fd` is a ring that has the socket, or `count` sockets, registered
        mapping,         ///< the socket is mapped into memory (TCP_ZEROCOPY_RECEIVE)
        blocked_thread,  ///< a thread in `call` on `fd`, which leads to no such socket any more
        unix_queue,      ///< `fd` is a unix socket in which `count` fds wait to be received
    };
    /// What a blocked thread waits for.
    enum class Waits : std::uint8_t { any, to_read, to_write };

    Kind kind = Kind::io_uring;
    std::uint64_t inode = 0;  ///< of the socket, 0 when it is not known which
    std::uint64_t netns = 0;  ///< of the process
    pid_t pid = 0;
    pid_t tid = 0;
    std::string command = {};
    int fd = -1;
    std::string call = {};
    Waits waits = Waits::any;
    std::uint64_t count = 0;

    bool operator==(const Keeper&) const = default;
};

/// What a thread does, as /proc shows it without stopping it.
struct ThreadActivity {
    pid_t pid = 0;
    pid_t tid = 0;
    std::string command;
    char state = '?';               ///< proc_pid_stat(5) field 3
    std::string call = {};          ///< system call it is blocked in, empty when in none
    std::vector<int> fds = {};      ///< that the call waits for
    std::string wait_channel = {};  ///< kernel function it sleeps in, empty when unknown

    bool operator==(const ThreadActivity&) const = default;
};

/// What the kernel said at one moment.
struct Snapshot {
    std::chrono::system_clock::time_point taken_at;
    std::string boot_id;
    std::string host;
    std::uint64_t netns = 0;                 ///< our own network namespace
    std::vector<NetworkNamespace> networks;  ///< those that were looked into, our own first
    std::vector<HeldSocket>
        sockets;  ///< those in the selected states, ordered by network, local, peer, cookie
    std::vector<HeldSocket>
        listeners;  ///< when a selected socket has no inode: who should accept it
    std::vector<ThreadActivity> acceptors;  ///< threads of the listeners' holders, by pid
    std::vector<Keeper> keepers;            ///< when a selected socket has an inode and no holder
    std::uint64_t uptime_ticks = 0;         ///< in the unit of ProcessId::start_time
    std::vector<BlindSpot> blind_spots;
};

}  // namespace unwait
