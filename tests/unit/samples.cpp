// SPDX-License-Identifier: MIT
#include "samples.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "text.hpp"
#include "unwait/diagnose.hpp"
#include "vocabulary.hpp"

namespace unwait::samples {
namespace {

bool chance(std::mt19937& random, unsigned in) { return random() % in == 0; }

template <typename Values>
auto any_of(std::mt19937& random, const Values& values) {
    return values[random() % values.size()];
}

Socket any_socket(std::mt19937& random, std::uint64_t number) {
    Socket socket = stuck_socket();
    socket.id = {chance(random, 5) ? 0 : 100 + number, 1000 + number, 1};
    if (chance(random, 3)) {
        socket.state = static_cast<TcpState>(1 + random() % 12);
    }
    socket.recv_queue = any_of(random, std::array<std::uint32_t, 4>{0, 1, 2, 4096});
    socket.send_queue = any_of(random, std::array<std::uint32_t, 3>{0, 1, 70'000});
    socket.info->last_ack_recv_ms = any_of(random, std::array<std::uint32_t, 3>{0, 59'999, 60'000});
    if (chance(random, 10)) {
        socket.info.reset();
    }
    return socket;
}

Holder any_holder(std::mt19937& random, pid_t pid) {
    Holder holder = nginx(pid, static_cast<int>(random() % 1000));
    Process& process = altered(holder);
    process.command = any_of(random, std::array<std::string, 3>{"nginx", "a\x1b[0m\n", "\xFF)"});
    process.runtime = static_cast<Runtime>(random() % 5);
    process.tracer = chance(random, 8) ? 99 : 0;
    process.state = chance(random, 8) ? 'Z' : 'S';
    while (chance(random, 3)) {
        holder.fds.push_back({chance(random, 2) ? pid : pid + 1,
                              static_cast<int>(random() % 1000),
                              {chance(random, 3), chance(random, 3), chance(random, 3)}});
    }
    return holder;
}

}  // namespace

Endpoint endpoint(std::string_view address, std::uint16_t port) {
    return {parse_address(address).value(), port};
}

Socket stuck_socket() {
    Socket socket;
    socket.id = {100, 1100, 1};
    socket.state = TcpState::close_wait;
    socket.local = endpoint("10.0.0.1", 80);
    socket.peer = endpoint("10.0.0.9", 5000);
    socket.uid = 33;
    socket.info = TcpInfo{};
    socket.info->last_ack_recv_ms = 3'600'000;
    return socket;
}

Holder nginx(pid_t pid, int fd) {
    Process process;
    process.id = {pid, 12'345};
    process.command = "nginx";
    process.uid = 33;
    process.user = "www-data";
    process.cgroup = "/system.slice/nginx.service";
    process.unit = "nginx.service";
    process.state = 'S';
    return {std::make_shared<const Process>(std::move(process)), {{pid, fd, false, {}}}};
}

Process& altered(Holder& holder) {
    auto process = std::make_shared<Process>(*holder.process);
    holder.process = process;
    return *process;
}

HeldSocket stuck() { return {stuck_socket(), {nginx()}, false}; }

Finding diagnosed(const HeldSocket& held, std::size_t unreadable) {
    Snapshot snapshot;
    snapshot.sockets.push_back(held);
    for (std::size_t at = 0; at < unreadable; ++at) {
        snapshot.blind_spots.push_back({std::string{blind_spot::process_unreadable},
                                        static_cast<pid_t>(500 + at), "not permitted"});
    }
    Selector everything;
    everything.states = *states_of_word("all");
    return diagnose(snapshot, everything, std::chrono::minutes{1}).at(0);
}

Snapshot any_snapshot(std::mt19937& random) {
    Snapshot snapshot;
    constexpr std::array<pid_t, 8> pids{1, 10, 20, 30, 4711, 4712, 4713, 4714};
    for (std::uint64_t number = random() % 12; number > 0; --number) {
        HeldSocket held{any_socket(random, number), {}, false};
        if (held.socket.id.inode != 0) {
            for (const pid_t pid : pids) {
                if (chance(random, pid < 100 ? 20 : 4)) {
                    held.holders.push_back(any_holder(random, pid));
                }
            }
        }
        held.sending = held.socket.send_queue > 0 && chance(random, 3);
        snapshot.sockets.push_back(held);
    }
    if (chance(random, 2)) {
        Socket listener = stuck_socket();
        listener.state = TcpState::listening;
        snapshot.listeners.push_back({listener, {}, false});
    }
    if (chance(random, 2)) {
        snapshot.blind_spots.push_back(
            {std::string{blind_spot::process_unreadable}, chance(random, 2) ? 0 : 77, "hidden"});
    }
    if (chance(random, 4)) {
        snapshot.blind_spots.push_back({std::string{blind_spot::use_unreadable}, 4711, "denied"});
    }
    return snapshot;
}

Policy any_policy(std::mt19937& random) {
    Policy policy;
    for (std::size_t count = chance(random, 3) ? 0 : random() % 5; count > 0; --count) {
        policy.actions.push_back(static_cast<Action>(random() % 6));
    }
    for (std::size_t count = random() % 6; count > 0; --count) {
        policy.include.push_back(static_cast<Verdict>(random() % 9));
    }
    policy.min_idle =
        any_of(random, std::array{std::chrono::milliseconds{0}, std::chrono::milliseconds{60'000}});
    policy.max_sockets = random() % 12;
    policy.max_processes = random() % 8;
    policy.freeze = chance(random, 2) ? Freeze::all : Freeze::one;
    return policy;
}

Self self() { return {10, {20, 30, 1}, {1003}}; }

bool has_evidence(const Finding& finding, std::string_view code) {
    return std::ranges::find(finding.evidence, code, &Evidence::code) != finding.evidence.end();
}

std::string evidence_text(const Finding& finding, std::string_view code) {
    const auto found = std::ranges::find(finding.evidence, code, &Evidence::code);
    return found == finding.evidence.end() ? std::string{} : found->text.str();
}

}  // namespace unwait::samples
