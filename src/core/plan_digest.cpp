// SPDX-License-Identifier: MIT
#include "plan_digest.hpp"

#include <nettle/sha2.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "digits.hpp"
#include "recheck.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

/// Fields one after the other, each with its length in front, so that no two sequences read alike.
class Canonical {
public:
    Canonical() { sha256_init(&sha_); }

    /// As JSON carries it: bytes that are no UTF-8 do not survive the way through a file.
    void add(std::string_view text) { is_printable_ascii(text) ? put(text) : put(to_utf8(text)); }
    void add(std::integral auto number) { put(Digits(number).text()); }
    void add(const Endpoint& endpoint) { add(format_endpoint(endpoint)); }

    /// Whether the holder told of last was described in the same words: most plans are about one.
    [[nodiscard]] bool repeats(const Process& process) {
        const Process* before = std::exchange(described_, &process);
        const auto words = [](const Process& of) {
            return std::tie(of.id, of.command, of.exe, of.user, of.unit);
        };
        return before != nullptr && words(*before) == words(process);
    }

    /// Nothing may be added afterwards.
    [[nodiscard]] std::string finish() {
        hash();
        constexpr std::string_view digits = "0123456789abcdef";
        std::array<std::uint8_t, SHA256_DIGEST_SIZE> digest;
        sha256_digest(&sha_, digest.size(), digest.data());
        std::string text = "sha256:";
        for (const unsigned byte : digest) {
            text += digits[byte >> 4];
            text += digits[byte & 0xf];
        }
        return text;
    }

private:
    void put(std::string_view valid) {
        constexpr std::size_t worth_hashing = 4096;
        text_.append(Digits(valid.size()).text()).append(":").append(valid);
        if (text_.size() >= worth_hashing) hash();
    }
    void hash() {
        sha256_update(&sha_, text_.size(), reinterpret_cast<const std::uint8_t*>(text_.data()));
        text_.clear();
    }

    sha256_ctx sha_;
    std::string text_;  ///< not hashed yet
    const Process* described_ = nullptr;
};

void add(Canonical& text, const Policy& policy) {
    text.add(policy.actions.size());
    for (const Action action : policy.actions) {
        text.add(word(action));
    }
    text.add(policy.include.size());
    for (const Verdict verdict : policy.include) {
        text.add(word(verdict));
    }
    text.add(policy.min_idle.count());
    text.add(policy.max_sockets);
    text.add(policy.max_processes);
    text.add(policy.settle.count());
    text.add(policy.grace.count());
    text.add(word(policy.freeze));
    text.add(policy.max_freeze.count());
}

void add(Canonical& text, const Socket& socket) {
    text.add(word(socket.family));
    text.add(word(socket.state));
    text.add(socket.local);
    text.add(socket.peer);
    text.add(socket.id.inode);
    text.add(socket.id.cookie);
    text.add(socket.id.netns);
    text.add(socket.recv_queue);
    text.add(socket.send_queue);
    text.add(socket.uid);
    const auto idle = idle_ms(socket);
    text.add(idle ? std::to_string(*idle) : "-");
}

void add(Canonical& text, const Holder& holder) {
    const Process& process = *holder.process;
    text.add(process.id.pid);
    text.add(process.id.start_time);
    if (!text.repeats(process)) {
        text.add(process.command);
        text.add(process.exe);
        text.add(process.user);
        text.add(process.unit);
    }
    text.add(holder.fds.size());
    for (const auto& [tid, fd] : numbers_of(holder)) {
        text.add(tid);
        text.add(fd);
    }
}

void add(Canonical& text, const Step& step) {
    text.add(step.id);
    add(text, step.socket);
    text.add(step.holders.size());
    for (const Holder& holder : step.holders) {
        add(text, holder);
    }
    text.add(step.actions.size());
    for (const Action action : step.actions) {
        text.add(word(action));
    }
    text.add(step.reason.str());
}

}  // namespace

std::string digest_of_plan(const Report& report) {
    Canonical text;
    text.add(format_time(report.taken_at));
    text.add(report.boot_id);
    text.add(report.host);
    add(text, report.plan->policy);
    text.add(report.plan->steps.size());
    for (const Step& step : report.plan->steps) {
        add(text, step);
    }
    return text.finish();
}

}  // namespace unwait
