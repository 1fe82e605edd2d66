// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <random>
#include <string>

#include "text.hpp"

namespace unwait {
namespace {

/// A code point as UTF-8 would encode it in that many bytes, legal or not.
std::string encoded(std::uint32_t point, int bytes) {
    std::string text;
    for (int at = bytes - 1; at > 0; --at) {
        text.insert(text.begin(), static_cast<char>(0x80U | (point & 0x3FU)));
        point >>= 6U;
    }
    constexpr std::array<std::uint32_t, 5> leads{0, 0, 0xC0, 0xE0, 0xF0};
    text.insert(text.begin(), static_cast<char>(leads.at(static_cast<std::size_t>(bytes)) | point));
    return text;
}

int shortest(std::uint32_t point) {
    return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

std::string random_bytes(std::mt19937& random) {
    // Mostly bytes that UTF-8 gives a meaning to, so that nearly right sequences are common.
    constexpr std::array<unsigned char, 16> likely{0x00, 0x1B, 0x5C, 0x7F, 0x80, 0x85, 0x8F, 0x90,
                                                   0x9F, 0xA0, 0xBF, 0xC2, 0xE2, 0xED, 0xF0, 0xF4};
    std::string text;
    for (std::size_t length = random() % 24; length > 0; --length) {
        text += random() % 4 == 0 ? static_cast<char>(random())
                                  : static_cast<char>(likely.at(random() % likely.size()));
    }
    return text;
}

}  // namespace

TEST_CASE("ordinary names stay as they are") {
    for (const std::string_view text :
         {"", "nginx", "kworker/0:1H-kblockd", "(sd-pam)", "a b", "\\x41", "müller", "サーバ",
          "\xF0\x9F\x98\x80", "می\u200Cخواهم"}) {
        CAPTURE(text);
        CHECK(printable(text) == text);
        CHECK(to_utf8(text) == text);
    }
}

TEST_CASE("what a terminal would obey is written out") {
    struct Row {
        std::string_view text;
        std::string_view shown;
    };
    for (const Row& row : {
             Row{"\x1B[31mred", "\\x1b[31mred"},
             Row{"a\nb\rc\td", "a\\x0ab\\x0dc\\x09d"},
             Row{"\x7F\x07", "\\x7f\\x07"},
             Row{"\xC2\x9B"
                 "31m",
                 "\\u{9b}31m"},
             Row{"\xC2\x85", "\\u{85}"},
             Row{"\x9B"
                 "31m",
                 "\\x9b31m"},
             Row{"\u202Egpj.exe", "\\u{202e}gpj.exe"},
             Row{"\u2066x\u2069", "\\u{2066}x\\u{2069}"},
             Row{"a\u2028b", "a\\u{2028}b"},
             Row{"ssh\u200Bd", "ssh\\u{200b}d"},
             Row{"\uFEFFx", "\\u{feff}x"},
             Row{"\U000E0041", "\\u{e0041}"},
             Row{"\U000E0101", "\\u{e0101}"},
             Row{"ssh\u00ADd", "ssh\\u{ad}d"},
             Row{"\u3164\uFFA0\u115F\u2800", "\\u{3164}\\u{ffa0}\\u{115f}\\u{2800}"},
         }) {
        CAPTURE(row.shown);
        CHECK(printable(row.text) == row.shown);
    }
    CHECK(printable(std::string_view{"a\0b", 3}) == "a\\x00b");
}

TEST_CASE("bytes that are not UTF-8 are shown one by one") {
    struct Row {
        std::string_view text;
        std::string_view shown;
        std::size_t replaced;
    };
    for (const Row& row : {
             Row{"\xFF", "\\xff", 1},
             Row{"\xC0\xAF", "\\xc0\\xaf", 2},
             Row{"\xC1\x9B", "\\xc1\\x9b", 2},
             Row{"\xE0\x82\x9B", "\\xe0\\x82\\x9b", 3},
             Row{"\xED\xA0\x80", "\\xed\\xa0\\x80", 3},
             Row{"\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 4},
             Row{"\xE2\x82", "\\xe2\\x82", 2},
             Row{"\xE2\x82z", "\\xe2\\x82z", 2},
             Row{"\xE2\xC3\xA4", "\\xe2ä", 1},
             Row{"\x80", "\\x80", 1},
         }) {
        CAPTURE(row.shown);
        CHECK(printable(row.text) == row.shown);
        const std::string valid = to_utf8(row.text);
        std::size_t count = 0;
        for (std::size_t at = valid.find("\uFFFD"); at != std::string::npos;
             at = valid.find("\uFFFD", at + 3)) {
            ++count;
        }
        CHECK(count == row.replaced);
    }
}

TEST_CASE("exactly the shortest forms of Unicode scalar values are valid") {
    for (std::uint32_t point = 0; point < 0x120000; ++point) {
        const bool scalar = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
        for (int bytes = shortest(point); bytes <= 4; ++bytes) {
            const std::string text = encoded(point, bytes);
            const bool valid = scalar && bytes == shortest(point);
            if ((to_utf8(text) == text) != valid) {
                CAPTURE(point);
                CAPTURE(bytes);
                FAIL("validity of this encoding");
            }
        }
    }
}

TEST_CASE("safe text is safe whatever comes in, and stays as it is") {
    std::mt19937 random{7};
    for (int round = 0; round < 50'000; ++round) {
        const std::string text = random_bytes(random);
        const std::string safe = printable(text);
        const std::string valid = to_utf8(text);
        REQUIRE(printable(safe) == safe);
        REQUIRE(to_utf8(safe) == safe);
        REQUIRE(to_utf8(valid) == valid);
        for (const char letter : safe) {
            REQUIRE((static_cast<unsigned char>(letter) >= 0x20 && letter != 0x7F));
        }
    }
}

}  // namespace unwait
