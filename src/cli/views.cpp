// SPDX-License-Identifier: MIT
#include "views.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "effects.hpp"
#include "sentence.hpp"
#include "terminal.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait::cli {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t few = 4;

std::string idle_text(std::optional<std::uint64_t> idle) {
    return idle ? format_duration(milliseconds(*idle)) : "";
}

/// The first few words, and how many more there are.
std::string listed(const std::vector<std::string>& words, bool all) {
    std::string text;
    for (std::size_t at = 0; at < words.size(); ++at) {
        if (at == few && words.size() > few + 1 && !all) {
            return text + " and " + std::to_string(words.size() - few) + " more";
        }
        text.append(at == 0 ? "" : ", ").append(words[at]);
    }
    return text;
}

std::string holder_text(const Holder& holder, bool all) {
    std::vector<std::string> numbers;
    for (const HeldFd& held : holder.fds) {
        numbers.push_back(std::to_string(held.fd));
        if (held.tid != holder.process->id.pid) numbers.back() += "@" + std::to_string(held.tid);
    }
    const Process& process = *holder.process;
    std::string pids = std::to_string(process.id.pid);
    if (process.inner_pid != 0) pids += "/" + std::to_string(process.inner_pid);
    return process.command + "[" + pids + "] fd " + listed(numbers, all);
}

/// Nothing where all there is to see is our own network namespace.
std::string network_text(const Socket& socket, const Look& look) {
    const auto space = std::ranges::find(look.networks, socket.id.netns, &NetworkNamespace::inode);
    if (space == look.networks.end()) return std::to_string(socket.id.netns);
    if (space->is_own) return look.networks.size() == 1 ? "" : "self";
    return space->name.empty() ? std::to_string(space->inode) : space->name;
}

/// As short as their runtimes show ids.
std::string container_text(std::span<const Holder> holders) {
    constexpr std::size_t id_length = 64;
    constexpr std::size_t shown = 12;
    if (holders.empty()) return "";
    const std::string& id = holders.front().process->container;
    return id.size() == id_length ? id.substr(0, shown) : id;
}

std::string holders_text(std::span<const Holder> holders, bool all) {
    std::vector<std::string> texts;
    for (const Holder& holder : holders) texts.push_back(holder_text(holder, all));
    return listed(texts, all);
}

void steps_view(const Plan& plan, const Look& look, const Sink& sink) {
    const bool tell_effects = look.verbose || plan.steps.size() <= few;
    const auto fill = [&](std::size_t number, Row& row) {
        const Step& step = plan.steps[number];
        row.add(std::to_string(step.id));
        row.add(ladder_text(step.actions), Style::good);
        row.add(idle_text(idle_ms(step.socket)));
        row.add(std::to_string(unread_bytes(step.socket)));
        row.add(format_endpoint(step.socket.local));
        row.add(format_endpoint(step.socket.peer));
        row.add(network_text(step.socket, look));
        row.add(container_text(step.holders));
        row.add(holders_text(step.holders, look.verbose));
        row.notes.push_back("why: " + step.reason.str());
        if (!tell_effects) return;
        const auto effects = effects_of(step, plan.policy);
        for (std::size_t at = 0; at < step.actions.size(); ++at) {
            row.notes.push_back(std::string(word(step.actions[at])) + ": " + effects.at(at));
        }
    };
    const Table table{{{"STEP", true},
                       {"ACTIONS"},
                       {"IDLE", true},
                       {"UNREAD", true},
                       {"LOCAL"},
                       {"PEER"},
                       {"NETNS", false, true},
                       {"CONTAINER", false, true},
                       {"HOLDERS"}},
                      plan.steps.size(),
                      fill};
    table.write(look.header, look.colored, sink);
}

void left_alone_view(std::span<const LeftAlone> left_alone, const Look& look, const Sink& sink) {
    const auto fill = [&](std::size_t number, Row& row) {
        const LeftAlone& each = left_alone[number];
        row.add(std::string(word(each.reason)), Style::faint);
        row.add(idle_text(idle_ms(each.socket)));
        row.add(format_endpoint(each.socket.local));
        row.add(format_endpoint(each.socket.peer));
        row.add(network_text(each.socket, look));
        row.add(holders_text(each.holders, look.verbose));
        row.add(each.override_flag.str());
        row.add(each.text.str());
    };
    const Table table{{{"LEFT ALONE"},
                       {"IDLE", true},
                       {"LOCAL"},
                       {"PEER"},
                       {"NETNS", false, true},
                       {"HOLDERS"},
                       {"INCLUDE BY", false, true},
                       {"BECAUSE"}},
                      left_alone.size(),
                      fill};
    table.write(look.header, look.colored, sink);
}

/// What became of the fd.
std::string fd_text(const Outcome& outcome, const Step& step) {
    if (step.holders.empty()) return "";
    if (outcome.frees_fd) return "freed";
    const bool replaced = outcome.action == Action::replace && outcome.result == Result::cleared;
    return replaced ? "reserved" : "open";
}

Style style_of(Result result) {
    switch (result) {
        case Result::cleared:
        case Result::already_gone:
            return Style::good;
        case Result::unchanged:
        case Result::refused:
        case Result::failed:
            return Style::bad;
    }
    return Style::plain;
}

}  // namespace

Look look_for(int fd, const Output& output) {
    return {output.header, is_colored(fd, output.color), output.verbose};
}

std::string counted(std::size_t count, std::string_view noun, std::string_view plural_ending) {
    std::string text = std::to_string(count) + " " + std::string(noun);
    if (count != 1) text.append(plural_ending);
    return text;
}

std::string subject_text(const Check& check) {
    return check.pid == 0 ? std::string(word(check.subject)) : "pid " + std::to_string(check.pid);
}

