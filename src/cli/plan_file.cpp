// SPDX-License-Identifier: MIT
#include "plan_file.hpp"

#include <exception>
#include <limits>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "json_values.hpp"
#include "plan_digest.hpp"
#include "text.hpp"
#include "text_pool.hpp"
#include "trusted_file.hpp"
#include "unwait/error.hpp"
#include "usage_error.hpp"
#include "value_json.hpp"
#include "vocabulary.hpp"

namespace unwait::cli {

namespace {

constexpr std::size_t largest_plan = 256U << 20;
constexpr std::uint64_t largest_count = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t any_number = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t largest_pid = std::numeric_limits<pid_t>::max();
constexpr std::uint64_t longest = 315'360'000'000;  // 10 years in milliseconds

const std::string make_anew = "; make it anew with 'clear --dry-run --output json'";

template <typename Number>
Number number(const JsonValue& value, std::uint64_t low = 0,
              std::uint64_t high = std::numeric_limits<Number>::max()) {
    return static_cast<Number>(value.number(low, high));
}

std::optional<TcpState> state_of_word(std::string_view text) {
    for (unsigned number = 1; number <= static_cast<unsigned>(TcpState::new_syn_recv); ++number) {
        const auto state = static_cast<TcpState>(number);
        if (word(state) == text) return state;
    }
    return std::nullopt;
}

Endpoint endpoint(const JsonValue& value) {
    return {parsed(value.at("address"), parse_address, "an address"),
            number<std::uint16_t>(value.at("port"))};
}

Socket socket(const JsonValue& value) {
    Socket socket;
    socket.id = {number<std::uint64_t>(value.at("inode")),
                 number<std::uint64_t>(value.at("cookie"), 1, any_number),
                 number<std::uint64_t>(value.at("netns"))};
    const std::string& family = value.at("family").text();
    socket.family = family == word(Family::inet) ? Family::inet : Family::inet6;
    if (family != word(socket.family)) value.at("family").reject("is not a family");
    socket.state = parsed(value.at("state"), state_of_word, "a TCP state");
    socket.local = endpoint(value.at("local"));
    socket.peer = endpoint(value.at("peer"));
    socket.uid = number<std::uint32_t>(value.at("uid"));
    socket.recv_queue = number<std::uint32_t>(value.at("recv_queue"));
    socket.send_queue = number<std::uint32_t>(value.at("send_queue"));
    if (const auto idle = value.at("idle_ms"); !idle.is_null()) {
        socket.info = TcpInfo{.last_ack_recv_ms = number<std::uint32_t>(idle)};
    }
    return socket;
}

void add_fds(const JsonValue& numbers, pid_t tid, Holder& holder) {
    for (const JsonValue& each : numbers.items()) {
        holder.fds.push_back({.tid = tid, .fd = number<int>(each), .use = {}});
    }
}

/// Makes steps of what is read, what they have in common only once.
class StepReader {
public:
    [[nodiscard]] Step step(const JsonValue& value, std::size_t position);

private:
    [[nodiscard]] Holder holder(const JsonValue& value);

