// SPDX-License-Identifier: MIT
#include <string>

#include "filter_lexer.hpp"
#include "filter_text.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

std::string_view sign_of(Comparison comparison) {
    switch (comparison) {
        case Comparison::equal:
            return "=";
        case Comparison::not_equal:
            return "!=";
        case Comparison::less:
            return "<";
        case Comparison::greater:
            return ">";
        case Comparison::at_most:
            return "<=";
        case Comparison::at_least:
            return ">=";
    }
    return "=";
}

std::string pattern_text(const EndpointPattern& pattern) {
    std::string text = "*";
    if (pattern.address) {
        const bool inet = pattern.address->family == Family::inet;
        text = format_address(*pattern.address);
        if (pattern.prefix_length != (inet ? 32U : 128U)) {
            text += "/" + std::to_string(pattern.prefix_length);
        }
        if (!inet) {
            text = "[" + text + "]";
        }
    }
    return pattern.port ? text + ":" + std::to_string(*pattern.port) : text;
}

std::string text_of(const Condition& condition);

struct Printer {
    std::string operator()(const EndpointTest& test) const {
        return (test.side == Side::local ? "src " : "dst ") + pattern_text(test.pattern);
    }
    std::string operator()(const PortTest& test) const {
        return (test.side == Side::local ? "sport " : "dport ") +
               std::string(sign_of(test.comparison)) + " :" + std::to_string(test.port);
    }
    std::string operator()(const FamilyTest& test) const {
        return "src " + std::string(word(test.family)) + ":*";
    }
    // With the sign, so that a name such as "eq" is not taken for one.
    std::string operator()(const DeviceTest& test) const {
        return "dev = " + escaped_word(test.name);
    }
    std::string operator()(const CgroupTest& test) const {
        return "cgroup = " + escaped_word(test.path);
    }
    std::string operator()(const MarkTest& test) const {
        const bool whole = test.mask == ~std::uint32_t{0};
        return "fwmark = " + std::to_string(test.mark) +
               (whole ? "" : "/" + std::to_string(test.mask));
    }
    std::string operator()(const AutoboundTest&) const { return "autobound"; }
    std::string operator()(const Negation& negation) const {
        return "not " + operand(negation.part.front());
    }
    std::string operator()(const Conjunction& all) const {
        std::string text;
        for (const Condition& part : all.parts) {
            text += (text.empty() ? "" : " and ") + operand(part);
        }
        return text;
    }
    std::string operator()(const Disjunction& any) const {
        std::string text;
        for (const Condition& part : any.parts) {
            text += (text.empty() ? "" : " or ") + operand(part);
        }
        return text;
    }

private:
    // Parentheses say how "and" and "or" are meant, which readers of ss(8) disagree about.
    static std::string operand(const Condition& part) {
        const bool joined = std::holds_alternative<Conjunction>(part.is) ||
                            std::holds_alternative<Disjunction>(part.is);
        return joined ? "( " + text_of(part) + " )" : text_of(part);
    }
};

std::string text_of(const Condition& condition) { return std::visit(Printer{}, condition.is); }

}  // namespace

std::string format_filter(const Filter& filter) {
    std::string text;
    const StateMask states = filter.states.value_or(0);
    for (unsigned number = 1; number < 32; ++number) {
        if ((states >> number & 1U) != 0) {
            text += (text.empty() ? "state " : " state ");
            text += word(static_cast<TcpState>(number));
        }
    }
    if (filter.condition) {
        text += (text.empty() ? "" : " ") + text_of(*filter.condition);
    }
    return text;
}

}  // namespace unwait
