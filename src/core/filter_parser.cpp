// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "filter_lexer.hpp"
#include "filter_text.hpp"
#include "filter_values.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

using Kind = FilterToken::Kind;

constexpr unsigned deepest_nesting = 100;
constexpr std::array<std::string_view, 8> predicate_words{"src", "dst",    "sport",  "dport",
                                                          "dev", "fwmark", "cgroup", "autobound"};

std::string quote(std::string_view text) { return "'" + std::string(text) + "'"; }

bool is_word(const FilterToken& token, std::string_view word) {
    return token.kind == Kind::word && !token.is_escaped && token.word == word;
}

bool is_state_word(const FilterToken& token) {
    return is_word(token, "state") || is_word(token, "exclude") || is_word(token, "excl");
}

/// A condition, and how deep its printed form nests.
struct Part {
    Condition condition;
    unsigned levels = 0;

    [[nodiscard]] unsigned levels_as_operand() const {
        const bool in_parentheses = std::holds_alternative<Conjunction>(condition.is) ||
                                    std::holds_alternative<Disjunction>(condition.is);
        return levels + (in_parentheses ? 1 : 0);
    }
};

/// Recursive descent, one token ahead. A wrong expression leaves it by a FilterError.
class Parser {
public:
    Parser(std::string_view text, const Services& services)
        : lexer_(text), services_(services), token_(lexer_.next()) {}

    Filter filter() {
        Filter filter;
        if (token_.kind == Kind::end) fail(token_, "the expression is empty");
        while (is_state_word(token_)) states(filter);
        if (filter.states == StateMask{0}) fail(token_, "the state words leave no state");
        if (token_.kind == Kind::end) return filter;
        if (filter.states && is_both(token_)) advance();
        filter.condition = expression().condition;
        if (token_.kind == Kind::close) fail(token_, "this parenthesis was never opened");
        return filter;
    }

private:
    [[noreturn]] static void fail(const FilterToken& token, std::string what) {
        throw FilterError{token.at, token.length, std::move(what)};
    }

    FilterToken advance() {
        FilterToken taken = std::exchange(token_, lexer_.next());
        if (token_.kind == Kind::broken) fail(token_, "nothing follows the backslash");
        return taken;
    }

    void states(Filter& filter) {
        constexpr StateMask every_state = (mask_of(TcpState::new_syn_recv) << 1) - 2;
        const bool include = is_word(advance(), "state");
        const FilterToken word = advance();
        const auto mask = states_of_word(word.word);
        if (word.kind != Kind::word || !mask) {
            const auto words = state_words();
            const auto near = nearest(word.word, words);
            fail(word, word.kind != Kind::word
                           ? "a TCP state is missing"
                           : quote(word.word) + " is not a TCP state" +
                                 (near ? "; did you mean " + quote(*near) + "?" : ""));
        }
        const StateMask before = filter.states.value_or(include ? 0 : every_state);
        filter.states = include ? before | *mask : before & ~*mask;
    }

    /// "and" and "or" are equals, read from left to right: what ss(8) does, whatever its manual
    /// says.
    Part expression() {
        Part left = operand();
        std::optional<bool> was_either;
        while (token_.kind != Kind::end && token_.kind != Kind::close) {
            const FilterToken sign = token_;
            const bool either = is_either(sign);
            if (either || is_both(sign)) advance();
            Part right = operand();
            if (either) {
                join<Disjunction>(left, std::move(right), was_either == true);
            } else {
                join<Conjunction>(left, std::move(right), was_either == false);
            }
            require_room(sign, left.levels);
            was_either = either;
        }
        return left;
    }

    /// Adds to the list that `left` is, or makes one of it.
    template <typename List>
    static void join(Part& left, Part right, bool goes_on) {
        if (!goes_on) {
            left.levels = left.levels_as_operand();
            List list;
            list.parts.push_back(std::move(left.condition));
            left.condition.is = std::move(list);
        }
        left.levels = std::max(left.levels, right.levels_as_operand());
        std::get<List>(left.condition.is).parts.push_back(std::move(right.condition));
    }

