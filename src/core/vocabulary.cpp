// SPDX-License-Identifier: MIT
#include "vocabulary.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace unwait {
namespace {

template <typename Value>
struct Entry {
    std::string_view word;
    Value value;
};

/// The first entry of a value holds its word; later ones are other spellings that are understood.
constexpr auto state_table = std::to_array<Entry<TcpState>>({
    {"established", TcpState::established},
    {"syn-sent", TcpState::syn_sent},
    {"syn-recv", TcpState::syn_recv},
    {"fin-wait-1", TcpState::fin_wait_1},
    {"fin-wait-2", TcpState::fin_wait_2},
    {"time-wait", TcpState::time_wait},
    {"closed", TcpState::closed},
    {"close-wait", TcpState::close_wait},
    {"last-ack", TcpState::last_ack},
    {"listening", TcpState::listening},
    {"closing", TcpState::closing},
    {"new-syn-recv", TcpState::new_syn_recv},
    // What ss(8) prints or also reads, and netstat(8)'s words.
    {"estab", TcpState::established},
    {"syn-rcv", TcpState::syn_recv},
    {"fin-wait1", TcpState::fin_wait_1},
    {"fin-wait2", TcpState::fin_wait_2},
    {"close", TcpState::closed},
    {"unconn", TcpState::closed},
    {"unconnected", TcpState::closed},
    {"listen", TcpState::listening},
});

constexpr StateMask every_state =
    (mask_of(TcpState::new_syn_recv) << 1) - mask_of(TcpState::established);
constexpr StateMask unconnected = mask_of(TcpState::closed) | mask_of(TcpState::listening);
// A request that waits for its ACK is new-syn-recv inside and syn-recv to ss: a bucket either way.
constexpr StateMask minisockets =
    mask_of(TcpState::syn_recv) | mask_of(TcpState::new_syn_recv) | mask_of(TcpState::time_wait);

constexpr auto state_group_table = std::to_array<Entry<StateMask>>({
    {"all", every_state},
    {"connected", every_state & ~unconnected},
    {"synchronized", every_state & ~unconnected & ~mask_of(TcpState::syn_sent)},
    {"bucket", minisockets},
    {"dead", dead_sockets},
    {"big", every_state & ~minisockets},
});

constexpr auto family_table = std::to_array<Entry<Family>>({
    {"inet", Family::inet},
    {"inet6", Family::inet6},
});

constexpr auto action_table = std::to_array<Entry<Action>>({
    {"shutdown", Action::shutdown},
    {"close", Action::close},
    {"replace", Action::replace},
    {"destroy", Action::destroy},
    {"term", Action::term},
    {"kill", Action::kill},
});

constexpr auto freeze_table = std::to_array<Entry<Freeze>>({
    {"all", Freeze::all},
    {"one", Freeze::one},
});

constexpr auto cause_table = std::to_array<Entry<Cause>>({
    {"leaked", Cause::leaked},
    {"not-reading", Cause::not_reading},
    {"still-sending", Cause::still_sending},
    {"shared-after-fork", Cause::shared_after_fork},
    {"private-fd-table", Cause::private_fd_table},
    {"zombie-leader", Cause::zombie_leader},
    {"other-netns", Cause::other_netns},
    {"dead", Cause::dead},
    {"in-backlog", Cause::in_backlog},
    {"in-flight", Cause::in_flight},
    {"in-io-uring", Cause::in_io_uring},
    {"pinned-by-thread", Cause::pinned_by_thread},
    {"kernel-socket", Cause::kernel_socket},
    {"holder-unreadable", Cause::holder_unreadable},
    {"unknown", Cause::unknown},
});

constexpr auto verdict_table = std::to_array<Entry<Verdict>>({
    {"too-young", Verdict::too_young},
    {"still-sending", Verdict::still_sending},
    {"in-backlog", Verdict::in_backlog},
    {"no-holder", Verdict::no_holder},
    {"holder-unreadable", Verdict::holder_unreadable},
    {"in-use", Verdict::in_use},
    // Not for --include.
    {"stuck", Verdict::stuck},
    {"protected", Verdict::is_protected},
    {"denied-by-policy", Verdict::denied_by_policy},
});
constexpr auto includable_table = std::span(verdict_table).first<6>();

constexpr auto result_table = std::to_array<Entry<Result>>({
    {"cleared", Result::cleared},
    {"already-gone", Result::already_gone},
    {"unchanged", Result::unchanged},
    {"refused", Result::refused},
    {"failed", Result::failed},
});

constexpr auto subject_table = std::to_array<Entry<Subject>>({
    {"kernel", Subject::kernel},
    {"privileges", Subject::privileges},
    {"process", Subject::process},
});

constexpr auto runtime_table = std::to_array<Entry<Runtime>>({
    {"native", Runtime::native},
    {"node", Runtime::node},
    {"jvm", Runtime::jvm},
    {"go", Runtime::go},
    {"cpython", Runtime::cpython},
});

/// ss(8) compares without regard to case; netstat(8) and /proc write CLOSE_WAIT.
constexpr bool same_letter(char typed, char ours) noexcept {
    if (typed >= 'A' && typed <= 'Z') {
        typed = static_cast<char>(typed - 'A' + 'a');
    }
    return (typed == '_' ? '-' : typed) == ours;
}

template <typename Table, typename Value>
std::string_view word_in(const Table& table, Value value) {
    const auto entry = std::ranges::find(table, value, &Entry<Value>::value);
    return entry == table.end() ? std::string_view{} : entry->word;
}

template <typename Table>
auto value_in(const Table& table, std::string_view text) {
    const auto entry = std::ranges::find_if(table, [text](const auto& candidate) {
        return std::ranges::equal(text, candidate.word, same_letter);
    });
    return entry == table.end() ? std::nullopt : std::optional(entry->value);
}

template <typename... Tables>
std::vector<std::string_view> words_of(const Tables&... tables) {
    std::vector<std::string_view> words;
    const auto append = [&words](const auto& table) {
        for (const auto& entry : table) {
            if (word_in(table, entry.value) == entry.word) words.push_back(entry.word);
        }
    };
    (append(tables), ...);
    return words;
}

}  // namespace

std::string_view word(TcpState state) { return word_in(state_table, state); }
std::string_view word(Family family) { return word_in(family_table, family); }
std::string_view word(Action action) { return word_in(action_table, action); }
std::string_view word(Freeze freeze) { return word_in(freeze_table, freeze); }
std::string_view word(Cause cause) { return word_in(cause_table, cause); }
std::string_view word(Verdict verdict) { return word_in(verdict_table, verdict); }
std::string_view word(Result result) { return word_in(result_table, result); }
std::string_view word(Runtime runtime) { return word_in(runtime_table, runtime); }
std::string_view word(Subject subject) { return word_in(subject_table, subject); }

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

std::vector<std::string_view> state_words() { return words_of(state_table, state_group_table); }
std::vector<std::string_view> action_words() { return words_of(action_table); }
std::vector<std::string_view> freeze_words() { return words_of(freeze_table); }
std::vector<std::string_view> includable_words() { return words_of(includable_table); }

}  // namespace unwait
