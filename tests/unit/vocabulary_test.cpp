// SPDX-License-Identifier: MIT
#include "vocabulary.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

namespace unwait {
namespace {

/// The values of an enum up to its last one, which count from `first`.
template <typename Enum>
std::vector<Enum> values(Enum first, Enum last) {
    std::vector<Enum> all;
    for (int value = static_cast<int>(first); value <= static_cast<int>(last); ++value) {
        all.push_back(static_cast<Enum>(value));
    }
    return all;
}

template <typename Enum>
void check_words(Enum first, Enum last) {
    std::set<std::string_view> seen;
    for (const Enum value : values(first, last)) {
        CAPTURE(static_cast<int>(value));
        CHECK_FALSE(word(value).empty());
        CHECK(seen.insert(word(value)).second);
        CHECK(std::ranges::all_of(word(value), [](char letter) {
            return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
                   letter == '-';
        }));
    }
}

StateMask mask(std::initializer_list<TcpState> states) {
    StateMask all = 0;
    for (const TcpState state : states) {
        all |= mask_of(state);
    }
    return all;
}

}  // namespace

TEST_CASE("every value has a word of its own") {
    check_words(TcpState::established, TcpState::new_syn_recv);
    check_words(Family::inet, Family::inet6);
    check_words(Action::shutdown, Action::kill);
    check_words(Freeze::all, Freeze::one);
    check_words(Cause::leaked, Cause::unknown);
    check_words(Verdict::stuck, Verdict::denied_by_policy);
    check_words(Result::cleared, Result::failed);
    check_words(Runtime::native, Runtime::cpython);
}

TEST_CASE("every word leads back to its value") {
    for (const TcpState state : values(TcpState::established, TcpState::new_syn_recv)) {
        CAPTURE(word(state));
        CHECK(states_of_word(word(state)) == mask_of(state));
    }
    for (const Action action : values(Action::shutdown, Action::kill)) {
        CHECK(action_of_word(word(action)) == action);
    }
    for (const Freeze freeze : values(Freeze::all, Freeze::one)) {
        CHECK(freeze_of_word(word(freeze)) == freeze);
    }
    for (const std::string_view includable : includable_words()) {
        REQUIRE(includable_of_word(includable).has_value());
        CHECK(word(*includable_of_word(includable)) == includable);
    }
}

TEST_CASE("the spellings of ss and netstat are understood") {
    struct Spelling {
        std::string_view text;
        TcpState state;
    };
    for (const Spelling& row : {
             Spelling{"ESTAB", TcpState::established},
             Spelling{"ESTABLISHED", TcpState::established},
             Spelling{"CLOSE-WAIT", TcpState::close_wait},
             Spelling{"CLOSE_WAIT", TcpState::close_wait},
             Spelling{"Close_Wait", TcpState::close_wait},
             Spelling{"TIME_WAIT", TcpState::time_wait},
             Spelling{"FIN_WAIT1", TcpState::fin_wait_1},
             Spelling{"FIN-WAIT-2", TcpState::fin_wait_2},
             Spelling{"LISTEN", TcpState::listening},
             Spelling{"listening", TcpState::listening},
             Spelling{"LAST_ACK", TcpState::last_ack},
             Spelling{"SYN_RECV", TcpState::syn_recv},
             Spelling{"syn-rcv", TcpState::syn_recv},
             Spelling{"close", TcpState::closed},
             Spelling{"UNCONN", TcpState::closed},
         }) {
        CAPTURE(row.text);
        CHECK(states_of_word(row.text) == mask_of(row.state));
    }
}

TEST_CASE("groups of states are those of ss") {
    const StateMask all = *states_of_word("all");
    for (const TcpState state : values(TcpState::established, TcpState::new_syn_recv)) {
        CHECK((all & mask_of(state)) != 0);
    }
    CHECK((all & 1U) == 0);
    const StateMask unconnected = mask({TcpState::closed, TcpState::listening});
    CHECK(states_of_word("connected") == (all & ~unconnected));
    CHECK(states_of_word("synchronized") == (all & ~unconnected & ~mask_of(TcpState::syn_sent)));
    CHECK(states_of_word("bucket") ==
          mask({TcpState::time_wait, TcpState::syn_recv, TcpState::new_syn_recv}));
    CHECK(states_of_word("big") == (all & ~*states_of_word("bucket")));
}

TEST_CASE("what is no word is not taken for one") {
    for (const std::string_view text :
         {"", " ", "close-wai", "close-waits", "close wait", "close-wait ", "-", "closewait"}) {
        CAPTURE(text);
        CHECK_FALSE(states_of_word(text).has_value());
        CHECK_FALSE(action_of_word(text).has_value());
        CHECK_FALSE(freeze_of_word(text).has_value());
        CHECK_FALSE(includable_of_word(text).has_value());
    }
    CHECK_FALSE(states_of_word(std::string_view{"all\0", 4}).has_value());
    CHECK_FALSE(action_of_word("auto").has_value());
}

TEST_CASE("what protects cannot be included") {
    CHECK_FALSE(includable_of_word("stuck").has_value());
    CHECK_FALSE(includable_of_word("protected").has_value());
    CHECK_FALSE(includable_of_word("denied-by-policy").has_value());
}

TEST_CASE("the lists of words name each thing once") {
    CHECK(action_words() ==
          std::vector<std::string_view>{"shutdown", "close", "replace", "destroy", "term", "kill"});
    CHECK(freeze_words() == std::vector<std::string_view>{"all", "one"});
    const auto states = state_words();
    CHECK(states.size() == 12 + 6);
    CHECK(std::ranges::find(states, "close-wait") != states.end());
    CHECK(std::ranges::find(states, "synchronized") != states.end());
    CHECK(std::ranges::find(states, "estab") == states.end());
}

}  // namespace unwait
