// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace unwait::cli {

enum class Verb : std::uint8_t {
    list,
    explain,
    clear,
    apply,
    check,
    doctor,
    policy_check,
    policy_explain,
    help
};

/// A set of verbs: bit N is the verb with number N.
using VerbSet = unsigned;

[[nodiscard]] constexpr VerbSet set_of(Verb verb) noexcept {
    return VerbSet{1} << static_cast<unsigned>(verb);
}

/// Headings of the help, in its order.
enum class Section : std::uint8_t { selectors, inquiry, actions, safety, monitoring, output };

/// One option as the parser, the help and the suggestions know it.
struct OptionSpec {
    Section section;
    std::string_view name;   ///< without dashes
    char letter;             ///< the short form, '\0' for none
    std::string_view value;  ///< what stands for its value in the help, empty for a flag
    bool repeatable;         ///< each further occurrence narrows
    VerbSet verbs;           ///< those that have it
    std::string_view help;

    [[nodiscard]] bool belongs_to(Verb verb) const noexcept { return (verbs & set_of(verb)) != 0; }
};

[[nodiscard]] std::span<const OptionSpec> option_table();

struct VerbSpec {
    Verb verb;
    std::string_view name;
    std::string_view operand;  ///< what stands for it in the help, empty for none
    std::string_view help;
};

[[nodiscard]] std::span<const VerbSpec> verb_table();
[[nodiscard]] std::optional<Verb> verb_of_word(std::string_view word);
[[nodiscard]] std::string_view word(Verb verb);
[[nodiscard]] std::string_view operand_of(Verb verb);

}  // namespace unwait::cli
