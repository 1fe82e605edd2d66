// SPDX-License-Identifier: MIT
// usage: leaky-server [PORT]
//
// A line service on 127.0.0.1 with a mistake that many real ones have: when a client leaves, its
// session is forgotten, but its socket is never closed. Each client costs one fd, in CLOSE-WAIT,
// until the limit is reached and nobody is let in any more. It answers every line with the number
// of lines it has answered, and prints its pid and port once it listens.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

[[noreturn]] void fail(const char* attempt) {
    std::fprintf(stderr, "leaky-server: %s: %s\n", attempt, std::strerror(errno));
    std::exit(1);
}

int listen_on(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1) fail("socket");
    const int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1) fail("SO_REUSEADDR");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    socklen_t size = sizeof address;
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) == -1) fail("bind");
    if (listen(fd, SOMAXCONN) == -1) fail("listen");
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == -1) fail("getsockname");
    std::printf("pid %d port %d\n", static_cast<int>(getpid()), int{ntohs(address.sin_port)});
    std::fflush(stdout);
    return fd;
}

/// False when the client has left.
bool serve(int client, std::uint64_t& answered) {
    std::array<char, 4096> line{};
    const ssize_t size = read(client, line.data(), line.size());
    if (size <= 0) return false;
    const std::string answer = "answer " + std::to_string(++answered) + "\n";
    return send(client, answer.data(), answer.size(), MSG_NOSIGNAL) != -1;
}

}  // namespace

int main(int argc, char** argv) {
    const int listener =
        listen_on(argc > 1 ? static_cast<std::uint16_t>(std::atoi(argv[1])) : std::uint16_t{0});
    std::vector<pollfd> sessions{{listener, POLLIN, 0}};
    std::uint64_t answered = 0;
    for (;;) {
        if (poll(sessions.data(), sessions.size(), -1) == -1 && errno != EINTR) fail("poll");
        if ((sessions[0].revents & POLLIN) != 0) {
            const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
            if (client != -1) sessions.push_back({client, POLLIN, 0});
        }
        std::erase_if(sessions, [&](const pollfd& session) {
            if (session.fd == listener || session.revents == 0) return false;
            // The mistake: a session that ends is dropped without close(session.fd).
            return !serve(session.fd, answered);
        });
    }
}
