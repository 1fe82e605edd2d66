// SPDX-License-Identifier: MIT
#include "surgeon.hpp"
