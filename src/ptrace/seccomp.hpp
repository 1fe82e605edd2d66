// SPDX-License-Identifier: MIT
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

/// What a seccomp filter would answer to a system call (seccomp(2)): classic BPF with the kernel's
/// semantics, run over calls of which parts need not be known. Pure.
namespace unwait::ptrace::seccomp {

/// 32 bits that are known, or may be anything.
struct Word {
    std::uint32_t value = 0;
    bool known = false;
    bool operator==(const Word&) const = default;
};
[[nodiscard]] constexpr Word known(std::uint32_t value) noexcept { return {value, true}; }

/// struct seccomp_data, as filters load it.
using Call = std::array<Word, sizeof(seccomp_data) / sizeof(std::uint32_t)>;

/// `instruction_pointer` is the address behind the system call instruction; arguments that are
/// absent may be anything.
[[nodiscard]] Call make_call(std::uint32_t architecture, std::uint32_t number,
                             std::uint64_t instruction_pointer,
                             std::initializer_list<std::optional<std::uint64_t>> arguments);

/// A filter that the kernel would take.
class Program {
public:
    /// Absent for what the kernel refuses (seccomp_check_filter and bpf_check_classic). The
    /// instructions must outlive it.
    [[nodiscard]] static std::optional<Program> check(
        std::span<const sock_filter> instructions) noexcept;

    [[nodiscard]] std::span<const sock_filter> instructions() const noexcept {
        return instructions_;
    }

private:
    explicit Program(std::span<const sock_filter> instructions) : instructions_(instructions) {}
    std::span<const sock_filter> instructions_;
};

/// Of two values that filters return, the one that the kernel follows; of two with the same action
/// the first.
[[nodiscard]] std::uint32_t graver(std::uint32_t first, std::uint32_t second) noexcept;

/// The same, with SECCOMP_RET_KILL_PROCESS for an action that nobody knows: that is what the kernel
/// makes of one, unless another filter returns a known one that it puts before it.
[[nodiscard]] std::uint32_t as_known(std::uint32_t returned) noexcept;

/// Whether the call is carried out as if there were no filter.
[[nodiscard]] bool lets_pass(std::uint32_t returned) noexcept;

/// Runs programs. Allocates when it is made, never after.
class Evaluator {
public:
    Evaluator();

    /// What the program returns for this call when all that it looks at is known, else the gravest
    /// value (as_known) of those that it may return. Every instruction is run once at most.
    [[nodiscard]] std::uint32_t run(const Program& program, const Call& call) noexcept;

private:
    struct State {
        Word a, x;
        std::array<Word, BPF_MEMWORDS> memory;
    };

    void go_to(std::size_t target) noexcept;
    void park(std::size_t target, const State& state) noexcept;
    void take_next_parked() noexcept;
    void answer(Word value) noexcept;
    void add_answer(std::uint32_t value) noexcept;
    void branch(const sock_filter& instruction) noexcept;
    void compute(const sock_filter& instruction) noexcept;
    void divide(Word by) noexcept;

    // Jumps only lead forward, so a state waits where paths meet until all have arrived.
    std::vector<State> parked_;
    std::vector<char> is_parked_;
    std::size_t parked_count_ = 0;
    State now_{};
    std::size_t at_ = 0;
    bool done_ = false;
    std::optional<std::uint32_t> gravest_;
};

}  // namespace unwait::ptrace::seccomp
