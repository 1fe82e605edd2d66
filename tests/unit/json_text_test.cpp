// SPDX-License-Identifier: MIT
#include "json_text.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "text.hpp"

namespace unwait::cli {

TEST_CASE("JSON values are their text") {
    CHECK(JsonText().text() == "null");
    CHECK(JsonText(true).text() == "true");
    CHECK(JsonText(std::numeric_limits<std::uint64_t>::max()).text() == "18446744073709551615");
    CHECK(JsonText(std::numeric_limits<std::int64_t>::min()).text() == "-9223372036854775808");
    CHECK(JsonText("").text() == "\"\"");
    CHECK(JsonText({{"a", 1}}).text() == R"({"a":1})");
    JsonText array = JsonText::array();
    CHECK(array.text() == "[]");
    array.push_back(1);
    CHECK(array.text() == "[1]");
    array.push_back({{"a", nullptr}, {"b", JsonText::array()}});
    CHECK(array.text() == R"([1,{"a":null,"b":[]}])");
}

TEST_CASE("strings of any bytes become the ASCII that another writer makes of them") {
    CHECK(JsonText("\"\\\b\f\n\r\t\x01\x7f\xc2\x9b\xf0\x9f\x98\x80\xff").text() ==
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
        REQUIRE(JsonText(bytes).text() == nlohmann::json(to_utf8(bytes)).dump(-1, ' ', true));
    }
}

}  // namespace unwait::cli
