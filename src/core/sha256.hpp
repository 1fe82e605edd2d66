// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace unwait {

/// SHA-256 (FIPS 180-4) of text that comes in pieces.
class Sha256 {
public:
    void add(std::string_view text);
    /// Of all that was added, as 64 hexadecimal digits. Nothing may be added afterwards.
    [[nodiscard]] std::string finish();

private:
    void digest_block();

    std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<std::uint8_t, 64> block_{};
    std::size_t used_ = 0;     ///< of the block
    std::uint64_t bytes_ = 0;  ///< added so far
};

}  // namespace unwait
