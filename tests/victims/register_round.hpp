// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

namespace victim {

struct CheckedCall {
    std::uint64_t number = 0;
    std::array<std::uint64_t, 6> arguments{};
};

/// Known values in every register of the architecture, one round after another.
class RegisterRound {
public:
    RegisterRound();
    ~RegisterRound();
    RegisterRound(const RegisterRound&) = delete;
    RegisterRound& operator=(const RegisterRound&) = delete;

    /// Loads values that were never used before, stays in user mode for some microseconds, and
    /// stores what is in the registers then.
    void in_user_mode();
    /// The same with a system call in between, whose result it returns.
    std::int64_t around(const CheckedCall& call);

    /// The first register that is not as it was loaded; empty when all are. Those that a system
    /// call may change must be what it makes of them.
    [[nodiscard]] std::string first_difference() const;

private:
    struct Frame;
    std::unique_ptr<Frame> frame_;
    bool called_ = false;
};

}  // namespace victim
