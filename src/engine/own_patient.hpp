// SPDX-License-Identifier: MIT
#pragma once

#include "fd.hpp"
#include "unwait/process.hpp"

namespace unwait {

/// A process of our own that only waits, to try on it what is done to others. It ends with this,
/// and when we end.
class OwnPatient {
public:
    /// `filtered`: under a seccomp filter, which allows everything. Throws Error.
    explicit OwnPatient(bool filtered);

    [[nodiscard]] const ProcessId& id() const noexcept { return id_; }
    /// A socket without any connection, under the same number there and here.
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }

private:
    struct Child {
        Child() = default;
        Child(const Child&) = delete;
        Child& operator=(const Child&) = delete;
        ~Child();
        pid_t pid = 0;
    };

    sys::Fd socket_;
    Child child_;
    ProcessId id_;
};

}  // namespace unwait
