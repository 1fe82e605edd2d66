// SPDX-License-Identifier: MIT
#include "filter.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "select.hpp"

namespace unwait {
namespace {

struct Evaluation {
    const Socket& socket;

    bool operator()(const Condition& condition) const { return std::visit(*this, condition.is); }
    bool operator()(const EndpointTest& test) const {
        return matches_endpoint(test.pattern, end(test.side));
    }
    bool operator()(const PortTest& test) const {
        const std::uint16_t port = end(test.side).port;
        switch (test.comparison) {
            case Comparison::equal:
                return port == test.port;
            case Comparison::not_equal:
                return port != test.port;
            case Comparison::less:
                return port < test.port;
            case Comparison::greater:
                return port > test.port;
            case Comparison::at_most:
                return port <= test.port;
            case Comparison::at_least:
                return port >= test.port;
        }
        return false;
    }
    bool operator()(const FamilyTest& test) const { return socket.family == test.family; }
    bool operator()(const DeviceTest& test) const { return test.index == socket.interface; }
    bool operator()(const MarkTest& test) const {
        return (socket.mark.value_or(0) & test.mask) == test.mark;
    }
    bool operator()(const CgroupTest& test) const {
        return test.id == socket.cgroup_id.value_or(0);
    }
    bool operator()(const AutoboundTest&) const { return socket.autobound.value_or(false); }
    bool operator()(const Negation& negation) const { return !(*this)(negation.part.front()); }
    bool operator()(const Conjunction& all) const { return std::ranges::all_of(all.parts, *this); }
    bool operator()(const Disjunction& any) const { return std::ranges::any_of(any.parts, *this); }

private:
    [[nodiscard]] const Endpoint& end(Side side) const {
        return side == Side::local ? socket.local : socket.peer;
    }
};

/// The first thing that is asked for and not known.
struct Doubt {
    const Socket& socket;

    std::string_view operator()(const DeviceTest&) const {
        return socket.state == TcpState::closed ? "the device it was bound to" : "";
    }
    std::string_view operator()(const MarkTest&) const {
        return socket.mark ? "" : "its mark, which is told to root or CAP_NET_ADMIN only";
    }
    std::string_view operator()(const CgroupTest&) const {
        return socket.cgroup_id ? "" : "the cgroup it was made in";
    }
    std::string_view operator()(const AutoboundTest&) const {
        return socket.autobound ? "" : "whether a bind() named its port";
    }
    std::string_view operator()(const Negation& negation) const { return any_of(negation.part); }
    std::string_view operator()(const Conjunction& all) const { return any_of(all.parts); }
    std::string_view operator()(const Disjunction& any) const { return any_of(any.parts); }
    template <typename Other>
    std::string_view operator()(const Other&) const {
        return "";
    }

    [[nodiscard]] std::string_view any_of(const std::vector<Condition>& parts) const {
        for (const Condition& part : parts) {
            if (const auto doubt = std::visit(*this, part.is); !doubt.empty()) {
                return doubt;
            }
        }
        return "";
    }
};

struct Collection {
    FilterNames& names;

    void operator()(const DeviceTest& test) const { names.devices[test.name]; }
    void operator()(const CgroupTest& test) const { names.cgroups[test.path]; }
    void operator()(const AutoboundTest&) const { names.automatic_ports.emplace(); }
    void operator()(const Negation& negation) const { parts(negation.part); }
    void operator()(const Conjunction& all) const { parts(all.parts); }
    void operator()(const Disjunction& any) const { parts(any.parts); }
    template <typename Other>
    void operator()(const Other&) const {}

    void parts(const std::vector<Condition>& conditions) const {
        for (const Condition& condition : conditions) {
            std::visit(*this, condition.is);
        }
    }
};

struct LookUp {
    const FilterNames& names;

    Condition operator()(const DeviceTest& test) const {
        return {DeviceTest{test.name, found(names.devices, test.name)}};
    }
    Condition operator()(const CgroupTest& test) const {
        return {CgroupTest{test.path, found(names.cgroups, test.path)}};
    }
    Condition operator()(const AutoboundTest& test) const {
        const PortRange range = names.automatic_ports.value_or(PortRange{});
        return {Conjunction{{{test},
                             {PortTest{Side::local, Comparison::at_least, range.first}},
                             {PortTest{Side::local, Comparison::at_most, range.last}}}}};
    }
    Condition operator()(const Negation& negation) const { return {Negation{all(negation.part)}}; }
    Condition operator()(const Conjunction& parts) const { return {Conjunction{all(parts.parts)}}; }
    Condition operator()(const Disjunction& parts) const { return {Disjunction{all(parts.parts)}}; }
    template <typename Other>
    Condition operator()(const Other& other) const {
        return {other};
    }

    template <typename Value>
    static std::optional<Value> found(const std::map<std::string, std::optional<Value>>& names,
                                      const std::string& name) {
        const auto place = names.find(name);
        return place == names.end() ? std::nullopt : place->second;
    }

    [[nodiscard]] std::vector<Condition> all(const std::vector<Condition>& conditions) const {
        std::vector<Condition> done;
        for (const Condition& condition : conditions) {
            done.push_back(std::visit(*this, condition.is));
        }
        return done;
    }
};

}  // namespace

bool meets(const Condition& condition, const Socket& socket) {
    return Evaluation{socket}(condition);
}

std::string_view unknown_of(const Condition& condition, const Socket& socket) {
    return std::visit(Doubt{socket}, condition.is);
}

FilterNames names_in(std::span<const Filter> filters) {
    FilterNames names;
    for (const Filter& filter : filters) {
        if (filter.condition) {
            std::visit(Collection{names}, filter.condition->is);
        }
    }
    return names;
}

Condition looked_up(const Condition& condition, const FilterNames& names) {
    return std::visit(LookUp{names}, condition.is);
}

}  // namespace unwait
