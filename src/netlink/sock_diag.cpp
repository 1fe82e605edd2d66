// SPDX-License-Identifier: MIT
#include "sock_diag.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>

#include "bytecode.hpp"
#include "channel.hpp"
#include "unix_diag.hpp"
#include "unwait/error.hpp"

namespace unwait::netlink {
namespace {

constexpr int max_dumps = 5;
/// As many are read before they are moved for want of room. Room that is not needed is never
/// touched, and so takes no memory.
constexpr std::size_t many_sockets = 16'384;
constexpr StateMask known_states = (mask_of(TcpState::new_syn_recv) << 1) - 2;

/// Which attributes to add to each answer; INET_DIAG_CGROUP_ID comes unasked.
constexpr std::uint8_t extensions = 1U << (INET_DIAG_INFO - 1) | 1U << (INET_DIAG_SKMEMINFO - 1);

std::uint64_t own_netns() {
    struct stat status {};
    if (::stat("/proc/thread-self/ns/net", &status) < 0) {
        throw Error(errno, "stat of /proc/thread-self/ns/net");
    }
    return status.st_ino;
}

inet_diag_req_v2 request_of(Family family) {
    inet_diag_req_v2 request{};
    request.sdiag_family = family == Family::inet ? AF_INET : AF_INET6;
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_ext = extensions;
    return request;
}

template <typename T>
void append(std::vector<std::byte>& bytes, const T& value) {
    const auto raw = std::as_bytes(std::span(&value, 1));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
}

void append(std::vector<std::byte>& bytes, const std::vector<std::byte>& more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

template <typename Request>
std::vector<std::byte> message_of(std::uint16_t type, std::uint16_t flags, const Request& request,
                                  const Bytecode& program = {}) {
    nlattr attribute{};
    attribute.nla_type = INET_DIAG_REQ_BYTECODE;
    attribute.nla_len = static_cast<std::uint16_t>(sizeof attribute + program.size());
    nlmsghdr head{};
    head.nlmsg_len = static_cast<std::uint32_t>(sizeof head + sizeof request +
                                                (program.empty() ? 0 : attribute.nla_len));
    head.nlmsg_type = type;
    head.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
    std::vector<std::byte> message;
    message.reserve(head.nlmsg_len);
    append(message, head);
    append(message, request);
    if (!program.empty()) {
        append(message, attribute);
        append(message, program);
    }
    return message;
}

/// The request of older kernels, which asks for both families at once: one walk through the
/// kernel's table instead of two.
std::vector<std::byte> both_families_message(StateMask states) {
    inet_diag_req request{};
    request.idiag_ext = extensions;
    request.idiag_states = states;
    return message_of(TCPDIAG_GETSOCK, NLM_F_DUMP, request);
}

Condition condition_of(Side side, const PortRange& range) {
    return {Conjunction{{{PortTest{side, Comparison::at_least, range.first}},
                         {PortTest{side, Comparison::at_most, range.last}}}}};
}

Condition condition_of(Side side, const EndpointPattern& pattern) {
    return {EndpointTest{side, pattern}};
}

template <typename Value>
void require(Conjunction& all, Side side, const std::vector<AnyOf<Value>>& flags) {
    for (const AnyOf<Value>& values : flags) {
        Condition& any = all.parts.emplace_back();
        auto& parts = any.is.template emplace<Disjunction>().parts;
        for (const Value& value : values) parts.push_back(condition_of(side, value));
    }
}

Condition condition_of(const DumpRequest& request) {
    Conjunction all;
    require(all, Side::local, request.ports);
    require(all, Side::peer, request.peer_ports);
    require(all, Side::local, request.locals);
    require(all, Side::peer, request.peers);
    all.parts.insert(all.parts.end(), request.conditions.begin(), request.conditions.end());
    return {std::move(all)};
}

/// The request for one socket. The kernel looks the endpoints up first, v4-mapped ones among those
/// of IPv4 (Linux 4.5), and compares the cookie with what it finds there.
inet_diag_req_v2 exact_request(const Socket& socket) {
    inet_diag_req_v2 request = request_of(socket.family);
    const std::size_t length = socket.family == Family::inet ? 4 : 16;
    auto& id = request.id;
    std::memcpy(id.idiag_src, socket.local.address.bytes.data(), length);
    std::memcpy(id.idiag_dst, socket.peer.address.bytes.data(), length);
    id.idiag_sport = htons(socket.local.port);
    id.idiag_dport = htons(socket.peer.port);
    id.idiag_if = socket.interface;
    id.idiag_cookie[0] = static_cast<std::uint32_t>(socket.id.cookie);
    id.idiag_cookie[1] = static_cast<std::uint32_t>(socket.id.cookie >> 32);
    return request;
}

/// INET_DIAG_NOCOOKIE would match any socket at these endpoints.
bool is_no_cookie(std::uint64_t cookie) { return cookie == ~std::uint64_t{0}; }

/// As others with SO_REUSEPORT or SO_BINDTODEVICE do: the kernel's look-up meets one of them.
bool may_share_endpoints(const Socket& socket) {
    return socket.state == TcpState::listening || socket.interface != 0;
}

std::string named(const char* operation, const Socket& socket) {
    return std::string(operation) + " of the TCP socket with cookie " +
           std::to_string(socket.id.cookie);
}

Socket parsed(std::span<const std::byte> payload, std::uint64_t netns,
              const std::string& operation) {
    std::optional<Socket> socket = parse_inet_diag(payload, netns);
    if (!socket) throw Error(EBADMSG, operation + ": an answer that is no inet_diag_msg");
    return *socket;
}

Error needs_net_admin() {
    return {EPERM, "fwmark in a filter needs root or CAP_NET_ADMIN in the network namespace"};
}

/// Whether it is a whole socket: of a minisocket the kernel takes what it does not tell for 0.
bool is_full(const Socket& socket) {
    return socket.state != TcpState::time_wait && socket.state != TcpState::new_syn_recv &&
           socket.state != TcpState::syn_recv;
}

void require_answers(const Questions& asked, const std::vector<Socket>& sockets) {
    for (const Socket& socket : sockets) {
        if (!is_full(socket)) continue;
        if (asked.mark && !socket.mark) throw needs_net_admin();
        if (asked.cgroup && !socket.cgroup_id) {
            throw Error(EOPNOTSUPP,
                        "cgroup in a filter: the kernel does not tell the cgroup of a socket "
                        "(Linux 5.9, CONFIG_SOCK_CGROUP_DATA)");
        }
    }
}

}  // namespace

struct SockDiag::Impl {
    Channel channel;
    std::uint64_t netns;

