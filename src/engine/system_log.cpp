// SPDX-License-Identifier: MIT
#include "system_log.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#include "fd.hpp"

namespace unwait {

namespace {

constexpr std::string_view journal_socket = "/run/systemd/journal/socket";

void append_field(std::string& datagram, std::string_view name, std::string_view value) {
    datagram.append(name);
    if (value.find('\n') == std::string_view::npos) {
        datagram.append("=").append(value).append("\n");
        return;
    }
    datagram.append("\n");
    std::uint64_t size = value.size();
    for (int byte = 0; byte < 8; ++byte, size >>= 8U) {
        datagram.push_back(static_cast<char>(size & 0xFFU));
    }
    datagram.append(value).append("\n");
}

bool send_to_journal(const std::string& datagram) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, journal_socket.data(), journal_socket.size());
    const sys::Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return socket &&
           ::sendto(socket.get(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&address),
                    sizeof address) == static_cast<ssize_t>(datagram.size());
}

}  // namespace

bool has_journal() noexcept { return ::access(journal_socket.data(), W_OK) == 0; }

void log_to_system(const std::string& message, std::span<const LogField> fields) {
    std::string datagram;
    append_field(datagram, "MESSAGE", message);
    append_field(datagram, "PRIORITY", std::to_string(LOG_NOTICE));
    append_field(datagram, "SYSLOG_IDENTIFIER", "unwait");
    for (const auto& [name, value] : fields) append_field(datagram, name, value);
    if (send_to_journal(datagram)) return;
    ::openlog("unwait", LOG_PID, LOG_AUTHPRIV);
    ::syslog(LOG_NOTICE, "%s", message.c_str());
    ::closelog();
}

}  // namespace unwait
