// SPDX-License-Identifier: MIT
#include "json_tree.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "text.hpp"
#include "usage_error.hpp"

namespace unwait::cli {

namespace {

using Kind = JsonNode::Kind;

/// Reads text and leaves behind how far it was read: the parser tells values, not places.
class Reading {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    Reading(const char* at, const char** seen) : at_(at), seen_(seen) {}

    reference operator*() const { return *at_; }
    Reading& operator++() {
        *seen_ = ++at_;
        return *this;
    }
    Reading operator++(int) {
        Reading before = *this;
        ++*this;
        return before;
    }
    bool operator==(const Reading& other) const { return at_ == other.at_; }

private:
    const char* at_;
    const char** seen_;
};

/// "LINE:COLUMN", both from 1, columns in characters.
std::string place(std::string_view text, std::size_t offset) {
    const std::string_view before = text.substr(0, offset);
    const auto line = 1 + std::ranges::count(before, '\n');
    const std::size_t newline = before.rfind('\n');
    const std::string_view in_line =
        newline == std::string_view::npos ? before : before.substr(newline + 1);
    const auto is_first_byte = [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
    };
    const auto column = 1 + std::ranges::count_if(in_line, is_first_byte);
    return std::to_string(line) + ":" + std::to_string(column);
}

/// The parser's events to a tree.
class Builder {
public:
    using number_integer_t = nlohmann::json::number_integer_t;
    using number_unsigned_t = nlohmann::json::number_unsigned_t;
    using number_float_t = nlohmann::json::number_float_t;
    using string_t = nlohmann::json::string_t;
    using binary_t = nlohmann::json::binary_t;

    /// `document` is what the root is the root of.
    Builder(std::string_view text, const char* const& seen, JsonNode& root,
            const JsonDocument& document, const std::vector<JsonStream>& streams)
        : text_(text), seen_(seen), root_(root), document_(document), streams_(streams) {}

    bool null() {
        add(Kind::null);
        return finish();
    }
    bool boolean(bool value) {
        add(Kind::flag).flag = value;
        return finish();
    }
    bool number_integer(number_integer_t value) {
        JsonNode& node = add(Kind::number);
        node.flag = value < 0;
        node.number =
            value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
        end_number();
        return finish();
    }
    bool number_unsigned(number_unsigned_t value) {
        add(Kind::number).number = value;
        end_number();
        return finish();
    }
    bool number_float(number_float_t value, const string_t&) {
        add(Kind::fraction).fraction = value;
        end_number();
        return finish();
    }
    bool string(string_t& value) {
        add(Kind::text).text = std::move(value);
        return finish();
    }
    bool binary(binary_t&) { return false; }  // no JSON has any
    bool start_object(std::size_t) { return open(Kind::object); }
    bool start_array(std::size_t) { return open(Kind::array); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool key(string_t& name) {
        auto& names = open_.back().node->names;
        const std::size_t offset = start();
        if (names.size() == JsonDocument::most_members) {
            failure_ = place(text_, offset) + ": too many members";
            return false;
        }
        for (const auto& [known, at] : names) {
            if (known != name) continue;
            failure_ = place(text_, offset) + ": " + cli::quoted(printable(name)) +
                       " is given twice, first at " + place(text_, at);
            return false;
        }
        names.emplace_back(std::move(name), offset);
        return true;
    }
    bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) {
        // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error …"
        const std::string_view what = error.what();
        const std::size_t colon = what.find(": ");
        const std::string why(colon == std::string_view::npos ? what : what.substr(colon + 2));
        const std::size_t seen = offset();
        failure_ = place(text_, seen == 0 ? 0 : seen - 1) + ": " + printable(why);
        return false;
    }

    [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }

private:
    [[nodiscard]] std::size_t offset() const {
        return static_cast<std::size_t>(seen_ - text_.data());
    }

    /// Where the token begins that ends here: behind the one before, blanks, comments and commas.
    std::size_t start() {
        std::size_t at = end_;
        while (at < text_.size()) {
            if (text_.substr(at).starts_with("//")) {
                at = std::min(text_.find('\n', at), text_.size());
            } else if (text_.substr(at).starts_with("/*")) {
                at = std::min(text_.find("*/", at), text_.size() - 2) + 2;
            } else if (std::string_view(" \t\r\n,:]}\xEF\xBB\xBF").find(text_[at]) !=
                       std::string_view::npos) {
                ++at;
            } else {
                break;
            }
        }
        end_ = offset();
        return at;
    }

    /// A number ends where something else begins, which has been read as well.
    void end_number() {
        if (end_ < text_.size()) --end_;
    }

    JsonNode& add(Kind kind) {
        JsonNode& node = open_.empty() ? root_ : open_.back().node->items.emplace_back();
        node.kind = kind;
        node.offset = start();
        return node;
    }

    bool open(Kind kind) {
        JsonNode& node = add(kind);
        if (open_.size() == JsonDocument::deepest) {
            failure_ = place(text_, node.offset) + ": too deeply nested";
            return false;
        }
        open_.push_back({&node, kind == Kind::array ? stream() : nullptr});
        return true;
    }

    bool close() {
        end_ = offset();
        open_.pop_back();
        return finish();
    }

    /// After each value.
    bool finish() {
        if (open_.empty() || open_.back().stream == nullptr) return true;
        JsonNode& array = *open_.back().node;
        open_.back().stream->take({document_, array.items.back()});
        array.items.pop_back();
        ++array.taken;
        return true;
    }

