// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <vector>

namespace unwait::bench {

/// Other processes of the machine, that hold files of many kinds and sleep, for as long as this
/// lives.
class Crowd {
public:
    Crowd(int processes, int fds_each);
    ~Crowd();
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

private:
    std::vector<pid_t> members_;
};

}  // namespace unwait::bench
