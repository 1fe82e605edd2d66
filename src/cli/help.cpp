// SPDX-License-Identifier: MIT
#include "help.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace unwait::cli {

namespace {

constexpr std::size_t help_column = 30;

constexpr auto section_titles = std::to_array<std::pair<Section, std::string_view>>({
    {Section::selectors, "Selectors (a comma means \"or\" within one, several mean \"and\")"},
    {Section::inquiry, "Inquiry"},
    {Section::actions, "Actions"},
    {Section::safety, "Safety"},
    {Section::monitoring, "Monitoring"},
    {Section::output, "Output"},
});

constexpr std::string_view introduction =
    "unwait finds TCP sockets stuck in CLOSE_WAIT, shows who holds them and why, and\n"
    "clears them without ending the service.\n"
    "\n"
    "Usage: unwait COMMAND [OPTIONS]\n"
    "\n"
    "Commands\n";

constexpr std::string_view overview_end =
    "\n"
    "Options of unwait itself\n"
    "  -h, --help                  this text\n"
    "  -V, --version               the version\n"
    "\n"
    "Examples\n"
    "  unwait list --by process            who leaks most\n"
    "  unwait explain --pid 4711           why, in full\n"
    "  unwait clear --port 8080 --dry-run  what would be done about it\n"
    "  unwait clear --pid 4711             do it, after a question\n"
    "  unwait doctor --pid 4711            would it work, and if not, what to do\n"
    "\n"
    "Root sees and clears everything; without it, what is yours, or what capabilities allow.\n"
    "See unwait(8) for the whole story.\n";

constexpr std::string_view list_introduction =
    "Usage: unwait list [OPTIONS]\n"
    "\n"
    "Shows the selected sockets, one row each: how much is unread and unsent, how long\n"
    "nothing came from the peer, who holds them, why they are stuck, and the verdict: stuck,\n"
    "or the reason why clear would leave them alone, such as too-young: idle for less than\n"
    "--min-idle, or without it than the 60s of clear. Changes nothing.\n";

constexpr std::string_view explain_introduction =
    "Usage: unwait explain [OPTIONS]\n"
    "\n"
    "Tells the full story of each selected socket: all holders, the cause and its evidence, how\n"
    "full the holder's table of fds is, which threads wait for the socket or what they do\n"
    "instead, what each action would do, what clear would do, and what to mend in the\n"
    "application. Changes nothing.\n";

constexpr std::string_view clear_introduction =
    "Usage: unwait clear SELECTORS|--all [OPTIONS]\n"
    "\n"
    "Finds the selected sockets, shows what would be done about each and what is left alone\n"
    "and why, asks on the terminal, acts mildest remedy first, and proves by asking the\n"
    "kernel again that each socket is gone and its fd is free.\n";

constexpr std::string_view apply_introduction =
    "Usage: unwait apply PLAN [OPTIONS]\n"
    "\n"
    "Carries out a plan that 'unwait clear --dry-run --output json' wrote, under the settings\n"
    "that it was made with. Each step is compared with what would be planned now; what has\n"
    "changed is refused and says how, and nothing is done beyond the plan.\n";

constexpr std::string_view check_introduction =
    "Usage: unwait check -w RANGE -c RANGE [SELECTORS] [--measure MEASURE] [--prom FILE]\n"
    "\n"
    "Tells a monitoring system, by its rules for plugins, how the selected sockets are: one\n"
    "line with performance data. Changes nothing.\n";

constexpr std::string_view check_end =
    "\n"
    "Exit status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN: could not look, or wrong usage.\n";

constexpr std::string_view doctor_introduction =
    "Usage: unwait doctor [--pid PID[,PID]] [--actions LIST] [OPTIONS]\n"
    "\n"
    "Tells what will work here and on these processes, what will not, why, and the exact fix.\n"
    "What others' sockets and processes would go through is tried on sockets and processes of\n"
    "its own, and rehearsed on those of --pid up to the call itself: one thread of each is held\n"
    "for some dozen microseconds. Changes nothing.\n";

constexpr std::string_view doctor_end =
    "\n"
    "Exit status: 0 all that is needed for the actions works; 4 some of it does not; 1 could not\n"
    "look; 64 wrong usage; 124 --timeout passed; 130 interrupted.\n";

constexpr std::string_view policy_check_introduction =
    "Usage: unwait policy check FILE\n"
    "\n"
    "Reads a policy as clear and apply would, and says what is wrong with it, with line and\n"
    "column.\n";

constexpr std::string_view policy_explain_introduction =
    "Usage: unwait policy explain [SELECTORS] [--policy FILE]\n"
    "\n"
    "Shows for each selected socket which rule of the policy decides, and why those before it\n"
    "do not. Changes nothing.\n";

constexpr std::string_view acting_end =
    "\n"
    "Exit status: 0 done and verified, or nothing to do; 1 could not look or work at all;\n"
    "2 --detailed-exitcode: something to do; 3 partly; 4 refused, nothing was done;\n"
    "5 not consented; 64 wrong usage; 124 --timeout passed; 130 interrupted.\n";

constexpr std::string_view list_end =
    "\n"
    "Exit status: 0 also when nothing was found; 1 could not look; 64 wrong usage;\n"
    "124 --timeout passed; 130 interrupted.\n";

constexpr std::string_view policy_end =
    "\n"
    "Exit status: 0 done; 1 could not look; 4 the policy is refused; 64 wrong usage;\n"
    "130 interrupted.\n";

constexpr std::string_view help_introduction =
    "Usage: unwait help [COMMAND]\n"
    "\n"
    "Shows the commands, or the options of one.\n";

/// What a verb's help says before its options and after them.
struct Topic {
    Verb verb;
    std::string_view introduction;
    std::string_view end;
};

constexpr auto topics = std::to_array<Topic>({
    {Verb::list, list_introduction, list_end},
    {Verb::explain, explain_introduction, list_end},
    {Verb::clear, clear_introduction, acting_end},
    {Verb::apply, apply_introduction, acting_end},
    {Verb::check, check_introduction, check_end},
    {Verb::doctor, doctor_introduction, doctor_end},
    {Verb::policy_check, policy_check_introduction, policy_end},
    {Verb::policy_explain, policy_explain_introduction, policy_end},
    {Verb::help, help_introduction, ""},
});

void append_row(std::string& text, std::string left, std::string_view right) {
    if (left.size() + 2 > help_column) {
        text.append(left).append("\n");
        left.clear();
    }
    left.resize(help_column, ' ');
    text.append(left).append(right).append("\n");
}

std::string option_words(const OptionSpec& option) {
    std::string words =
        option.letter == '\0' ? "      " : std::string("  -") + option.letter + ", ";
    words.append("--").append(option.name);
    if (!option.value.empty()) words.append(" ").append(option.value);
    return words;
}

std::string options_of(Verb verb) {
    std::string text;
    for (const auto& [section, title] : section_titles) {
        std::string rows;
        for (const OptionSpec& option : option_table()) {
            if (option.section != section || !option.belongs_to(verb)) continue;
            append_row(rows, option_words(option), option.help);
        }
        if (!rows.empty()) text.append("\n").append(title).append("\n").append(rows);
    }
    return text;
}

std::string overview() {
    std::string text(introduction);
    for (const VerbSpec& verb : verb_table()) {
        append_row(text, "  " + std::string(verb.name), verb.help);
    }
    return text.append(overview_end);
}

}  // namespace

std::string help_text(std::optional<Verb> topic) {
    if (!topic) return overview();
    const Topic& found = *std::ranges::find(topics, *topic, &Topic::verb);
    return std::string(found.introduction) + options_of(found.verb) + std::string(found.end);
}

}  // namespace unwait::cli
