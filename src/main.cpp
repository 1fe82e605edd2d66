// SPDX-License-Identifier: MIT
#include <span>

#include "run.hpp"

int main(int argc, char** argv) { return unwait::cli::run({argv, static_cast<std::size_t>(argc)}); }
