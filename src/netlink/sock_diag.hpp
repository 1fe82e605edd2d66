// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "unwait/selector.hpp"
#include "unwait/tcp.hpp"

namespace unwait::netlink {

/// By local, peer, cookie: the order of every list.
[[nodiscard]] inline auto order(const Socket& socket) {
    return std::tie(socket.local, socket.peer, socket.id.cookie);
}

/// What the kernel is asked to send; members as in Selector. Everything here narrows in the kernel;
/// a caller still checks the answer: INET_DIAG_REQ_BYTECODE is not applied to every kind of socket
/// by every kernel, an old kernel may know less of it, and a program may be too long.
struct DumpRequest {
    StateMask states = 0;
    std::vector<AnyOf<PortRange>> ports = {};  ///< local
    std::vector<AnyOf<PortRange>> peer_ports = {};
    std::vector<AnyOf<EndpointPattern>> locals = {};
    std::vector<AnyOf<EndpointPattern>> peers = {};
    std::vector<Condition> conditions = {};  ///< all of them; their names must have been looked up
};

enum class Destroyed : std::uint8_t {
    done,
    gone,           ///< ENOENT: no socket with that cookie
    not_permitted,  ///< EPERM: CAP_NET_ADMIN in the socket's network namespace
    unsupported,    ///< EOPNOTSUPP: kernel without CONFIG_INET_DIAG_DESTROY
};

/// TCP sockets of the network namespace in which it was opened, through NETLINK_SOCK_DIAG
/// (sock_diag(7)).
class SockDiag {
public:
    /// Throws Error.
    [[nodiscard]] static SockDiag open();
    ~SockDiag();
    SockDiag(SockDiag&& other) noexcept;
    SockDiag& operator=(SockDiag&& other) noexcept;

    /// Both families, ordered by local, peer, cookie, without doubles. An interrupted dump
    /// (NLM_F_DUMP_INTR) is repeated a few times; the last one is then taken and `interrupted` set.
    /// A long one may miss a socket without a sign, as the kernel goes on by number within a chain
    /// of its hash table when an answer is full, and an earlier socket of that chain may have gone.
    /// Socket::autobound is set when a condition asks for it, which takes a second dump. Throws
    /// Error, also when a condition asks for marks or cgroups that the kernel does not tell.
    struct Dump {
        std::vector<Socket> sockets;
        bool interrupted = false;
    };
    [[nodiscard]] Dump dump(const DumpRequest& request);

    /// The socket with exactly this cookie and these endpoints; absent when the kernel has none.
    [[nodiscard]] std::optional<Socket> get(const Socket& socket);
    /// The same of many at once, in their order.
    [[nodiscard]] std::vector<std::optional<Socket>> get_each(
        std::span<const Socket* const> sockets);

    /// SOCK_DESTROY (Linux 4.5) of the socket with exactly this cookie. Throws Error for the
    /// unexpected.
    [[nodiscard]] Destroyed destroy(const Socket& socket);

    /// Inodes of the unix sockets that have something to receive. Throws Error.
    [[nodiscard]] std::vector<std::uint64_t> unix_sockets_with_data();

    /// Inode of the network namespace it was opened in.
    [[nodiscard]] std::uint64_t netns() const noexcept;

private:
    /// Looks in a list for those of the sockets that the look-up did not meet: their places, by
    /// cookie.
    void find_in_dump(std::span<const Socket* const> sockets,
                      const std::map<std::uint64_t, std::size_t>& missing,
                      std::vector<std::optional<Socket>>& found);

    struct Impl;
    explicit SockDiag(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

/// One inet_diag_msg with its attributes, as sock_diag(7) lays it out; absent when the bytes are
/// not one. `payload` is what follows the nlmsghdr. For tests and fuzzing too.
[[nodiscard]] std::optional<Socket> parse_inet_diag(std::span<const std::byte> payload,
                                                    std::uint64_t netns);

}  // namespace unwait::netlink
