// SPDX-License-Identifier: MIT
#include "option_table.hpp"

#include <algorithm>
#include <array>

namespace unwait::cli {

namespace {

constexpr VerbSet on_list = set_of(Verb::list);
constexpr VerbSet on_clear = set_of(Verb::clear);
constexpr VerbSet on_apply = set_of(Verb::apply);
constexpr VerbSet on_policy_explain = set_of(Verb::policy_explain);
constexpr VerbSet on_explain = set_of(Verb::explain);
constexpr VerbSet on_check = set_of(Verb::check);
constexpr VerbSet on_doctor = set_of(Verb::doctor);
constexpr VerbSet both = on_list | on_clear;
constexpr VerbSet selecting = both | on_explain | on_check | on_policy_explain;
constexpr VerbSet acting = on_clear | on_apply;
constexpr VerbSet every = (selecting & ~on_check) | on_apply | on_doctor;
constexpr VerbSet ruled = acting | on_policy_explain;

constexpr auto options = std::to_array<OptionSpec>({
    {Section::selectors, "state", 0, "STATE", true, selecting,
     "TCP states or groups in ss(8)'s words (close-wait)"},
    {Section::selectors, "pid", 0, "PID", true, selecting, "held by this process"},
    {Section::selectors, "pid", 0, "PID", true, on_doctor, "look at this process too"},
    {Section::selectors, "fd", 0, "FD", true, selecting, "held as this fd (needs --pid)"},
    {Section::selectors, "process", 0, "REGEX", true, selecting,
     "the holder's command name matches"},
    {Section::selectors, "user", 0, "USER", true, selecting, "held by this user, name or uid"},
    {Section::selectors, "unit", 0, "UNIT", true, selecting, "held by this systemd unit"},
    {Section::selectors, "cgroup", 0, "PATH", true, selecting,
     "held from this cgroup or from below it"},
    {Section::selectors, "netns", 0, "self|all|PID|NAME|PATH", false, selecting,
     "in these network namespaces (self)"},
    {Section::selectors, "local", 0, "ADDR[/LEN][:PORT]", true, selecting, "local end"},
    {Section::selectors, "peer", 0, "ADDR[/LEN][:PORT]", true, selecting, "remote end"},
    {Section::selectors, "port", 0, "N[-M]", true, selecting, "local port"},
    {Section::selectors, "peer-port", 0, "N[-M]", true, selecting, "remote port"},
    {Section::selectors, "inode", 0, "INODE", true, selecting, "the socket with this inode"},
    {Section::selectors, "filter", 0, "EXPR", true, selecting,
     "ss(8)'s filter language: 'sport = :8080 and dst 10.0.0.0/8'"},
    {Section::selectors, "owned", 0, "", false, selecting, "only with a holder"},
    {Section::selectors, "unowned", 0, "", false, selecting, "only without a holder"},
    {Section::selectors, "min-idle", 0, "DURATION", false, on_list | on_explain | on_check,
     "nothing came from the peer for at least this long (0s)"},
    {Section::selectors, "all", 0, "", false, on_clear,
     "every socket in the state, said on purpose"},

    {Section::inquiry, "stack", 0, "", false, on_explain,
     "the stacks of the threads that are told of"},
    {Section::inquiry, "observe", 0, "DURATION", false, on_explain,
     "watch for so long whether the application touches the socket"},
    {Section::inquiry, "trace", 0, "", false, on_explain,
     "with --observe: count its system calls on the socket, all of them"},

    {Section::actions, "actions", 0, "LIST", false, on_clear,
     "auto, or a ladder: shutdown, close, replace, destroy, term, kill"},
    {Section::actions, "actions", 0, "LIST", false, on_doctor,
     "what is to work (auto; without --pid destroy too)"},
    {Section::actions, "settle", 0, "DURATION", false, on_clear,
     "after a shutdown, time for the application to close the fd itself (2s)"},
    {Section::actions, "grace", 0, "DURATION", false, on_clear,
     "after term or kill, time for the process to exit (10s)"},
    {Section::actions, "freeze", 0, "all|one", false, on_clear,
     "threads held while an fd is checked and closed (all)"},
    {Section::actions, "max-freeze", 0, "DURATION", false, on_clear,
     "how long the work of one freeze may take (100us)"},

    {Section::safety, "dry-run", 'n', "", false, acting, "stop after the preview"},
    {Section::safety, "yes", 'y', "", false, acting, "do not ask; widens nothing"},
    {Section::safety, "min-idle", 0, "DURATION", false, on_clear,
     "a socket that is less idle is left alone as too-young (60s)"},
    {Section::safety, "include", 0, "CODE", true, on_clear,
     "also clear what would be left alone for this reason"},
    {Section::safety, "policy", 0, "FILE", false, ruled,
     "what may be done at most (/etc/unwait/policy.json, if it exists)"},
    {Section::safety, "audit", 0, "FILE", false, acting,
     "record there what is about to be done, and what came of it"},
    {Section::safety, "max-sockets", 0, "N", false, acting, "refuse a plan of more sockets (1000)"},
    {Section::safety, "max-processes", 0, "N", false, acting,
     "refuse a plan that touches more processes (20)"},
    {Section::safety, "max-plan-age", 0, "DURATION", false, on_apply,
     "refuse a plan that is older (1h)"},
    {Section::safety, "timeout", 0, "DURATION", false, both | on_explain | on_apply | on_doctor,
     "begin nothing new after this time (none)"},
    {Section::safety, "detailed-exitcode", 0, "", false, acting,
     "with --dry-run: exit 2 when there is something to do"},

    {Section::monitoring, "warning", 'w', "RANGE", false, on_check,
     "WARNING outside of it: N (0 to N), N:, N:M, ~:M; @N:M: inside of it"},
    {Section::monitoring, "critical", 'c', "RANGE", false, on_check, "CRITICAL outside of it"},
    {Section::monitoring, "measure", 0, "sockets|idle|fds|process", false, on_check,
     "number; longest idle (s); fds (%); most of one process (sockets)"},
    {Section::monitoring, "timeout", 0, "DURATION", false, on_check,
     "UNKNOWN when there is no answer after this time (none)"},
    {Section::monitoring, "prom", 0, "FILE", false, on_check,
     "also write gauges there for Prometheus' textfile collector"},

    {Section::output, "output", 'o', "table|json|ndjson", false, every,
     "format of the results (table)"},
    {Section::output, "json", 'J', "", false, every, "the same as --output json"},
    {Section::output, "by", 0, "process|unit|port|peer", false, on_list,
     "one summary row per group"},
    {Section::output, "no-header", 0, "", false, every & ~on_explain,
     "no titles above the columns"},
    {Section::output, "color", 0, "auto|always|never", false, every,
     "colours; auto: on a terminal, unless NO_COLOR is set (auto)"},
    {Section::output, "quiet", 'q', "", false, every, "only results, errors and questions"},
    {Section::output, "verbose", 'v', "", false, every, "evidence and effects too"},
    {Section::output, "help", 'h', "", false, every | on_check | set_of(Verb::policy_check),
     "this text"},
});

constexpr auto verbs = std::to_array<VerbSpec>({
    {Verb::list, "list", "", "show the sockets, their holders, cause and verdict"},
    {Verb::explain, "explain", "", "the full story of each socket, and what to do about it"},
    {Verb::clear, "clear", "", "plan, preview, ask, act, and prove the result"},
    {Verb::apply, "apply", "PLAN", "carry out a saved plan, as far as it still holds"},
    {Verb::check, "check", "", "monitoring plugin: OK, WARNING, CRITICAL or UNKNOWN, on one line"},
    {Verb::doctor, "doctor", "",
     "what will work here and on a process, what will not, and the fix"},
    {Verb::policy_check, "policy check", "FILE", "read a policy and say what is wrong with it"},
    {Verb::policy_explain, "policy explain", "", "show which rule of the policy decides, and why"},
    {Verb::help, "help", "", "help on a command"},
});

const VerbSpec& spec_of(Verb verb) { return *std::ranges::find(verbs, verb, &VerbSpec::verb); }

}  // namespace

std::span<const OptionSpec> option_table() { return options; }

std::span<const VerbSpec> verb_table() { return verbs; }

std::optional<Verb> verb_of_word(std::string_view word) {
    const auto* const found = std::ranges::find(verbs, word, &VerbSpec::name);
    if (found == verbs.end()) return std::nullopt;
    return found->verb;
}

std::string_view word(Verb verb) { return spec_of(verb).name; }

std::string_view operand_of(Verb verb) { return spec_of(verb).operand; }

}  // namespace unwait::cli
