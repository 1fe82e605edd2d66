// SPDX-License-Identifier: MIT
#include "filter_lexer.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace unwait {
namespace {

using Kind = FilterToken::Kind;

constexpr std::string_view blanks = " \t\n\r\v\f";
constexpr std::string_view signs = "()!=<>&|";

struct Sign {
    std::string_view text;
    Kind kind;
    Comparison comparison = Comparison::equal;
};

/// A longer one stands before the shorter that it begins with.
constexpr std::array sign_table{
    Sign{"(", Kind::open},
    Sign{")", Kind::close},
    Sign{"&&", Kind::both},
    Sign{"&", Kind::both},
    Sign{"||", Kind::either},
    Sign{"|", Kind::either},
    Sign{"==", Kind::compare, Comparison::equal},
    Sign{"=", Kind::compare, Comparison::equal},
    Sign{"!=", Kind::compare, Comparison::not_equal},
    Sign{"!", Kind::negate},
    Sign{"<=", Kind::compare, Comparison::at_most},
    Sign{"<", Kind::compare, Comparison::less},
    Sign{">=", Kind::compare, Comparison::at_least},
    Sign{">", Kind::compare, Comparison::greater},
};

struct Spelling {
    std::string_view word;
    Comparison comparison;
};

constexpr std::array comparison_words{
    Spelling{"eq", Comparison::equal},      Spelling{"ne", Comparison::not_equal},
    Spelling{"neq", Comparison::not_equal}, Spelling{"lt", Comparison::less},
    Spelling{"gt", Comparison::greater},    Spelling{"le", Comparison::at_most},
    Spelling{"leq", Comparison::at_most},   Spelling{"ge", Comparison::at_least},
    Spelling{"geq", Comparison::at_least},
};

bool is_keyword(const FilterToken& token, std::string_view word) {
    return token.kind == Kind::word && !token.is_escaped && token.word == word;
}

}  // namespace

FilterToken FilterLexer::take_sign(Kind kind, std::string_view sign, Comparison comparison) {
    FilterToken token;
    token.kind = kind;
    token.at = at_;
    token.length = sign.size();
    token.comparison = comparison;
    at_ += sign.size();
    return token;
}

FilterToken FilterLexer::take_word() {
    FilterToken token;
    token.kind = Kind::word;
    token.at = at_;
    for (; at_ < text_.size(); ++at_) {
        char letter = text_[at_];
        if (letter == '\\') {
            token.is_escaped = true;
            if (++at_ == text_.size()) {
                token.kind = Kind::broken;
                break;
            }
            letter = text_[at_];
        } else if (blanks.find(letter) != std::string_view::npos ||
                   signs.find(letter) != std::string_view::npos) {
            break;
        }
        token.word.push_back(letter);
    }
    token.length = at_ - token.at;
    return token;
}

FilterToken FilterLexer::next() {
    at_ = std::min(text_.find_first_not_of(blanks, at_), text_.size());
    if (at_ == text_.size()) {
        FilterToken end;
        end.at = at_;
        return end;
    }
    const auto* const sign = std::ranges::find_if(sign_table, [this](const Sign& candidate) {
        return text_.substr(at_).starts_with(candidate.text);
    });
    return sign == sign_table.end() ? take_word()
                                    : take_sign(sign->kind, sign->text, sign->comparison);
}

bool read_comparison(const FilterToken& token, Comparison& comparison) {
    if (token.kind == Kind::compare) {
        comparison = token.comparison;
        return true;
    }
    const auto* const found = std::ranges::find_if(
        comparison_words,
        [&token](const Spelling& candidate) { return is_keyword(token, candidate.word); });
    if (found == comparison_words.end()) {
        return false;
    }
    comparison = found->comparison;
    return true;
}

bool is_negation(const FilterToken& token) {
    return token.kind == Kind::negate || is_keyword(token, "not");
}

bool is_both(const FilterToken& token) {
    return token.kind == Kind::both || is_keyword(token, "and");
}

bool is_either(const FilterToken& token) {
    return token.kind == Kind::either || is_keyword(token, "or");
}

std::string escaped_word(std::string_view word) {
    std::string text;
    for (const char letter : word) {
        if (letter == '\\' || blanks.find(letter) != std::string_view::npos ||
            signs.find(letter) != std::string_view::npos) {
            text.push_back('\\');
        }
        text.push_back(letter);
    }
    return text;
}

}  // namespace unwait