    Part operand() {
        const FilterToken first = token_;
        unsigned negations = 0;
        for (; is_negation(token_); ++negations) advance();
        Part part = primary();
        for (; negations > 0; --negations) part = negated(std::move(part), first);
        return part;
    }

    static Part negated(Part part, const FilterToken& token) {
        const unsigned levels = part.levels_as_operand() + 1;
        require_room(token, levels);
        Negation negation;
        negation.part.push_back(std::move(part.condition));
        return {{std::move(negation)}, levels};
    }

    Part primary() {
        if (token_.kind != Kind::open) return predicate();
        const FilterToken open = advance();
        require_room(open, ++depth_);
        Part part = expression();
        if (token_.kind != Kind::close) fail(open, "this parenthesis is never closed");
        advance();
        --depth_;
        return part;
    }

    static void require_room(const FilterToken& token, unsigned levels) {
        if (levels > deepest_nesting) {
            fail(token, "nested deeper than " + std::to_string(deepest_nesting) + " levels");
        }
    }

    Part predicate() {
        if (token_.kind != Kind::word || is_both(token_) || is_either(token_)) {
            fail(token_,
                 "a condition is missing here: src, dst, sport, dport, dev, fwmark, cgroup, "
                 "autobound, or one in parentheses");
        }
        if (is_state_word(token_)) {
            fail(token_, "state words stand at the beginning, before all conditions");
        }
        const FilterToken name = advance();
        if (is_word(name, "autobound")) return {{AutoboundTest{}}};
        if (is_word(name, "src")) return host(Side::local);
        if (is_word(name, "dst")) return host(Side::peer);
        if (is_word(name, "sport")) return port(Side::local);
        if (is_word(name, "dport")) return port(Side::peer);
        if (is_word(name, "dev")) {
            return equality("the name or index of a device", [](const std::string& word) {
                return FilterValue{Condition{DeviceTest{word, std::nullopt}}};
            });
        }
        if (is_word(name, "fwmark")) return equality("a mark", read_mark);
        if (is_word(name, "cgroup")) return equality("the path of a cgroup", read_cgroup);
        fail_unknown(name);
    }

    [[noreturn]] static void fail_unknown(const FilterToken& name) {
        const auto near = nearest(name.word, predicate_words);
        fail(name, quote(name.word) + " is not a condition" +
                       (near ? "; did you mean " + quote(*near) + "?"
                             : ": src, dst, sport, dport, dev, fwmark, cgroup or autobound"));
    }

    Part host(Side side) {
        return equality("an address, or a port after a colon",
                        [&](const std::string& word) { return read_host(side, word, services_); });
    }

    Part port(Side side) {
        Comparison comparison = Comparison::equal;
        if (read_comparison(token_, comparison)) advance();
        const FilterToken word = value("a port");
        return {taken(word, read_port(side, comparison, word.word, services_))};
    }

    /// [= | !=] VALUE.
    template <typename Read>
    Part equality(const std::string& wanted, Read read) {
        Comparison comparison = Comparison::equal;
        const FilterToken sign = token_;
        if (read_comparison(token_, comparison)) advance();
        if (comparison != Comparison::equal && comparison != Comparison::not_equal) {
            fail(sign, "only ports have an order: = or != here");
        }
        const FilterToken word = value(wanted);
        Part part{taken(word, read(word.word))};
        return comparison == Comparison::equal ? part : negated(std::move(part), word);
    }

    FilterToken value(const std::string& wanted) {
        if (token_.kind != Kind::word) fail(token_, wanted + " is missing here");
        return advance();
    }

    static Condition taken(const FilterToken& word, FilterValue value) {
        if (auto* wrong = std::get_if<std::string>(&value)) fail(word, std::move(*wrong));
        return std::get<Condition>(std::move(value));
    }

    FilterLexer lexer_;
    const Services& services_;
    FilterToken token_;
    unsigned depth_ = 0;
};

}  // namespace

std::variant<Filter, FilterError> parse_filter(std::string_view text, const Services& services) {
    try {
        return Parser(text, services).filter();
    } catch (FilterError& error) {
        return std::move(error);
    }
}

}  // namespace unwait
