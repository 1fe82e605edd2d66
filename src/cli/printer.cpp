// SPDX-License-Identifier: MIT
#include "printer.hpp"

#include <unistd.h>

#include <exception>

#include "groups.hpp"
#include "json.hpp"
#include "story.hpp"
#include "terminal.hpp"
#include "unwait/error.hpp"
#include "views.hpp"

namespace unwait::cli {

namespace {

class TablePrinter final : public Printer {
public:
    TablePrinter(const Output& output, std::optional<Grouping> by) : output_(output), by_(by) {}

    void planned(const Report& report, bool to_be_done) override {
        if (to_be_done) return;
        Plan room;
        plan_view(open_part(report, room), look(report), sink_);
    }

    void on_outcome(const Step&, const Outcome&) override {}

    void finished(const Report& report) override {
        if (report.outcomes && !report.outcomes->empty()) {
            outcomes_view(*report.plan, *report.outcomes, look(report), sink_);
        }
        if (report.checks) checks_view(*report.checks, look(report), sink_);
        if (!report.plan && !report.findings.empty()) write_found(report);
        stream_.flush();
    }

private:
    [[nodiscard]] Look look(const Report& report) const {
        Look look = look_for(STDOUT_FILENO, output_);
        look.networks = report.networks;
        return look;
    }
    void write_found(const Report& report) {
        const auto& findings = report.findings;
        if (findings.front().explanation) {
            stories_view(findings, look(report), sink_);
        } else if (by_) {
            groups_view(*by_, group_by(*by_, findings), look(report), sink_);
        } else {
            findings_view(findings, look(report), sink_);
        }
    }

    Output output_;
    std::optional<Grouping> by_;
    ResultStream stream_;
    const Sink sink_ = [this](std::string_view text) { stream_.write(text); };
};

class JsonPrinter final : public Printer {
public:
    explicit JsonPrinter(std::optional<Grouping> by) : by_(by) {}

    void planned(const Report& report, bool) override { begin(report); }
    void on_outcome(const Step&, const Outcome&) override {}

    void finished(const Report& report) override {
        if (!begun_) begin(report);
        end_json(stream_, report);
        stream_.flush();
    }

private:
    void begin(const Report& report) {
        std::optional<GroupedBy> grouped;
        if (by_) grouped = {*by_, group_by(*by_, report.findings)};
        begin_json(stream_, report, grouped);
        begun_ = true;
    }

    std::optional<Grouping> by_;
    bool begun_ = false;
    ResultStream stream_;
};

class NdjsonPrinter final : public Printer {
public:
    explicit NdjsonPrinter(std::optional<Grouping> by) : by_(by) {}

    void planned(const Report& report, bool) override {
        write_found(report);
        for (const Step& step : report.plan->steps) {
            stream_.write(step_record(step, report.plan->policy));
        }
        for (const LeftAlone& each : report.plan->left_alone) {
            stream_.write(left_alone_record(each));
        }
        if (report.plan->refusal) stream_.write(refusal_record(*report.plan->refusal));
        stream_.flush();
    }

    void on_outcome(const Step&, const Outcome& outcome) override {
        // Steps under way must be finished whoever reads this; finished() says what went wrong.
        try {
            stream_.write(outcome_record(outcome));
            stream_.flush();
        } catch (const Error&) {
            failure_ = std::current_exception();
        }
    }

    void finished(const Report& report) override {
        if (failure_) std::rethrow_exception(failure_);
        if (!report.plan) write_found(report);
        stream_.write(summary_record(report.summary));
        stream_.flush();
    }

private:
    void write_found(const Report& report) {
        stream_.write(run_record(report));
        for (const BlindSpot& each : report.blind_spots) stream_.write(blind_spot_record(each));
        if (report.checks) {
            for (const Check& each : *report.checks) stream_.write(check_record(each));
        }
        for (const Finding& each : report.findings) stream_.write(finding_record(each));
        if (!by_) return;
        for (const Group& group : group_by(*by_, report.findings)) {
            stream_.write(group_record(*by_, group));
        }
    }

    std::optional<Grouping> by_;
    ResultStream stream_;
    std::exception_ptr failure_;
};

}  // namespace

std::unique_ptr<Printer> make_printer(const Output& output, std::optional<Grouping> by) {
    switch (output.format) {
        case Format::json:
            return std::make_unique<JsonPrinter>(by);
        case Format::ndjson:
            return std::make_unique<NdjsonPrinter>(by);
        case Format::table:
            break;
    }
    return std::make_unique<TablePrinter>(output, by);
}

}  // namespace unwait::cli
