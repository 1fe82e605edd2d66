// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include "stage.hpp"

/// The scenarios, by what they vary. A new one is a function and a line in its file's table.
namespace victim {

[[nodiscard]] std::span<const NamedScenario> state_scenarios();     ///< what the sockets are in
[[nodiscard]] std::span<const NamedScenario> holder_scenarios();    ///< who holds them
[[nodiscard]] std::span<const NamedScenario> thread_scenarios();    ///< what threads do meanwhile
[[nodiscard]] std::span<const NamedScenario> program_scenarios();   ///< programs that are executed
[[nodiscard]] std::span<const NamedScenario> blocking_scenarios();  ///< calls that threads are in
[[nodiscard]] std::span<const NamedScenario> midway_scenarios();    ///< … half done
[[nodiscard]] std::span<const NamedScenario> signal_scenarios();  ///< signals that arrive meanwhile
[[nodiscard]] std::span<const NamedScenario> handler_scenarios();   ///< … and are handled
[[nodiscard]] std::span<const NamedScenario> job_scenarios();       ///< what a parent is told
[[nodiscard]] std::span<const NamedScenario> sequence_scenarios();  ///< restartable sequences
[[nodiscard]] std::span<const NamedScenario> reuse_scenarios();     ///< fds that change meanwhile
[[nodiscard]] std::span<const NamedScenario> register_scenarios();  ///< what a thread would notice
[[nodiscard]] std::span<const NamedScenario> guard_scenarios();     ///< what keeps tools out
[[nodiscard]] std::span<const NamedScenario> meter_scenarios();     ///< what is to be timed
[[nodiscard]] std::span<const NamedScenario> filter_scenarios();    ///< calls that are forbidden
/// Gives the calling thread a seccomp filter that lets everything pass.
void allow_everything();
#ifdef __x86_64__
[[nodiscard]] std::span<const NamedScenario> foreign_code_scenarios();  ///< 32-bit calls and code
#else
[[nodiscard]] inline std::span<const NamedScenario> foreign_code_scenarios() { return {}; }
#endif

}  // namespace victim
