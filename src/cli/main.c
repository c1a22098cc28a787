// SPDX-License-Identifier: GPL-3.0-or-later
#include "ohmgrid/status.h"

int main(void) { return OG_OK; }
