// SPDX-License-Identifier: MIT
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>
#include <span>

#include "register_round.hpp"
#include "stage.hpp"

extern "C" {
void victim_user(void* frame);
void victim_call(void* frame);
extern const std::byte victim_vectors[];
extern const std::byte victim_vectors_end[];
}

namespace victim {

namespace {

/// Registers whose size only the machine knows.
class Vectors {
public:
    /// Whether those are kept that are loaded with values never used before.
    [[nodiscard]] bool stay() {
        if (size_ == 0) return true;
        for (auto& value : in_) value = random_();
        const auto* predicates_in = in_.data() + vectors * size_ / sizeof in_[0];
        auto* predicates_out = out_.data() + (predicates_in - in_.data());
        round()(in_.data(), predicates_in, out_.data(), predicates_out);
        return std::memcmp(in_.data(), out_.data(), (vectors + predicates / 8) * size_) == 0;
    }

private:
    static constexpr std::size_t vectors = 32;
    static constexpr std::size_t predicates = 16;
    static constexpr std::size_t most_bytes = (vectors + predicates / 8) * 256;
    using Round = void (*)(const void*, const void*, void*, void*);

    static std::size_t vector_size() {
        if ((getauxval(AT_HWCAP) & HWCAP_SVE) == 0) return 0;
        return static_cast<std::size_t>(must(prctl(PR_SVE_GET_VL), "PR_SVE_GET_VL")) &
               PR_SVE_VL_LEN_MASK;
    }

    /// A copy of the code beside the libraries and the [vdso], as most code is.
    static Round round() {
        static const auto copy = [] {
            const std::span code(victim_vectors, victim_vectors_end);
            void* memory = mmap(nullptr, code.size(), PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (memory == MAP_FAILED) fail("mmap");
            std::ranges::copy(code, static_cast<std::byte*>(memory));
            must(mprotect(memory, code.size(), PROT_READ | PROT_EXEC), "mprotect");
            auto* begin = static_cast<char*>(memory);
            __builtin___clear_cache(begin, begin + code.size());
            return reinterpret_cast<Round>(memory);
        }();
        return copy;
    }

    std::size_t size_ = vector_size();
    std::mt19937_64 random_{std::random_device{}()};
    std::array<std::uint64_t, most_bytes / sizeof(std::uint64_t)> in_{}, out_{};
};

}  // namespace

/// The assembly knows these offsets.
struct RegisterRound::Frame {
    std::array<std::uint64_t, 31> x_in{};
    std::uint64_t flags_in = 0;
    std::array<std::uint64_t, 31> x_out{};
    std::uint64_t flags_out = 0;
    std::array<std::array<std::uint64_t, 2>, 32> v_in{};
    std::array<std::array<std::uint64_t, 2>, 32> v_out{};

    void load_known_values();

    Vectors vectors;
    bool vectors_stay = true;
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
    frame_->vectors_stay = frame_->vectors.stay();
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
    if (!frame.vectors_stay) return "z";
    return {};
}

}  // namespace victim
