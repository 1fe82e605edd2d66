// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "unwait/filter.hpp"

namespace unwait {

/// One word or sign of a filter expression.
struct FilterToken {
    enum class Kind : std::uint8_t {
        end,
        open,
        close,
        negate,
        both,
        either,
        compare,
        word,
        broken
    };

    Kind kind = Kind::end;
    std::size_t at = 0;       ///< where it begins in the text
    std::size_t length = 0;   ///< its bytes there
    std::string word = {};    ///< of a word, without its backslashes
    bool is_escaped = false;  ///< it has backslashes, so it is no keyword
    Comparison comparison = Comparison::equal;
};

/// Cuts an expression into tokens. Beyond ss(8), which wants blanks around each of them, a sign
/// ends a word; a backslash takes its meaning away.
class FilterLexer {
public:
    explicit FilterLexer(std::string_view text) : text_(text) {}

    /// `end` once there is no more. A backslash at the end of the text is `broken`.
    [[nodiscard]] FilterToken next();

private:
    [[nodiscard]] FilterToken take_sign(FilterToken::Kind kind, std::string_view sign,
                                        Comparison comparison = Comparison::equal);
    [[nodiscard]] FilterToken take_word();

    std::string_view text_;
    std::size_t at_ = 0;
};

/// Whether it is a comparison sign or word. ("eq", "ne", "neq", "lt", "gt", "le", "leq", "ge",
/// "geq").
[[nodiscard]] bool read_comparison(const FilterToken& token, Comparison& comparison);
[[nodiscard]] bool is_negation(const FilterToken& token);
[[nodiscard]] bool is_both(const FilterToken& token);
[[nodiscard]] bool is_either(const FilterToken& token);

/// A word as an expression can hold it: with a backslash before what would end it.
[[nodiscard]] std::string escaped_word(std::string_view word);

}  // namespace unwait
