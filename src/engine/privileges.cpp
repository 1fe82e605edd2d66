// SPDX-License-Identifier: MIT
#include "privileges.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <initializer_list>

#include "unwait/error.hpp"

namespace unwait {

namespace {

using CapabilitySet = std::uint64_t;

constexpr CapabilitySet set_of(std::initializer_list<unsigned> capabilities) {
    CapabilitySet set = 0;
    for (const unsigned capability : capabilities) set |= CapabilitySet{1} << capability;
    return set;
}

constexpr CapabilitySet needed_for(Duty duty) {
    switch (duty) {
        case Duty::read:
            return set_of({CAP_DAC_READ_SEARCH});
        case Duty::look:
            // What /proc has of others, setns(2) and seccomp filters, and the search in the kernel.
            return set_of({CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_BPF, CAP_PERFMON});
        case Duty::ask_net:
            return set_of({CAP_NET_ADMIN});
        case Duty::operate:
            return set_of({CAP_DAC_OVERRIDE});
        case Duty::hold:
            return set_of({CAP_SYS_NICE});
        case Duty::signal:
            return set_of({CAP_KILL});
        case Duty::write:
            // To make a file there, and to put it in the place of one that is another's.
            return set_of({CAP_DAC_OVERRIDE, CAP_FOWNER});
    }
    return 0;
}

using Data = std::array<__user_cap_data_struct, 2>;

CapabilitySet permitted_in(const Data& data) {
    return data.at(0).permitted | CapabilitySet{data.at(1).permitted} << 32;
}

/// Who may not only read everything may read everything too, and may have been given that alone.
CapabilitySet needed_to_read(CapabilitySet permitted) {
    const CapabilitySet enough = needed_for(Duty::read);
    return (permitted & enough) == enough ? enough : set_of({CAP_DAC_OVERRIDE});
}

void require_success(long result, const char* call) {
    // A sandbox that forbids to give up privileges (systemd's @privileged) has limits of its own.
    if (result != 0 && errno != EPERM) throw Error(errno, call);
}

}  // namespace

void keep_privileges_for(std::span<const Duty> duties) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    Data data{};
    if (::syscall(SYS_capget, &header, data.data()) != 0) throw Error(errno, "capget");
    CapabilitySet kept = 0;
    for (const Duty duty : duties) {
        kept |= duty == Duty::read ? needed_to_read(permitted_in(data)) : needed_for(duty);
    }
    for (std::size_t at = 0; at < data.size(); ++at) {
        const auto half = static_cast<std::uint32_t>(kept >> (32 * at));
        data.at(at).effective &= half;
        data.at(at).permitted &= half;
        data.at(at).inheritable = 0;  // and with it what is ambient
    }
    require_success(::syscall(SYS_capset, &header, data.data()), "capset");
    require_success(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl");
}

}  // namespace unwait
