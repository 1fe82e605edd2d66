// SPDX-License-Identifier: MIT
#include "select.hpp"
