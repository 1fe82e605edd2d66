// SPDX-License-Identifier: MIT
#include "sha256.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>

namespace unwait {
namespace {

constexpr std::array<std::uint32_t, 64> constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

std::array<std::uint32_t, 64> schedule_of(const std::array<std::uint8_t, 64>& block) {
    std::array<std::uint32_t, 64> words{};
    for (std::size_t at = 0; at < block.size(); ++at) {
        words[at / 4] = words[at / 4] << 8U | block[at];
    }
    for (std::size_t at = 16; at < words.size(); ++at) {
        const std::uint32_t a = words[at - 15];
        const std::uint32_t b = words[at - 2];
        words[at] = words[at - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3U) +
                    words[at - 7] + (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10U);
    }
    return words;
}

}  // namespace

void Sha256::digest_block() {
    const auto words = schedule_of(block_);
    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t at = 0; at < words.size(); ++at) {
        const std::uint32_t first = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                                    ((e & f) ^ (~e & g)) + constants[at] + words[at];
        const std::uint32_t second =
            (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + first;
        d = c;
        c = b;
        b = a;
        a = first + second;
    }
    const std::array added{a, b, c, d, e, f, g, h};
    for (std::size_t at = 0; at < added.size(); ++at) {
        state_[at] += added[at];
    }
    used_ = 0;
}

void Sha256::add(std::string_view text) {
    bytes_ += text.size();
    while (!text.empty()) {
        const std::size_t part = std::min(text.size(), block_.size() - used_);
        std::memcpy(block_.data() + used_, text.data(), part);
        text.remove_prefix(part);
        used_ += part;
        if (used_ == block_.size()) {
            digest_block();
        }
    }
}

std::string Sha256::finish() {
    const std::uint64_t bits = bytes_ * 8;
    block_[used_++] = 0x80;
    constexpr std::size_t room = 64 - sizeof bits;
    if (used_ > room) {
        std::fill(block_.begin() + static_cast<std::ptrdiff_t>(used_), block_.end(), 0);
        digest_block();
    }
    std::fill(block_.begin() + static_cast<std::ptrdiff_t>(used_), block_.end(), 0);
    for (std::size_t at = 0; at < sizeof bits; ++at) {
        block_[room + at] = static_cast<std::uint8_t>(bits >> (56 - 8 * at));
    }
    digest_block();
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (const std::uint32_t word : state_) {
        for (int shift = 28; shift >= 0; shift -= 4) {
            hex.push_back(digits[word >> static_cast<unsigned>(shift) & 0xFU]);
        }
    }
    return hex;
}

}  // namespace unwait
