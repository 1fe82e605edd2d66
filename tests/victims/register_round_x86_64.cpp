// SPDX-License-Identifier: MIT
#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <random>

#include "register_round.hpp"

extern "C" {
void victim_user_128(void* frame);
void victim_user_256(void* frame);
void victim_user_512(void* frame);
void victim_call_128(void* frame);
void victim_call_256(void* frame);
void victim_call_512(void* frame);
extern const char victim_call_128_after;
extern const char victim_call_256_after;
extern const char victim_call_512_after;
}

namespace victim {
namespace {

/// The widest vector registers of this CPU, in 64-bit words, and how many there are.
struct VectorUnit {
    std::size_t words;
    std::size_t count;
};

VectorUnit vector_unit() {
    if (__builtin_cpu_supports("avx512bw") != 0) return {8, 32};
    if (__builtin_cpu_supports("avx2") != 0) return {4, 16};
    return {2, 16};
}

constexpr std::array names{"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
                           "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "flags"};
constexpr std::size_t rax = 0;
constexpr std::size_t rcx = 2;
constexpr std::size_t r11 = 10;
constexpr std::size_t flags = 15;

/// CF PF AF ZF SF DF OF: what a program may set, and TF, which it never sets here.
constexpr std::uint64_t settable_flags = 0xCD5;
constexpr std::uint64_t compared_flags = settable_flags | 0x100;

std::uint64_t after_system_call() {
    switch (vector_unit().words) {
        case 8:
            return reinterpret_cast<std::uint64_t>(&victim_call_512_after);
        case 4:
            return reinterpret_cast<std::uint64_t>(&victim_call_256_after);
        default:
            return reinterpret_cast<std::uint64_t>(&victim_call_128_after);
    }
}

}  // namespace

/// What a round loads into the registers, and what it finds there in the end. The assembly knows
/// these offsets.
struct alignas(64) RegisterRound::Frame {
    /// rax rbx rcx rdx rsi rdi rbp r8 … r15, then the flags.
    std::array<std::uint64_t, 16> general_in{};
    std::array<std::uint64_t, 16> general_out{};
    std::array<std::array<std::uint64_t, 8>, 32> vector_in{};
    std::array<std::array<std::uint64_t, 8>, 32> vector_out{};
    std::array<std::uint64_t, 8> mask_in{};
    std::array<std::uint64_t, 8> mask_out{};
    /// The 128 bytes below the stack pointer, which belong to the function that runs.
    std::array<std::uint64_t, 16> red_zone_in{};
    std::array<std::uint64_t, 16> red_zone_out{};
    double x87_in = 0;
    double x87_out = 0;
    std::uint64_t mxcsr_in = 0;
    std::uint64_t mxcsr_out = 0;
    std::uint64_t based_on_gs = 0;  ///< what the base of GS leads to

    void load_known_values();
    [[nodiscard]] bool general_agrees(std::size_t i, bool called) const;
};

RegisterRound::RegisterRound() : frame_(std::make_unique<Frame>()) {
    static_assert(offsetof(Frame, general_out) == 128);
    static_assert(offsetof(Frame, vector_in) == 256);
    static_assert(offsetof(Frame, vector_out) == 2304);
    static_assert(offsetof(Frame, mask_in) == 4352);
    static_assert(offsetof(Frame, red_zone_in) == 4480);
    static_assert(offsetof(Frame, x87_in) == 4736);
    static_assert(offsetof(Frame, mxcsr_in) == 4752);
    // FS leads to what the C library keeps for each thread.
    syscall(SYS_arch_prctl, ARCH_SET_GS, &frame_->based_on_gs);
}

RegisterRound::~RegisterRound() = default;

void RegisterRound::Frame::load_known_values() {
    static thread_local std::mt19937_64 random{std::random_device{}()};
    for (auto& value : general_in) value = random();
    general_in[flags] &= settable_flags;
    for (auto& vector : vector_in) {
        for (auto& word : vector) word = random();
    }
    for (auto& mask : mask_in) mask = random();
    for (auto& word : red_zone_in) word = random();
    x87_in = static_cast<double>(random());
    // Any rounding mode, all exceptions masked.
    mxcsr_in = 0x1F80 | (random() & 0x6000);
    mxcsr_out = 0;
    based_on_gs = random();
}

bool RegisterRound::Frame::general_agrees(std::size_t i, bool called) const {
    const std::uint64_t in = general_in[i];
    const std::uint64_t out = general_out[i];
    if (i == flags) return (out & compared_flags) == in;
    if (!called) return out == in;
    if (i == rcx) return out == after_system_call();
    if (i == r11) return (out & compared_flags) == general_in[flags];
    return i == rax || out == in;
}

void RegisterRound::in_user_mode() {
    called_ = false;
    frame_->load_known_values();
    switch (vector_unit().words) {
        case 8:
            return victim_user_512(frame_.get());
        case 4:
            return victim_user_256(frame_.get());
        default:
            return victim_user_128(frame_.get());
    }
}

std::int64_t RegisterRound::around(const CheckedCall& call) {
    constexpr std::array<std::size_t, 6> places{5, 4, 3, 9, 7, 8};  // rdi rsi rdx r10 r8 r9
    called_ = true;
    frame_->load_known_values();
    for (std::size_t i = 0; i < places.size(); ++i) {
        frame_->general_in[places[i]] = call.arguments[i];
    }
    frame_->general_in[rax] = call.number;
    switch (vector_unit().words) {
        case 8:
            victim_call_512(frame_.get());
            break;
        case 4:
            victim_call_256(frame_.get());
            break;
        default:
            victim_call_128(frame_.get());
    }
    return static_cast<std::int64_t>(frame_->general_out[rax]);
}

std::string RegisterRound::first_difference() const {
    const Frame& frame = *frame_;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!frame.general_agrees(i, called_)) return names[i];
    }
    const VectorUnit unit = vector_unit();
    for (std::size_t i = 0; i < unit.count; ++i) {
        for (std::size_t word = 0; word < unit.words; ++word) {
            if (frame.vector_in[i][word] != frame.vector_out[i][word]) {
                return "vector" + std::to_string(i);
            }
        }
    }
    if (unit.words == 8 && frame.mask_in != frame.mask_out) return "mask";
    if (frame.red_zone_in != frame.red_zone_out) return "red-zone";
    if (frame.x87_in != frame.x87_out) return "st0";
    if ((frame.mxcsr_in & 0xFFFF) != (frame.mxcsr_out & 0xFFFF)) return "mxcsr";
    std::uint64_t found = 0;
    asm volatile("mov %%gs:0, %0" : "=r"(found));
    if (found != frame.based_on_gs) return "gs_base";
    return {};
}

}  // namespace victim
