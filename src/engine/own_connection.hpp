// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "fd.hpp"
#include "sock_diag.hpp"
#include "unwait/tcp.hpp"

namespace unwait {

/// A TCP connection from us to us over loopback, to try things on. Nothing of it stays behind.
class OwnConnection {
public:
    /// Over IPv4, or IPv6 where there is no other. Throws Error.
    OwnConnection();

    /// The client's end, as the kernel lists it.
    [[nodiscard]] std::optional<Socket> find(netlink::SockDiag& diag) const;

private:
    [[nodiscard]] bool connect(int family);

    sys::Fd client_;
    sys::Fd server_;
};

}  // namespace unwait
