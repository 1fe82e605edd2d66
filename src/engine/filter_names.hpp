// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <vector>

#include "filter.hpp"
#include "services.hpp"

namespace unwait {

/// Those of /etc/services; none without that file.
[[nodiscard]] Services read_services();

/// What the names stand for in the network namespace of the calling thread; absent for a device
/// that it does not have, and for a cgroup that does not exist. Throws Error.
[[nodiscard]] FilterNames look_up(FilterNames names);

/// For names of the command line: throws Error when none of the namespaces looked into has one of
/// the devices, or a cgroup does not exist.
void require_names(std::span<const FilterNames> namespaces);

}  // namespace unwait
