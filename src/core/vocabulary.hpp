// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "unwait/words.hpp"

/// The one list of words for states, actions, verdicts, causes and results. Tables, JSON,
/// selectors, help, manual and completion all draw from it. States are in ss(8)'s spelling.
namespace unwait {

/// Codes of Evidence.
namespace evidence_code {
inline constexpr std::string_view fin_unread = "fin-unread";
inline constexpr std::string_view all_read = "all-read";
inline constexpr std::string_view data_unread = "data-unread";
inline constexpr std::string_view send_queue = "send-queue";
inline constexpr std::string_view still_sending = "still-sending";
inline constexpr std::string_view idle = "idle";
inline constexpr std::string_view idle_unknown = "idle-unknown";
inline constexpr std::string_view dead = "dead";
inline constexpr std::string_view in_use = "in-use";
inline constexpr std::string_view accept_queue = "accept-queue";
inline constexpr std::string_view backlog = "backlog";
inline constexpr std::string_view acceptor = "acceptor";
inline constexpr std::string_view no_holder = "no-holder";
inline constexpr std::string_view in_flight = "in-flight";
inline constexpr std::string_view registered = "registered";
inline constexpr std::string_view pinned = "pinned";
inline constexpr std::string_view mapped = "mapped";
inline constexpr std::string_view kernel_socket = "kernel-socket";
inline constexpr std::string_view holder_unreadable = "holder-unreadable";
inline constexpr std::string_view others_unreadable = "others-unreadable";
inline constexpr std::string_view shared = "shared";
inline constexpr std::string_view one_fd_table = "one-fd-table";
inline constexpr std::string_view mistaken_holder = "mistaken-holder";
inline constexpr std::string_view other_netns = "other-netns";
inline constexpr std::string_view foreign_netns = "foreign-netns";
inline constexpr std::string_view several_fds = "several-fds";
inline constexpr std::string_view epoll = "epoll";
inline constexpr std::string_view io_uring = "io-uring";
inline constexpr std::string_view event_loop = "event-loop";
inline constexpr std::string_view blocked_thread = "blocked-thread";
inline constexpr std::string_view use_unreadable = "use-unreadable";
inline constexpr std::string_view runtime = "runtime";
inline constexpr std::string_view private_fd_table = "private-fd-table";
inline constexpr std::string_view zombie_leader = "zombie-leader";
inline constexpr std::string_view traced = "traced";
inline constexpr std::string_view no_duplicates = "no-duplicates";
inline constexpr std::string_view no_injection = "no-injection";
/// How a policy comes to its ruling.
inline constexpr std::string_view policy = "policy";
}  // namespace evidence_code

/// What a state word selects: a single state, or one of ss's groups (all, connected, synchronized,
/// bucket, big), or dead. Absent when the word is unknown.
[[nodiscard]] std::optional<StateMask> states_of_word(std::string_view text);
[[nodiscard]] std::optional<Action> action_of_word(std::string_view text);
[[nodiscard]] std::optional<Freeze> freeze_of_word(std::string_view text);
[[nodiscard]] std::optional<Cause> cause_of_word(std::string_view text);
/// Only verdicts that --include may override.
[[nodiscard]] std::optional<Verdict> includable_of_word(std::string_view text);

[[nodiscard]] std::vector<std::string_view> state_words();
[[nodiscard]] std::vector<std::string_view> action_words();
[[nodiscard]] std::vector<std::string_view> freeze_words();
[[nodiscard]] std::vector<std::string_view> includable_words();

}  // namespace unwait