    /// That of the array that begins; null when its elements are to be kept.
    [[nodiscard]] const JsonStream* stream() const {
        std::string path;
        for (const Open& open : open_) {
            if (open.node->kind == Kind::array) return nullptr;
            const std::string& name = open.node->names.back().first;
            if (name.find('/') != std::string::npos) return nullptr;  // it would look like two
            path += "/" + name;
        }
        const auto found = std::ranges::find(streams_, path, &JsonStream::path);
        return found == streams_.end() ? nullptr : &*found;
    }

    /// An array or object that has not ended.
    struct Open {
        JsonNode* node;
        const JsonStream* stream;
    };

    std::string_view text_;
    const char* const& seen_;
    JsonNode& root_;
    const JsonDocument& document_;
    const std::vector<JsonStream>& streams_;
    std::vector<Open> open_;
    std::size_t end_ = 0;  ///< of the token before
    std::optional<std::string> failure_;
};

/// Where the JSON text that begins at `at` has the character with byte number `byte` of what it
/// stands for.
std::size_t offset_in(std::string_view json, std::size_t at, std::size_t byte) {
    ++at;  // the quotation mark
    while (byte > 0 && at < json.size()) {
        std::size_t length = 1;
        std::size_t stands_for = 1;
        if (json.substr(at).starts_with("\\u")) {
            const unsigned long unit =
                std::strtoul(std::string(json.substr(at + 2, 4)).c_str(), nullptr, 16);
            const bool is_pair = unit >= 0xD800 && unit < 0xE000;  // two of them are one character
            length = is_pair ? 12 : 6;
            stands_for = is_pair ? 4 : unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
        } else if (json[at] == '\\') {
            length = 2;
        }
        if (stands_for > byte) break;
        byte -= stands_for;
        at += length;
    }
    return at;
}

/// Whether the node is in the tree; if so, `path` has become the way to it.
bool find_path(const JsonNode& tree, const JsonNode& node, std::string& path) {
    if (&tree == &node) return true;
    const std::size_t length = path.size();
    for (std::size_t at = 0; at < tree.items.size(); ++at) {
        path += "/" + (tree.names.empty() ? std::to_string(tree.taken + at) : tree.names[at].first);
        if (find_path(tree.items[at], node, path)) return true;
        path.resize(length);
    }
    return false;
}

}  // namespace

JsonDocument::JsonDocument(std::string text, Comments comments,
                           const std::vector<JsonStream>& streams)
    : text_(std::move(text)) {
    const char* seen = text_.data();
    Builder builder(text_, seen, root_, *this, streams);
    const Reading begin(text_.data(), &seen);
    const Reading end(text_.data() + text_.size(), &seen);
    const bool whole =
        nlohmann::json::sax_parse(begin, end, &builder, nlohmann::json::input_format_t::json, true,
                                  comments == Comments::ignored);
    if (!whole) throw JsonError(builder.failure().value_or("1:1: no JSON"));
}

JsonValue JsonDocument::root() const { return {*this, root_}; }

void JsonDocument::reject(const JsonNode& node, const std::string& why,
                          std::optional<std::size_t> byte) const {
    std::string path;
    find_path(root_, node, path);
    if (!path.empty()) path = printable(path.substr(1)) + ": ";
    reject_at(byte ? offset_in(text_, node.offset, *byte) : node.offset, path + why);
}

void JsonDocument::reject_at(std::size_t offset, const std::string& why) const {
    throw JsonError(place(text_, offset) + ": " + why);
}

void JsonValue::require(Kind kind, const char* what) const {
    if (node_->kind != kind) reject(std::string("is not ") + what);
}

bool JsonValue::flag() const {
    require(Kind::flag, "true or false");
    return node_->flag;
}

std::uint64_t JsonValue::number(std::uint64_t low, std::uint64_t high) const {
    const bool whole = node_->kind == Kind::number && !node_->flag;
    if (!whole || node_->number < low || node_->number > high) {
        reject("is not a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    }
    return node_->number;
}

double JsonValue::fraction(double low, double high) const {
    double value = low - 1;
    if (node_->kind == Kind::fraction) value = node_->fraction;
    if (node_->kind == Kind::number && !node_->flag) value = static_cast<double>(node_->number);
    if (!(value >= low && value <= high)) {
        reject("is not a number from " + nlohmann::json(low).dump() + " to " +
               nlohmann::json(high).dump());
    }
    return value;
}

const std::string& JsonValue::text() const {
    require(Kind::text, "a text");
    return node_->text;
}

std::vector<JsonValue> JsonValue::items() const {
    require(Kind::array, "a list");
    std::vector<JsonValue> values;
    values.reserve(node_->items.size());
    for (const JsonNode& item : node_->items) values.emplace_back(*document_, item);
    return values;
}

const JsonNode* JsonValue::find(std::string_view name) const {
    require(Kind::object, "an object");
    for (std::size_t at = 0; at < node_->names.size(); ++at) {
        if (node_->names[at].first == name) return &node_->items[at];
    }
    return nullptr;
}

bool JsonValue::has(std::string_view name) const { return find(name) != nullptr; }

JsonValue JsonValue::at(std::string_view name) const {
    const JsonNode* const node = find(name);
    if (node == nullptr) reject("has no member " + quoted(name));
    return {*document_, *node};
}

std::vector<std::string_view> JsonValue::names() const {
    require(Kind::object, "an object");
    std::vector<std::string_view> names;
    for (const auto& [name, offset] : node_->names) names.push_back(name);
    return names;
}

void JsonValue::allow_only(const std::vector<std::string_view>& names) const {
    require(Kind::object, "an object");
    for (const auto& [name, offset] : node_->names) {
        if (std::ranges::find(names, name) != names.end()) continue;
        std::string what = "unknown member " + cli::quoted(printable(name));
        if (const auto near = nearest(name, names)) what += "; did you mean " + quoted(*near) + "?";
        document_->reject_at(offset, what);
    }
}

}  // namespace unwait::cli