    /// Appends all sockets of one family; whether the answer may have holes.
    bool dump(Family family, StateMask states, const Bytecode& program,
              std::vector<Socket>& sockets) {
        const std::string operation =
            family == Family::inet ? "dump of IPv4 TCP sockets" : "dump of IPv6 TCP sockets";
        inet_diag_req_v2 request = request_of(family);
        request.idiag_states = states;
        return dump(message_of(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, request, program), operation,
                    sockets);
    }

    bool dump(std::vector<std::byte> message, const std::string& operation,
              std::vector<Socket>& sockets) {
        const Ending ending = channel.exchange(message, operation, [&](auto payload) {
            sockets.push_back(parsed(payload, netns, operation));
        });
        if (ending.error == ENOENT) {
            throw Error(ENOENT, operation + ": the kernel has no tcp_diag module");
        }
        if (ending.error != 0) throw Error(ending.error, operation);
        return ending.interrupted;
    }

    /// Those of both families that meet the condition; more when the kernel does not know all of
    /// the program.
    bool dump_both(const Condition& condition, StateMask states, std::vector<Socket>& sockets) {
        if (states == 0) return false;
        const std::array programs{compile(condition, Family::inet),
                                  compile(condition, Family::inet6)};
        if (std::ranges::all_of(programs, [](const auto& each) { return each && each->empty(); })) {
            return dump(both_families_message(states), "dump of TCP sockets", sockets);
        }
        bool interrupted = false;
        for (const Family family : {Family::inet, Family::inet6}) {
            const auto& program = programs[family == Family::inet ? 0 : 1];
            if (!program) continue;
            try {
                interrupted = dump(family, states, *program, sockets) || interrupted;
            } catch (const Error& error) {
                if (error.number() == EPERM && questions_of(condition).mark) {
                    throw needs_net_admin();
                }
                if (error.number() != EINVAL || program->empty()) throw;
                interrupted = dump(family, states, {}, sockets) || interrupted;
            }
        }
        return interrupted;
    }

    /// Says of each socket whether the kernel counts it as automatically bound, which no answer
    /// tells: only a dump of all those that are.
    bool tell_autobound(StateMask states, std::vector<Socket>& sockets) {
        std::vector<Socket> bound;
        bool interrupted = false;
        for (const Family family : {Family::inet, Family::inet6}) {
            const auto program = compile({AutoboundTest{}}, family);
            interrupted = dump(family, states, *program, bound) || interrupted;
        }
        std::unordered_set<std::uint64_t> cookies;
        for (const Socket& socket : bound) cookies.insert(socket.id.cookie);
        for (Socket& socket : sockets) socket.autobound = cookies.contains(socket.id.cookie);
        return interrupted;
    }

