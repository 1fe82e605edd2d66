// SPDX-License-Identifier: MIT
#include "planner.hpp"
