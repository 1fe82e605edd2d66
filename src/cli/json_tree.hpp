// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace unwait::cli {

/// JSON text is not what it should be: what() says where, as "LINE:COLUMN: ", and what is wrong.
class JsonError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// One value of a JSON text.
struct JsonNode {
    enum class Kind : std::uint8_t { null, flag, number, fraction, text, array, object };
    Kind kind = Kind::null;
    std::size_t offset = 0;    ///< of its first byte in the text
    bool flag = false;         ///< a number: it is below zero
    std::uint64_t number = 0;  ///< without its sign
    double fraction = 0;
    std::string text;
    std::vector<JsonNode> items;  ///< of an array, or the values of an object
    std::size_t taken = 0;        ///< elements of an array that came before and were not kept
    std::vector<std::pair<std::string, std::size_t>>
        names;  ///< of an object's values, with offsets
};

enum class Comments : std::uint8_t { refused, ignored };

/// A value in its document: what it is asked for, it is, or JsonError says where it is not.
class JsonValue;

/// An array whose elements are told as they are read, in their order, and not kept: a document may
/// be larger than what is wanted of it.
struct JsonStream {
    std::string_view path;  ///< as a JSON pointer, through objects only
    std::function<void(const JsonValue&)> take;
};

/// A whole JSON text, each value with its place. Members of one object have different names, and
/// nothing is nested deeper than `deepest` or has more than `most_members`.
class JsonDocument {
public:
    static constexpr std::size_t deepest = 32;
    static constexpr std::size_t most_members = 1000;

    /// Throws JsonError, and what `take` of a stream throws.
    JsonDocument(std::string text, Comments comments, const std::vector<JsonStream>& streams = {});

    /// Lives as long as the document.
    [[nodiscard]] JsonValue root() const;

    /// Throws JsonError about the value, or one byte of the text that it is: its place, its path
    /// (as in a JSON pointer), and why.
    [[noreturn]] void reject(const JsonNode& node, const std::string& why,
                             std::optional<std::size_t> byte = std::nullopt) const;
    [[noreturn]] void reject_at(std::size_t offset, const std::string& why) const;

private:
    std::string text_;
    JsonNode root_;
};

class JsonValue {
public:
    JsonValue(const JsonDocument& document, const JsonNode& node)
        : document_(&document), node_(&node) {}

    [[nodiscard]] bool is_null() const { return node_->kind == JsonNode::Kind::null; }
    [[nodiscard]] bool is_text() const { return node_->kind == JsonNode::Kind::text; }
    [[nodiscard]] bool is_array() const { return node_->kind == JsonNode::Kind::array; }
    [[nodiscard]] bool is_object() const { return node_->kind == JsonNode::Kind::object; }

    [[nodiscard]] bool flag() const;
    [[nodiscard]] std::uint64_t number(std::uint64_t low, std::uint64_t high) const;
    /// Also a whole number; at least `low` and at most `high`.
    [[nodiscard]] double fraction(double low, double high) const;
    [[nodiscard]] const std::string& text() const;
    [[nodiscard]] std::vector<JsonValue> items() const;

    [[nodiscard]] bool has(std::string_view name) const;
    /// The member of an object, which must be there.
    [[nodiscard]] JsonValue at(std::string_view name) const;
    /// The names of an object's members.
    [[nodiscard]] std::vector<std::string_view> names() const;
    /// Refuses members that are not among these, with the nearest one suggested.
    void allow_only(const std::vector<std::string_view>& names) const;

    [[noreturn]] void reject(const std::string& why) const { document_->reject(*node_, why); }
    /// The same about a text from one of its bytes on.
    [[noreturn]] void reject_from(std::size_t byte, const std::string& why) const {
        document_->reject(*node_, why, byte);
    }

private:
    void require(JsonNode::Kind kind, const char* what) const;
    [[nodiscard]] const JsonNode* find(std::string_view name) const;

    const JsonDocument* document_;
    const JsonNode* node_;
};

}  // namespace unwait::cli
