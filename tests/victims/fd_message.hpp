// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <array>
#include <cstring>

/// One byte, with room for one fd beside it (unix(7), SCM_RIGHTS).
class FdMessage {
public:
    FdMessage() {
        header_.msg_iov = &data_;
        header_.msg_iovlen = 1;
        header_.msg_control = control_.data();
        header_.msg_controllen = control_.size();
    }
    FdMessage(const FdMessage&) = delete;
    FdMessage& operator=(const FdMessage&) = delete;

    /// As sendmsg(2).
    ssize_t send(int socket, int fd) {
        cmsghdr* const control = CMSG_FIRSTHDR(&header_);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(control), &fd, sizeof fd);
        return ::sendmsg(socket, &header_, MSG_NOSIGNAL);
    }
    /// The fd, or -1 as recvmsg(2) says.
    int receive(int socket) {
        int fd = -1;
        if (::recvmsg(socket, &header_, MSG_CMSG_CLOEXEC) >= 0) {
            std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&header_)), sizeof fd);
        }
        return fd;
    }

private:
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control_{};
    char byte_ = 'x';
    iovec data_{&byte_, 1};
    msghdr header_{};
};
