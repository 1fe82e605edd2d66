// SPDX-License-Identifier: MIT
#include "threshold.hpp"

#include <doctest/doctest.h>

namespace unwait {

TEST_CASE("ranges alert as the guidelines for monitoring plugins say") {
    struct Example {
        const char* text;
        double calm;
        double alert;
    };
    for (const auto& [text, calm, alert] :
         {Example{"10", 10, 10.5}, Example{"10", 0, -1}, Example{"10:", 1e9, 9},
          Example{"~:10", -1e9, 11}, Example{"10:20", 20, 21}, Example{"10:20", 10, 9},
          Example{"@10:20", 9, 10}, Example{"@10:20", 21, 20}, Example{"@5", 6, 0},
          Example{"0.5", 0.5, 0.51}, Example{"-3:0", -3, 1}}) {
        CAPTURE(text);
        const auto threshold = parse_threshold(text);
        REQUIRE(threshold);
        CHECK(threshold->text == text);
        CHECK_FALSE(threshold->is_alert(calm));
        CHECK(threshold->is_alert(alert));
    }
}

TEST_CASE("what is no range") {
    for (const char* text : {"", "@", ":", ":10", "x", "10x", "20:10", "1:2:3", "~", "10:~", "nan",
                             "inf", "1e3", " 1", "0x10"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_threshold(text));
    }
}

}  // namespace unwait
