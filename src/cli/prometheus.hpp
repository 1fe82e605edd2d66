// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "unwait/outcome.hpp"

namespace unwait::cli {

/// The findings as gauges in Prometheus' text format, for the textfile collector of its node
/// exporter.
[[nodiscard]] std::string prometheus_text(const Report& report);

}  // namespace unwait::cli
