// SPDX-License-Identifier: MIT
#include "vocabulary.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace unwait {
namespace {

template <typename Value>
struct Entry {
    std::string_view word;
    Value value;
};

/// The first entry of a value holds its word; later ones are other spellings that are understood.
constexpr std::array state_table{
    Entry<TcpState>{"established", TcpState::established},
    Entry<TcpState>{"syn-sent", TcpState::syn_sent},
    Entry<TcpState>{"syn-recv", TcpState::syn_recv},
    Entry<TcpState>{"fin-wait-1", TcpState::fin_wait_1},
    Entry<TcpState>{"fin-wait-2", TcpState::fin_wait_2},
    Entry<TcpState>{"time-wait", TcpState::time_wait},
    Entry<TcpState>{"closed", TcpState::closed},
    Entry<TcpState>{"close-wait", TcpState::close_wait},
    Entry<TcpState>{"last-ack", TcpState::last_ack},
    Entry<TcpState>{"listening", TcpState::listening},
    Entry<TcpState>{"closing", TcpState::closing},
    Entry<TcpState>{"new-syn-recv", TcpState::new_syn_recv},
    // What ss(8) prints or also reads, and netstat(8)'s words.
    Entry<TcpState>{"estab", TcpState::established},
    Entry<TcpState>{"syn-rcv", TcpState::syn_recv},
    Entry<TcpState>{"fin-wait1", TcpState::fin_wait_1},
    Entry<TcpState>{"fin-wait2", TcpState::fin_wait_2},
    Entry<TcpState>{"close", TcpState::closed},
    Entry<TcpState>{"unconn", TcpState::closed},
    Entry<TcpState>{"unconnected", TcpState::closed},
    Entry<TcpState>{"listen", TcpState::listening},
};

constexpr StateMask every_state =
    (mask_of(TcpState::new_syn_recv) << 1) - mask_of(TcpState::established);
constexpr StateMask unconnected = mask_of(TcpState::closed) | mask_of(TcpState::listening);
// A request that waits for its ACK is new-syn-recv inside and syn-recv to ss: a bucket either way.
constexpr StateMask minisockets =
    mask_of(TcpState::syn_recv) | mask_of(TcpState::new_syn_recv) | mask_of(TcpState::time_wait);

constexpr std::array state_group_table{
    Entry<StateMask>{"all", every_state},
    Entry<StateMask>{"connected", every_state & ~unconnected},
    Entry<StateMask>{"synchronized", every_state & ~unconnected & ~mask_of(TcpState::syn_sent)},
    Entry<StateMask>{"bucket", minisockets},
    Entry<StateMask>{"big", every_state & ~minisockets},
};

constexpr std::array family_table{
    Entry<Family>{"inet", Family::inet},
    Entry<Family>{"inet6", Family::inet6},
};

constexpr std::array action_table{
    Entry<Action>{"shutdown", Action::shutdown}, Entry<Action>{"close", Action::close},
    Entry<Action>{"replace", Action::replace},   Entry<Action>{"destroy", Action::destroy},
    Entry<Action>{"term", Action::term},         Entry<Action>{"kill", Action::kill},
};

constexpr std::array freeze_table{
    Entry<Freeze>{"all", Freeze::all},
    Entry<Freeze>{"one", Freeze::one},
};

constexpr std::array cause_table{
    Entry<Cause>{"leaked", Cause::leaked},
    Entry<Cause>{"not-reading", Cause::not_reading},
    Entry<Cause>{"still-sending", Cause::still_sending},
    Entry<Cause>{"shared-after-fork", Cause::shared_after_fork},
    Entry<Cause>{"private-fd-table", Cause::private_fd_table},
    Entry<Cause>{"zombie-leader", Cause::zombie_leader},
    Entry<Cause>{"other-netns", Cause::other_netns},
    Entry<Cause>{"in-backlog", Cause::in_backlog},
    Entry<Cause>{"in-flight", Cause::in_flight},
    Entry<Cause>{"in-io-uring", Cause::in_io_uring},
    Entry<Cause>{"pinned-by-thread", Cause::pinned_by_thread},
    Entry<Cause>{"kernel-socket", Cause::kernel_socket},
    Entry<Cause>{"holder-unreadable", Cause::holder_unreadable},
    Entry<Cause>{"unknown", Cause::unknown},
};

/// The verdicts that --include may override.
constexpr std::array includable_table{
    Entry<Verdict>{"too-young", Verdict::too_young},
    Entry<Verdict>{"still-sending", Verdict::still_sending},
    Entry<Verdict>{"in-backlog", Verdict::in_backlog},
    Entry<Verdict>{"no-holder", Verdict::no_holder},
    Entry<Verdict>{"holder-unreadable", Verdict::holder_unreadable},
    Entry<Verdict>{"in-use", Verdict::in_use},
};

constexpr std::array other_verdict_table{
    Entry<Verdict>{"stuck", Verdict::stuck},
    Entry<Verdict>{"protected", Verdict::is_protected},
    Entry<Verdict>{"denied-by-policy", Verdict::denied_by_policy},
};

constexpr std::array result_table{
    Entry<Result>{"cleared", Result::cleared},
    Entry<Result>{"already-gone", Result::already_gone},
    Entry<Result>{"unchanged", Result::unchanged},
    Entry<Result>{"refused", Result::refused},
    Entry<Result>{"failed", Result::failed},
};

constexpr std::array runtime_table{
    Entry<Runtime>{"native", Runtime::native},   Entry<Runtime>{"node", Runtime::node},
    Entry<Runtime>{"jvm", Runtime::jvm},         Entry<Runtime>{"go", Runtime::go},
    Entry<Runtime>{"cpython", Runtime::cpython},
};

/// ss(8) compares without regard to case; netstat(8) and /proc write CLOSE_WAIT.
constexpr bool same_letter(char typed, char ours) noexcept {
    if (typed >= 'A' && typed <= 'Z') {
        typed = static_cast<char>(typed - 'A' + 'a');
    }
    return (typed == '_' ? '-' : typed) == ours;
}

template <typename Value, std::size_t Size>
constexpr std::string_view word_in(const std::array<Entry<Value>, Size>& table, Value value) {
    const auto* const entry = std::ranges::find(table, value, &Entry<Value>::value);
    return entry == table.end() ? std::string_view{} : entry->word;
}

template <typename Value, std::size_t Size>
constexpr std::optional<Value> value_in(const std::array<Entry<Value>, Size>& table,
                                        std::string_view text) {
    const auto* const entry = std::ranges::find_if(table, [text](const Entry<Value>& candidate) {
        return std::ranges::equal(text, candidate.word, same_letter);
    });
    return entry == table.end() ? std::nullopt : std::optional<Value>{entry->value};
}

template <typename Value, std::size_t Size>
void append_words(std::vector<std::string_view>& words,
                  const std::array<Entry<Value>, Size>& table) {
    for (const Entry<Value>& entry : table) {
        if (word_in(table, entry.value) == entry.word) {
            words.push_back(entry.word);
        }
    }
}

template <typename Value, std::size_t Size>
std::vector<std::string_view> words_of(const std::array<Entry<Value>, Size>& table) {
    std::vector<std::string_view> words;
    append_words(words, table);
    return words;
}

}  // namespace

