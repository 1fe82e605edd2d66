// SPDX-License-Identifier: MIT
#include "unwait/tcp.hpp"
