// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "fd.hpp"
#include "pidfd.hpp"
#include "unwait/plan.hpp"
#include "unwait/process.hpp"
#include "unwait/tcp.hpp"

namespace unwait {

/// How many sockets are worth a thread of their own (sys::in_parallel).
inline constexpr std::size_t worth_a_thread = 128;

/// A duplicate of a holder's fd, or why there is none.
struct Reached {
    enum class Ending : std::uint8_t {
        have,    ///< `duplicate` is proven to be the selected socket
        gone,    ///< the process has exited, or the number does not lead to the socket any more
        denied,  ///< `why_not` says what the kernel said, and the remedy
    };
    Ending ending = Ending::gone;
    sys::Fd duplicate;
    std::string why_not;
};

/// Gets at processes and their files, each proven to be the one that was meant. Processes are held
/// by pidfd from the first use on, so that a pid cannot come to mean another. Several threads may
/// ask.
class Reach {
public:
    /// The process, if it is still the one with that start time. The pointer lives as long as this.
    [[nodiscard]] const sys::PidFd* process(const ProcessId& id);

    /// pidfd_getfd(2), then SO_COOKIE of what it gave.
    [[nodiscard]] Reached duplicate(const Holder& holder, const HeldFd& held,
                                    const SocketId& socket);
    /// The same of the first fd that leads to the step's socket.
    [[nodiscard]] Reached duplicate(const Step& step);

private:
    /// The same, whether it still runs or not.
    [[nodiscard]] const sys::PidFd* opened(const ProcessId& id);

    std::mutex opening_;
    std::map<ProcessId, std::optional<sys::PidFd>> processes_;
};

/// What to do about an errno value from touching another process.
[[nodiscard]] std::string remedy_for_errno(int number);

}  // namespace unwait
