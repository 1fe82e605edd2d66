// SPDX-License-Identifier: MIT
#include "look.hpp"

#include <malloc.h>
#include <signal.h>

#include <cerrno>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "elsewhere.hpp"
#include "parallel.hpp"
#include "progress.hpp"
#include "select.hpp"
#include "unwait/diagnose.hpp"
#include "unwait/error.hpp"
#include "unwait/take_snapshot.hpp"

namespace unwait::cli {

namespace {

constexpr std::size_t very_many = 50'000;

void require_processes(const Selector& selector) {
    for (const auto& any_of : selector.pids) {
        for (const pid_t pid : any_of) {
            if (::kill(pid, 0) != 0 && errno == ESRCH) {
                throw Error(ESRCH, "--pid " + std::to_string(pid));
            }
        }
    }
}

/// One line for each kind; all of them when that was asked for.
void tell_blind_spots(std::span<const BlindSpot> blind_spots, const Talk& talk) {
    std::map<std::string_view, std::pair<const BlindSpot*, std::size_t>> kinds;
    for (const BlindSpot& each : blind_spots) {
        talk.detail("not seen: " + each.text);
        auto& [first, count] = kinds.try_emplace(each.code, &each, 0).first->second;
        ++count;
    }
    if (talk.is_verbose()) return;
    for (const auto& [code, kind] : kinds) {
        const auto& [first, count] = kind;
        std::string line = "not seen: " + first->text;
        if (count > 1) line += " (and " + std::to_string(count - 1) + " more like it; -v for all)";
        talk.note(line);
    }
}

std::string called(const NetworkNamespace& space) {
    if (!space.name.empty()) return space.name;
    return space.pid == 0 ? std::to_string(space.inode)
                          : "that of pid " + std::to_string(space.pid);
}

/// What nobody asked about, so that what goes wrong with it is nobody's trouble either.
void tell_elsewhere(sys::Beside<std::vector<Elsewhere>>& search, const Talk& talk) {
    constexpr std::size_t few = 3;
    std::vector<Elsewhere> elsewhere;
    try {
        elsewhere = search.get();
    } catch (const Error& error) {
        talk.detail(std::string("other network namespaces were not looked into: ") + error.what());
        return;
    }
    if (elsewhere.empty()) return;
    std::size_t count = 0;
    std::string where;
    for (std::size_t at = 0; at < elsewhere.size(); ++at) {
        count += elsewhere[at].count;
        if (at < few) where.append(at == 0 ? "" : ", ").append(called(elsewhere[at].space));
    }
    if (elsewhere.size() > few) where += " and " + std::to_string(elsewhere.size() - few) + " more";
    talk.note(std::to_string(count) + (count == 1 ? " socket matches" : " sockets match") +
              " in other network namespaces (" + where + "): --netns all includes them");
}

/// What the snapshot shows, diagnosed; from here on the progress is not told any more.
Report& report_of(std::string command, Snapshot snapshot, const Selector& selector,
                  std::chrono::milliseconds min_idle, std::optional<Progress>& progress,
                  const Talk& talk) {
    static auto& reports = *new std::deque<Report>;
    Report& report = reports.emplace_back();
    report.command = std::move(command);
    report.taken_at = snapshot.taken_at;
    report.boot_id = std::move(snapshot.boot_id);
    report.host = std::move(snapshot.host);
    report.networks = std::move(snapshot.networks);
    report.blind_spots = snapshot.blind_spots;
    report.findings = diagnose(std::move(snapshot), selector, min_idle);
    report.summary.matched = report.findings.size();
    progress.reset();
    // What follows needs room of its own, which the pieces left behind would not be used for.
    if (report.findings.size() >= very_many) ::malloc_trim(0);
    tell_blind_spots(report.blind_spots, talk);
    return report;
}

}  // namespace

Report& look(std::string command, const Selector& selector, std::chrono::milliseconds min_idle,
             bool with_use, const Talk& talk) {
    require_processes(selector);
    std::optional<Progress> progress(std::in_place, talk, "looking");
    Snapshot snapshot = take_snapshot(selector, with_use);
    std::optional<sys::Beside<std::vector<Elsewhere>>> elsewhere;
    if (selector.networks.empty() && !talk.is_quiet()) {
        elsewhere.emplace([&selector] { return matches_elsewhere(selector); });
    }
    Report& report =
        report_of(std::move(command), std::move(snapshot), selector, min_idle, progress, talk);
    if (elsewhere) tell_elsewhere(*elsewhere, talk);
    return report;
}

Report& look_at(std::string command, std::span<const Socket* const> sockets,
                std::chrono::milliseconds min_idle, const Talk& talk) {
    std::optional<Progress> progress(std::in_place, talk, "looking");
    return report_of(std::move(command), take_snapshot(sockets, true), any_socket(), min_idle,
                     progress, talk);
}

}  // namespace unwait::cli