    TextPool reasons_;
    std::map<ProcessId, std::shared_ptr<const Process>> processes_;
};

Holder StepReader::holder(const JsonValue& value) {
    Holder holder;
    Process process;
    process.id = {number<pid_t>(value.at("pid"), 1, largest_pid),
                  number<std::uint64_t>(value.at("start_time"))};
    process.command = value.at("command").text();
    process.exe = value.at("exe").text();
    process.user = value.at("user").text();
    process.unit = value.at("unit").text();
    add_fds(value.at("fds"), process.id.pid, holder);
    for (const JsonValue& thread : value.at("threads").items()) {
        add_fds(thread.at("fds"), number<pid_t>(thread.at("tid"), 1, largest_pid), holder);
    }
    auto& known = processes_[process.id];
    if (!known || *known != process) known = std::make_shared<const Process>(std::move(process));
    holder.process = known;
    if (holder.fds.empty()) value.reject("holds nothing: it has no fd");
    return holder;
}

Step StepReader::step(const JsonValue& value, std::size_t position) {
    Step step;
    step.id = number<unsigned>(value.at("id"));
    if (step.id != position) value.at("id").reject("is not " + std::to_string(position));
    step.socket = socket(value.at("socket"));
    std::vector<Holder> holders;
    for (const JsonValue& each : value.at("holders").items()) holders.push_back(holder(each));
    step.holders = std::move(holders);
    step.actions = actions_from(value.at("actions"));
    if (step.actions.empty()) value.at("actions").reject("is empty");
    step.reason = reasons_(value.at("reason").text());
    return step;
}

std::chrono::milliseconds milliseconds(const JsonValue& value) {
    return std::chrono::milliseconds{number<std::int64_t>(value, 0, longest)};
}

Policy settings(const JsonValue& value) {
    Policy policy;
    policy.actions = actions_from(value.at("actions"));
    for (const JsonValue& each : value.at("include").items()) {
        policy.include.push_back(parsed(each, includable_of_word, "a reason to override"));
    }
    policy.min_idle = milliseconds(value.at("min_idle_ms"));
    policy.max_sockets = number<std::size_t>(value.at("max_sockets"), 1, largest_count);
    policy.max_processes = number<std::size_t>(value.at("max_processes"), 1, largest_count);
    policy.settle = milliseconds(value.at("settle_ms"));
    policy.grace = milliseconds(value.at("grace_ms"));
    policy.freeze = parsed(value.at("freeze"), freeze_of_word, "all or one");
    policy.max_freeze = std::chrono::microseconds{
        number<std::int64_t>(value.at("max_freeze_us"), 1, longest * 1000)};
    return policy;
}

/// That it is the report of a dry run of clear, by this very version.
void require_plan(const JsonValue& root) {
    if (!root.is_object() || !root.has("format_version")) {
        root.reject("this is no report of unwait" + make_anew);
    }
    if (root.has("type")) root.reject("these are NDJSON records" + make_anew);
    const JsonValue version = root.at("format_version");
    if (version.number(0, any_number) != format_version) {
        version.reject("is not " + std::to_string(format_version) + make_anew);
    }
    if (const JsonValue tool = root.at("tool_version"); tool.text() != UNWAIT_VERSION) {
        tool.reject("made by version " + printable(tool.text()) + ", and this is " +
                    UNWAIT_VERSION + make_anew);
    }
    if (const JsonValue command = root.at("command"); command.text() != "clear") {
        command.reject("this is the report of " + quoted(printable(command.text())) + make_anew);
    }
    if (root.has("outcomes")) root.at("outcomes").reject("this plan was carried out" + make_anew);
    if (!root.has("plan")) root.reject("has no plan" + make_anew);
    if (root.at("plan").has("refusal")) {
        const JsonValue refusal = root.at("plan").at("refusal");
        refusal.reject("it was refused when it was made: " + printable(refusal.text()));
    }
}

}  // namespace

Report read_plan(std::string text) {
    Report report;
    std::vector<Step>& steps = report.plan.emplace().steps;
    StepReader reader;
    std::exception_ptr bad_step;  // told once all else is known to be a plan
    const auto take_step = [&](const JsonValue& value) {
        if (bad_step) return;
        try {
            steps.push_back(reader.step(value, steps.size() + 1));
        } catch (const JsonError&) {
            bad_step = std::current_exception();
        }
    };
    const auto ignore = [](const JsonValue&) {};
    const JsonDocument document(
        std::move(text), Comments::refused,
        {{"/plan/steps", take_step}, {"/plan/left_alone", ignore}, {"/findings", ignore}});
    const JsonValue root = document.root();
    require_plan(root);
    report.command = root.at("command").text();
    report.taken_at = parsed(root.at("taken_at"), parse_time, "a time");
    report.boot_id = root.at("boot_id").text();
    report.host = root.at("host").text();
    const JsonValue plan = root.at("plan");
    if (!plan.at("steps").is_array()) plan.at("steps").reject("is not a list");
    if (bad_step) std::rethrow_exception(bad_step);
    report.plan->policy = settings(plan.at("settings"));
    if (const JsonValue digest = plan.at("digest"); digest.text() != digest_of_plan(report)) {
        digest.reject("does not fit the plan: it was edited or damaged" + make_anew);
    }
    return report;
}

Report load_plan(const std::string& path) {
    try {
        return read_plan(read_trusted_file(path, largest_plan));
    } catch (const JsonError& error) {
        throw Refused(path + ":" + error.what());
    }
}

}  // namespace unwait::cli
