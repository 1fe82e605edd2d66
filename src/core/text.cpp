// SPDX-License-Identifier: MIT
#include "text.hpp"