std::string_view word(TcpState state) { return word_in(state_table, state); }
std::string_view word(Family family) { return word_in(family_table, family); }
std::string_view word(Action action) { return word_in(action_table, action); }
std::string_view word(Freeze freeze) { return word_in(freeze_table, freeze); }
std::string_view word(Cause cause) { return word_in(cause_table, cause); }
std::string_view word(Result result) { return word_in(result_table, result); }
std::string_view word(Runtime runtime) { return word_in(runtime_table, runtime); }

std::string_view word(Verdict verdict) {
    const std::string_view includable = word_in(includable_table, verdict);
    return includable.empty() ? word_in(other_verdict_table, verdict) : includable;
}

std::optional<StateMask> states_of_word(std::string_view text) {
    if (const auto state = value_in(state_table, text)) {
        return mask_of(*state);
    }
    return value_in(state_group_table, text);
}

std::optional<Action> action_of_word(std::string_view text) { return value_in(action_table, text); }
std::optional<Freeze> freeze_of_word(std::string_view text) { return value_in(freeze_table, text); }
std::optional<Cause> cause_of_word(std::string_view text) { return value_in(cause_table, text); }
std::optional<Verdict> includable_of_word(std::string_view text) {
    return value_in(includable_table, text);
}

std::vector<std::string_view> state_words() {
    std::vector<std::string_view> words = words_of(state_table);
    append_words(words, state_group_table);
    return words;
}

std::vector<std::string_view> action_words() { return words_of(action_table); }
std::vector<std::string_view> freeze_words() { return words_of(freeze_table); }
std::vector<std::string_view> includable_words() { return words_of(includable_table); }

}  // namespace unwait