    /// Asks for as many of them as fit into one request, from the first; one answer each.
    std::vector<std::optional<Socket>> find_some(std::span<const Socket* const> sockets) {
        constexpr std::size_t asked_together = 32;  // the answers must fit into SO_RCVBUF
        const auto asked = sockets.first(std::min(sockets.size(), asked_together));
        std::vector<std::byte> requests;
        for (const Socket* socket : asked) {
            append(requests, message_of(SOCK_DIAG_BY_FAMILY, 0, exact_request(*socket)));
        }
        std::vector<std::optional<Socket>> found;
        const std::string operation = "look-up of TCP sockets";
        const auto take = [&](int error, std::span<const std::byte> payload) {
            if (error != 0 && error != ENOENT) {
                throw Error(error, named("look-up", *asked[found.size()]));
            }
            found.push_back(error == 0 ? std::optional(parsed(payload, netns, operation))
                                       : std::nullopt);
        };
        if (channel.exchange_each(requests, operation, take) > 0) return found;
        if (asked.size() == 1) throw Error(ENOBUFS, named("look-up", *asked.front()));
        return find_some(asked.first(1));
    }
};

SockDiag::SockDiag(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
SockDiag::~SockDiag() = default;
SockDiag::SockDiag(SockDiag&& other) noexcept = default;
SockDiag& SockDiag::operator=(SockDiag&& other) noexcept = default;

SockDiag SockDiag::open() {
    return SockDiag(std::make_unique<Impl>(Impl{Channel::open(NETLINK_SOCK_DIAG), own_netns()}));
}

std::uint64_t SockDiag::netns() const noexcept { return impl_->netns; }

std::vector<std::uint64_t> SockDiag::unix_sockets_with_data() {
    return netlink::unix_sockets_with_data(impl_->channel);
}

SockDiag::Dump SockDiag::dump(const DumpRequest& request) {
    const Condition condition = condition_of(request);
    const Questions asked = questions_of(condition);
    const StateMask states = request.states & known_states;
    Dump dump;
    for (int attempt = 0; attempt < max_dumps; ++attempt) {
        dump.sockets.clear();
        dump.sockets.reserve(many_sockets);
        dump.interrupted = impl_->dump_both(condition, states, dump.sockets);
        if (asked.autobound && impl_->tell_autobound(states, dump.sockets)) {
            dump.interrupted = true;
        }
        if (!dump.interrupted) break;
    }
    require_answers(asked, dump.sockets);
    std::ranges::sort(dump.sockets, {}, order);
    const auto same = [](const Socket& left, const Socket& right) {
        return left.id.cookie == right.id.cookie;
    };
    dump.sockets.erase(std::unique(dump.sockets.begin(), dump.sockets.end(), same),
                       dump.sockets.end());
    return dump;
}

std::optional<Socket> SockDiag::get(const Socket& socket) {
    const Socket* const one = &socket;
    return std::move(get_each({&one, 1}).front());
}

std::vector<std::optional<Socket>> SockDiag::get_each(std::span<const Socket* const> sockets) {
    std::vector<std::optional<Socket>> all;
    all.reserve(sockets.size());
    while (all.size() < sockets.size()) {
        std::ranges::move(impl_->find_some(sockets.subspan(all.size())), std::back_inserter(all));
    }
    std::map<std::uint64_t, std::size_t> missing;  // by cookie
    for (std::size_t i = 0; i < all.size(); ++i) {
        const Socket& socket = *sockets[i];
        if (is_no_cookie(socket.id.cookie)) {
            all[i].reset();
        } else if (!all[i] && may_share_endpoints(socket)) {
            missing.emplace(socket.id.cookie, i);
        }
    }
    if (!missing.empty()) find_in_dump(sockets, missing, all);
    return all;
}

void SockDiag::find_in_dump(std::span<const Socket* const> sockets,
                            const std::map<std::uint64_t, std::size_t>& missing,
                            std::vector<std::optional<Socket>>& found) {
    std::set<std::uint16_t> ports;
    for (const auto& [cookie, at] : missing) ports.insert(sockets[at]->local.port);
    AnyOf<PortRange> any_port;
    for (const std::uint16_t port : ports) any_port.push_back({port, port});
    for (Socket& socket : dump({.states = known_states, .ports = {any_port}}).sockets) {
        const auto at = missing.find(socket.id.cookie);
        if (at == missing.end() || order(*sockets[at->second]) != order(socket)) continue;
        found[at->second] = std::move(socket);
    }
}

Destroyed SockDiag::destroy(const Socket& socket) {
    if (is_no_cookie(socket.id.cookie)) return Destroyed::gone;
    const std::string operation = named("SOCK_DESTROY", socket);
    auto message = message_of(SOCK_DESTROY, NLM_F_ACK, exact_request(socket));
    const int error = impl_->channel.exchange(message, operation, [](auto) {}).error;
    switch (error) {
        case 0:
            return Destroyed::done;
        case ENOENT:
            if (get(socket)) {
                throw Error(ENOENT, operation +
                                        ": it shares its port with others, and the kernel "
                                        "finds only one of them");
            }
            return Destroyed::gone;
        case EPERM:
            return Destroyed::not_permitted;
        case EOPNOTSUPP:
        case EINVAL:  // a kernel before 4.5 does not know the request
            return Destroyed::unsupported;
        default:
            throw Error(error, operation);
    }
}

}  // namespace unwait::netlink
