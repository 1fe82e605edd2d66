// SPDX-License-Identifier: MIT
// What libunwait is for, in few lines: the stuck sockets of this machine, why they are stuck, and
// what `unwait clear` would do about each. Changes nothing.
//
//     g++ -std=c++20 stuck-sockets.cpp $(pkg-config --cflags --libs unwait) -o stuck-sockets
//
// The interface may change with every version before 1.0: a program is compiled anew for each.
#include <exception>
#include <iostream>
#include <unwait/diagnose.hpp>
#include <unwait/planner.hpp>
#include <unwait/take_snapshot.hpp>
#include <unwait/words.hpp>

int main() {
    try {
        const unwait::Selector selector;  // every socket in CLOSE_WAIT
        const unwait::Policy policy;      // what `clear` does when it is told nothing
        const auto snapshot = unwait::take_snapshot(selector, true);
        const auto findings = unwait::diagnose(snapshot, selector, policy.min_idle);
        const auto plan = unwait::make_plan(findings, policy, unwait::read_self(findings));
        for (const auto& finding : findings) {
            std::cout << "port " << finding.socket.local.port << " " << word(finding.cause) << " "
                      << word(finding.verdict);
            for (const auto& holder : finding.holders) std::cout << " " << holder.process->id.pid;
            std::cout << "\n";
        }
        for (const auto& step : plan.steps) {
            std::cout << "step " << step.id << ":";
            for (const auto action : step.actions) std::cout << " " << word(action);
            std::cout << "\n";
        }
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "stuck-sockets: " << error.what() << "\n";
        return 1;
    }
}
