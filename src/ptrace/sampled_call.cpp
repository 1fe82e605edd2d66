// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>

#include "arch.hpp"

namespace unwait::ptrace::arch {

// "nr 0xarg1 … 0xarg6 0xsp 0xpc" in a call, "-1 0xsp 0xpc" elsewhere, "running" on a processor.
std::optional<SampledCall> parse_call(std::string_view text) noexcept {
    SampledCall call;
    const auto number = std::from_chars(text.data(), text.data() + text.size(), call.number);
    if (number.ec != std::errc{} || call.number < 0) return std::nullopt;
    const auto next = [&text] {
        constexpr std::string_view prefix = " 0x";
        const auto at = std::min(text.find(prefix), text.size());
        text.remove_prefix(std::min(at + prefix.size(), text.size()));
        std::uint64_t value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value, 16);
        return value;
    };
    for (auto& argument : call.arguments) argument = next();
    call.stack_pointer = next();
    call.instruction_pointer = next();
    return call;
}

}  // namespace unwait::ptrace::arch
