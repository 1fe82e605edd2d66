// SPDX-License-Identifier: MIT
#include <sys/syscall.h>

#include <algorithm>
#include <cstddef>
#include <random>

#include "register_round.hpp"

extern "C" {
void victim_user(void* frame);
void victim_call(void* frame);
}

namespace victim {

/// The assembly knows these offsets.
struct RegisterRound::Frame {
    std::array<std::uint64_t, 31> x_in{};
    std::uint64_t flags_in = 0;
    std::array<std::uint64_t, 31> x_out{};
    std::uint64_t flags_out = 0;
    std::array<std::array<std::uint64_t, 2>, 32> v_in{};
    std::array<std::array<std::uint64_t, 2>, 32> v_out{};

    void load_known_values();
};

RegisterRound::RegisterRound() : frame_(std::make_unique<Frame>()) {
    static_assert(offsetof(Frame, flags_in) == 248);
    static_assert(offsetof(Frame, x_out) == 256);
    static_assert(offsetof(Frame, flags_out) == 504);
    static_assert(offsetof(Frame, v_in) == 512);
    static_assert(offsetof(Frame, v_out) == 1024);
}

RegisterRound::~RegisterRound() = default;

void RegisterRound::Frame::load_known_values() {
    static thread_local std::mt19937_64 random{std::random_device{}()};
    for (auto& value : x_in) value = random();
    for (auto& vector : v_in) vector = {random(), random()};
    flags_in = random() & 0xf0000000;
}

void RegisterRound::in_user_mode() {
    called_ = false;
    frame_->load_known_values();
    victim_user(frame_.get());
}

std::int64_t RegisterRound::around(const CheckedCall& call) {
    called_ = true;
    frame_->load_known_values();
    std::ranges::copy(call.arguments, frame_->x_in.begin());
    frame_->x_in[8] = call.number;
    victim_call(frame_.get());
    return static_cast<std::int64_t>(frame_->x_out[0]);
}

std::string RegisterRound::first_difference() const {
    const Frame& frame = *frame_;
    for (std::size_t i = called_ ? 1 : 0; i < frame.x_in.size(); ++i) {
        // A sleep that is continued is another call: the kernel changes x8 then.
        if (called_ && i == 8 && frame.x_out[i] == SYS_restart_syscall) continue;
        if (frame.x_in[i] != frame.x_out[i]) return "x" + std::to_string(i);
    }
    if (frame.v_in != frame.v_out) return "v";
    if (frame.flags_in != frame.flags_out) return "nzcv";
    return {};
}

}  // namespace victim
