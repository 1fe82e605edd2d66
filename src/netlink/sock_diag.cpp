// SPDX-License-Identifier: MIT
#include "sock_diag.hpp"
