// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "reach.hpp"
#include "surgeon.hpp"
#include "tcp_look.hpp"
#include "unwait/execute.hpp"

namespace unwait {

/// Frees fds of many steps, table by table, and says in each step's Attempt how it went.
class SurgeryRoom {
public:
    /// Asked about each fd just before it is operated on, with what is seen of its socket through a
    /// duplicate, if there is one (then in several threads): why it must not be, if the socket is
    /// not as it was planned.
    using Objection =
        std::function<std::optional<Attempt>(const Step&, const std::optional<netlink::TcpLook>&)>;

    SurgeryRoom(const Policy& policy, Reach& reach, StopSign& stop, Objection objection)
        : policy_(policy), reach_(reach), stop_(stop), objection_(std::move(objection)) {}

    /// `step` and `attempt` must outlive this.
    void admit(const Step& step, Attempt& attempt);

    void operate(ptrace::Operation operation);

private:
    /// One number to free.
    struct Case {
        const Step* step;
        const Holder* holder;
        const HeldFd* held;
        Attempt* attempt;
    };
    /// An fd table, by the process and the thread through which it was found.
    struct Table {
        ProcessId process;
        pid_t tid;
        auto operator<=>(const Table&) const = default;
    };
    /// What is found of a number before anybody is held.
    struct Reading {
        Reached reached;
        std::optional<netlink::TcpLook> seen = {};  ///< through the duplicate
        std::optional<Attempt> objection = {};
        bool close_on_exec = false;
    };

    /// Of each case, by as many threads as there are idle processors.
    [[nodiscard]] std::vector<Reading> read(std::span<const Case> cases,
                                            ptrace::Operation operation);
    void operate_on(const Table& table, std::span<const Case> cases, ptrace::Operation operation);
    [[nodiscard]] std::vector<ProcessId> sharers_of(const Table& table,
                                                    std::span<const Case> cases) const;
    void finish(Case& of, int reference, ptrace::CutResult result, const std::string& refusal);

    const Policy& policy_;
    Reach& reach_;
    StopSign& stop_;
    Objection objection_;
    std::map<Table, std::vector<Case>> cases_;
};

}  // namespace unwait
