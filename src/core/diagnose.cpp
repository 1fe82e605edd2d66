// SPDX-License-Identifier: MIT
#include "diagnose.hpp"