void checks_view(std::span<const Check> checks, const Look& look, const Sink& sink) {
    const auto fill = [&](std::size_t number, Row& row) {
        const Check& check = checks[number];
        const Style style = check.works ? Style::good : check.needed ? Style::bad : Style::faint;
        row.add(subject_text(check));
        row.add(std::string(check.code));
        row.add(check.works ? "yes" : "no", style);
        row.add(check.needed ? "yes" : "no");
        row.add(check.why);
        if (!check.remedy.empty()) row.notes.push_back("remedy: " + check.remedy);
    };
    const Table table{
        {{"SUBJECT"}, {"CHECK"}, {"WORKS"}, {"NEEDED"}, {"WHY"}}, checks.size(), fill};
    table.write(look.header, look.colored, sink);
}

void findings_view(std::span<const Finding> findings, const Look& look, const Sink& sink) {
    const auto fill = [&](std::size_t number, Row& row) {
        const Finding& finding = findings[number];
        const Socket& socket = finding.socket;
        const bool stuck = finding.verdict == Verdict::stuck;
        row.add(std::string(word(socket.state)));
        row.add(std::to_string(socket.recv_queue));
        row.add(std::to_string(socket.send_queue));
        row.add(idle_text(idle_ms(socket)));
        row.add(format_endpoint(socket.local));
        row.add(format_endpoint(socket.peer));
        row.add(std::string(word(finding.cause)));
        row.add(std::string(word(finding.verdict)), stuck ? Style::bad : Style::faint);
        row.add(network_text(socket, look));
        row.add(container_text(finding.holders));
        row.add(finding.holders.empty() ? "" : finding.holders.front().process->unit);
        row.add(holders_text(finding.holders, look.verbose));
        if (!look.verbose) return;
        for (const Evidence& evidence : finding.evidence) row.notes.push_back(evidence.text);
    };
    const Table table{{{"STATE"},
                       {"RECV-Q", true},
                       {"SEND-Q", true},
                       {"IDLE", true},
                       {"LOCAL"},
                       {"PEER"},
                       {"CAUSE"},
                       {"VERDICT"},
                       {"NETNS", false, true},
                       {"CONTAINER", false, true},
                       {"UNIT", false, true},
                       {"HOLDERS"}},
                      findings.size(),
                      fill};
    table.write(look.header, look.colored, sink);
}

void groups_view(Grouping grouping, std::span<const Group> groups, const Look& look,
                 const Sink& sink) {
    const auto fill = [&](std::size_t number, Row& row) {
        const Group& group = groups[number];
        std::string use;
        if (group.fullest && group.fullest->fd_limit != 0) {
            use = std::to_string(group.fullest->fd_count) + "/" +
                  std::to_string(group.fullest->fd_limit);
        }
        row.add(std::to_string(group.sockets));
        row.add(std::to_string(group.stuck), group.stuck > 0 ? Style::bad : Style::plain);
        row.add(idle_text(group.oldest_idle_ms));
        row.add(std::to_string(group.unread_bytes));
        row.add(use);
        row.add(group.pid == 0 ? "" : std::to_string(group.pid));
        row.add(group.key);
    };
    constexpr std::array<std::string_view, 4> titles{"PROCESS", "UNIT", "PORT", "PEER"};
    const Table table{{{"SOCKETS", true},
                       {"STUCK", true},
                       {"OLDEST", true},
                       {"UNREAD", true},
                       {"FDS/LIMIT", true},
                       {"PID", true, true},
                       {titles.at(static_cast<std::size_t>(grouping))}},
                      groups.size(),
                      fill};
    table.write(look.header, look.colored, sink);
}

const Plan& open_part(const Report& report, Plan& room) {
    if (!report.outcomes) return *report.plan;
    room = *report.plan;
    std::set<unsigned> ended;
    for (const Outcome& outcome : *report.outcomes) ended.insert(outcome.id);
    std::erase_if(room.steps, [&](const Step& step) { return ended.contains(step.id); });
    return room;
}

void plan_view(const Plan& plan, const Look& look, const Sink& sink) {
    if (!plan.steps.empty()) steps_view(plan, look, sink);
    if (!plan.steps.empty() && !plan.left_alone.empty()) sink("\n");
    if (!plan.left_alone.empty()) left_alone_view(plan.left_alone, look, sink);
}

void outcomes_view(const Plan& plan, std::span<const Outcome> outcomes, const Look& look,
                   const Sink& sink) {
    const auto fill = [&](std::size_t number, Row& row) {
        const Outcome& outcome = outcomes[number];
        const Step& step = step_with_id(plan, outcome.id);
        row.add(std::to_string(outcome.id));
        row.add(std::string(word(outcome.result)), style_of(outcome.result));
        row.add(outcome.action ? std::string(word(*outcome.action)) : "");
        row.add(std::string(word(outcome.state_before)) + " > " +
                std::string(word(outcome.state_after)));
        row.add(fd_text(outcome, step));
        row.add(format_duration(outcome.stopped));
        row.add(format_duration(outcome.duration));
        row.add(format_endpoint(step.socket.local));
        row.add(format_endpoint(step.socket.peer));
        row.add(network_text(step.socket, look));
        row.add(holders_text(step.holders, look.verbose));
        row.add(outcome.detail);
    };
    const Table table{{{"STEP", true},
                       {"RESULT"},
                       {"ACTION"},
                       {"STATE"},
                       {"FD"},
                       {"STOPPED", true},
                       {"TOOK", true},
                       {"LOCAL"},
                       {"PEER"},
                       {"NETNS", false, true},
                       {"HOLDERS"},
                       {"DETAIL", false, true}},
                      outcomes.size(),
                      fill};
    table.write(look.header, look.colored, sink);
}

}  // namespace unwait::cli
