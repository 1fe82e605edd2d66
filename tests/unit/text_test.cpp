// SPDX-License-Identifier: MIT
#include "text.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <vector>

namespace unwait {

using std::chrono::microseconds;
using namespace std::chrono_literals;

TEST_CASE("numbers are decimal, whole and without decoration") {
    CHECK(parse_number("0") == 0U);
    CHECK(parse_number("007") == 7U);
    CHECK(parse_number("18446744073709551615") == UINT64_MAX);
    for (const std::string_view text : {"", " 1", "1 ", "+1", "-1", "0x10", "1.0", "1e3", "1,000",
                                        "18446744073709551616", "one"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_number(text).has_value());
    }
    CHECK_FALSE(parse_number(std::string_view{"1\0", 2}).has_value());
}

TEST_CASE("durations are read") {
    struct Row {
        std::string_view text;
        microseconds value;
    };
    for (const Row& row : {
             Row{"0", 0s},
             Row{"5", 5s},
             Row{"0.5", 500ms},
             Row{"250us", 250us},
             Row{"100ms", 100ms},
             Row{"2s", 2s},
             Row{"5m", 5min},
             Row{"5min", 5min},
             Row{"1h", 1h},
             Row{"2d", 48h},
             Row{"1w", 168h},
             Row{"1h30m", 90min},
             Row{"1.5h", 90min},
             Row{"1m1s1ms1us", 61'001'001us},
             Row{"0.000001s", 1us},
             Row{"3650d", 87'600h},
         }) {
        CAPTURE(row.text);
        CHECK(parse_duration(row.text) == row.value);
    }
}

TEST_CASE("what is no duration is refused") {
    for (const std::string_view text : {"",
                                        " ",
                                        "s",
                                        "-1s",
                                        "+1s",
                                        "1 s",
                                        " 1s",
                                        "1s ",
                                        "1S",
                                        "1x",
                                        "1hour",
                                        "1h30",
                                        "30m1h",
                                        "1h1h",
                                        "1m1min",
                                        "1..5s",
                                        "1.s",
                                        ".5s",
                                        "1.5.5s",
                                        "0.0000001s",
                                        "1.5us",
                                        "1e3s",
                                        "3651d",
                                        "3650d1us",
                                        "99999999999999999999s",
                                        "18446744073709551615us",
                                        "inf",
                                        "infinity"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text).has_value());
    }
}

TEST_CASE("durations are written with two units at most") {
    struct Row {
        microseconds value;
        std::string_view text;
    };
    for (const Row& row : {
             Row{-5s, "0s"},
             Row{0s, "0s"},
             Row{7us, "7us"},
             Row{999us, "999us"},
             Row{2'500us, "2ms500us"},
             Row{80ms, "80ms"},
             Row{80'999us, "80ms"},
             Row{1'500ms, "1s500ms"},
             Row{2s, "2s"},
             Row{47'312ms, "47s"},
             Row{60s, "1m"},
             Row{192s, "3m12s"},
             Row{1h + 59s, "1h"},
             Row{52h + 30min, "2d4h"},
             Row{8760h, "365d"},
         }) {
        CAPTURE(row.text);
        CHECK(format_duration(row.value) == row.text);
    }
}

TEST_CASE("a written duration reads back as what is written again") {
    std::mt19937_64 random{20261121};
    for (int round = 0; round < 20'000; ++round) {
        const microseconds value{
            static_cast<std::int64_t>(random() % (1ULL << (random() % 48 + 1)))};
        const std::string text = format_duration(value);
        const auto back = parse_duration(text);
        CAPTURE(text);
        REQUIRE(back.has_value());
        REQUIRE(*back <= value);
        REQUIRE(format_duration(*back) == text);
    }
}

TEST_CASE("the nearest word is the one that was meant") {
    constexpr std::array<std::string_view, 6> actions{"shutdown", "close", "replace",
                                                      "destroy",  "term",  "kill"};
    struct Row {
        std::string_view typed;
        std::optional<std::string_view> meant;
    };
    for (const Row& row : {
             Row{"close", "close"},
             Row{"CLOSE", "close"},
             Row{"clsoe", "close"},
             Row{"shutdwon", "shutdown"},
             Row{"shut-down", "shutdown"},
             Row{"kil", "kill"},
             Row{"trem", "term"},
             Row{"distroy", "destroy"},
             Row{"", std::nullopt},
             Row{"x", std::nullopt},
             Row{"reset", std::nullopt},
         }) {
        CAPTURE(row.typed);
        CHECK(nearest(row.typed, actions) == row.meant);
    }
    CHECK_FALSE(nearest(std::string(1'000'000, 'k'), actions).has_value());
    CHECK_FALSE(nearest("close", {}).has_value());
}

TEST_CASE("the first of equally near words wins") {
    constexpr std::array<std::string_view, 2> words{"--port", "--sort"};
    CHECK(nearest("--xort", words) == "--port");
}

TEST_CASE("times are RFC 3339 in UTC") {
    const auto at = [](std::int64_t milliseconds) {
        return format_time(
            std::chrono::system_clock::time_point{std::chrono::milliseconds{milliseconds}});
    };
    CHECK(at(0) == "1970-01-01T00:00:00.000Z");
    CHECK(at(-1) == "1969-12-31T23:59:59.999Z");
    CHECK(at(1'795'231'800'123) == "2026-11-21T03:30:00.123Z");
    CHECK(at(1'709'164'800'000) == "2024-02-29T00:00:00.000Z");
}

TEST_CASE("times are read as they are written") {
    const auto time =
        std::chrono::system_clock::time_point{std::chrono::milliseconds{1'795'000'000'123}};
    CHECK(parse_time(format_time(time)) == time);
    CHECK(parse_time("2024-02-29T23:59:59.999Z").has_value());
    for (const char* wrong :
         {"", "2026-02-29T00:00:00.000Z", "2026-13-01T00:00:00.000Z", "2026-01-01T24:00:00.000Z",
          "2026-01-01T00:60:00.000Z", "2026-01-01 00:00:00.000Z", "2026-01-01T00:00:00.000",
          "2026-01-01T00:00:00.000Z ", "9999-01-01T00:00:00.000Z", "1969-12-31T00:00:00.000Z"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_time(wrong));
    }
}

}  // namespace unwait
