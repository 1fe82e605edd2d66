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
/// that it does not have. Throws Error when a cgroup does not exist.
[[nodiscard]] FilterNames look_up(FilterNames names);

/// Throws Error when none of the namespaces looked into has one of the devices.
void require_devices(std::span<const FilterNames> namespaces);

}  // namespace unwait
