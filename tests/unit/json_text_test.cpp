// SPDX-License-Identifier: MIT
#include "json_text.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait::cli {

TEST_CASE("JSON values are written one into the other") {
    CHECK(to_json(nullptr) == "null");
    CHECK(to_json(true) == "true");
    CHECK(to_json(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
    CHECK(to_json(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
    CHECK(to_json("") == "\"\"");
    CHECK(to_json(std::optional<int>()) == "null");
    CHECK(to_json(std::optional<int>(1)) == "1");
    CHECK(to_json(unless_empty("")) == "null");
    CHECK(to_json(unless_zero(0)) == "null");
    CHECK(to_json(Family::inet) == "\"inet\"");
    CHECK(to_json({{"a", 1}}) == R"({"a":1})");
    CHECK(to_json(std::vector<int>()) == "[]");
    CHECK(to_json(std::vector<std::string>{"a", "b"}) == R"(["a","b"])");
    CHECK(to_json({{"a", nullptr}, {"b", {{"c", "["}, {"d", std::vector<int>{1, 2}}}}}) ==
          R"({"a":null,"b":{"c":"[","d":[1,2]}})");
    JsonText text;
    text.write({{"a", 1}});
    text.merge({{"b", [](JsonText& inner) { inner.write("{"); }}, {"c", 2}});
    CHECK(std::move(text).text() == R"({"a":1,"b":"{","c":2})");
}

TEST_CASE("strings of any bytes become the ASCII that another writer makes of them") {
    CHECK(to_json("\"\\\b\f\n\r\t\x01\x7f\xc2\x9b\xf0\x9f\x98\x80\xff") ==
          R"("\"\\\b\f\n\r\t\u0001\u007f\u009b\ud83d\ude00\ufffd")");
    std::mt19937 random{1};
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes;
        for (auto left = random() % 12; left > 0; --left) {
            // Leads and continuations often enough to make whole characters.
            constexpr std::string_view likely =
                "\x80\xbf\x9b\xc3\xe2\xe0\xed\xa0\xf0\xf4\x90\"\\ a";
            bytes +=
                random() % 4 == 0 ? static_cast<char>(random()) : likely[random() % likely.size()];
        }
        CAPTURE(printable(bytes));
        REQUIRE(to_json(bytes) == nlohmann::json(to_utf8(bytes)).dump(-1, ' ', true));
    }
}

}  // namespace unwait::cli
