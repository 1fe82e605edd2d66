// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace unwait::proc {

/// A container as the path of its cgroup names it.
struct Container {
    std::string runtime;  ///< "docker", "podman", "containerd", "cri-o", "lxc", "nspawn";
                          ///< "kubepods" where the path tells no more; empty: none
    std::string id;       ///< its id, or its name

    bool operator==(const Container&) const = default;
};

/// The innermost container that a cgroup path belongs to. The helpers that runtimes keep beside a
/// container (conmon, the monitor of LXC) are not in it.
[[nodiscard]] Container container_of_cgroup(std::string_view path);

}  // namespace unwait::proc
