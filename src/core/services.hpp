// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace unwait {

/// The names of TCP ports (services(5)).
class Services {
public:
    Services() = default;
    /// `text` is that of /etc/services; what is malformed in it is passed over.
    explicit Services(std::string_view text);

    /// Absent when there is no TCP service of that name or alias.
    [[nodiscard]] std::optional<std::uint16_t> port_of(std::string_view name) const;
    [[nodiscard]] std::vector<std::string_view> names() const;

private:
    std::map<std::string, std::uint16_t, std::less<>> ports_;
};

}  // namespace unwait
